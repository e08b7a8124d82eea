//! A WebSocket text message → what is asked.
//!
//! ```text
//!   text ──► wire::json ──► method ──► its parameters, none unknown ──► Local: the gateway answers
//!                                          key, account, instrument ──► Shard: Unverified + the signed form
//! ```
//!
//! | method | parameters (`?` optional; every method has `returnRateLimits?` and `timing?`) |
//! |---|---|
//! | `ping`, `time`, `session.status`, `session.logout`, `userDataStream.subscribe` | |
//! | `exchangeInfo`, `ticker.book` | `symbol?` |
//! | `userDataStream.subscribe` | `from?` |
//! | `userDataStream.unsubscribe` | `subscriptionId?` |
//! | `session.logon` | `apiKey`, `timestamp`, `recvWindow?`, `signature` |
//! | `depth`, `depth.subscribe` | `symbol`, `limit?` |
//! | `ticker.book.subscribe`, `trades.subscribe`, `depth.unsubscribe` … | `symbol` |
//! | `order.place`, `order.test` | those of an order (`order.rs`), and who asks |
//! | `order.cancelReplace` | those of an order, `cancelReplaceMode`, `cancelOrderId` or `cancelOrigClientOrderId`, |
//! | | `cancelNewClientOrderId?`, and who asks |
//! | `order.cancel` | `symbol`, `orderId` or `origClientOrderId`, `newClientOrderId?`, and who asks |
//! | `order.amend.keepPriority` | the same and `newQty` |
//! | `order.status` | `symbol`, `orderId` or `origClientOrderId`, and who asks |
//! | `openOrders.status` | `symbol?`, and who asks |
//! | `cancelAllAfter` | `timeout`, and who asks |
//! | `openOrders.cancelAll` | `symbol?`, `side?`, `newClientOrderId?`, and who asks |
//! | `account.status`, `account.rateLimits.orders` | who asks |
//! | `myTrades` | `symbol`, `orderId?`, `fromId?`, `startTime?`, `endTime?`, `limit?`, and who asks |
//!
//! Who asks: `account?`, `apiKey?`, `timestamp`, `recvWindow?`, `signature`; in a session that is logged on none of
//! these has to be there, as far as `verify` and the account's policy allow it. Cost: one pass over the text, a few
//! look-ups in the directory, one SHA-256 of some 50 bytes; no allocation once warm.

mod account;
mod fields;
mod order;
#[cfg(test)]
mod tests;

use crate::config::{ApiKey, Directory, Signing};
use crate::limits::{CLOCK_AHEAD_MAX, DEPTH_LEVELS_MAX, RECV_WINDOW_DEFAULT, RECV_WINDOW_MAX};
use crate::types::{
    AccountId, ApiKeyId, ApplSeqNum, CancelOn, Detail, GatewayId, Instrument, InstrumentId, MarketStream,
    MemberId, Nanos, Query, Refusal, Reject, Request, RequestKind, ResponseType, SessionId, ShardId, Span,
    StreamPosition, Unverified,
};
use crate::wire::digest;
use crate::wire::json::{Fault, Message, Reader, RequestId, signed_form};
use fields::Fields;
use std::sync::Arc;

/// Who asks, and when.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Whose certificate it is.
    pub member: MemberId,
    /// The key that is logged on.
    pub logged_on: Option<ApiKeyId>,
    /// When the message was read.
    pub received: Nanos,
    /// The gateway's name for this request; with the time, it names an order that the client did not name.
    pub token: u64,
}

/// A decoded message.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// Its id.
    pub id: RequestId,
    /// `returnRateLimits`, where the request says so.
    pub return_rate_limits: Option<bool>,
    /// `timing`, where the request says so.
    pub timing: Option<bool>,
    /// What is asked.
    pub ask: Ask<'a>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::large_enum_variant)] // It is taken apart at once, never stored.
pub enum Ask<'a> {
    /// The gateway answers it.
    Local(Local<'a>),
    /// A shard answers it, once verified; the type concerns new orders alone.
    Shard(Unverified<'a>, ResponseType),
}

/// What the gateway itself answers.
#[derive(Clone, Copy, Debug)]
pub enum Local<'a> {
    /// `ping`.
    Ping,
    /// `time`.
    Time,
    /// `exchangeInfo`, of one instrument or of all.
    ExchangeInfo(Option<InstrumentId>),
    /// `session.logon`: ask verify, then tell the session.
    Logon(Logon<'a>),
    /// `session.status`.
    Status,
    /// `session.logout`.
    Logout,
    /// `userDataStream.subscribe`, with `from`: [`positions`].
    Subscribe(Option<&'a str>),
    /// `userDataStream.unsubscribe`, of one subscription or of whatever there is.
    Unsubscribe(Option<u32>),
    /// `depth.subscribe`, `ticker.book.subscribe`, `trades.subscribe`; the levels concern the first alone.
    Listen(MarketStream, InstrumentId, u16),
    /// `depth.unsubscribe`, `ticker.book.unsubscribe`, `trades.unsubscribe`.
    Unlisten(MarketStream, InstrumentId),
}

/// `session.logon`.
#[derive(Clone, Copy, Debug)]
pub struct Logon<'a> {
    /// Which key.
    pub key: ApiKeyId,
    /// The signed bytes.
    pub payload: &'a [u8],
    /// The signature.
    pub signature: [u8; 64],
    /// `timestamp`.
    pub sent: Nanos,
    /// `recvWindow`.
    pub recv_window: Span,
    /// `cancelOnDisconnect`.
    pub cancel_on: Option<CancelOn>,
    /// `cancelGrace`, in milliseconds.
    pub cancel_grace: Option<Span>,
}

/// Decodes messages; keeps the memory that it needs for the next one.
#[derive(Debug)]
pub struct Decoder {
    directory: Arc<Directory>,
    gateway: GatewayId,
    reader: Reader,
    signed: Vec<u8>,
    /// `timing` of the last message.
    timing: Option<bool>,
}

impl Decoder {
    /// For one gateway.
    pub fn new(directory: Arc<Directory>, gateway: GatewayId) -> Self {
        Self { directory, gateway, reader: Reader::new(), signed: Vec::new(), timing: None }
    }

    /// Decodes one message.
    pub fn decode<'a>(&'a mut self, text: &'a str, caller: &Caller) -> Result<Decoded<'a>, Fault> {
        self.timing = None;
        let message = self.reader.read(text)?;
        let desk = Desk { directory: &self.directory, gateway: self.gateway, caller };
        let return_rate_limits = Fields::new(&message).boolean("returnRateLimits");
        let timing = Fields::new(&message).boolean("timing");
        self.timing = timing.unwrap_or_default();
        let ask = return_rate_limits.and(timing).and_then(|_| desk.ask(&message, &mut self.signed));
        match (return_rate_limits, timing, ask) {
            (Ok(return_rate_limits), Ok(timing), Ok(ask)) => {
                Ok(Decoded { id: message.id, return_rate_limits, timing, ask })
            }
            (Err(refusal), ..) | (_, Err(refusal), _) | (.., Err(refusal)) => {
                Err(Fault { id: message.id, refusal })
            }
        }
    }

    /// `timing` of the last message, also where that was refused.
    pub fn timing(&self) -> Option<bool> {
        self.timing
    }
}

impl Logon<'_> {
    /// Whether the logon is recent, by the rule that shards have for requests: no shard sees this one.
    pub fn check_time(&self, now: Nanos) -> Result<(), Refusal> {
        let clocks = Detail::Clocks { server: now, sent: self.sent };
        if self.sent > now + CLOCK_AHEAD_MAX {
            Err(Refusal::with(Reject::TimestampAhead, clocks))
        } else if now.since(self.sent) > self.recv_window {
            Err(Refusal::with(Reject::TimestampTooOld, clocks))
        } else {
            Ok(())
        }
    }
}

/// Where a client is in its private streams: `from` of `userDataStream.subscribe`, such as `alpha/0:17,alpha/1:4`. Each
/// stream is one of `accounts` and of the first `shards`, and stands there once.
pub fn positions(
    from: &str,
    accounts: &[AccountId],
    shards: usize,
    directory: &Directory,
) -> Result<Vec<StreamPosition>, Refusal> {
    let wrong = Refusal::field(Reject::FieldValue, "from");
    let mut positions: Vec<StreamPosition> = Vec::new();
    for text in from.split(',').filter(|text| !text.is_empty()) {
        let (stream, number) = text.rsplit_once(':').ok_or(wrong)?;
        let (name, shard) = stream.rsplit_once('/').ok_or(wrong)?;
        let account = directory.account_by_name(name).map(|account| account.id);
        let account = account.filter(|account| accounts.contains(account));
        let account = account.ok_or(Refusal::field(Reject::AccountUnknown, "from"))?;
        let shard = shard.parse().map(ShardId).ok().filter(|shard| usize::from(shard.0) < shards);
        let (shard, number) = (shard.ok_or(wrong)?, number.parse().map(ApplSeqNum).map_err(|_| wrong)?);
        if positions.iter().any(|other| (other.account, other.shard) == (account, shard)) {
            return Err(Refusal::field(Reject::FieldRepeated, "from"));
        }
        positions.push(StreamPosition { account, shard, number });
    }
    Ok(positions)
}

/// What is at hand to understand a message.
struct Desk<'d> {
    directory: &'d Directory,
    gateway: GatewayId,
    caller: &'d Caller,
}

impl<'d> Desk<'d> {
    fn ask<'a>(&self, message: &Message<'a>, signed: &'a mut Vec<u8>) -> Result<Ask<'a>, Refusal> {
        let fields = Fields::new(message);
        if let Some(understand) = of_account(message.method) {
            return self.of_account(message, &fields, signed, understand);
        }
        match message.method {
            "depth" => {
                fields.only_public(&["symbol", "limit"])?;
                let instrument = self.instrument(&fields)?.id;
                Ok(self.public(Query::Depth { instrument, levels: levels(&fields)? }))
            }
            "ticker.book" => {
                fields.only_public(&["symbol"])?;
                Ok(self.public(Query::BookTicker { instrument: self.instrument_if_named(&fields)? }))
            }
            "session.logon" => Ok(Ask::Local(Local::Logon(self.logon(message, &fields, signed)?))),
            method => Ok(Ask::Local(self.local(method, &fields)?)),
        }
    }

    /// What concerns the connection alone.
    fn local<'a>(&self, method: &str, fields: &Fields<'_, 'a>) -> Result<Local<'a>, Refusal> {
        match method {
            "exchangeInfo" => {
                fields.only_public(&["symbol"])?;
                return Ok(Local::ExchangeInfo(self.instrument_if_named(fields)?));
            }
            "userDataStream.unsubscribe" => {
                fields.only_public(&["subscriptionId"])?;
                return Ok(Local::Unsubscribe(fields.integer("subscriptionId")?));
            }
            "userDataStream.subscribe" => {
                fields.only_public(&["from"])?;
                return Ok(Local::Subscribe(fields.text("from")?));
            }
            _ => {}
        }
        if let Some((stream, begins)) = stream(method) {
            return self.stream(stream, begins, fields);
        }
        let local = match method {
            "ping" => Local::Ping,
            "time" => Local::Time,
            "session.status" => Local::Status,
            "session.logout" => Local::Logout,
            _ => return Err(Refusal::field(Reject::UnsupportedMessage, method)),
        };
        fields.only_public(&[])?;
        Ok(local)
    }

    fn stream<'a>(
        &self,
        stream: MarketStream,
        begins: bool,
        fields: &Fields<'_, 'a>,
    ) -> Result<Local<'a>, Refusal> {
        let limited = begins && stream == MarketStream::Depth;
        fields.only_public(if limited { &["symbol", "limit"] } else { &["symbol"] })?;
        let instrument = self.instrument(fields)?.id;
        Ok(match begins {
            true => Local::Listen(stream, instrument, levels(fields)?),
            false => Local::Unlisten(stream, instrument),
        })
    }

    fn logon<'a>(
        &self,
        message: &Message<'a>,
        fields: &Fields<'_, 'a>,
        signed: &'a mut Vec<u8>,
    ) -> Result<Logon<'a>, Refusal> {
        fields.only(&["cancelOnDisconnect", "cancelGrace"])?;
        let key = self.directory.key_by_name(fields.required_text("apiKey")?);
        let key = key.filter(|key| key.member == self.caller.member).ok_or(Reject::LogonRefused)?;
        let missing = Refusal::field(Reject::FieldMissing, "signature");
        let signature = fields.signature()?.ok_or(missing)?;
        let sent = fields.timestamp()?.ok_or(Refusal::field(Reject::FieldMissing, "timestamp"))?;
        let recv_window = recv_window(fields)?;
        let cancel_on = cancel_on(fields)?;
        let cancel_grace = fields.integer("cancelGrace")?.map(|millis: u32| Span::from_millis(millis.into()));
        write_signed_form(message, key, signed)?;
        Ok(Logon { key: key.id, payload: signed, signature, sent, recv_window, cancel_on, cancel_grace })
    }

    /// A request of an account: who asks, what `understand` makes of it, and the form that is signed.
    fn of_account<'a>(
        &self,
        message: &Message<'a>,
        fields: &Fields<'_, 'a>,
        signed: &'a mut Vec<u8>,
        understand: Understand<'d>,
    ) -> Result<Ask<'a>, Refusal> {
        let asker = self.asker(fields)?;
        let Asked { kind, named, response } = understand(self, fields, &asker)?;
        write_signed_form(message, asker.key, signed)?;
        // Without a signature there are no signed bytes by which a repetition could be known: two such orders are two
        // orders, under the names that the gateway gave them.
        let named = named || asker.signature.is_none();
        let request = Request {
            kind,
            session: SessionId::NONE,
            key: asker.key.id,
            sent: asker.sent,
            recv_window: asker.recv_window,
            content: digest::content(&kind, named),
            named,
        };
        Ok(Ask::Shard(Unverified { request, signed, signature: asker.signature }, response))
    }

    /// A question about the market, which everybody who is connected may ask.
    fn public<'a>(&self, query: Query) -> Ask<'a> {
        let kind = RequestKind::Query(query);
        let request = Request {
            kind,
            session: SessionId::NONE,
            key: self.caller.logged_on.unwrap_or_default(),
            sent: self.caller.received,
            recv_window: RECV_WINDOW_DEFAULT,
            content: digest::content(&kind, true),
            named: true,
        };
        Ask::Shard(Unverified { request, signed: &[], signature: None }, ResponseType::Result)
    }

    /// Whose request it is: by `apiKey`, or else by the logon.
    fn asker(&self, fields: &Fields<'_, '_>) -> Result<Asker<'d>, Refusal> {
        let key = match fields.text("apiKey")? {
            Some(name) => self
                .directory
                .key_by_name(name)
                .filter(|key| key.member == self.caller.member)
                .ok_or(Reject::KeyUnknown)?,
            None => {
                let id = self.caller.logged_on.ok_or(Reject::NotLoggedOn)?;
                self.directory.key(id).ok_or(Reject::KeyUnknown)?
            }
        };
        let signature = fields.signature()?;
        let sent = match (fields.timestamp()?, signature) {
            (Some(sent), _) => sent,
            (None, None) => self.caller.received,
            (None, Some(_)) => return Err(Refusal::field(Reject::FieldMissing, "timestamp")),
        };
        let account = self.account(fields, key)?;
        Ok(Asker { key, account, sent, recv_window: recv_window(fields)?, signature })
    }

    /// The account that is named, or the first of the key; never one that the key may not act for.
    fn account(&self, fields: &Fields<'_, '_>, key: &ApiKey) -> Result<AccountId, Refusal> {
        // Made where it is needed alone: it has a text.
        let unknown = || Refusal::field(Reject::AccountUnknown, "account");
        let Some(name) = fields.text("account")? else {
            return key.accounts.first().copied().ok_or_else(unknown);
        };
        let account = self.directory.account_by_name(name).ok_or_else(unknown)?.id;
        if key.accounts.contains(&account) { Ok(account) } else { Err(unknown()) }
    }

    fn instrument(&self, fields: &Fields<'_, '_>) -> Result<&'d Instrument, Refusal> {
        let symbol = fields.required_text("symbol")?;
        self.directory
            .instrument_by_symbol(symbol)
            .ok_or_else(|| Refusal::field(Reject::SymbolUnknown, symbol))
    }

    fn instrument_if_named(&self, fields: &Fields<'_, '_>) -> Result<Option<InstrumentId>, Refusal> {
        match fields.text("symbol")? {
            Some(_) => Ok(Some(self.instrument(fields)?.id)),
            None => Ok(None),
        }
    }
}

/// What a request of an account is understood as.
type Understand<'d> = fn(&Desk<'d>, &Fields<'_, '_>, &Asker<'_>) -> Result<Asked, Refusal>;

fn of_account<'d>(method: &str) -> Option<Understand<'d>> {
    Some(match method {
        "order.place" => Desk::place,
        "order.test" => Desk::test,
        "order.cancel" => Desk::cancel,
        "order.cancelReplace" => Desk::replace,
        "order.amend.keepPriority" => Desk::amend,
        "order.status" => Desk::status,
        "openOrders.status" => Desk::open_orders,
        "openOrders.cancelAll" => Desk::cancel_all,
        "cancelAllAfter" => Desk::cancel_all_after,
        "account.status" => Desk::account_status,
        "account.rateLimits.orders" => Desk::rate_limits,
        "myTrades" => Desk::trades,
        _ => return None,
    })
}

/// Whose request it is, and when it was sent.
#[derive(Clone, Copy)]
struct Asker<'d> {
    key: &'d ApiKey,
    account: AccountId,
    sent: Nanos,
    recv_window: Span,
    signature: Option<[u8; 64]>,
}

/// What is asked.
struct Asked {
    kind: RequestKind,
    /// Whether the client named it.
    named: bool,
    response: ResponseType,
}

impl Asked {
    /// A question, which needs no name.
    fn question(query: Query) -> Self {
        Self { kind: RequestKind::Query(query), named: true, response: ResponseType::Result }
    }
}

fn write_signed_form(message: &Message<'_>, key: &ApiKey, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let method = match key.signing {
        Signing::Sealgate => Some(message.method),
        Signing::Binance => None,
    };
    signed_form(method, message.params.iter().map(|(name, value)| (name, value.as_written())), out)
}

fn cancel_on(fields: &Fields<'_, '_>) -> Result<Option<CancelOn>, Refusal> {
    let Some(word) = fields.text("cancelOnDisconnect")? else { return Ok(None) };
    let refusal = Refusal::field(Reject::FieldValue, "cancelOnDisconnect");
    CancelOn::from_word(word).map(Some).ok_or(refusal)
}

fn recv_window(fields: &Fields<'_, '_>) -> Result<Span, Refusal> {
    let Some(millis) = fields.integer("recvWindow")? else { return Ok(RECV_WINDOW_DEFAULT) };
    let window = Span::from_millis(millis);
    if (Span::from_millis(1)..=RECV_WINDOW_MAX).contains(&window) {
        Ok(window)
    } else {
        Err(Refusal::field(Reject::FieldValue, "recvWindow"))
    }
}

/// The stream that a method concerns, and whether it begins or ends.
fn stream(method: &str) -> Option<(MarketStream, bool)> {
    Some(match method {
        "depth.subscribe" => (MarketStream::Depth, true),
        "depth.unsubscribe" => (MarketStream::Depth, false),
        "ticker.book.subscribe" => (MarketStream::Ticker, true),
        "ticker.book.unsubscribe" => (MarketStream::Ticker, false),
        "trades.subscribe" => (MarketStream::Trades, true),
        "trades.unsubscribe" => (MarketStream::Trades, false),
        _ => return None,
    })
}

/// `limit` of `depth` and its stream; 100 by default, as Binance has it.
fn levels(fields: &Fields<'_, '_>) -> Result<u16, Refusal> {
    match fields.integer("limit")? {
        None => Ok(100),
        Some(levels) if (1..=DEPTH_LEVELS_MAX).contains(&levels) => Ok(levels),
        Some(_) => Err(Refusal::field(Reject::FieldValue, "limit")),
    }
}
