//! The self-check: what the clients saw against what the journal says, read offline after the server has stopped.
//!
//! ```text
//!   testimonies of the clients ──┐
//!   promises of earlier runs ────┼──► each request answered once ─► executions equal ─► promises kept
//!   journal, replayed ───────────┘    ─► positions sum to zero ─► state hash equal
//! ```
//!
//! Pure: what is compared comes in, what was found goes out.

use super::acknowledged::Line;
use super::witness::{Request, Seen, Testimony, Verdict};
use crate::config::Directory;
use crate::types::{
    AccountId, ClOrdId, Event, ExecType, Execution, InstrumentId, OrderId, Reject, Seq, ShardId,
};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

/// Breaches that are told one by one; of the rest the number.
const BREACHES_TOLD_MAX: usize = 10;

/// What the journal says, read offline.
#[derive(Debug, Default)]
pub struct Journal {
    /// All events with their records, in order.
    pub events: Vec<(ShardId, Seq, Event)>,
    /// Positions: bought less sold.
    pub positions: Vec<(InstrumentId, AccountId, i128)>,
    /// Of each shard the last record and the hash of its state after it.
    pub shards: BTreeMap<ShardId, (Seq, [u8; 32])>,
}

impl Journal {
    /// The last record of each shard.
    pub fn last(&self) -> BTreeMap<ShardId, Seq> {
        self.shards.iter().map(|(shard, (last, _))| (*shard, *last)).collect()
    }
}

/// What was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    /// Whether everything holds.
    pub holds: bool,
    /// One by one.
    pub checks: Vec<Check>,
}

/// One property.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What must hold.
    pub property: &'static str,
    /// On how many things it was looked at.
    pub compared: u64,
    /// Where it does not hold, at most ten.
    pub breaches: Vec<String>,
    /// In how many places it does not hold.
    pub breach_count: u64,
}

/// What the clients saw in this run, and what the journal had before it.
pub struct Run {
    /// The clients' word.
    pub testimonies: Vec<Testimony>,
    /// The last record of each shard before the clients began: older orders are not theirs.
    pub before: BTreeMap<ShardId, Seq>,
    /// The hash of each shard's state, as the server told it when it stopped.
    pub stopped: BTreeMap<ShardId, (Seq, [u8; 32])>,
}

/// All checks of a run.
pub fn run(run: &Run, journal: &Journal) -> Findings {
    let recorded = Recorded::since(&run.before, journal);
    Findings::of(vec![
        each_request_answered_once(run, &recorded),
        executions_equal(run, &recorded),
        positions_sum_to_zero(journal),
        state_hashes_equal(run, journal),
    ])
}

/// Whether the journal has everything that was acknowledged in earlier runs.
pub fn promises(lines: &[Line], journal: &Journal, directory: &Directory) -> Findings {
    Findings::of(vec![promises_kept(lines, journal, directory)])
}

/// What must hold of any journal.
pub fn balance(journal: &Journal) -> Findings {
    Findings::of(vec![positions_sum_to_zero(journal)])
}

/// The executions of the run, found by what clients know of them.
struct Recorded<'a> {
    executions: Vec<&'a Execution>,
    by_cl_ord_id: HashMap<(AccountId, ClOrdId), Vec<&'a Execution>>,
    canceled_by: HashMap<(AccountId, ClOrdId), OrderId>,
    cancels_rejected: HashMap<(AccountId, ClOrdId), u32>,
}

impl<'a> Recorded<'a> {
    fn since(before: &BTreeMap<ShardId, Seq>, journal: &'a Journal) -> Self {
        let mut recorded = Self {
            executions: Vec::new(),
            by_cl_ord_id: HashMap::new(),
            canceled_by: HashMap::new(),
            cancels_rejected: HashMap::new(),
        };
        let last_before = |shard: ShardId| before.get(&shard).copied().unwrap_or_default();
        let of_run = journal.events.iter().filter(|(shard, seq, _)| *seq > last_before(*shard));
        for (shard, _, event) in of_run {
            match event {
                Event::Execution(execution) => {
                    let order = &execution.order;
                    // Orders of an earlier run may be closed in this one; an order that was refused has no OrderID.
                    if order.id != OrderId::NONE && order.id <= OrderId::new(*shard, last_before(*shard)) {
                        continue;
                    }
                    recorded.executions.push(execution);
                    recorded
                        .by_cl_ord_id
                        .entry((order.account, order.cl_ord_id))
                        .or_default()
                        .push(execution);
                    if let Some(cancel) = execution.cancel_id {
                        recorded.canceled_by.insert((order.account, cancel), order.id);
                    }
                }
                Event::CancelRejected(reject) => {
                    *recorded.cancels_rejected.entry((reject.account, reject.cl_ord_id)).or_default() += 1;
                }
                Event::MassCanceled(_)
                | Event::CancelAllAfter(_)
                | Event::Instrument(_)
                | Event::Account(_)
                | Event::Reference(..)
                | Event::Kill(_) => {}
            }
        }
        recorded
    }

    fn count(&self, account: AccountId, id: ClOrdId, exec_type: ExecType) -> usize {
        let executions = self.by_cl_ord_id.get(&(account, id)).map_or(&[][..], Vec::as_slice);
        executions.iter().filter(|execution| execution.exec_type == exec_type).count()
    }
}

fn each_request_answered_once(run: &Run, recorded: &Recorded<'_>) -> Check {
    let mut check = Check::of("each order and cancel is answered exactly once, as the journal has it");
    for testimony in &run.testimonies {
        for complaint in &testimony.complaints {
            check.breach(complaint.clone());
        }
        for (id, request) in &testimony.requests {
            check.compared += 1;
            if let Err(why) = answered_as_recorded(testimony.account, *id, request, recorded) {
                check.breach(format!("{} {id}: {why}", testimony.name));
            }
        }
    }
    let sent: HashSet<_> = run
        .testimonies
        .iter()
        .flat_map(|testimony| testimony.requests.keys().map(|id| (testimony.account, *id)))
        .collect();
    for (account, id) in recorded.by_cl_ord_id.keys().filter(|key| !sent.contains(key)) {
        check.breach(format!("account {account} {id}: in the journal, but no client sent it"));
    }
    check
}

fn answered_as_recorded(
    account: AccountId,
    id: ClOrdId,
    request: &Request,
    recorded: &Recorded<'_>,
) -> Result<(), String> {
    let count = |exec_type| recorded.count(account, id, exec_type);
    let (entered, rejected) = (count(ExecType::New), count(ExecType::Rejected));
    let cancels_rejected = recorded.cancels_rejected.get(&(account, id)).copied().unwrap_or_default();
    if request.answers != 1 {
        return Err(format!("answered {} times", request.answers));
    }
    let expected = match (request.is_order, request.verdict) {
        (true, Verdict::Accepted(_)) => entered == 1 && rejected == 0,
        (true, Verdict::Refused(reject)) => entered == 0 && rejected == usize::from(is_of_shard(reject)),
        (false, Verdict::Accepted(order)) => recorded.canceled_by.get(&(account, id)) == Some(&order),
        (false, Verdict::Refused(reject)) => cancels_rejected == u32::from(is_of_shard(reject)),
        (_, Verdict::Waiting) => false,
    };
    if expected {
        return Ok(());
    }
    Err(format!(
        "the client was told {:?}, the journal has it {entered} times entered, {rejected} times refused, \
         {cancels_rejected} times refused as a cancel",
        request.verdict
    ))
}

/// Whether a refusal was decided by a shard, and so stands in its journal.
pub fn is_of_shard(reject: Option<Reject>) -> bool {
    reject.is_some_and(|reject| matches!(reject.info().stage, "once" | "risk" | "matching"))
}

fn executions_equal(run: &Run, recorded: &Recorded<'_>) -> Check {
    let mut check = Check::of("the clients' executions equal the journal's");
    let mut told: Vec<Seen> =
        run.testimonies.iter().flat_map(|testimony| testimony.executions.iter().copied()).collect();
    let mut kept: Vec<Seen> = recorded.executions.iter().map(|execution| Seen::recorded(execution)).collect();
    check.compared = kept.len() as u64;
    told.sort_unstable();
    kept.sort_unstable();
    let (mut told, mut kept) = (told.into_iter().peekable(), kept.into_iter().peekable());
    loop {
        match (told.peek(), kept.peek()) {
            (None, None) => return check,
            (Some(a), Some(b)) if a == b => _ = (told.next(), kept.next()),
            (Some(a), Some(b)) if a > b => check.breach(format!("nobody heard of {:?}", kept.next())),
            (None, Some(_)) => check.breach(format!("nobody heard of {:?}", kept.next())),
            (Some(_), _) => check.breach(format!("not in the journal: {:?}", told.next())),
        }
    }
}

fn positions_sum_to_zero(journal: &Journal) -> Check {
    let mut check = Check::of("the positions of all accounts sum to zero in each instrument");
    let mut sums: BTreeMap<InstrumentId, i128> = BTreeMap::new();
    for (instrument, _, position) in &journal.positions {
        *sums.entry(*instrument).or_default() += position;
    }
    check.compared = sums.len() as u64;
    for (instrument, sum) in sums.into_iter().filter(|(_, sum)| *sum != 0) {
        check.breach(format!("instrument {instrument}: {sum}"));
    }
    check
}

fn state_hashes_equal(run: &Run, journal: &Journal) -> Check {
    let mut check = Check::of("the replayed state has the server's state hash");
    check.compared = run.stopped.len() as u64;
    for (shard, told) in &run.stopped {
        let replayed = journal.shards.get(shard);
        if replayed != Some(told) {
            let hex = |state: &(Seq, [u8; 32])| format!("{} after record {}", hex(&state.1), state.0);
            let replayed = replayed.map_or_else(|| "nothing".to_owned(), hex);
            check
                .breach(format!("shard {shard}: the server had {}, the journal gives {replayed}", hex(told)));
        }
    }
    if run.stopped.is_empty() {
        check.breach("the server told no state hash".to_owned());
    }
    check
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Everything that was acknowledged before the process was killed is in the journal.
fn promises_kept(lines: &[Line], journal: &Journal, directory: &Directory) -> Check {
    let mut check = Check::of("every order, cancel and trade that was acknowledged is in the journal");
    let mut kept = HashSet::new();
    for (_, _, event) in &journal.events {
        let Event::Execution(execution) = event else { continue };
        let Some(account) = directory.account(execution.order.account) else { continue };
        let (account, order_id) = (account.name.clone(), execution.order.id.0);
        match (execution.exec_type, execution.fill) {
            (ExecType::New, _) => {
                let cl_ord_id = execution.order.cl_ord_id.to_string();
                kept.insert(Line::Order { account, cl_ord_id, order_id });
            }
            (ExecType::Canceled, _) => _ = kept.insert(Line::Cancel { account, order_id }),
            (ExecType::Trade, Some(fill)) => {
                let (trade_id, qty, price) = (fill.trade_id.0, fill.qty.0, fill.price.0);
                kept.insert(Line::Trade { account, order_id, trade_id, qty, price });
            }
            _ => {}
        }
    }
    for line in lines {
        check.compared += 1;
        if !kept.contains(line) {
            check.breach(format!("lost: {line:?}"));
        }
    }
    check
}

impl Check {
    fn of(property: &'static str) -> Self {
        Self { property, compared: 0, breaches: Vec::new(), breach_count: 0 }
    }

    fn breach(&mut self, what: String) {
        self.breach_count += 1;
        if self.breaches.len() < BREACHES_TOLD_MAX {
            self.breaches.push(what);
        }
    }
}

impl Findings {
    fn of(checks: Vec<Check>) -> Self {
        Self { holds: checks.iter().all(|check| check.breach_count == 0), checks }
    }

    /// Whether there was nothing to look at.
    pub fn is_empty(&self) -> bool {
        self.checks.iter().all(|check| check.compared == 0)
    }

    /// These and those.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.holds &= other.holds;
        self.checks.extend(other.checks);
        self
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let mark = if check.breach_count == 0 { "holds " } else { "BREACH" };
            writeln!(f, "{mark}  {} ({} compared)", check.property, check.compared)?;
            for breach in &check.breaches {
                writeln!(f, "        {breach}")?;
            }
            let untold = check.breach_count - check.breaches.len() as u64;
            if untold > 0 {
                writeln!(f, "        and {untold} more")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
