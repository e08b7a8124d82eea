//! A FIX client whose session goes on through all lives of the server: it counts both directions, asks for what it
//! missed and for a little of what it has, and answers a ResendRequest with a gap fill and its orders as PossResend.

use crate::ledger::{Ledger, Outcome, Request, What};
use crate::line::{Line, wait};
use crate::server::Addresses;
use crate::site::Member;
use crate::support::fix::{Fields, fields, fix_time, framed, inner, logon_body, message_end};
use crate::support::now;
use crate::websocket::quantity;
use sealgate::types::Nanos;
use std::collections::BTreeMap;
use std::io;

/// Messages that are asked for once more after a restart, to see that they have the same bodies.
const AGAIN: u32 = 20;

/// What differs between a message and its copy: BeginString … CheckSum frame it, PossDupFlag, SendingTime and
/// OrigSendingTime say that it is one.
const OF_A_COPY: [u32; 6] = [8, 9, 10, 43, 52, 122];

/// What the client remembers of its session.
#[derive(Debug)]
pub struct Memory {
    /// Our next number.
    next: u32,
    /// The last number of the server's that came.
    last: u32,
    /// The highest number of ours that was answered.
    answered: u32,
    /// What the server told, by number: messages of the application, without what differs in a copy.
    told: BTreeMap<u32, String>,
    /// Executions by ExecID(17).
    executions: BTreeMap<String, Told>,
    /// Under which number of ours a request was sent last.
    sent: BTreeMap<String, u32>,
}

/// An execution of the session.
#[derive(Debug)]
struct Told {
    /// The numbers under which it came.
    numbers: Vec<u32>,
    /// Without them.
    body: String,
    /// Of its numbers the last one was filled: its place in the session log was not durable yet, so it is owed.
    is_owed: bool,
}

/// A connection of the session, logged on.
pub struct Fix<'a> {
    line: Line,
    member: Member,
    memory: &'a mut Memory,
    /// Numbers of the server's that are still to come again.
    missing: Vec<u32>,
    /// A TestRequest that was answered.
    heartbeat: Option<String>,
    /// An answer about the order that a repetition met.
    repeated: Option<String>,
}

impl Memory {
    /// Executions whose number was filled, and which did not come under another.
    pub fn owed(&self) -> Vec<String> {
        let owed = self.executions.iter().filter(|(_, told)| told.is_owed);
        owed.map(|(id, told)| format!("never told again: {id}, which came as {:?}", told.numbers)).collect()
    }
}

impl Default for Memory {
    fn default() -> Self {
        let (told, executions, sent) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { next: 1, last: 0, answered: 0, told, executions, sent }
    }
}

impl<'a> Fix<'a> {
    /// Logs on with the numbers that go on, and hears again what was missed, and a little more.
    pub fn connect(
        addresses: Addresses,
        member: &Member,
        memory: &'a mut Memory,
        ledger: &mut Ledger,
    ) -> io::Result<Self> {
        let line = Line::connect(addresses.fix, &member.tls)?;
        let member = member.clone();
        let mut fix = Self { line, member, memory, missing: Vec::new(), heartbeat: None, repeated: None };
        let sent = now();
        let logon = logon_body(&fix.member.key, (&fix.member.account, fix.memory.next), (30, ""), sent);
        fix.send_at("A", &logon, false, sent)?;
        let logon = wait("the Logon", || fix.next())?;
        if logon.get(35) != "A" {
            ledger.breach(format!("lost: the session does not go on: {logon:?}"));
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        fix.begin(&logon, ledger);
        fix.recover(ledger)?;
        Ok(fix)
    }

    /// The number of the server's Logon must be a new one.
    fn begin(&mut self, logon: &Fields, ledger: &mut Ledger) {
        let number = number(logon, 34);
        if number <= self.memory.last {
            ledger.breach(format!("lost: MsgSeqNum {number} was used before; {} was", self.memory.last));
        }
        let from = self.memory.last.saturating_sub(AGAIN).max(1);
        self.missing = (from..number).collect();
        self.memory.last = self.memory.last.max(number);
    }

    fn recover(&mut self, ledger: &mut Ledger) -> io::Result<()> {
        if let Some(from) = self.missing.first() {
            self.send("2", &format!("7={from}|16=0|"), false)?;
        }
        self.send("1", "112=END|", false)?;
        wait("all that was missed", || {
            self.take(ledger)?;
            Ok(self.heartbeat.take())
        })?;
        if !self.missing.is_empty() {
            ledger.breach(format!("not sent again: {:?}", self.missing));
        }
        Ok(())
    }

    /// Sends a request of the ledger; after a restart as one that was sent before.
    pub fn enter(&mut self, ledger: &mut Ledger, name: &str, again: bool) -> io::Result<()> {
        let Some(asked) = ledger.request(name) else { return Ok(()) };
        let (msg_type, body) = message(name, asked);
        let body = if again { format!("97=Y|{body}") } else { body };
        self.memory.sent.insert(name.to_owned(), self.memory.next);
        self.send(msg_type, &body, true)
    }

    /// Sends a request once more and waits for the word on it.
    pub fn repeat(&mut self, ledger: &mut Ledger, name: &str) -> io::Result<()> {
        self.repeated = Some(name.to_owned());
        self.enter(ledger, name, true)?;
        wait("the answer to a repetition", || {
            self.take(ledger)?;
            Ok(self.repeated.is_none().then_some(()))
        })
    }

    /// Takes what has come. How many messages there were.
    pub fn take(&mut self, ledger: &mut Ledger) -> io::Result<usize> {
        let mut count = 0;
        loop {
            match self.next() {
                Ok(Some(message)) => self.hear(&message, ledger)?,
                Ok(None) => return Ok(count),
                Err(error) => return Err(error),
            }
            count += 1;
        }
    }

    /// The next message, if one is whole; the connection is read only when none is.
    fn next(&mut self) -> io::Result<Option<Fields>> {
        loop {
            if let Some(end) = message_end(&self.line.input) {
                let message: Vec<u8> = self.line.input.drain(..end).collect();
                return Ok(Some(fields(&message)));
            }
            if !self.line.receive()? {
                return Ok(None);
            }
        }
    }

    fn send(&mut self, msg_type: &str, body: &str, signed: bool) -> io::Result<()> {
        self.send_at(msg_type, body, signed, now())
    }

    fn send_at(&mut self, msg_type: &str, body: &str, signed: bool, sent: Nanos) -> io::Result<()> {
        let key = signed.then_some(&self.member.key);
        let of = (self.member.account.as_str(), self.memory.next);
        let message = framed(&inner(of, (msg_type, body.as_bytes()), sent, key));
        self.memory.next += 1;
        self.line.send(&message)
    }

    fn hear(&mut self, message: &Fields, ledger: &mut Ledger) -> io::Result<()> {
        let at = number(message, 34);
        let is_copy = message.get(43) == "Y";
        if !is_copy {
            if at != self.memory.last + 1 {
                ledger.breach(format!("MsgSeqNum {at} came after {}", self.memory.last));
            }
            self.memory.last = at;
        }
        match message.get(35) {
            "0" => self.heartbeat = Some(message.get(112).to_owned()),
            "2" => return self.fill(message, ledger),
            "4" => self.filled(at, number(message, 36)),
            "8" | "9" | "j" => self.told(at, is_copy, message, ledger),
            _ => ledger.breach(format!("the server says {message:?}")),
        }
        Ok(())
    }

    /// The server asks for what it did not get: nothing that it has answered may be among it.
    fn fill(&mut self, request: &Fields, ledger: &mut Ledger) -> io::Result<()> {
        let from = number(request, 7);
        if from <= self.memory.answered {
            ledger.breach(format!("lost: asks for {from} again, and has answered {}", self.memory.answered));
        }
        let (next, time) = (self.memory.next, fix_time(now()));
        let body = format!("43=Y|122={time}|123=Y|36={next}|");
        let of = (self.member.account.as_str(), from);
        self.line.send(&framed(&inner(of, ("4", body.as_bytes()), now(), None)))?;
        // A TestRequest that was sent before was filled with the rest.
        self.send("1", "112=END|", false)
    }

    /// Numbers that carry no message of the application. One that did is owed under another number: what it told is
    /// durable before it leaves, its number is only reserved.
    fn filled(&mut self, from: u32, next: u32) {
        let to = next.max(from);
        for (_, body) in self.memory.told.range(from..to) {
            let of_it = self.memory.executions.values_mut().find(|told| told.body == timeless(body));
            // Under a number that followed it may have come already.
            let is_last = |told: &Told| told.numbers.last().is_some_and(|last| (from..to).contains(last));
            of_it.into_iter().for_each(|told| told.is_owed = is_last(told));
        }
        (from..to).for_each(|number| _ = self.memory.told.remove(&number));
        self.missing.retain(|number| !(from..next).contains(number));
    }

    fn told(&mut self, at: u32, is_copy: bool, message: &Fields, ledger: &mut Ledger) {
        self.missing.retain(|number| *number != at);
        let body = body_of(message);
        match self.memory.told.get(&at) {
            Some(known) if *known == body => {
                ledger.counts.resent += 1;
                return;
            }
            Some(known) => {
                return ledger.breach(format!("MsgSeqNum {at} was {known}, and comes again as {body}"));
            }
            None => {}
        }
        self.memory.told.insert(at, body);
        self.once(at, message, ledger);
        // What a copy tells was not heard before, or it would be known.
        let name = if message.get(35) == "j" { message.get(379) } else { message.get(11) };
        if let Some(number) = self.memory.sent.get(name)
            && !is_copy
            && message.get(97) != "Y"
        {
            self.memory.answered = self.memory.answered.max(*number);
        }
        self.settle(message, ledger);
    }

    /// An execution comes under one number, or under another as PossResend, with the same body.
    fn once(&mut self, at: u32, message: &Fields, ledger: &mut Ledger) {
        let id = message.get(17);
        if message.get(35) != "8" || id == "0" {
            return;
        }
        let body = timeless(&body_of(message));
        let Some(told) = self.memory.executions.get_mut(id) else {
            let told = Told { numbers: vec![at], body, is_owed: false };
            self.memory.executions.insert(id.to_owned(), told);
            return;
        };
        if message.get(97) != "Y" {
            ledger.breach(format!("executed twice: {id} came as {:?}, and as {at}: {body}", told.numbers));
        }
        if body != told.body {
            ledger.breach(format!("{id} was {}, and under another number {body}", told.body));
        }
        ledger.counts.renumbered += 1;
        told.numbers.push(at);
        told.is_owed = false;
    }

    fn settle(&mut self, message: &Fields, ledger: &mut Ledger) {
        let order = message.get(37).parse().ok();
        let reason = message.get(58).split([' ', ':']).next().unwrap_or_default().to_owned();
        let name = message.get(11).to_owned();
        match (message.get(35), message.get(150)) {
            ("8", "0" | "4" | "5") => {
                // A cancel that another one asked for is told by the name of the order.
                let is_asked = ledger.request(&name).is_some();
                if let (Some(order), true) = (order, is_asked) {
                    self.decide(&name, Outcome::Accepted(order), ledger);
                }
            }
            ("8", "I") if message.get(43) != "Y" && message.get(97) != "Y" => {
                if let (Some(order), Some(name)) = (order, self.repeated.take()) {
                    ledger.settle(&name, Outcome::Accepted(order));
                }
            }
            ("8", "8") | ("9", _) => self.decide(&name, Outcome::Refused(reason), ledger),
            // Taken, and not executed when the process died: it is sent again.
            ("j", _) if matches!(reason.as_str(), "LostByRestart" | "PartlyLostByRestart") => {}
            ("j", _) => self.decide(message.get(379), Outcome::Refused(reason), ledger),
            _ => {}
        }
    }

    fn decide(&mut self, name: &str, outcome: Outcome, ledger: &mut Ledger) {
        if self.repeated.as_deref() == Some(name) {
            self.repeated = None;
        }
        ledger.settle(name, outcome);
    }
}

fn number(message: &Fields, tag: u32) -> u32 {
    message.get(tag).parse().unwrap_or_default()
}

/// All fields in their order but those in which a copy differs.
fn body_of(message: &Fields) -> String {
    let kept = message.0.iter().filter(|(tag, _)| !OF_A_COPY.contains(tag));
    kept.map(|(tag, value)| format!("{tag}={value}|")).collect()
}

/// The same body without its number, and without the mark of another one.
fn timeless(body: &str) -> String {
    let is_of_all = |field: &&str| !field.starts_with("34=") && !field.starts_with("97=");
    body.split_inclusive('|').filter(is_of_all).collect()
}

fn message(name: &str, request: &Request) -> (&'static str, String) {
    let (symbol, time) = (request.symbol, fix_time(now()));
    match &request.what {
        What::New { side, price, qty } => {
            let (side, qty) = (side.code(), quantity(*qty));
            ("D", format!("11={name}|38={qty}|40=2|44={price}|54={side}|55={symbol}|60={time}|"))
        }
        What::Cancel { orig } => ("F", format!("11={name}|41={orig}|54=1|55={symbol}|60={time}|")),
        What::Amend { orig, side, qty } => {
            let (side, qty) = (side.code(), quantity(*qty));
            ("G", format!("11={name}|38={qty}|40=2|41={orig}|54={side}|55={symbol}|60={time}|"))
        }
    }
}
