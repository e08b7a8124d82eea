//! FIX over a link: Sealgate's own session machine as initiator.

use super::args::Signing;
use super::link::Link;
use super::setup::Identity;
use super::speaker::{Action, Answer, name_of, unexpected};
use super::terms::Terms;
use crate::client::ApiKey;
use crate::session::fix::{Collected, LogonRequest, Notice, Numbers, Outgoing, Session, Settings};
use crate::types::Nanos;
use crate::wire::fix::{Index, Message, PutFields, Taken, tag, take};
use std::io;

/// A FIX session, logged on.
pub struct FixSpeaker {
    session: Session,
    terms: Terms,
    key: ApiKey,
    signs: bool,
    out: Collected,
    index: Box<Index>,
}

impl FixSpeaker {
    /// Logs on with both sequences at 1.
    pub fn log_on(
        link: &mut Link,
        member: &Identity,
        terms: &Terms,
        sign: Signing,
        now: Nanos,
    ) -> io::Result<Self> {
        let (sender, target) = &member.comp_ids;
        let mut session = Session::new(Settings::initiator(sender, target), Numbers::FRESH);
        let mut out = Collected::forgetting();
        let request = LogonRequest {
            heartbeat_secs: member.heartbeat_secs,
            username: Some(member.key.name().as_bytes()),
            reset: true,
            sign: &|bytes| member.key.sign(bytes),
            sign_message: false,
            cancel_on: None,
            cancel_grace: None,
        };
        session.connect(&request, now, &mut out);
        link.send(&out.wire)?;
        out.wire.clear();
        let mut speaker = Self {
            session,
            terms: terms.clone(),
            key: member.key.clone(),
            signs: sign == Signing::Order,
            out,
            index: Box::default(),
        };
        let mut plain = Vec::new();
        while !speaker.out.notices.contains(&Notice::LoggedOn) {
            link.wait(&mut plain)?;
            speaker.session_messages(&mut plain, now)?;
        }
        Ok(speaker)
    }

    fn session_messages(&mut self, plain: &mut Vec<u8>, now: Nanos) -> io::Result<()> {
        while let Some(message) = next(plain, &mut self.index)? {
            let length = message.bytes().len();
            self.session.receive(&message, now, &mut self.out);
            if let Some(Notice::Close(why)) = self.out.notices.last() {
                return Err(unexpected(why));
            }
            plain.drain(..length);
        }
        Ok(())
    }

    /// The bytes of a message.
    pub fn message(&mut self, number: u64, action: Action, at: Nanos) -> Vec<u8> {
        let (msg_type, body): (&[u8], _) = match action {
            Action::New { buys } | Action::Cross { buys } => (b"D", self.order(number, action, buys, at)),
            Action::Cancel { order, buys } => (b"F", self.cancel(number, order, buys, at)),
            Action::Amend { order: orig, buys } => {
                let mut body = Vec::with_capacity(128);
                body.put_uint(tag::ORIG_CL_ORD_ID, orig);
                body.extend(self.order(number, action, buys, at));
                (b"G", body)
            }
        };
        let key = &self.key;
        let sign = |bytes: &[u8]| key.sign(bytes);
        let message = Outgoing {
            msg_type,
            body: &body,
            event: None,
            poss_resend: false,
            sign: self.signs.then_some(&sign),
        };
        self.session.send(&message, at, &mut self.out);
        std::mem::take(&mut self.out.wire)
    }

    fn order(&self, number: u64, action: Action, buys: bool, at: Nanos) -> Vec<u8> {
        let mut body = Vec::with_capacity(128);
        body.put_uint(tag::CL_ORD_ID, number);
        body.put(tag::SYMBOL, self.terms.symbol.as_bytes());
        body.put(tag::SIDE, if buys { b"1" } else { b"2" });
        body.put_time(tag::TRANSACT_TIME, at);
        let lowers = matches!(action, Action::Amend { .. });
        let qty = if lowers { &self.terms.lowered } else { &self.terms.qty };
        body.put(tag::ORDER_QTY, qty.as_bytes());
        body.put(tag::ORD_TYPE, b"2");
        body.put(tag::PRICE, self.terms.price(action, number).as_bytes());
        body.put(tag::TIME_IN_FORCE, b"1");
        body
    }

    fn cancel(&self, number: u64, order: u64, buys: bool, at: Nanos) -> Vec<u8> {
        let mut body = Vec::with_capacity(128);
        body.put_uint(tag::ORIG_CL_ORD_ID, order);
        body.put_uint(tag::CL_ORD_ID, number);
        body.put(tag::SYMBOL, self.terms.symbol.as_bytes());
        body.put(tag::SIDE, if buys { b"1" } else { b"2" });
        body.put_time(tag::TRANSACT_TIME, at);
        body
    }

    /// The first report about each message.
    pub fn answers(&mut self, plain: &mut Vec<u8>, answers: &mut Vec<Answer>) -> io::Result<()> {
        let mut taken = 0;
        while let Some(message) = next(&plain[taken..], &mut self.index)? {
            taken += message.bytes().len();
            if let Some(answer) = answer(&message)? {
                answers.push(answer);
            }
        }
        plain.drain(..taken);
        Ok(())
    }
}

/// What a report says; `None` of what keeps a session alive.
fn answer(message: &Message<'_>) -> io::Result<Option<Answer>> {
    let text = || name_of(&String::from_utf8_lossy(message.get(tag::TEXT).unwrap_or_default()));
    let refused = match (message.msg_type(), message.get(tag::EXEC_TYPE)) {
        (b"8", Some(b"8")) | (b"9", _) => Some(text()),
        (b"8", _) => None,
        (b"0", _) => return Ok(None),
        _ => return Err(unexpected(String::from_utf8_lossy(message.bytes()))),
    };
    let number = message.get(tag::CL_ORD_ID).and_then(|id| std::str::from_utf8(id).ok()?.parse().ok());
    let number = number.ok_or_else(|| unexpected("a report about an order of somebody else"))?;
    Ok(Some(Answer { number, refused }))
}

fn next<'m>(plain: &'m [u8], index: &'m mut Index) -> io::Result<Option<Message<'m>>> {
    match take(plain, true, index) {
        Taken::NeedMore => Ok(None),
        Taken::Message(message) => Ok(Some(message)),
        other => Err(unexpected(format!("{other:?}"))),
    }
}
