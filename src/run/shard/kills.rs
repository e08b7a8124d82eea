//! Kill switches: what they stop is refused by risk; what was open when they were engaged can be canceled with it.
//!
//! ```text
//!   engaged ─► risk refuses from the next command on ─► an account:    its orders, book by book      cancels.rs
//!                                                    └► an instrument: its book, best price first, until it is empty
//! ```

use super::{At, Pending, Rest, Shard};
use crate::limits::CANCELS_PER_STEP_MAX;
use crate::matching::Closing;
use crate::types::{Cause, Command, Engaged, Event, InstrumentId, KillSwitch, KillTarget};

impl Shard {
    /// The kill switches that are engaged, those of accounts first.
    pub fn engaged(&self) -> impl ExactSizeIterator<Item = Engaged> {
        self.risk.engaged()
    }

    /// Whether a command changes nothing, so that it needs no record.
    pub(super) fn is_idle(&self, command: &Command) -> bool {
        match command {
            Command::Kill(switch) => self.risk.is_idle(switch),
            _ => self.leases.is_idle(command),
        }
    }

    pub(super) fn run_kill(&mut self, at: At, switch: &KillSwitch) {
        self.risk.switch(switch, at.1);
        self.events.push(Event::Kill(*switch));
        if !(switch.engaged && switch.cancel) {
            return;
        }
        match switch.target {
            KillTarget::Account(account) => self.cancel_all_of(account, Cause::KillSwitch, at),
            KillTarget::Instrument(instrument) => self.empty_book(instrument, at),
        }
    }

    /// Cancels the orders of a book, whosever they are, as many as a step may hold. All of them are meant, so the next
    /// step goes on with what is the best then.
    pub(super) fn empty_book(&mut self, instrument: InstrumentId, at: At) {
        while let Some(handle) = self.books.get(&instrument).and_then(|book| book.first()) {
            if self.events.len() >= CANCELS_PER_STEP_MAX {
                self.pending = Some(Pending { rest: Rest::Book(instrument), origin: None });
                return;
            }
            let (book, mut tape) = self.book_and_tape(instrument, at.1);
            book.close(handle, &Closing::by_venue(Cause::TradingHalt), &mut tape);
            self.follow_last(at.0);
        }
    }
}
