//! A record that may be shown to others: what happened, when, to whose order by number, and nothing of what it was
//! worth.
//!
//! The rule: a value stays if its key stands in [`STAYS`]; every other text, number and truth becomes `"redacted"`.
//! So a field that is new is hidden until somebody decides otherwise. Prices, quantities, names, symbols, what
//! clients wrote themselves (ClOrdIDs, texts, signed bytes) and limits are hidden; numbers of the configuration and
//! of orders, times, states and reasons stay.

use serde_json::{Value, json};

/// The keys whose values stay.
const STAYS: &[&str] = &[
    // Where it stands.
    "segment",
    "offset",
    "stream",
    "seq",
    "time",
    "type",
    "cutBytes",
    "shard",
    "index",
    // Whose it is, by number.
    "account",
    "instrument",
    "session",
    "logon",
    "apiKey",
    "orderId",
    "counterOrderId",
    "cancelSession",
    "number",
    "next",
    "upto",
    "id",
    // What happened, and why.
    "execType",
    "status",
    "side",
    "timeInForce",
    "kind",
    "state",
    "enabled",
    "engaged",
    "cancelOrders",
    "uid",
    "maker",
    "cause",
    "reject",
    "responseTo",
    "cancelOn",
    "end",
    "keptPriority",
    "keepPriority",
    "reduceOnly",
    "named",
    // When.
    "created",
    "updated",
    "timestamp",
    "at",
    "server",
    "sent",
    "recvWindowNanos",
    "timeoutNanos",
    "graceNanos",
    "retryAfterNanos",
    "goodTillDate",
];

/// Hides what does not stay.
pub fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(key, value)| field(key, value)),
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Null => {}
        _ => *value = json!("redacted"),
    }
}

fn field(key: &str, value: &mut Value) {
    let is_leaf = !matches!(value, Value::Object(_) | Value::Array(_));
    if !is_leaf || !STAYS.contains(&key) {
        redact(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_to_be_harmless_is_hidden() {
        let mut record = json!({
            "seq": 7, "type": "Step", "signed": "symbol=BTC-USD", "signature": null,
            "command": {"new": {"account": 3, "price": 100, "newClientOrderId": "secret", "later": true}},
            "events": [{"execution": {"fill": {"price": 5, "maker": true}}}, "x"],
        });
        redact(&mut record);
        let expected = json!({
            "seq": 7, "type": "Step", "signed": "redacted", "signature": null,
            "command": {"new": {
                "account": 3, "price": "redacted", "newClientOrderId": "redacted", "later": "redacted",
            }},
            "events": [{"execution": {"fill": {"price": "redacted", "maker": true}}}, "redacted"],
        });
        assert_eq!(record, expected);
    }
}
