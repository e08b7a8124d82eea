//! FIX → requests: what an order, a cancel or a question says, strictly.
//!
//! ```text
//!   Message ──► fields.rs: each tag of its message, once, with a value
//!               ├── D ─────► new_order.rs ─┐
//!               ├── F, q ──► cancel.rs ────┤
//!               ├── G ─────► amend.rs ─────┼─► Request + the signed slice of the message = Unverified
//!               └── H, AF ─► status.rs ────┘
//!   Message V ─────────────► market.rs ────► MarketDataRequest, which needs nobody's permission
//!   Message BW ────────────► streams.rs ───► StreamRequest: private streams, of one's own accounts
//! ```
//!
//! A field that we do not act on is refused, not ignored: who sends MaxFloor(111) and gets an order that shows its
//! whole size was not served. The few that change nothing (HandlInst, TransactTime, Text) are listed in the
//! message's own file. The session has checked header, sequence and dictionary before; nothing here relies on that,
//! because its checks can be switched off. Cost: one pass over the index, three look-ups in the directory, one
//! SHA-256 of some 50 bytes; no allocation.

mod amend;
mod cancel;
mod fields;
mod market;
mod new_order;
mod status;
mod streams;
#[cfg(test)]
mod tests;

use crate::config::Directory;
use crate::limits::{RECV_WINDOW_DEFAULT, RECV_WINDOW_MAX, SIGNED_BYTES_MAX};
use crate::types::{
    AccountId, ApiKeyId, Instrument, InstrumentId, Query, Refusal, Reject, Request, RequestKind, SessionId,
    Span, Unverified, ids,
};
use crate::wire::digest;
use crate::wire::fix::{Message, SignatureFault, parse_uint, tag};
use fields::{Fields, Tags};
pub use market::market_data;
pub use streams::stream_request;

/// Who speaks: what the session learnt at its logon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// The session.
    pub session: SessionId,
    /// The API key that signed the logon, and signs the orders.
    pub key: ApiKeyId,
}

/// Understands a message of order entry.
pub fn decode<'a>(
    message: &Message<'a>,
    speaker: Speaker,
    directory: &Directory,
) -> Result<Unverified<'a>, Refusal> {
    if message.is_truncated() {
        return Err(Reject::MessageTooLong.into());
    }
    let desk = Desk { directory, key: speaker.key };
    let (tags, understand) = form(message.msg_type()).ok_or(Reject::UnsupportedMessage)?;
    let fields = Fields::collect(message, tags)?;
    let kind = understand(&fields, &desk)?;
    let (signed, signature) = signed(message)?;
    let request = Request {
        kind,
        session: speaker.session,
        key: speaker.key,
        sent: fields.sending_time()?,
        recv_window: recv_window(&fields)?,
        content: digest::content(&kind, true),
        named: true,
    };
    Ok(Unverified { request, signed, signature })
}

/// What a message may have, and what is made of it.
type Form = (&'static Tags, fn(&Fields<'_>, &Desk<'_>) -> Result<RequestKind, Refusal>);

fn form(msg_type: &[u8]) -> Option<Form> {
    Some(match msg_type {
        b"D" => (&new_order::TAGS, |fields, desk| new_order::decode(fields, desk).map(RequestKind::New)),
        b"F" => (&cancel::TAGS, |fields, desk| cancel::decode(fields, desk).map(RequestKind::Cancel)),
        b"G" => (&amend::TAGS, |fields, desk| amend::decode(fields, desk).map(RequestKind::Amend)),
        b"q" => (&cancel::MASS_TAGS, |fields, desk| {
            cancel::decode_mass(fields, desk).map(RequestKind::MassCancel)
        }),
        b"H" => (&status::TAGS, |fields, desk| {
            status::decode(fields, desk).map(|query| RequestKind::Query(Query::Order(query)))
        }),
        b"AF" => (&status::MASS_TAGS, |fields, desk| {
            status::decode_mass(fields, desk).map(|query| RequestKind::Query(Query::OpenOrders(query)))
        }),
        _ => return None,
    })
}

/// The bytes that a signature covers, and the signature if there is one: the shape only, `verify` decides.
fn signed<'a>(message: &Message<'a>) -> Result<(&'a [u8], Option<[u8; 64]>), Refusal> {
    let (bytes, signature) = match message.signed() {
        Ok(signed) => {
            let signature = super::signature(signed.signature)
                .ok_or(Refusal::tag(Reject::FieldFormat, tag::SIGNATURE))?;
            (signed.bytes, Some(signature))
        }
        Err(SignatureFault::Missing) => (message.signable(), None),
        Err(SignatureFault::Place) => return Err(Refusal::tag(Reject::FieldOutOfOrder, tag::SIGNATURE)),
        Err(SignatureFault::Length) => {
            return Err(Refusal::tag(Reject::FieldFormat, tag::SIGNATURE_LENGTH));
        }
    };
    if bytes.len() > SIGNED_BYTES_MAX {
        return Err(Reject::MessageTooLong.into());
    }
    Ok((bytes, signature))
}

/// RecvWindow(25000): milliseconds.
fn recv_window(fields: &Fields<'_>) -> Result<Span, Refusal> {
    let Some(text) = fields.get(tag::RECV_WINDOW)? else { return Ok(RECV_WINDOW_DEFAULT) };
    let millis = parse_uint(text).ok_or(Refusal::tag(Reject::FieldFormat, tag::RECV_WINDOW))?;
    Some(Span::from_millis(millis))
        .filter(|window| (Span::from_millis(1)..=RECV_WINDOW_MAX).contains(window))
        .ok_or(Refusal::tag(Reject::FieldValue, tag::RECV_WINDOW))
}

/// What names in a message stand for.
struct Desk<'d> {
    directory: &'d Directory,
    key: ApiKeyId,
}

impl Desk<'_> {
    /// Account(1), or the first account of the key; never one that the key may not act for.
    fn account(&self, fields: &Fields<'_>) -> Result<AccountId, Refusal> {
        let unknown = Refusal::tag(Reject::AccountUnknown, tag::ACCOUNT);
        let accounts = &self.directory.key(self.key).ok_or(unknown)?.accounts;
        let named = match fields.get(tag::ACCOUNT)? {
            None => return accounts.first().copied().ok_or(unknown),
            Some(name) => std::str::from_utf8(name).ok(),
        };
        let account = named.and_then(|name| self.directory.account_by_name(name)).ok_or(unknown)?;
        if accounts.contains(&account.id) { Ok(account.id) } else { Err(unknown) }
    }

    /// Symbol(55).
    fn instrument(&self, fields: &Fields<'_>) -> Result<&Instrument, Refusal> {
        std::str::from_utf8(fields.required(tag::SYMBOL)?)
            .ok()
            .and_then(|symbol| self.directory.instrument_by_symbol(symbol))
            .ok_or(Refusal::tag(Reject::SymbolUnknown, tag::SYMBOL))
    }

    /// What concerns one instrument or all of them, as the field `tag` says: 1 that of Symbol(55), 7 all.
    fn one_or_all(&self, fields: &Fields<'_>, tag: u32) -> Result<Option<InstrumentId>, Refusal> {
        match (fields.required(tag)?, fields.get(tag::SYMBOL)?) {
            (b"1", _) => Ok(Some(self.instrument(fields)?.id)),
            (b"7", None) => Ok(None),
            (b"7", Some(_)) => Err(Refusal::tag(Reject::ParameterConflict, tag::SYMBOL)),
            _ => Err(Refusal::tag(Reject::FieldValue, tag)),
        }
    }
}

/// A ClOrdID in the field `tag`.
fn cl_ord_id(fields: &Fields<'_>, tag: u32) -> Result<ids::ClOrdId, Refusal> {
    ids::cl_ord_id(fields.required(tag)?).map_err(|_| Refusal::tag(Reject::ClOrdIdInvalid, tag))
}
