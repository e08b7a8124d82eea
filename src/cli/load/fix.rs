//! FIX over a link: Sealgate's own session machine as initiator.

use super::Signing;
use super::link::Link;
use super::setup::{Member, SYMBOL, VENUE};
use super::speaker::{Action, Answer, LOWERED_QTY, QTY, price, unexpected};
use crate::client::ApiKey;
use crate::session::fix::{Collected, LogonRequest, Notice, Numbers, Outgoing, Session, Settings};
use crate::types::Nanos;
use crate::wire::fix::{Index, Message, PutFields, Taken, tag, take};
use std::io;

/// HeartBtInt(108): longer than a run, so that no number goes to anything but an order.
const HEARTBEAT_SECS: u32 = 3_600;

/// A FIX session, logged on.
pub struct FixSpeaker {
    session: Session,
    key: ApiKey,
    signs: bool,
    out: Collected,
    index: Box<Index>,
}

impl FixSpeaker {
    /// Logs on with both sequences at 1.
    pub fn log_on(link: &mut Link, member: &Member, sign: Signing, now: Nanos) -> io::Result<Self> {
        let mut session = Session::new(Settings::initiator(&member.name, VENUE), Numbers::FRESH);
        let mut out = Collected::forgetting();
        let request = LogonRequest {
            heartbeat_secs: HEARTBEAT_SECS,
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
            Action::New { buys } | Action::Cross { buys } => (b"D", order(number, action, buys, at)),
            Action::Cancel { order, buys } => (b"F", cancel(number, order, buys, at)),
            Action::Amend { order: orig, buys } => {
                let mut body = Vec::with_capacity(128);
                body.put_uint(tag::ORIG_CL_ORD_ID, orig);
                body.extend(order(number, action, buys, at));
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

    /// The first report about each message.
    pub fn answers(&mut self, plain: &mut Vec<u8>, answers: &mut Vec<Answer>) -> io::Result<()> {
        while let Some(message) = next(plain, &mut self.index)? {
            let length = message.bytes().len();
            let text = || String::from_utf8_lossy(message.get(tag::TEXT).unwrap_or_default()).into_owned();
            let refused = match (message.msg_type(), message.get(tag::EXEC_TYPE)) {
                (b"8", Some(b"8")) | (b"9", _) => Some(text()),
                (b"8", _) => None,
                _ => return Err(unexpected(String::from_utf8_lossy(message.bytes()))),
            };
            let number =
                message.get(tag::CL_ORD_ID).and_then(|id| std::str::from_utf8(id).ok()?.parse().ok());
            let number = number.ok_or_else(|| unexpected("a report about an order of somebody else"))?;
            answers.push(Answer { number, refused });
            plain.drain(..length);
        }
        Ok(())
    }
}

fn next<'m>(plain: &'m [u8], index: &'m mut Index) -> io::Result<Option<Message<'m>>> {
    match take(plain, true, index) {
        Taken::NeedMore => Ok(None),
        Taken::Message(message) => Ok(Some(message)),
        other => Err(unexpected(format!("{other:?}"))),
    }
}

fn order(number: u64, action: Action, buys: bool, at: Nanos) -> Vec<u8> {
    let mut body = Vec::with_capacity(128);
    body.put_uint(tag::CL_ORD_ID, number);
    body.put(tag::SYMBOL, SYMBOL.as_bytes());
    body.put(tag::SIDE, if buys { b"1" } else { b"2" });
    body.put_time(tag::TRANSACT_TIME, at);
    let qty = if matches!(action, Action::Amend { .. }) { LOWERED_QTY } else { QTY };
    body.put(tag::ORDER_QTY, qty.as_bytes());
    body.put(tag::ORD_TYPE, b"2");
    body.put(tag::PRICE, price(action, number).as_bytes());
    body.put(tag::TIME_IN_FORCE, b"1");
    body
}

fn cancel(number: u64, order: u64, buys: bool, at: Nanos) -> Vec<u8> {
    let mut body = Vec::with_capacity(128);
    body.put_uint(tag::ORIG_CL_ORD_ID, order);
    body.put_uint(tag::CL_ORD_ID, number);
    body.put(tag::SYMBOL, SYMBOL.as_bytes());
    body.put(tag::SIDE, if buys { b"1" } else { b"2" });
    body.put_time(tag::TRANSACT_TIME, at);
    body
}
