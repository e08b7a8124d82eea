//! Fields that are one of several things: a number says which, and its values follow.

use super::Stream;
use super::fields::{DecodeError, Field, Reader, Writer};
use crate::types::*;

impl Field for OrderRef {
    fn write(&self, to: &mut Writer<'_>) {
        match self {
            Self::OrderId(id) => to.put(&1u8).put(id),
            Self::ClOrdId(id) => to.put(&2u8).put(id),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match from.take::<u8>()? {
            1 => from.take().map(Self::OrderId),
            2 => from.take().map(Self::ClOrdId),
            other => Err(DecodeError::Value { what: "OrderRef", value: other.into() }),
        }
    }
}

impl Field for Stream {
    fn write(&self, to: &mut Writer<'_>) {
        to.put(&self.to_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (kind, id) = from.take()?;
        Self::from_bytes(kind, id).ok_or(DecodeError::Value { what: "Stream", value: kind.into() })
    }
}

impl Field for LeaseId {
    fn write(&self, to: &mut Writer<'_>) {
        match self {
            Self::Session(session) => to.put(&1u8).put(session),
            Self::Logon(logon) => to.put(&2u8).put(logon),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match from.take::<u8>()? {
            1 => from.take().map(Self::Session),
            2 => from.take().map(Self::Logon),
            other => Err(DecodeError::Value { what: "LeaseId", value: other.into() }),
        }
    }
}

impl Field for KillTarget {
    fn write(&self, to: &mut Writer<'_>) {
        match self {
            Self::Account(account) => to.put(&1u8).put(account),
            Self::Instrument(instrument) => to.put(&2u8).put(instrument),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match from.take::<u8>()? {
            1 => from.take().map(Self::Account),
            2 => from.take().map(Self::Instrument),
            other => Err(DecodeError::Value { what: "KillTarget", value: other.into() }),
        }
    }
}

impl Field for Detail {
    fn write(&self, to: &mut Writer<'_>) {
        match self {
            Self::None => to.put(&0u8),
            Self::RetryAfter(span) => to.put(&1u8).put(span),
            Self::Field(name) => to.put(&2u8).put(name),
            Self::Tag(tag) => to.put(&3u8).put(tag),
            Self::SignedSha256(digest) => to.put(&4u8).put(digest),
            Self::Clocks { server, sent } => to.put(&5u8).put(server).put(sent),
            Self::OrderId(id) => to.put(&6u8).put(id),
            Self::Bound(bound) => to.put(&7u8).put(bound),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match from.take::<u8>()? {
            0 => Self::None,
            1 => Self::RetryAfter(from.take()?),
            2 => Self::Field(from.take()?),
            3 => Self::Tag(from.take()?),
            4 => Self::SignedSha256(from.take()?),
            5 => Self::Clocks { server: from.take()?, sent: from.take()? },
            6 => Self::OrderId(from.take()?),
            7 => Self::Bound(from.take()?),
            other => return Err(DecodeError::Value { what: "Detail", value: other.into() }),
        })
    }
}

impl Field for Continue {
    fn write(&self, to: &mut Writer<'_>) {
        match self {
            Self::Order { instrument, order } => to.put(&1u8).put(instrument).put(order),
            Self::Cancels(scope) => to.put(&2u8).put(scope),
            Self::Book(instrument) => to.put(&3u8).put(instrument),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match from.take::<u8>()? {
            1 => Ok(Self::Order { instrument: from.take()?, order: from.take()? }),
            2 => from.take().map(Self::Cancels),
            3 => from.take().map(Self::Book),
            other => Err(DecodeError::Value { what: "Continue", value: other.into() }),
        }
    }
}

impl Field for Command {
    fn write(&self, to: &mut Writer<'_>) {
        match self {
            Self::New(requester, order) => to.put(&1u8).put(requester).put(order),
            Self::Cancel(requester, cancel) => to.put(&2u8).put(requester).put(cancel),
            Self::Continue(rest) => to.put(&3u8).put(rest),
            Self::Instrument(instrument) => to.put(&4u8).put(instrument),
            Self::Account(limits) => to.put(&5u8).put(limits),
            Self::Reference(instrument, price) => to.put(&6u8).put(instrument).put(price),
            Self::Timers => to.put(&7u8),
            Self::SessionBegan(began) => to.put(&8u8).put(began),
            Self::SessionEnded(ended) => to.put(&9u8).put(ended),
            Self::Restarted => to.put(&10u8),
            Self::CancelAllAfter(requester, request) => to.put(&11u8).put(requester).put(request),
            Self::Kill(switch) => to.put(&12u8).put(switch),
            Self::Amend(requester, amend) => to.put(&16u8).put(requester).put(amend),
            Self::Replace(requester, replace) => to.put(&17u8).put(requester).put(replace),
            Self::MassCancel(requester, cancel) => to.put(&18u8).put(requester).put(cancel),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match from.take::<u8>()? {
            1 => Self::New(from.take()?, from.take()?),
            2 => Self::Cancel(from.take()?, from.take()?),
            3 => Self::Continue(from.take()?),
            4 => Self::Instrument(from.take()?),
            5 => Self::Account(from.take()?),
            6 => Self::Reference(from.take()?, from.take()?),
            7 => Self::Timers,
            8 => Self::SessionBegan(from.take()?),
            9 => Self::SessionEnded(from.take()?),
            10 => Self::Restarted,
            11 => Self::CancelAllAfter(from.take()?, from.take()?),
            12 => Self::Kill(from.take()?),
            16 => Self::Amend(from.take()?, from.take()?),
            17 => Self::Replace(from.take()?, from.take()?),
            18 => Self::MassCancel(from.take()?, from.take()?),
            other => return Err(DecodeError::Value { what: "Command", value: other.into() }),
        })
    }
}

impl Field for Event {
    fn write(&self, to: &mut Writer<'_>) {
        match self {
            Self::Execution(execution) => to.put(&1u8).put(execution),
            Self::CancelRejected(reject) => to.put(&2u8).put(reject),
            Self::Instrument(instrument) => to.put(&3u8).put(instrument),
            Self::Account(limits) => to.put(&4u8).put(limits),
            Self::Reference(instrument, price) => to.put(&5u8).put(instrument).put(price),
            Self::CancelAllAfter(set) => to.put(&6u8).put(set),
            Self::Kill(switch) => to.put(&7u8).put(switch),
            Self::MassCanceled(canceled) => to.put(&16u8).put(canceled),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match from.take::<u8>()? {
            1 => Self::Execution(from.take()?),
            2 => Self::CancelRejected(from.take()?),
            3 => Self::Instrument(from.take()?),
            4 => Self::Account(from.take()?),
            5 => Self::Reference(from.take()?, from.take()?),
            6 => Self::CancelAllAfter(from.take()?),
            7 => Self::Kill(from.take()?),
            16 => Self::MassCanceled(from.take()?),
            other => return Err(DecodeError::Value { what: "Event", value: other.into() }),
        })
    }
}
