//! The journal's word, read from outside: `sealgate journal verify` must find it sound, and what `sealgate journal
//! dump` shows must be what the clients were told, no less and no more.

use crate::ledger::{Ledger, Outcome, What};
use crate::site::Site;
use serde_json::Value;
use std::collections::BTreeMap;

/// What the journal has.
#[derive(Debug, Default)]
pub struct Journal {
    /// Executions of each private stream, by its name: order, kind, trade.
    streams: BTreeMap<String, Vec<Execution>>,
    /// How often each name entered an order: account and name.
    entered: BTreeMap<(u64, String), Vec<u64>>,
    /// Quantities of each trade, by shard and number: the two sides, by sign.
    trades: BTreeMap<(String, u64), (u32, i64)>,
    pub records: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Execution {
    order: u64,
    kind: String,
    trade: Option<u64>,
}

/// Reads it.
pub fn read(site: &Site) -> Journal {
    let verified = site.journal("verify");
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success(), "{said}{}", String::from_utf8_lossy(&verified.stdout));
    let dumped = site.journal("dump");
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    let mut journal = Journal::default();
    for line in dumped.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let record: Value = serde_json::from_slice(line).unwrap();
        journal.records += 1;
        let stream = record["stream"].as_str().unwrap_or_default();
        for event in record["events"].as_array().into_iter().flatten() {
            journal.note(site, stream, &event["execution"]);
        }
    }
    journal
}

impl Journal {
    fn note(&mut self, site: &Site, stream: &str, execution: &Value) {
        let order = &execution["order"];
        let (Some(account), Some(id)) = (order["account"].as_u64(), order["orderId"].as_u64()) else {
            return;
        };
        let kind = execution["execType"].as_str().unwrap_or_default().to_owned();
        if kind == "New" {
            let name = order["clientOrderId"].as_str().unwrap_or_default().to_owned();
            self.entered.entry((account, name)).or_default().push(id);
        }
        let fill = &execution["fill"];
        let trade = fill["tradeId"].as_u64();
        if let (Some(trade), Some(qty)) = (trade, fill["qty"].as_i64()) {
            let sign = if order["side"] == "Buy" { 1 } else { -1 };
            let sides = self.trades.entry((stream.to_owned(), trade)).or_default();
            *sides = (sides.0 + 1, sides.1 + sign * qty);
        }
        let shard = stream.rsplit([' ', '-', '/']).next().unwrap_or_default();
        let member = &site.members[account as usize - 1].account;
        let heard = self.streams.entry(format!("{member}/{shard}")).or_default();
        heard.push(Execution { order: id, kind, trade });
    }

    /// What the client of an account was told, against this.
    pub fn compare(&self, number: u64, ledger: &mut Ledger) {
        let mut found = self.of_requests(number, ledger);
        for (stream, heard) in ledger.streams() {
            let kept = self.streams.get(stream).map_or(&[][..], Vec::as_slice);
            let heard: Vec<_> = heard.iter().map(|event| told(event)).collect();
            if heard.len() != kept.len() {
                found.push(format!(
                    "{stream}: heard {} executions, the journal has {}",
                    heard.len(),
                    kept.len()
                ));
            }
            let other = heard.iter().zip(kept).position(|(heard, kept)| heard != kept);
            if let Some(at) = other {
                found.push(format!(
                    "{stream}:{}: heard {:?}, the journal has {:?}",
                    at + 1,
                    heard[at],
                    kept[at]
                ));
            }
        }
        found.into_iter().for_each(|what| ledger.breach(what));
    }

    fn of_requests(&self, number: u64, ledger: &Ledger) -> Vec<String> {
        let mut found = Vec::new();
        for (name, request) in
            ledger.requests().filter(|(_, request)| matches!(request.what, What::New { .. }))
        {
            let entered = self.entered.get(&(number, name.clone())).map_or(&[][..], Vec::as_slice);
            match (&request.outcome, entered) {
                (Some(Outcome::Accepted(told)), [kept]) if told == kept => {}
                (Some(Outcome::Refused(_)), []) => {}
                (Some(Outcome::Accepted(_)), []) => {
                    found.push(format!("lost: {name}: {:?}", request.outcome))
                }
                (told, [_, _, ..]) => found.push(format!("executed twice: {name}: {told:?}, {entered:?}")),
                (told, _) => found.push(format!("{name} was {told:?}; the journal has {entered:?}")),
            }
        }
        found
    }

    /// Trades that have not two sides of the same quantity.
    pub fn unbalanced(&self) -> Vec<String> {
        let odd = self.trades.iter().filter(|(_, sides)| **sides != (2, 0));
        odd.map(|(trade, sides)| format!("trade {trade:?} has {sides:?}")).collect()
    }
}

/// An execution as a private stream tells it.
fn told(event: &str) -> Execution {
    let event: Value = serde_json::from_str(event).unwrap();
    let kind = match event["x"].as_str().unwrap_or_default() {
        "NEW" => "New",
        "TRADE" => "Trade",
        "CANCELED" => "Canceled",
        "REPLACED" => "Replaced",
        "EXPIRED" => "Expired",
        "REJECTED" => "Rejected",
        "TRADE_PREVENTION" => "Restated",
        other => other,
    };
    let trade = event["t"].as_u64();
    Execution { order: event["i"].as_u64().unwrap_or_default(), kind: kind.to_owned(), trade }
}
