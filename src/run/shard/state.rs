//! All that a shard holds, as bytes of a snapshot.
//!
//! ```text
//!   number, time, trades │ risk │ books: orders as they came to rest │ once │ timers, leases, dead men
//!   │ private streams │ history │ what is pending
//! ```
//!
//! Places are those of one run: where an order rests, where a request is remembered. They are written as the names of
//! what is there, and found again when it is. Each part is taken apart by name, so that whoever adds something to it is
//! asked here what a snapshot does with it.

use super::cancels::Cancels;
use super::dead_man::DeadMen;
use super::history::History;
use super::leases::Leases;
use super::streams::Streams;
use super::timers::Timers;
use super::{Pending, Rest, Shard, Sweep};
use crate::limits::EVENTS_PER_STEP_MAX;
use crate::matching::{Book, Handle, Taker};
use crate::once::{Entry, Hasher, Known, Once};
use crate::risk::Risk;
use crate::sequence::Sequencer;
use crate::types::{
    Command, Instrument, InstrumentId, Nanos, Order, OrderId, Price, RequestState, Seq, ShardId,
};
use crate::wire::record::{DecodeError, Encoder, Reader};
use std::collections::{BTreeMap, HashMap};

/// Where the orders of all books rest.
type Handles = HashMap<OrderId, Handle>;

impl Shard {
    /// Writes all of it, as it is between two steps.
    pub fn save(&self, to: &mut Encoder) {
        let Self {
            id,
            sequencer,
            once,
            risk,
            books,
            trades,
            pending,
            history,
            streams,
            timers,
            leases,
            dead_men,
            // Not part of the state.
            at_hand: _,
            takes_orders: _,
            events: _,
            continuation: _,
        } = self;
        to.put(id).put(&sequencer.last()).put(&sequencer.time(Nanos(0))).put(trades);
        to.put_all(risk.listed()).put_all(risk.accounts().copied()).put_all(risk.exposures());
        to.put_all(risk.engaged());
        to.put(&(books.len() as u64));
        for (instrument, book) in books {
            to.put(instrument).put_all(book.as_rested().into_iter().copied());
        }
        save_once(once, to);
        timers.save(to);
        leases.save(to);
        dead_men.save(to);
        streams.save(to);
        history.save(to);
        save_pending(pending.as_ref(), once, books, to);
    }

    /// Reads what [`Shard::save`] wrote. Whoever calls it compares [`Shard::state_hash`].
    pub fn load(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (id, last, time): (ShardId, Seq, Nanos) = from.take()?;
        let trades = from.take()?;
        let listed: Vec<(Instrument, Option<Price>)> = from.take_all()?;
        let risk = Risk::restore(listed, from.take_all()?, &from.take_all()?, from.take_all()?);
        let (books, handles) = load_books(from)?;
        let once = load_once(id, from, &handles)?;
        let (timers, leases, dead_men) = (Timers::load(from)?, Leases::load(from)?, DeadMen::load(from)?);
        let (streams, history) = (Streams::load(from)?, History::load(from)?);
        let pending = load_pending(from, &once, &handles)?;
        Ok(Self {
            id,
            sequencer: Sequencer::after(last, time),
            once,
            risk,
            books,
            trades,
            pending,
            history,
            streams,
            timers,
            leases,
            dead_men,
            at_hand: Seq(0),
            takes_orders: true,
            events: Vec::with_capacity(EVENTS_PER_STEP_MAX),
            continuation: Command::Timers,
        })
    }
}

fn load_books(from: &mut Reader<'_>) -> Result<(BTreeMap<InstrumentId, Book>, Handles), DecodeError> {
    let (mut books, mut handles) = (BTreeMap::new(), Handles::new());
    for _ in 0..from.take::<u64>()? {
        let (instrument, orders): (InstrumentId, Vec<Order>) = (from.take()?, from.take_all()?);
        let book = Book::restore(&orders, |order, handle| {
            handles.insert(order.id, handle);
        });
        let book = book.map_err(|what| DecodeError::Value { what, value: instrument.0.into() })?;
        books.insert(instrument, book);
    }
    Ok((books, handles))
}

fn save_once(once: &Once, to: &mut Encoder) {
    to.put(&once.hasher().secret()).put(&(once.len() as u64));
    once.entries().for_each(|entry| {
        to.put(&entry.state());
    });
}

/// The requests, each resting order at its place.
fn load_once(shard: ShardId, from: &mut Reader<'_>, handles: &Handles) -> Result<Once, DecodeError> {
    let (secret, count): (u128, u64) = from.take()?;
    let (mut fault, mut resting) = (None, 0);
    let mut entry = || -> Result<Entry, DecodeError> {
        let mut state: RequestState = from.take()?;
        let wrong = DecodeError::Value { what: "remembered request", value: state.seq.0 };
        if Entry::is_resting(&state) {
            resting += 1;
            let handle = handles.get(&OrderId::new(shard, state.seq)).ok_or(wrong)?;
            state.link = handle.0.into();
        }
        Entry::from_state(&state).ok_or(wrong)
    };
    let entries = (0..count).map_while(|_| entry().map_err(|why| fault = Some(why)).ok());
    let once = Once::restore(shard, Hasher::with_secret(secret), entries);
    match fault {
        Some(fault) => Err(fault),
        None if resting == handles.len() => Ok(once),
        None => Err(DecodeError::Value { what: "resting orders", value: resting as u64 }),
    }
}

fn save_pending(
    pending: Option<&Pending>,
    once: &Once,
    books: &BTreeMap<InstrumentId, Book>,
    to: &mut Encoder,
) {
    match pending.map(|Pending { rest, origin: _ }| rest) {
        None => to.put(&0u8),
        Some(Rest::Order(Sweep { taker, known, entered })) => {
            let known = [known, entered].map(|known| once.entry(*known).seq);
            to.put(&1u8).put(&taker.order).put(&taker.worst()).put(&(known[0], known[1]))
        }
        Some(Rest::Cancels(cancels)) => {
            to.put(&2u8);
            cancels.save(books, to);
            to
        }
        Some(Rest::Book(instrument)) => to.put(&3u8).put(instrument),
    };
}

fn load_pending(
    from: &mut Reader<'_>,
    once: &Once,
    handles: &Handles,
) -> Result<Option<Pending>, DecodeError> {
    let rest = match from.take::<u8>()? {
        0 => return Ok(None),
        1 => {
            let taker = Taker::resumed(from.take()?, from.take()?);
            let known = |seq: Seq| -> Result<Known, DecodeError> {
                once.by_step(seq).ok_or(DecodeError::Value { what: "request", value: seq.0 })
            };
            let (first, second) = from.take()?;
            Rest::Order(Sweep { taker, known: known(first)?, entered: known(second)? })
        }
        2 => Rest::Cancels(Cancels::load(from, |order| handles.get(&order).copied())?),
        3 => Rest::Book(from.take()?),
        other => return Err(DecodeError::Value { what: "pending", value: other.into() }),
    };
    Ok(Some(Pending { rest, origin: None }))
}
