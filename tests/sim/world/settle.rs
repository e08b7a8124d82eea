//! The end of a run: everything that is under way comes to its end, and all must fit.

use super::{CLIENTS, World};
use crate::clients::Client;
use crate::clients::seen::check;
use crate::machine::disk::SimDisk;
use sealgate::run::agent::{Agent, Epilogue};
use sealgate::run::phase::Phase;
use sealgate::types::{Nanos, SessionId};
use std::rc::Rc;

/// The disk after a run in which nothing went wrong, and so many bytes were written.
pub fn journal(seed: u64, bytes: usize) -> SimDisk {
    let world = Rc::new(World::new(seed, 0, false));
    world.calm.set(true);
    assert!(world.start(), "nothing goes wrong");
    while world.disk.written() < bytes {
        world.rounds(1, 250_000_000);
    }
    world.settle();
    world.disk.picture()
}

impl World {
    /// Nothing goes wrong any more: everything that is under way comes to its end, and all must fit.
    pub(super) fn settle(&self) {
        self.settling.set(true);
        self.full.set(false);
        if self.dead.get() {
            self.crash();
        }
        for at in 0..CLIENTS {
            if let Some(conn) = self.clients.borrow()[at].conn() {
                self.net.stall(conn, false);
            }
        }
        self.all_leave();
        self.rounds(60, 20_000_000);
        for at in 0..2 {
            self.with_client(at, |client, turn| {
                if let Client::Fix(fix) = client {
                    fix.test(turn);
                }
            });
        }
        self.rounds(40, 20_000_000);
        for at in 0..CLIENTS {
            self.with_client(at, |client, turn| {
                if let Client::Ws(ws) = client {
                    ws.order_at_last(turn);
                }
            });
        }
        self.rounds(20, 20_000_000);
        // Timers stand still, so that the last events are heard.
        self.rounds(20, 0);
        let settled = self.clients.borrow().iter().all(Client::is_settled);
        check(settled, "everybody-is-answered", || "a client still waits".to_owned());
        let hashes = self.stop();
        let audit =
            self.audit(&self.disk.picture()).unwrap_or_else(|fault| panic!("invariant sound: {fault}"));
        check(audit.shards == hashes, "same-state", || format!("{:?} {hashes:?}", audit.shards));
        for client in self.clients.borrow().iter() {
            match client {
                Client::Fix(fix) => fix.nothing_is_lost(&self.seen.borrow()),
                Client::Ws(ws) => ws.took_the_last(&self.seen.borrow()),
                Client::Watcher(watcher) => {
                    for (traded, bids, asks) in watcher.holds() {
                        let is_all = audit.model.is_held(traded, &bids, &asks);
                        check(is_all, "market-is-told-at-last", || format!("{traded}: {bids:?} {asks:?}"));
                    }
                }
            }
        }
        audit.everything_was_told(&self.seen.borrow(), &[(0, SessionId(1)), (1, SessionId(2))]);
    }

    /// Everybody leaves, and stays away longer than any grace: of the orders of their sessions none is left that they
    /// agreed on to cancel, and every session has ended.
    fn all_leave(&self) {
        self.rounds(10, 20_000_000);
        (0..CLIENTS).for_each(|at| self.with_client(at, Client::leave));
        (0..16).for_each(|_| self.round(200_000_000));
        let audit = self.audit(&self.disk.copy()).unwrap_or_else(|fault| panic!("invariant sound: {fault}"));
        audit.model.nobody_is_there(self.now.get());
    }

    pub(super) fn rounds(&self, count: usize, span: u64) {
        for _ in 0..count {
            self.round(span);
            (0..CLIENTS).for_each(|at| self.act(at));
        }
    }

    /// Time passes, and everything that is under way arrives.
    fn round(&self, span: u64) {
        self.forward(span);
        self.deliver_all();
        for slot in self.slots.borrow().iter() {
            self.poll(slot);
        }
        self.deliver_all();
    }

    fn deliver_all(&self) {
        for flight in self.net.flights() {
            self.net.deliver(flight, true);
        }
    }

    /// Ends the process in order; the state of each shard.
    fn stop(&self) -> Vec<(u8, u64, [u8; 32])> {
        let slots = self.slots.take();
        for phase in Phase::STOPPING {
            for _ in 0..10 {
                for slot in &slots {
                    self.poll(slot);
                    let mut agent = slot.agent.borrow_mut();
                    agent.as_mut().expect("it runs").stopping(phase, Nanos(self.now.get()));
                }
            }
        }
        let epilogues = slots.iter().filter_map(|slot| slot.agent.take().map(Agent::finish));
        let mut hashes: Vec<_> = epilogues
            .filter_map(|epilogue| match epilogue {
                Epilogue::Shard { shard, last, state_hash } => Some((shard.0, last.0, state_hash)),
                Epilogue::Nothing => None,
            })
            .collect();
        hashes.sort_unstable();
        hashes
    }
}
