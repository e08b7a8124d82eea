//! A FIX client: one session that outlives its connections and the server's crashes.
//!
//! It never resets its numbers, asks for what it missed, and answers a ResendRequest with the orders as they were, so
//! every message of the whole run has one number for ever. That is what it checks.

use super::Turn;
use super::fix_message::{Header, Message, message, time};
use super::fix_words::{self, Question};
use super::intent::Tongue;
use super::seen::{At, RateClass, Seen, Told, Verdict, check};
use crate::machine::net::{ConnIx, Got};
use crate::venue::scaled;
use sealgate::client::sign;
use sealgate::types::{Nanos, Span};
use std::collections::{BTreeMap, BTreeSet};

/// After so long without an answer to its Logon it tries again.
const LOGON_PATIENCE: Span = Span::from_secs(5);

/// A message of ours.
struct Sent {
    body: String,
    msg_type: &'static str,
    first: Nanos,
    poss_resend: bool,
    attempt: Option<usize>,
}

/// A message of the server's.
#[derive(Debug)]
struct Heard {
    body: String,
    /// Whether the session log keeps it, as what the venue says of its own: else a shard's journal does, and what a
    /// crash can take away is its number.
    is_kept: bool,
    /// In which run of the server it came; [`VOID`] when its number was filled over.
    epoch: u64,
}

/// Of a number that a crash took away.
const VOID: u64 = u64::MAX;

pub struct Fix {
    /// Its place among the clients, and its member.
    pub id: usize,
    pub member: usize,
    pub conn: Option<ConnIx>,
    input: Vec<u8>,
    /// In which run of the server the connection was made.
    epoch: u64,
    next_out: u32,
    next_in: u32,
    sent: BTreeMap<u32, Sent>,
    /// The server's application messages by number.
    bodies: BTreeMap<u32, Heard>,
    /// Names of requests that had an outcome, or were told how they stand.
    named: BTreeSet<String>,
    /// Numbers of ours that were refused by number: the server has taken them for good.
    answered: BTreeSet<u32>,
    /// The highest number of the server's that is known to be missing.
    missing: Option<u32>,
    logged_on: bool,
    since: Nanos,
    last_sent: Nanos,
    attempts: u64,
    test_answered: bool,
    /// Questions that are not answered, by number.
    questions: BTreeMap<u64, Question>,
}

impl Fix {
    pub fn new(id: usize, member: usize) -> Self {
        Self {
            id,
            member,
            conn: None,
            input: Vec::new(),
            epoch: 0,
            next_out: 1,
            next_in: 1,
            sent: BTreeMap::new(),
            bodies: BTreeMap::new(),
            named: BTreeSet::new(),
            answered: BTreeSet::new(),
            missing: None,
            logged_on: false,
            since: Nanos(0),
            last_sent: Nanos(0),
            attempts: 0,
            test_answered: false,
            questions: BTreeMap::new(),
        }
    }

    pub fn act(&mut self, turn: &mut Turn<'_>) {
        let Some(conn) = self.conn else {
            return self.connect(turn);
        };
        match turn.net.receive(conn) {
            Got::Gone => return self.gone(),
            Got::Bytes(bytes) => {
                turn.trace.note("fix<", &bytes);
                self.input.extend(bytes);
            }
            Got::Nothing => {}
        }
        while let Some(message) = Message::take(&mut self.input) {
            self.hear(&message, turn);
            if self.conn.is_none() {
                return;
            }
        }
        let waited = turn.now.since(self.since);
        if (!self.logged_on && waited > LOGON_PATIENCE) || (!turn.settling && turn.rng.chance(1, 150)) {
            return self.leave(turn);
        }
        if turn.takeover && self.logged_on && !turn.settling && turn.rng.chance(1, 200) {
            // The other connection stays where it is, and the next Logon takes the session from it.
            return self.gone();
        }
        if self.logged_on && turn.now.since(self.last_sent) > Span::from_secs(20) {
            self.admin("0", String::new(), turn);
        }
        if self.logged_on && !turn.settling && turn.rng.chance(1, 2) {
            match turn.rng.below(12) {
                0 => self.question(turn),
                _ => self.order(turn),
            }
        }
    }

    pub fn is_settled(&self) -> bool {
        self.logged_on && self.missing.is_none() && self.test_answered
    }

    /// Asks whether all has come: what the server sent before the answer to this.
    pub fn test(&mut self, turn: &mut Turn<'_>) {
        self.test_answered = false;
        if self.logged_on {
            self.admin("1", "112=settled|".to_owned(), turn);
        }
    }

    fn connect(&mut self, turn: &mut Turn<'_>) {
        let Some(conn) = turn.net.connect(turn.venue.fix, turn.venue.members[self.member].spki) else {
            return;
        };
        (self.conn, self.since, self.logged_on) = (Some(conn), turn.now, false);
        // What it says may be read when the server has crashed.
        self.epoch = turn.epoch;
        self.input.clear();
        self.missing = None;
        let member = &turn.venue.members[self.member];
        let payload = sign::fix_logon_payload(member.comp_id, "SEALGATE", self.next_out, &time(turn.now));
        let signature = member.key.sign_base64(&payload);
        let cancel = match turn.rng.below(6) {
            0 | 1 => String::new(),
            mode => format!("35002={}|35003={}|", mode - 2, turn.rng.pick(&[0, 1, 300, 2_000])),
        };
        let body = format!("98=0|108=30|553={}|95={}|96={signature}|{cancel}", member.name, signature.len());
        self.admin("A", body, turn);
    }

    /// With a goodbye or without one.
    pub fn leave(&mut self, turn: &mut Turn<'_>) {
        if let Some(conn) = self.conn {
            if self.logged_on && turn.rng.chance(1, 2) {
                self.admin("5", String::new(), turn);
            }
            turn.net.close(conn);
        }
        self.gone();
    }

    fn gone(&mut self) {
        (self.conn, self.logged_on) = (None, false);
    }

    fn admin(&mut self, msg_type: &'static str, body: String, turn: &mut Turn<'_>) {
        self.send(Sent { body, msg_type, first: turn.now, poss_resend: false, attempt: None }, turn);
    }

    fn send(&mut self, sent: Sent, turn: &mut Turn<'_>) {
        let number = self.next_out;
        self.next_out += 1;
        if let Some(attempt) = sent.attempt {
            turn.seen.numbers.insert(attempt, number);
        }
        self.write(number, &sent, None, turn);
        self.sent.insert(number, sent);
    }

    fn write(&mut self, number: u32, sent: &Sent, again: Option<Nanos>, turn: &mut Turn<'_>) {
        let Some(conn) = self.conn else { return };
        let member = &turn.venue.members[self.member];
        let header = Header {
            msg_type: sent.msg_type,
            number,
            sender: member.comp_id,
            now: turn.now,
            first_sent: again,
            poss_resend: sent.poss_resend,
        };
        let key = sent.attempt.is_some().then_some(&member.key);
        let bytes = message(&header, &sent.body, key);
        turn.trace.note("fix>", &bytes);
        turn.net.send(conn, &bytes);
        self.last_sent = turn.now;
    }

    fn order(&mut self, turn: &mut Turn<'_>) {
        self.attempts += 1;
        let via = (self.id, self.attempts);
        let attempt = turn.seen.attempt((self.member, Tongue::Fix), via, turn.now.as_millis(), turn.rng);
        let (msg_type, body) = fix_words::order(turn.seen, attempt, turn.now);
        let poss_resend = turn.rng.chance(1, 6);
        // It says nothing, and fills the journal.
        let filler = match msg_type {
            "G" | "q" => 60,
            _ => 500,
        };
        let body = format!("{body}58={}|", "-".repeat(1 + turn.rng.index(filler)));
        self.send(Sent { body, msg_type, first: turn.now, poss_resend, attempt: Some(attempt) }, turn);
    }

    fn question(&mut self, turn: &mut Turn<'_>) {
        let number = u64::from(self.next_out);
        let Some((msg_type, body, question)) =
            fix_words::question(turn.seen, (self.member, number), turn.now, turn.rng)
        else {
            return;
        };
        self.questions.insert(number, question);
        self.admin(msg_type, body, turn);
    }

    fn hear(&mut self, message: &Message, turn: &mut Turn<'_>) {
        let (number, is_copy) = (message.number(34), message.get(43) == "Y");
        if message.get(35) == "4" {
            return self.gap_fill(message, turn);
        }
        if !matches!(message.get(35), "0" | "1" | "2" | "4" | "5" | "A") {
            self.compare(number, message);
        }
        if number < self.next_in {
            let is_reset = message.get(35) == "5" || is_copy;
            check(is_reset, "fix-number-once", || format!("{number} < {}: {message:?}", self.next_in));
            return;
        }
        if number > self.next_in {
            match message.get(35) {
                "A" => self.logged_on = true,
                // Answered at once: it is filled over later, and nobody would ask again.
                "2" => self.resend(message.number(7), message.number(16), turn),
                _ => {}
            }
            return self.ask_again(number, turn);
        }
        self.next_in += 1;
        self.caught_up();
        self.deal(message, turn);
    }

    /// A number has one body, whenever and however often it comes.
    fn compare(&mut self, number: u32, message: &Message) {
        let epoch = self.epoch;
        let body = message.body();
        // What a shard says is durable before it is told; its number may not be. From outside nobody can tell whether
        // it was a shard that refused a cancel or reported a mass cancel.
        let is_kept = event_of(message).is_none() && !matches!(message.get(35), "9" | "r");
        let heard = Heard { body: body.clone(), is_kept, epoch };
        let known = self.bodies.entry(number).or_insert(heard);
        check(known.body == body, "fix-same-body", || format!("number {number} was {known:?}, then {body}"));
    }

    fn gap_fill(&mut self, message: &Message, turn: &mut Turn<'_>) {
        let (number, next) = (message.number(34), message.number(36));
        check(message.get(123) == "Y", "fix-number-once", || format!("reset to {next}"));
        let told: Vec<u32> = self.bodies.range(number..next).map(|(number, _)| *number).collect();
        for number in told {
            let heard = self.bodies.get_mut(&number).expect("it is there");
            let is_lost = !heard.is_kept && (heard.epoch < turn.epoch || heard.epoch == VOID);
            check(is_lost, "fix-same-body", || format!("{number} is filled over, and was {heard:?}"));
            heard.epoch = VOID;
        }
        if number > self.next_in {
            return self.ask_again(number, turn);
        }
        self.next_in = self.next_in.max(next);
        self.caught_up();
    }

    /// What was told under a number that a crash took away came again, and every request had a word.
    pub fn nothing_is_lost(&self, seen: &Seen) {
        for (number, lost) in self.bodies.iter().filter(|(_, heard)| heard.epoch == VOID) {
            let mut later = self.bodies.range(number + 1..).map(|(_, heard)| heard);
            let again = later.any(|heard| heard.epoch != VOID && heard.body == lost.body);
            check(again, "told-again", || format!("{number} was {lost:?}, and is void now"));
        }
        for (number, sent) in &self.sent {
            let Some(attempt) = sent.attempt else { continue };
            // What came twice under one name may be answered under the name that the order has by then.
            let intent = seen.attempts[attempt].intent;
            let is_alone = seen.attempts.iter().filter(|other| other.intent == intent).count() == 1;
            let has_word = self.answered.contains(number) || self.named.contains(seen.name(attempt));
            let has_word = has_word || !is_alone;
            check(has_word, "told-at-last", || format!("{number} {:?}", seen.attempts[attempt]));
        }
    }

    fn caught_up(&mut self) {
        if self.missing.is_some_and(|upto| self.next_in > upto) {
            self.missing = None;
        }
    }

    fn ask_again(&mut self, number: u32, turn: &mut Turn<'_>) {
        if self.missing.is_none() {
            self.admin("2", format!("7={}|16=0|", self.next_in), turn);
        }
        self.missing = self.missing.max(Some(number));
    }

    fn deal(&mut self, message: &Message, turn: &mut Turn<'_>) {
        if matches!(message.get(35), "8" | "9" | "r") {
            self.named.insert(message.get(11).to_owned());
        }
        match message.get(35) {
            "A" => self.logged_on = true,
            "0" if message.get(112) == "settled" => self.test_answered = true,
            "1" => self.admin("0", format!("112={}|", message.get(112)), turn),
            "2" => self.resend(message.number(7), message.number(16), turn),
            "5" => {
                let text = message.get(58);
                check(!text.contains("too low"), "fix-inbound-kept", || text.to_owned());
                self.leave(turn);
            }
            "3" | "j" => self.refused(message, turn),
            "8" if message.get(150) == "I" => self.told_again(message, turn),
            "8" => self.report(message, turn),
            "r" => self.mass_canceled(message, turn),
            "9" => self.cancel_rejected(message, turn),
            _ => {}
        }
    }

    fn resend(&mut self, from: u32, upto: u32, turn: &mut Turn<'_>) {
        let told = self.answered.range(from..).next();
        check(told.is_none(), "fix-inbound-kept", || {
            format!("{from} on is asked for, and {told:?} was answered")
        });
        let last = if upto == 0 { self.next_out - 1 } else { upto.min(self.next_out - 1) };
        let mut at = from;
        while at <= last {
            let sent = self.sent.remove(&at);
            match sent {
                Some(sent) if sent.attempt.is_some() => {
                    self.write(at, &sent, Some(sent.first), turn);
                    self.sent.insert(at, sent);
                    at += 1;
                }
                other => {
                    self.sent.extend(other.map(|sent| (at, sent)));
                    let mut next = at + 1;
                    while next <= last && self.sent.get(&next).is_none_or(|sent| sent.attempt.is_none()) {
                        next += 1;
                    }
                    let body = format!("36={next}|123=Y|");
                    let (first, attempt) = (turn.now, None);
                    let fill = Sent { body, msg_type: "4", first, poss_resend: false, attempt };
                    self.write(at, &fill, Some(turn.now), turn);
                    at = next;
                }
            }
        }
    }

    /// The attempt that a message of ours with this number was.
    fn refused(&mut self, message: &Message, turn: &mut Turn<'_>) {
        self.answered.insert(message.number(45));
        let attempt = self.sent.get(&message.number(45)).and_then(|sent| sent.attempt);
        if let Some(attempt) = attempt {
            turn.seen.verdict(attempt, Verdict::Refused(message.get(58).to_owned()));
        }
    }

    /// The last attempt with a name that went over this session, if it has no outcome yet.
    fn attempt_of(&self, name: &str, turn: &Turn<'_>) -> Option<usize> {
        let own = self.sent.values().filter_map(|sent| sent.attempt);
        let mut named = own.filter(|attempt| turn.seen.name(*attempt) == name);
        // Of several nobody can say which one is meant.
        named.next().filter(|_| named.next().is_none())
    }

    fn cancel_rejected(&mut self, message: &Message, turn: &mut Turn<'_>) {
        if let Some(attempt) = self.attempt_of(message.get(11), turn) {
            self.answered.insert(turn.seen.numbers[&attempt]);
            self.count(attempt, message, turn);
            turn.seen.verdict(attempt, Verdict::Refused(message.get(58).to_owned()));
        }
    }

    /// The state of an order: the answer to a question, or to an order that came again.
    fn told_again(&mut self, message: &Message, turn: &mut Turn<'_>) {
        let number = [790, 584].into_iter().find_map(|tag| message.get(tag).parse::<u64>().ok());
        let Some(number) = number else { return };
        let Some(question) = self.questions.get_mut(&number) else { return };
        if question.hear(message) {
            let class = (self.member, RateClass::Queries);
            turn.seen.passed_at(class, message, ((self.id, number), None));
            let said = question.said(turn.now.0);
            turn.seen.questions.extend(said);
            self.questions.remove(&number);
        }
    }

    fn mass_canceled(&mut self, message: &Message, turn: &mut Turn<'_>) {
        if let Some(attempt) = self.attempt_of(message.get(11), turn) {
            self.count(attempt, message, turn);
            let verdict = match message.get(531) {
                "0" => Verdict::Refused(message.get(58).to_owned()),
                _ => Verdict::Done,
            };
            turn.seen.verdict(attempt, verdict);
        }
    }

    /// When a gateway let it pass, where the answer tells it.
    fn count(&self, attempt: usize, message: &Message, turn: &mut Turn<'_>) {
        let class = turn.seen.class(attempt);
        // Questions have the numbers of their messages.
        let request = (self.id, u64::MAX - attempt as u64);
        turn.seen.passed_at((self.member, class), message, (request, Some(attempt)));
    }

    fn report(&mut self, message: &Message, turn: &mut Turn<'_>) {
        let exec_type = message.get(150).chars().next().unwrap_or(' ');
        let attempt = self.attempt_of(message.get(11), turn);
        if let Some(attempt) = attempt {
            self.count(attempt, message, turn);
        }
        if exec_type == '8'
            && let Some(attempt) = attempt
        {
            turn.seen.verdict(attempt, Verdict::Refused(message.get(58).to_owned()));
        }
        let Some(at) = event_of(message) else { return };
        let last = message.get(32);
        let told = Told {
            order_id: message.get(37).parse().unwrap_or(0),
            cl_ord_id: message.get(11).to_owned(),
            exec_type,
            cum: scaled(message.get(14)),
            leaves: scaled(message.get(151)),
            last: (!last.is_empty()).then(|| (scaled(message.get(31)), scaled(last))),
        };
        let again = turn.seen.heard.contains_key(&(self.id, at));
        // Under another number than the first time, so PossDupFlag does not say it.
        let is_marked = message.get(97) == "Y";
        check(!again || is_marked, "told-once", || format!("{at:?} again: {message:?}"));
        turn.seen.execution(self.id, at, told);
    }
}

/// The event that an ExecID(17) names; none if it names no event.
fn event_of(message: &Message) -> Option<At> {
    let parts: Vec<u64> = message.get(17).split('-').filter_map(|part| part.parse().ok()).collect();
    let [shard, seq, index] = parts[..] else { return None };
    Some((shard as u8, seq, index as u16))
}
