//! What accounts asked for in a window and in a day, against their limits, over the restarts too.
//!
//! Gateways tell with each answer when they let its request pass. After a restart those count that a shard has
//! executed: of the others nobody knows any more.

use crate::clients::seen::{Passed, RateClass, Seen, check};
use crate::venue;
use std::collections::{BTreeMap, BTreeSet};

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400 * SECOND;

/// No window of an account has more requests than its limit, counted by what the answers tell; `executed`: attempts
/// that a shard has executed.
pub fn rates(seen: &Seen, executed: &BTreeSet<usize>, a_day: Option<u32>) {
    for ((member, class), passed) in &seen.passed {
        let limit = match class {
            RateClass::Orders => venue::ORDER_RATE,
            RateClass::Cancels => venue::CANCEL_RATE,
            RateClass::Queries => venue::QUERY_RATE,
        };
        // Copies of one message are told by the same answers: which of them ran, nobody can say.
        let is_kept = |passed: &&Passed| {
            passed.attempt.is_some_and(|it| executed.contains(&it) && !seen.attempts[it].sent_again)
        };
        let (mut kept, mut runs) = (Vec::new(), BTreeMap::<usize, Vec<u64>>::new());
        for passed in passed {
            let run = seen.starts.partition_point(|start| *start <= passed.at);
            runs.entry(run).or_insert_with(|| kept.clone()).push(passed.at);
            kept.extend(Some(passed).filter(is_kept).map(|passed| passed.at));
        }
        let is_too_much = |some: &&[u64]| some[limit as usize] - some[0] < SECOND;
        for run in runs.values() {
            let crowded = run.windows(limit as usize + 1).find(is_too_much);
            check(crowded.is_none(), "limit-rate", || {
                format!("{class:?} of member {member}: {limit} in a second, and {crowded:?}")
            });
        }
        if let (RateClass::Orders, Some(most)) = (class, a_day) {
            let mut days = BTreeMap::<u64, u32>::new();
            kept.iter().for_each(|at| *days.entry(at / DAY).or_default() += 1);
            let crowded = days.iter().find(|(_, count)| **count > most);
            check(crowded.is_none(), "limit-day", || {
                format!("member {member}: {most} a day, and {crowded:?}")
            });
        }
    }
}
