//! The sessions of a gateway, and which of them have something to do.
//!
//! A gateway may keep thousands of sessions of which a few speak. Whoever takes a session to change it puts it on the
//! list, and a turn goes through the list alone; what is idle then leaves it. So an idle session costs a turn nothing.

use super::Line;
use crate::types::SessionId;
use std::collections::BTreeMap;

/// The table.
#[derive(Default)]
pub(super) struct Table {
    entries: BTreeMap<SessionId, Entry>,
    /// Each once, in the order in which they came.
    busy: Vec<SessionId>,
}

struct Entry {
    line: Line,
    /// Whether it stands in `busy`.
    listed: bool,
}

impl Table {
    /// Puts a session under its number.
    pub(super) fn insert(&mut self, session: SessionId, line: Line) {
        self.entries.insert(session, Entry { line, listed: false });
    }

    /// Looks at a session.
    pub(super) fn get(&self, session: &SessionId) -> Option<&Line> {
        self.entries.get(session).map(|entry| &entry.line)
    }

    /// Takes a session to change it.
    pub(super) fn get_mut(&mut self, session: &SessionId) -> Option<&mut Line> {
        let entry = self.entries.get_mut(session)?;
        if !std::mem::replace(&mut entry.listed, true) {
            self.busy.push(*session);
        }
        Some(&mut entry.line)
    }

    /// Looks at all of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&SessionId, &Line)> {
        self.entries.iter().map(|(session, entry)| (session, &entry.line))
    }

    /// Those that were taken since they were idle last.
    pub(super) fn busy(&self) -> impl Iterator<Item = &Line> {
        self.busy.iter().filter_map(|session| self.get(session))
    }

    /// The same, to be changed, until `visit` has had enough.
    pub(super) fn visit_busy(&mut self, mut visit: impl FnMut(SessionId, &mut Line) -> bool) {
        for session in &self.busy {
            if let Some(entry) = self.entries.get_mut(session)
                && !visit(*session, &mut entry.line)
            {
                return;
            }
        }
    }

    /// All of them, to be changed. To be asked for when the clock was set, which is rare.
    pub(super) fn visit_all(&mut self, visit: impl FnMut(&mut Line)) {
        self.visit_some(SessionId::NONE, usize::MAX, visit);
    }

    /// So many of them, to be changed, from a number on. Where to go on: whoever looks at all of them does so a few at
    /// a time, because ten thousand are a stop of a millisecond.
    pub(super) fn visit_some(
        &mut self,
        from: SessionId,
        most: usize,
        mut visit: impl FnMut(&mut Line),
    ) -> Option<SessionId> {
        let mut entries = self.entries.range_mut(from..);
        for (session, entry) in entries.by_ref().take(most) {
            visit(&mut entry.line);
            if !entry.listed && !entry.line.is_idle() {
                entry.listed = true;
                self.busy.push(*session);
            }
        }
        entries.next().map(|(session, _)| *session)
    }

    /// Takes those that are idle from the list.
    pub(super) fn retain_busy(&mut self) {
        let Self { entries, busy } = self;
        busy.retain(|session| {
            let Some(entry) = entries.get_mut(session) else { return false };
            entry.listed = !entry.line.is_idle();
            entry.listed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::fix::Settings;

    fn table(sessions: u16) -> Table {
        let mut table = Table::default();
        for id in (1..=sessions).map(SessionId) {
            table.insert(id, Line::new(Settings::dormant(id), None));
        }
        table
    }

    #[test]
    fn a_round_looks_at_each_session_once_and_at_a_few_at_a_time() {
        let mut table = table(150);
        let (mut from, mut visits) = (Some(SessionId::NONE), Vec::new());
        while let Some(session) = from {
            let mut count = 0;
            from = table.visit_some(session, 64, |_| count += 1);
            visits.push(count);
        }
        assert_eq!(visits, [64, 64, 22]);
    }

    #[test]
    fn a_turn_looks_at_no_session_that_is_idle() {
        let mut table = table(1_000);
        let visits = |table: &mut Table| {
            let mut count = 0;
            table.visit_busy(|_, _| {
                count += 1;
                true
            });
            count
        };
        assert_eq!(visits(&mut table), 0);
        for _ in 0..3 {
            table.get_mut(&SessionId(7));
        }
        assert_eq!(visits(&mut table), 1, "each stands there once");
        table.visit_all(|_| {});
        table.retain_busy();
        assert_eq!((visits(&mut table), table.busy().count()), (0, 0), "it has nothing to do");
    }
}
