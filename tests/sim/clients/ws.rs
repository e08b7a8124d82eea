//! A WebSocket client: logs on, sends orders, cancels and questions, keeps what it sent, and sends some of it again;
//! subscribes to its private streams, and resumes them from where it was, or from before that.

use super::Turn;
use super::intent::{Tongue, What};
use super::seen::{Passed, Question, RateClass, Said, Seen, Verdict, check};
use super::ws_link::{Heard, Link};
use super::ws_words::{self, executed, levels, stands, traded_of};
use crate::venue::TRADED;
use sealgate::client::sign;
use sealgate::types::Span;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// After so long without an answer it gives the connection up.
const PATIENCE: Span = Span::from_secs(5);

/// Ids of a client begin with its number times this, so that each is known by its sender.
const IDS: u64 = 1_000_000;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    LogOn,
    LogOut,
    Stream,
    Attempt(usize),
    /// The dead man's timer.
    Alive,
    Order(usize, String),
    Open(Option<usize>),
    Account,
    Depth(usize),
    Best(usize),
}

#[derive(Clone, Debug)]
struct Waiting {
    asked: Asked,
    sent: u64,
}

pub struct Ws {
    pub id: usize,
    pub member: usize,
    pub link: Link,
    logged_on: bool,
    next_id: u64,
    /// What is not answered on this connection, by id.
    waiting: BTreeMap<u64, Waiting>,
    /// The last number of each private stream that was told, by shard; none where it hears nothing.
    position: BTreeMap<u8, u64>,
    /// The same over all connections.
    known: BTreeMap<u8, u64>,
    is_resuming: bool,
    attempts: u64,
    /// The last order of the run: the disk has room by then.
    last: Option<usize>,
}

impl Ws {
    pub fn new(id: usize, member: usize) -> Self {
        Self {
            id,
            member,
            link: Link::default(),
            logged_on: false,
            next_id: id as u64 * IDS,
            waiting: BTreeMap::new(),
            position: BTreeMap::new(),
            known: BTreeMap::new(),
            is_resuming: false,
            attempts: 0,
            last: None,
        }
    }

    pub fn act(&mut self, turn: &mut Turn<'_>) {
        if self.link.conn.is_none() {
            self.logged_on = false;
            self.is_resuming = false;
            self.waiting.clear();
            self.position.clear();
            return self.link.connect(self.member, turn);
        }
        match self.link.read(turn) {
            Heard::Gone => return,
            Heard::Opened => self.log_on(turn),
            Heard::Nothing => {}
        }
        while let Some(payload) = self.link.next(turn) {
            self.hear(&payload, turn);
        }
        let is_late = !self.waiting.is_empty() && turn.now.since(self.link.since) > PATIENCE;
        if is_late || (!turn.settling && turn.rng.chance(1, 150)) {
            self.leave(turn);
        } else if self.logged_on && !turn.settling && turn.rng.chance(1, 2) {
            self.ask(turn);
        }
    }

    /// With a goodbye or without one.
    pub fn leave(&mut self, turn: &mut Turn<'_>) {
        if let Some(conn) = self.link.conn
            && turn.rng.chance(1, 2)
        {
            turn.net.reset(conn);
        }
        self.link.close(turn);
    }

    pub fn is_settled(&self) -> bool {
        self.waiting.is_empty()
    }

    /// One more order, after everything has come to rest: it is taken, or refused for what it says.
    pub fn order_at_last(&mut self, turn: &mut Turn<'_>) {
        if self.logged_on {
            self.attempts += 1;
            let via = (self.id, self.attempts);
            let attempt = turn.seen.last_order(self.member, via, turn.now.as_millis(), turn.rng);
            self.last = Some(attempt);
            self.send(attempt, turn);
        }
    }

    /// What became of it.
    pub fn took_the_last(&self, seen: &Seen) {
        let verdict = self.last.and_then(|attempt| seen.attempts[attempt].verdict.clone());
        let full = matches!(&verdict, Some(Verdict::Refused(why)) if why.starts_with("DiskFull"));
        check(!full, "room-is-noticed", || format!("{verdict:?}"));
    }

    fn log_on(&mut self, turn: &mut Turn<'_>) {
        let mut params = vec![("timing", "true".to_owned())];
        let on = turn.rng.pick(&["", "NONE", "DISCONNECT", "LOGOUT", "BOTH"]);
        if !on.is_empty() {
            params.push(("cancelOnDisconnect", on.to_owned()));
            params.push(("cancelGrace", turn.rng.pick(&[0, 1, 300, 2_000]).to_string()));
        }
        let text = self.request("session.logon", params, true, Asked::LogOn, turn);
        self.link.say(&text, turn);
        // The one always, the other now and then.
        if self.id.is_multiple_of(2) || turn.rng.chance(1, 2) {
            self.subscribe(turn);
        }
    }

    /// From where it was, from before that, or from now on.
    fn subscribe(&mut self, turn: &mut Turn<'_>) {
        if std::mem::replace(&mut self.is_resuming, true) {
            return;
        }
        let name = turn.venue.members[self.member].account;
        let from: Vec<String> = (0..turn.venue.shards_max)
            .filter_map(|shard| {
                let last = self.known.get(&shard).copied();
                let number = match turn.rng.below(4) {
                    0 => None,
                    1 => last.map(|last| turn.rng.below(last + 1)),
                    _ => last,
                };
                number.map(|number| format!("{name}/{shard}:{number}"))
            })
            .collect();
        let params = match from.is_empty() {
            true => Vec::new(),
            false => vec![("from", from.join(","))],
        };
        let text = self.request("userDataStream.subscribe", params, false, Asked::Stream, turn);
        self.link.say(&text, turn);
    }

    /// A request with these parameters; what it is about is remembered under its id.
    fn request(
        &mut self,
        method: &str,
        params: Vec<(&str, String)>,
        signed: bool,
        asked: Asked,
        turn: &Turn<'_>,
    ) -> String {
        self.next_id += 1;
        let member = &turn.venue.members[self.member];
        let mut all = params;
        if signed {
            all.push(("apiKey", member.key.name().to_owned()));
            all.push(("timestamp", turn.now.as_millis().to_string()));
        }
        let mut object: serde_json::Map<_, _> =
            all.iter().map(|(name, value)| ((*name).to_owned(), ws_words::value(name, value))).collect();
        if signed {
            let all: Vec<_> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let signature = member.key.sign_base64(sign::websocket_payload(method, &all).as_bytes());
            object.insert("signature".to_owned(), json!(signature));
        }
        self.waiting.insert(self.next_id, Waiting { asked, sent: turn.now.0 });
        json!({"id": self.next_id, "method": method, "params": object}).to_string()
    }

    fn ask(&mut self, turn: &mut Turn<'_>) {
        match turn.rng.below(40) {
            0..2 => self.say_again(turn),
            2..10 => self.question(turn),
            10 => self.be_alive(turn),
            11 => self.subscribe(turn),
            12 if turn.rng.chance(1, 3) => {
                let text = self.request("session.logout", Vec::new(), false, Asked::LogOut, turn);
                self.link.say(&text, turn);
            }
            _ => {
                self.attempts += 1;
                let (who, via) = ((self.member, Tongue::Ws), (self.id, self.attempts));
                let attempt = turn.seen.attempt(who, via, turn.now.as_millis(), turn.rng);
                self.send(attempt, turn);
            }
        }
    }

    /// What this member or another one sent before, on whatever connection and gateway.
    fn say_again(&mut self, turn: &mut Turn<'_>) {
        if turn.seen.captured.is_empty() {
            return;
        }
        let at = turn.rng.index(turn.seen.captured.len());
        let (attempt, text) = turn.seen.captured[at].clone();
        if let Some(attempt) = attempt {
            turn.seen.attempts[attempt].sent_again = true;
        }
        self.link.say(&text, turn);
    }

    fn be_alive(&mut self, turn: &mut Turn<'_>) {
        let timeout = turn.rng.pick(&[0, 100, 1_000, 5_000, 5_000]);
        let params = vec![("timeout", timeout.to_string())];
        let text = self.request("cancelAllAfter", params, true, Asked::Alive, turn);
        turn.seen.captured.push((None, text.clone()));
        self.link.say(&text, turn);
    }

    fn question(&mut self, turn: &mut Turn<'_>) {
        let traded = turn.rng.index(TRADED.len());
        let symbol = |traded: usize| ("symbol", TRADED[traded].symbol.to_owned());
        let (method, params, asked) = match turn.rng.below(8) {
            0 => ("account.status", Vec::new(), Asked::Account),
            1 => ("depth", vec![symbol(traded)], Asked::Depth(traded)),
            2 => ("ticker.book", vec![symbol(traded)], Asked::Best(traded)),
            3 => ("openOrders.status", vec![symbol(traded)], Asked::Open(Some(traded))),
            4 => ("openOrders.status", Vec::new(), Asked::Open(None)),
            _ => {
                let own = turn.seen.intents.iter().filter(|intent| intent.member == self.member);
                let own: Vec<_> = own.filter(|intent| intent.what.traded().is_some()).collect();
                let recent = own.len().saturating_sub(if turn.rng.chance(1, 2) { 3 } else { own.len() });
                let Some(intent) = own[recent..].get(turn.rng.index(own[recent..].len().max(1))) else {
                    return;
                };
                let (about, name) = (intent.what.traded().unwrap_or(0), intent.name.clone());
                let params = vec![symbol(about), ("origClientOrderId", name.clone())];
                ("order.status", params, Asked::Order(about, name))
            }
        };
        let text = self.request(method, params, false, asked, turn);
        self.link.say(&text, turn);
    }

    fn send(&mut self, attempt: usize, turn: &mut Turn<'_>) {
        let (method, params) = ws_words::order(turn.seen, attempt);
        let text = self.request(method, params, true, Asked::Attempt(attempt), turn);
        turn.seen.captured.push((Some(attempt), text.clone()));
        self.link.say(&text, turn);
    }

    fn hear(&mut self, payload: &[u8], turn: &mut Turn<'_>) {
        let Ok(value) = serde_json::from_slice::<Value>(payload) else { return };
        if let Some(event) = value.get("event") {
            return self.event(event, turn);
        }
        let Some(id) = value["id"].as_u64() else { return };
        let ok = value["status"] == 200;
        let Some(Waiting { asked, sent }) = self.waiting.remove(&id) else {
            return self.not_its_own(id, ok, turn);
        };
        self.count((id, &asked), &value["timing"], turn);
        match asked {
            Asked::LogOn => self.logged_on |= ok,
            Asked::LogOut => {
                // Nothing goes on without a key; what was subscribed to has ended.
                self.leave(turn);
            }
            Asked::Stream => self.streams_from(ok, &value, turn),
            Asked::Attempt(attempt) => self.outcome(attempt, ok, &value, turn),
            Asked::Alive => {}
            question if ok || value["error"]["data"]["name"] == "OrderUnknown" => {
                self.answered(question, sent, ok.then_some(&value["result"]), turn);
            }
            _ => {}
        }
    }

    /// An answer to what another client asked first: one of another member gets nothing with it.
    fn not_its_own(&self, id: u64, ok: bool, turn: &Turn<'_>) {
        let of = turn.venue.member_of((id / IDS) as usize);
        check(!ok || of == self.member, "stolen-is-refused", || format!("{id} was answered to {}", self.id));
    }

    /// When a gateway let it pass.
    fn count(&self, (id, asked): (u64, &Asked), timing: &Value, turn: &mut Turn<'_>) {
        let class = match asked {
            Asked::Attempt(attempt) => turn.seen.class(*attempt),
            Asked::Alive => RateClass::Cancels,
            Asked::Order(..) | Asked::Open(_) | Asked::Account => RateClass::Queries,
            _ => return,
        };
        if timing["limited"].is_string()
            && let Some(at) = timing["verified"].as_str().and_then(|at| at.parse().ok())
        {
            let attempt = if let Asked::Attempt(attempt) = asked { Some(*attempt) } else { None };
            turn.seen.passed((self.member, class), Passed { at, request: (self.id, id), attempt });
        }
    }

    fn streams_from(&mut self, ok: bool, value: &Value, turn: &Turn<'_>) {
        self.is_resuming = false;
        let name = value["error"]["data"]["name"].as_str().unwrap_or_default();
        check(!matches!(name, "StreamAhead" | "StreamTooOld"), "resume-is-possible", || value.to_string());
        if ok {
            let streams = value["result"]["streams"].as_array().into_iter().flatten();
            self.position = streams.filter_map(|stream| self.place_of(stream, turn)).collect();
        }
    }

    /// Shard and number of a stream of its own account.
    fn place_of(&self, stream: &Value, turn: &Turn<'_>) -> Option<(u8, u64)> {
        let (account, shard) = stream["applId"].as_str()?.split_once('/')?;
        let own = turn.venue.members[self.member].account;
        check(account == own, "stream-of-its-own", || stream.to_string());
        Some((shard.parse().ok()?, stream["applSeqNum"].as_u64()?))
    }

    fn outcome(&mut self, attempt: usize, ok: bool, value: &Value, turn: &mut Turn<'_>) {
        let (error, result) = (&value["error"], &value["result"]);
        if !ok {
            let name = error["data"]["name"].as_str().unwrap_or_default().to_owned();
            match error["code"].as_i64() {
                // It promises nothing.
                Some(-1007) => {}
                // One half of it is done.
                Some(-2021) => turn.seen.verdict(attempt, Verdict::Done),
                _ => turn.seen.verdict(attempt, Verdict::Refused(name)),
            }
            return;
        }
        turn.seen.verdict(attempt, Verdict::Done);
        let told = match &turn.seen.attempts[attempt].what {
            What::Amend(_) => vec![&result["amendedOrder"]],
            What::Replace(..) => vec![&result["cancelResponse"], &result["newOrderResponse"]],
            What::MassCancel(..) => result.as_array().into_iter().flatten().collect(),
            _ => vec![result],
        };
        let member = self.member;
        let answers: Vec<_> = told.into_iter().filter_map(|told| ws_words::answered(member, told)).collect();
        answers.into_iter().for_each(|answered| turn.seen.answer(answered));
    }

    /// A question has its answer: none where there is no such order.
    fn answered(&self, asked: Asked, sent: u64, result: Option<&Value>, turn: &mut Turn<'_>) {
        let nothing = Value::Null;
        let told = result.unwrap_or(&nothing);
        let all = || told.as_array().into_iter().flatten();
        let said = match asked {
            Asked::Order(traded, name) => {
                if let Some(answered) = ws_words::answered(self.member, told) {
                    turn.seen.answer(answered);
                }
                vec![Said::Order(traded, name, result.and_then(stands))]
            }
            Asked::Open(one) => {
                let of = |traded| all().filter(|told| traded_of(told) == traded).filter_map(stands).collect();
                let about = (0..TRADED.len()).filter(|traded| one.is_none_or(|one| one == *traded));
                about.map(|traded| Said::Open(traded, of(traded))).collect()
            }
            Asked::Account => ws_words::positions(told),
            Asked::Depth(traded) => {
                let last = told["lastUpdateId"].as_u64().unwrap_or(0);
                vec![Said::Book(traded, last, levels(&told["bids"]), levels(&told["asks"]))]
            }
            Asked::Best(traded) => {
                let best = |price: &str, qty: &str| ws_words::best(&told[price], &told[qty]);
                vec![Said::Best(traded, best("bidPrice", "bidQty"), best("askPrice", "askQty"))]
            }
            _ => return,
        };
        let (member, heard) = (self.member, turn.now.0);
        turn.seen.questions.extend(said.into_iter().map(|said| Question { member, sent, heard, said }));
    }

    fn event(&mut self, event: &Value, turn: &mut Turn<'_>) {
        let streams = || event["streams"].as_array().into_iter().flatten();
        match event["e"].as_str() {
            Some("executionReport") => {}
            Some("streamHeartbeat") => {
                for (shard, number) in streams().filter_map(|stream| self.place_of(stream, turn)) {
                    let known = self.position.get(&shard).copied();
                    check(known == Some(number), "stream-heartbeat", || format!("{event}: {known:?}"));
                }
                return;
            }
            _ => return,
        }
        let Some(told) = executed(event) else { return };
        let Some((shard, number)) = self.place_of(event, turn) else {
            panic!("invariant stream-numbers: {event}");
        };
        let before = self.position.insert(shard, number);
        check(before.map(|last| last + 1) == Some(number), "stream-in-order", || {
            format!("client {}: {before:?}, then {event}", self.id)
        });
        let known = self.known.entry(shard).or_default();
        *known = number.max(*known);
        turn.seen.streamed((self.member as u32 + 1, shard), number, traded_of(event), told);
    }
}
