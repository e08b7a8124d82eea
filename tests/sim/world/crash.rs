//! What a crash leaves, judged, and the start after it.

use super::snapshots::Maker;
use super::{JOURNAL, Slot, World};
use crate::clients::seen::check;
use crate::machine::disk::Left;
use crate::venue::{SEGMENT_BYTES, VENUE};
use sealgate::config::Durability;
use sealgate::run::agent::Agent;
use sealgate::run::wiring;
use sealgate::sys::machine;
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

impl World {
    /// The process has died: it starts again, as often as it takes.
    pub(super) fn crash(&self) {
        loop {
            self.count(|summary| summary.crashes += 1);
            self.slots.take();
            self.net.reset_all();
            self.fall();
            self.full.set(false);
            self.broken.set(false);
            // Sooner than the windows of the limits are over, now and then.
            let pause = self.rng.borrow_mut().pick(&[1_000_000, 100_000_000, 1_000_000_000]);
            self.forward(pause);
            if self.start() {
                return;
            }
        }
    }

    /// What the crash left of the disk, judged.
    fn fall(&self) {
        let before = self.disk.copy();
        let left = {
            let mut rng = self.rng.borrow_mut();
            match self.plan.config.durability {
                Durability::Disk => rng.pick(&[Left::All, Left::Nothing, Left::Prefix, Left::Scattered]),
                _ => Left::All,
            }
        };
        self.note(&format!("crash {left:?}"), &[]);
        self.disk.crash(left, &mut self.rng.borrow_mut());
        self.rot_probe();
        if let Err(fault) = self.begun().then(|| self.audit(&self.disk.copy())).transpose() {
            // A write whose sectors went down out of order: refused by name, and the operator takes what was synced.
            check(left == Left::Scattered, "torn-is-cut", || format!("{left:?}: {fault}"));
            self.count(|summary| summary.refused_starts += 1);
            self.disk.restore(&before);
            self.disk.crash(Left::Nothing, &mut self.rng.borrow_mut());
            if let Err(fault) = self.begun().then(|| self.audit(&self.disk.copy())).transpose() {
                check(false, "synced-is-sound", || fault);
            }
        }
    }

    /// Whether there is a journal.
    fn begun(&self) -> bool {
        self.disk.has(".log")
    }

    /// A copy of the disk with a bit that flipped: all that was told is there, or the start is refused.
    fn rot_probe(&self) {
        if !self.chance(1, 4) || !self.begun() {
            return;
        }
        let rotten = self.disk.copy();
        let rotted = rotten.rot(&mut self.rng.borrow_mut());
        // Whoever reads it says no, or it is behind all that was ever synced, or it is in none of the journal's files.
        let Some((path, at)) = rotted else { return };
        let segment = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u32>().ok());
        if let (Some(segment), true, Ok(audit)) =
            (segment, path.extension().is_some_and(|end| end == "log"), self.look(&rotten))
        {
            // The keys of a segment stand in two pages, so that one of them may be lost.
            let unread = (segment, at as u32) >= audit.end || (4_096..12_288).contains(&at);
            check(unread, "rot-is-refused", || format!("{} at {at} of {:?}", path.display(), audit.end));
        }
    }

    /// Starts the server; whether it runs, or died on the way.
    pub(super) fn start(&self) -> bool {
        self.dead.set(false);
        self.seen.borrow_mut().starts.push(self.now.get());
        let config = self.plan.start(&mut self.rng.borrow_mut());
        let started = machine::within(&self.machine, || {
            wiring::assemble(&config, VENUE.acceptor.clone(), &self.vault, SEGMENT_BYTES)
        });
        match started {
            Ok(assembled) => {
                let notes = assembled.notes;
                check(notes.is_empty(), "snapshots-are-of-use", || format!("{notes:?}"));
                let mut agents: Vec<_> = assembled.agents.into_iter().collect();
                agents.sort_by_key(|(name, _)| name.to_string());
                let maker = machine::within(&self.machine, || {
                    Maker::new(&config, Path::new(JOURNAL), self.vault.clone())
                });
                let maker: Box<dyn Agent> = Box::new(maker);
                let agents = agents.into_iter().map(|(_, agent)| agent).chain([maker]);
                let slot = |agent| Rc::new(Slot { agent: RefCell::new(Some(agent)) });
                *self.slots.borrow_mut() = agents.map(slot).collect();
                true
            }
            Err(_) if self.dead.get() => false,
            Err(error) => panic!("invariant starts-again: {error}"),
        }
    }
}
