//! Schemas of single values: words, names, numbers.

use super::reference;
use serde_json::{Value, json};

/// Words, with what they are about.
const WORDS: &[(&str, &str, &[&str])] = &[
    ("Side", "Side(54).", &["BUY", "SELL"]),
    ("OrdType", "OrdType(40).", &["LIMIT", "LIMIT_MAKER", "MARKET"]),
    ("TimeInForce", "TimeInForce(59).", &["GTC", "IOC", "FOK", "GTD"]),
    ("ResponseType", "How much the answer tells.", &["ACK", "RESULT", "FULL"]),
    (
        "SmpMode",
        "When it would meet an order of its own account.",
        &["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    ),
    (
        "OrdStatus",
        "OrdStatus(39).",
        &["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REJECTED", "EXPIRED"],
    ),
    (
        "ExecType",
        "ExecType(150).",
        &["NEW", "TRADE", "CANCELED", "REJECTED", "EXPIRED", "REPLACED", "TRADE_PREVENTION"],
    ),
    ("ExecutionReportName", "Its kind.", &["executionReport"]),
    ("StreamHeartbeatName", "Its kind.", &["streamHeartbeat"]),
    ("StreamTerminatedName", "Its kind.", &["eventStreamTerminated"]),
    ("DepthSnapshotName", "Its kind.", &["depthSnapshot"]),
    ("DepthUpdateName", "Its kind.", &["depthUpdate"]),
    ("BookTickerName", "Its kind.", &["bookTicker"]),
    ("TradeName", "Its kind.", &["trade"]),
    (
        "ReplaceMode",
        "Whether to place the new order where the old cannot be canceled.",
        &["STOP_ON_FAILURE", "ALLOW_FAILURE"],
    ),
    ("HalfResult", "What became of one half.", &["SUCCESS", "FAILURE", "NOT_ATTEMPTED"]),
    (
        "Cause",
        "Why an order closed.",
        &[
            "REQUESTED",
            "IMMEDIATE_OR_CANCEL",
            "FILL_OR_KILL",
            "NO_LIQUIDITY",
            "SELF_MATCH",
            "GOOD_TILL_DATE",
            "MASS_CANCEL",
            "REDUCE_ONLY",
            "CANCEL_ALL_AFTER",
            "SESSION_DISCONNECTED",
            "SESSION_LOGGED_OUT",
            "SERVER_RESTARTED",
            "KILL_SWITCH",
            "TRADING_HALT",
        ],
    ),
    ("RateLimitType", "What is counted.", &["ORDERS", "CANCELS", "QUERIES"]),
    ("Interval", "The unit of the window.", &["MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY"]),
    ("CancelOn", "Which end of a logon cancels its orders.", &["NONE", "DISCONNECT", "LOGOUT", "BOTH"]),
];

/// What is no object.
pub fn scalars() -> Vec<(&'static str, Value)> {
    let refusals: Vec<_> = sealgate::types::Reject::ALL.iter().map(|reject| reject.info().name).collect();
    let words = WORDS
        .iter()
        .map(|(name, about, words)| (*name, json!({"type": "string", "description": about, "enum": words})));
    let reject =
        json!({"type": "string", "description": "What each means: docs/rejects.md.", "enum": refusals});
    let mut all = answered();
    all.extend(asked());
    all.extend(words);
    all.push(("Reject", reject));
    all
}

/// What stands in answers.
fn answered() -> Vec<(&'static str, Value)> {
    vec![
        ("Any", json!({})),
        ("Nothing", json!({"type": "null"})),
        ("Text", json!({"type": "string"})),
        ("NullableText", json!({"type": ["string", "null"]})),
        ("Boolean", json!({"type": "boolean"})),
        ("Integer", json!({"type": "integer", "description": "64 bits; may be above 2^53."})),
        ("Millis", json!({"type": "integer", "description": "Milliseconds since 1970, UTC.", "minimum": 0})),
        (
            "Nanos",
            json!({"type": "string", "description": "Nanoseconds since 1970, UTC.", "pattern": "^[0-9]{1,20}$"}),
        ),
        ("NullableMillis", json!({"type": ["integer", "null"], "minimum": 0})),
        (
            "Number",
            json!({
                "type": "string", "description": "With all places of the instrument.",
                "pattern": r"^-?[0-9]+(\.[0-9]+)?$",
            }),
        ),
        (
            "Level",
            json!({
                "type": "array", "description": "Price and quantity.", "items": reference("Number"), "minItems": 2,
                "maxItems": 2,
            }),
        ),
        (
            "SymbolInfo",
            json!({
                "type": "object", "description": "An instrument, with the fields that Binance has.",
                "required": ["symbol", "status", "kind", "filters"],
            }),
        ),
        ("Placed", json!({"anyOf": [reference("OrderAck"), reference("OrderResult")]})),
        (
            "Refused",
            json!({
                "type": "object", "description": "A request that was refused.",
                "required": ["id", "status", "error"], "additionalProperties": false,
                "properties": {
                    "id": reference("RequestId"), "status": {"type": "integer", "minimum": 400, "maximum": 599},
                    "repeated": {"type": "boolean"}, "error": reference("Error"),
                    "rateLimits": {"type": "array", "items": reference("RateLimit")},
                    "timing": reference("Timing"),
                    "asOf": {"type": "array", "items": reference("StreamPosition")},
                },
            }),
        ),
    ]
}

/// What stands in requests.
fn asked() -> Vec<(&'static str, Value)> {
    let name = |about: &str| json!({"type": "string", "description": about, "pattern": "^[A-Za-z0-9._:@/+-]{1,36}$"});
    let whole = |about: &str| json!({"type": ["integer", "string"], "description": about, "pattern": "^[0-9]+$", "minimum": 0});
    vec![
        (
            "Decimal",
            json!({
                "type": ["string", "number"], "pattern": r"^[0-9]+(\.[0-9]+)?$",
                "description": "Above zero, with no more places than the instrument has.",
            }),
        ),
        ("Flag", json!({"type": "boolean", "description": "false: answer without rateLimits."})),
        (
            "TimingFlag",
            json!({
                "type": "boolean",
                "description": "true: answer with timing; at session.logon for all requests until the logout.",
            }),
        ),
        ("Whole", whole("A whole number, in quotes or without.")),
        ("Time", whole("When it was sent: milliseconds since 1970, UTC.")),
        (
            "RecvWindow",
            whole("How old it may be when it is executed, in milliseconds: 1 to 60000, by default 5000."),
        ),
        ("OrderId", whole("The order, by the server's number.")),
        ("ClOrdId", name("A name that the client gives: unique per account and symbol.")),
        ("AccountName", name("The account that acts; by default the first of the key.")),
        ("ApiKey", name("The name of an API key.")),
        ("Symbol", name("An instrument; exchangeInfo lists them.")),
        ("ApplId", name("A private stream: of an account on a shard.")),
        (
            "Signature",
            json!({
                "type": "string", "minLength": 88, "maxLength": 88,
                "description": "Ed25519 over the method and all other parameters, base64; see docs/signing.md.",
            }),
        ),
        (
            "RequestId",
            json!({
                "type": ["string", "integer", "null"], "minLength": 1, "maxLength": 36,
                "description": "Comes back in the answer and means nothing else.",
            }),
        ),
    ]
}
