//! Fields of bodies: each type writes itself and reads itself back, little-endian, nothing between them.
//!
//! A struct is its fields in the order of the table at the end, an enum is its number, an option is 0 or 1 and
//! then the value, a text is its length and its bytes. Reading checks every number, so that a value that comes
//! out of a journal is one that could have gone in.

use crate::types::*;

/// Why a body is not what its record's type says. The checksum fits, so this is another version's journal, or
/// a fault of ours: recovery never goes on behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The body ends within a field.
    #[error("the body ends within a field")]
    Short,
    /// The body goes on after its last field.
    #[error("{0} bytes after the last field")]
    Trailing(usize),
    /// A number that its field cannot have.
    #[error("{what} cannot be {value}")]
    Value {
        /// The field's type.
        what: &'static str,
        /// The number.
        value: u64,
    },
    /// A text that is not UTF-8 or too long.
    #[error("a text that is too long or not UTF-8")]
    Text,
    /// The record is of another type than was asked for.
    #[error("a record of another type")]
    OtherType,
}

/// Writes fields, one after the other. The caller has asked for room for the longest record.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
}

/// Reads fields, one after the other.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    left: &'a [u8],
}

/// A value that can stand in a body.
pub trait Field: Sized {
    /// Writes it.
    fn write(&self, to: &mut Writer<'_>);
    /// Reads it.
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

impl<'a> Writer<'a> {
    /// A writer that begins at `at`.
    pub fn new(out: &'a mut [u8], at: usize) -> Self {
        Self { out, at }
    }

    /// Where the next field goes.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Writes a field.
    #[inline]
    pub fn put(&mut self, field: &impl Field) -> &mut Self {
        field.write(self);
        self
    }

    /// Writes bytes as they are.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
        self
    }
}

impl<'a> Reader<'a> {
    /// A reader of a body.
    pub fn new(body: &'a [u8]) -> Self {
        Self { left: body }
    }

    /// The next `count` bytes.
    #[inline]
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.left.split_at_checked(count).ok_or(DecodeError::Short)?;
        self.left = rest;
        Ok(head)
    }

    /// The next field.
    #[inline]
    pub fn take<F: Field>(&mut self) -> Result<F, DecodeError> {
        F::read(self)
    }

    /// The bytes that are left, which stay there.
    pub fn left(&self) -> &'a [u8] {
        self.left
    }

    /// As many fields as are told before them, as [`Encoder::put_all`](super::Encoder::put_all) wrote them.
    pub fn take_all<F: Field>(&mut self) -> Result<Vec<F>, DecodeError> {
        let count = self.take::<u64>()?;
        // No room is made for what may not come.
        (0..count).map(|_| self.take()).collect()
    }

    /// All bytes that are left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.left)
    }

    /// That there is nothing left.
    pub fn end(&self) -> Result<(), DecodeError> {
        if self.left.is_empty() { Ok(()) } else { Err(DecodeError::Trailing(self.left.len())) }
    }
}

macro_rules! numbers {
    ($($number:ty),*) => { $(
        impl Field for $number {
            #[inline]
            fn write(&self, to: &mut Writer<'_>) {
                to.bytes(&self.to_le_bytes());
            }

            #[inline]
            fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let bytes = from.bytes(size_of::<Self>())?;
                // `bytes` gave as many as were asked for.
                Ok(Self::from_le_bytes(bytes.try_into().map_err(|_| DecodeError::Short)?))
            }
        }
    )* };
}

macro_rules! wrapped {
    ($($name:ident),*) => { $(
        impl Field for $name {
            #[inline]
            fn write(&self, to: &mut Writer<'_>) {
                to.put(&self.0);
            }

            #[inline]
            fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                from.take().map(Self)
            }
        }
    )* };
}

macro_rules! enums {
    ($($name:ident { $($variant:ident)* })*) => { $(
        impl Field for $name {
            #[inline]
            fn write(&self, to: &mut Writer<'_>) {
                to.put(&(*self as u8));
            }

            fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let number = from.take::<u8>()?;
                $( if number == Self::$variant as u8 { return Ok(Self::$variant); } )*
                Err(DecodeError::Value { what: stringify!($name), value: number.into() })
            }
        }
    )* };
}

macro_rules! structs {
    ($($name:ident { $($field:ident)* })*) => { $(
        impl Field for $name {
            #[inline]
            fn write(&self, to: &mut Writer<'_>) {
                $( to.put(&self.$field); )*
            }

            fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                $( let $field = from.take()?; )*
                Ok(Self { $($field),* })
            }
        }
    )* };
}

macro_rules! tuples {
    ($(($($name:ident)*))*) => { $(
        impl<$($name: Field),*> Field for ($($name,)*) {
            fn write(&self, to: &mut Writer<'_>) {
                #[allow(non_snake_case)]
                let ($($name,)*) = self;
                $( to.put($name); )*
            }

            fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(($(from.take::<$name>()?,)*))
            }
        }
    )* };
}

tuples! { (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) }

// An enum's number in the journal is the number of its declaration in `types`.
enums! {
    Side { Buy Sell }
    OrdType { Market Limit LimitMaker }
    TimeInForce { Gtc Ioc Fok Gtd }
    SmpMode { None ExpireTaker ExpireMaker ExpireBoth Decrement }
    ReplaceMode { StopOnFailure AllowFailure }
    OrdStatus { New PartiallyFilled Filled Canceled Rejected Expired }
    ExecType { New Trade Canceled Rejected Expired Replaced Prevented }
    Cause {
        Requested ImmediateOrCancel FillOrKill NoLiquidity SelfMatch GoodTillDate MassCancel ReduceOnly
        SessionDisconnected SessionLoggedOut ServerRestarted CancelAllAfter KillSwitch TradingHalt
    }
    CxlRejResponseTo { Cancel Replace }
    CancelOn { Nothing Disconnect Logout Both }
    SessionEnd { Logout Disconnect }
    InstrumentKind { Spot Perpetual Future Option }
    InstrumentState { Trading Halted }
}

numbers!(u8, u16, u32, u64, i64, i128, u128);
wrapped!(
    AccountId,
    ApiKeyId,
    ApplSeqNum,
    InstrumentId,
    SessionId,
    SmpGroupId,
    OrderId,
    TradeId,
    ShardId,
    Seq,
    MsgSeqNum
);
wrapped!(Price, Qty, Notional, Nanos, Span, LogonId);

// The order of the fields is the layout: a change here is a new format version.
structs! {
    NewOrder {
        account instrument cl_ord_id side ord_type time_in_force smp smp_group reduce_only expire price qty
    }
    CancelOrder { account instrument cl_ord_id target }
    AmendOrder { account instrument cl_ord_id target price qty keep_priority unchanged }
    Unchanged { side ord_type time_in_force reduce_only expire }
    ReplaceOrder { cancel order mode }
    MassCancel { scope cl_ord_id }
    CancelScope { account instrument side session }
    Requester { session number logon key sent recv_window content signed_digest named }
    Fill { trade_id price qty maker }
    Execution { appl_seq_num exec_type order cancel_id cancel_session fill cause refusal replaced prevented }
    Replaced { orig_cl_ord_id orig_qty orig_price kept_priority }
    Prevented { qty price counter maker }
    CancelRejected {
        account instrument session cl_ord_id orig_cl_ord_id order_id status response_to refusal
    }
    CancelAllAfter { account timeout }
    CancelAllAfterSet { account at refusal }
    MassCanceled { id scope by cl_ord_id canceled refusal }
    Refusal { reject detail }
    Instrument {
        id symbol kind base quote price_scale qty_scale tick lot max_qty max_notional band_bps reference state
    }
    AccountLimits { account instrument max_open_orders max_position smp_group enabled }
    CancelTerms { on grace }
    SessionBegan { lease logon key terms }
    SessionEnded { logon end }
    KillSwitch { target engaged cancel uid }
    Engaged { target since cancel uid }
    EventRef { shard seq index }
    RequestState { name content seq link due account instrument steps kind closed is_named }
    ExposureState { instrument account position buy buy_reducing sell sell_reducing open_orders }
}

impl Field for bool {
    fn write(&self, to: &mut Writer<'_>) {
        to.put(&u8::from(*self));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match from.take::<u8>()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(DecodeError::Value { what: "bool", value: other.into() }),
        }
    }
}

impl<T: Field> Field for Option<T> {
    fn write(&self, to: &mut Writer<'_>) {
        to.put(&self.is_some());
        if let Some(value) = self {
            to.put(value);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if from.take()? { from.take().map(Some) } else { Ok(None) }
    }
}

impl<const N: usize> Field for [u8; N] {
    fn write(&self, to: &mut Writer<'_>) {
        to.bytes(self);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.bytes(N)?.try_into().map_err(|_| DecodeError::Short)
    }
}

impl<const N: usize> Field for Text<N> {
    fn write(&self, to: &mut Writer<'_>) {
        to.put(&(self.as_bytes().len() as u8));
        to.bytes(self.as_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let length = from.take::<u8>()?;
        Text::from_bytes(from.bytes(length.into())?).map_err(|_| DecodeError::Text)
    }
}

impl Field for Scale {
    fn write(&self, to: &mut Writer<'_>) {
        to.put(&self.0);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match from.take::<u8>()? {
            places if places <= Self::MAX.0 => Ok(Self(places)),
            other => Err(DecodeError::Value { what: "Scale", value: other.into() }),
        }
    }
}

impl Field for Reject {
    fn write(&self, to: &mut Writer<'_>) {
        to.put(&self.info().number);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let number = from.take::<u16>()?;
        Self::from_number(number).ok_or(DecodeError::Value { what: "Reject", value: number.into() })
    }
}

// The order of the fields of an order; apart from the table because of what must hold between them.
impl Field for Order {
    #[inline]
    fn write(&self, to: &mut Writer<'_>) {
        to.put(&self.id);
        to.put(&self.cl_ord_id);
        to.put(&self.account);
        to.put(&self.instrument);
        to.put(&self.session);
        to.put(&self.lease);
        to.put(&self.side);
        to.put(&self.ord_type);
        to.put(&self.time_in_force);
        to.put(&self.smp);
        to.put(&self.smp_group);
        to.put(&self.reduce_only);
        to.put(&self.expire);
        to.put(&self.price);
        to.put(&self.qty);
        to.put(&self.cum_qty);
        to.put(&self.prevented_qty);
        to.put(&self.cum_quote);
        to.put(&self.status);
        to.put(&self.created);
        to.put(&self.updated);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let order = Self {
            id: from.take()?,
            cl_ord_id: from.take()?,
            account: from.take()?,
            instrument: from.take()?,
            session: from.take()?,
            lease: from.take()?,
            side: from.take()?,
            ord_type: from.take()?,
            time_in_force: from.take()?,
            smp: from.take()?,
            smp_group: from.take()?,
            reduce_only: from.take()?,
            expire: from.take()?,
            price: from.take()?,
            qty: from.take()?,
            cum_qty: from.take()?,
            prevented_qty: from.take()?,
            cum_quote: from.take()?,
            status: from.take()?,
            created: from.take()?,
            updated: from.take()?,
        };
        // `Order::remaining` relies on it.
        if order.cum_qty.0.checked_add(order.prevented_qty.0).is_none_or(|done| done > order.qty.0) {
            return Err(DecodeError::Value { what: "CumQty", value: order.cum_qty.0 });
        }
        Ok(order)
    }
}
