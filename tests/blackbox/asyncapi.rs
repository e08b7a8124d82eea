//! `docs/asyncapi.yaml` against a real server: the methods and parameters that it has are those of the document, and
//! what it says fits the schemas.

#[path = "../support/asyncapi/mod.rs"]
mod api;

use crate::support::venue::Setup;
use crate::support::websocket::{resting, with};
use crate::support::{Venue, Ws};
use api::{METHODS, RECORDED, document, event, schemas};
use sealgate::types::Span;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The texts in quotes of the code that decodes WebSocket requests, with what follows them.
fn literals() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(repository().join("src/decode/ws")).unwrap().map(Result::unwrap) {
        if file.file_name() == "tests.rs" {
            continue;
        }
        let text = std::fs::read_to_string(file.path()).unwrap();
        let code: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        let mut parts = code.split('"');
        parts.next();
        while let (Some(literal), Some(after)) = (parts.next(), parts.next()) {
            found.push((literal.to_owned(), after.trim_start().to_owned()));
            // What follows a text stands before the next one, too: nothing is skipped.
        }
    }
    found
}

#[test]
fn every_method_that_the_server_decodes_is_in_the_document_and_no_other() {
    // The words of parameters have capitals: "BUY".
    let is_name = |text: &str| text.starts_with(|first: char| first.is_ascii_lowercase());
    let decoded: BTreeSet<String> = literals()
        .into_iter()
        .filter(|(text, after)| (after.starts_with("=>") || after.starts_with('|')) && is_name(text))
        .map(|(text, _)| text)
        .collect();
    let documented: BTreeSet<String> = METHODS.iter().map(|method| method.name.to_owned()).collect();
    assert_eq!(decoded, documented, "a row of tests/support/asyncapi/tables.rs for each method");
    let venue = Venue::start();
    let mut ws = Ws::connect(&venue, "alice");
    for method in METHODS {
        let answer = ws.raw(&json!({"id": 1, "method": method.name}).to_string());
        assert_ne!(answer["error"]["data"]["name"], "UnsupportedMessage", "{}", method.name);
    }
}

#[test]
fn a_method_takes_the_parameters_of_the_document_and_no_other() {
    let venue = Venue::start();
    let is_name = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
    let mut candidates: BTreeSet<String> =
        literals().into_iter().map(|(text, _)| text).filter(|text| is_name(text)).collect();
    candidates.extend(METHODS.iter().flat_map(|method| method.param_names()).map(str::to_owned));
    for method in METHODS {
        let mut ws = Ws::logged_on(&venue, "alice");
        let mut takes = |name: &String| {
            let answer = ws.raw(&json!({"id": 1, "method": method.name, "params": {name: "1"}}).to_string());
            let data = &answer["error"]["data"];
            !(data["name"] == "FieldNotForMessage" && data["field"] == name.as_str())
        };
        let taken: BTreeSet<_> =
            candidates.iter().filter_map(|name| takes(name).then_some(name.as_str())).collect();
        assert_eq!(taken, method.param_names().into_iter().collect(), "parameters of {}", method.name);
    }
}

/// What was sent and heard, each with the schema that it must fit.
#[derive(Default)]
struct Recorded(Vec<Value>);

impl Recorded {
    fn add(&mut self, what: &str, schema: Value, payload: Value) {
        self.0.push(json!({"what": what, "schema": schema, "payload": payload}));
    }

    /// Sends a request and records both sides.
    fn call(&mut self, ws: &mut Ws, method: &str, params: &[(&str, &str)]) -> Value {
        let request = ws.request(method, params);
        self.exchange(ws, method, &request)
    }

    fn exchange(&mut self, ws: &mut Ws, method: &str, request: &str) -> Value {
        let row = METHODS.iter().find(|row| row.name == method).unwrap();
        self.add(method, row.request(), serde_json::from_str(request).unwrap());
        let answer = ws.raw(request);
        let refused = json!({"$ref": "#/components/schemas/Refused"});
        let schema = if answer.get("error").is_some() { refused } else { row.response() };
        self.add(method, schema, answer.clone());
        answer
    }
}

/// One that succeeds of every method, and a refusal with each kind of fact that a client can bring about.
fn recorded() -> Recorded {
    let venue = Setup::new().order_rate(16, Span::from_secs(60)).start();
    let mut all = Recorded::default();
    let (mut alice, mut bob) = (Ws::connect(&venue, "alice"), Ws::logged_on(&venue, "bob"));
    let mut listener = Ws::logged_on(&venue, "alice");
    listener.subscribe();
    all.call(&mut alice, "session.logon", &[]);
    for method in
        ["session.status", "time", "ping", "exchangeInfo", "ticker.book", "userDataStream.subscribe"]
    {
        let answer = all.exchange(&mut alice, method, &json!({"id": method, "method": method}).to_string());
        assert_eq!(answer["status"], 200, "{answer}");
    }
    for (name, how) in [("ack", "ACK"), ("result", "RESULT"), ("full", "FULL")] {
        all.call(&mut alice, "order.place", &with(resting(name), "newOrderRespType", how));
    }
    all.call(&mut alice, "order.place", &resting("full"));
    all.call(&mut bob, "order.place", &with(resting("taker"), "side", "SELL"));
    all.call(&mut bob, "order.place", &with(resting("ioc"), "timeInForce", "IOC"));
    let order = [("symbol", "BTC-USD"), ("origClientOrderId", "full")];
    all.call(&mut alice, "order.status", &order);
    all.call(&mut alice, "openOrders.status", &[("symbol", "BTC-USD")]);
    all.call(&mut alice, "order.cancel", &order);
    let public = [
        ("depth", json!({"symbol": "BTC-USD", "limit": 5})),
        ("ticker.book", json!({"symbol": "BTC-USD"})),
        ("exchangeInfo", json!({"symbol": "BTC-PERP", "returnRateLimits": false})),
        ("depth", json!({"symbol": "BTC-USD", "timing": true})),
        ("depth", json!({"symbol": "NONE", "timing": true})),
        ("depth", json!({"symbol": "BTC-USD", "limit": 0})),
    ];
    for (method, params) in public {
        all.exchange(
            &mut alice,
            method,
            &json!({"id": null, "method": method, "params": params}).to_string(),
        );
    }
    changes(&mut all, &mut alice);
    refusals(&mut all, &mut alice);
    for _ in 0..4 {
        let push = listener.message();
        assert!(push.get("event").is_some(), "{push}");
        all.add("executionReport", event("executionReport"), push);
    }
    streams(&mut all, &mut alice, &mut bob);
    for method in ["userDataStream.unsubscribe", "session.logout"] {
        all.exchange(&mut alice, method, &json!({"id": 9, "method": method}).to_string());
    }
    all
}

/// The market data streams, each begun, told and ended.
fn streams(all: &mut Recorded, reader: &mut Ws, trader: &mut Ws) {
    let params = json!({"symbol": "BTC-PERP"});
    let call = |method: &str| json!({"id": method, "method": method, "params": params}).to_string();
    let hear = |all: &mut Recorded, reader: &mut Ws, names: &[&str]| {
        for name in names {
            let push = reader.message();
            assert_eq!(push["event"]["e"], *name, "{push}");
            all.add(name, event(name), push);
        }
    };
    for (stream, first) in
        [("trades", None), ("depth", Some("depthSnapshot")), ("ticker.book", Some("bookTicker"))]
    {
        let method = format!("{stream}.subscribe");
        all.exchange(reader, &method, &call(&method));
        hear(all, reader, first.as_slice());
    }
    for (name, side) in [("streamed-bid", "BUY"), ("streamed-ask", "SELL")] {
        let order = with(with(resting(name), "symbol", "BTC-PERP"), "quantity", "0.010");
        trader.place(&with(with(order, "side", side), "selfTradePreventionMode", "NONE"));
    }
    hear(all, reader, &["depthUpdate", "bookTicker", "trade", "depthUpdate", "bookTicker"]);
    for stream in ["trades", "depth", "ticker.book"] {
        let method = format!("{stream}.unsubscribe");
        all.exchange(reader, &method, &call(&method));
    }
}

/// Amending, replacing, mass cancel, and what an account asks about itself.
fn changes(all: &mut Recorded, alice: &mut Ws) {
    let order = [("symbol", "BTC-USD"), ("origClientOrderId", "result")];
    all.call(alice, "order.test", &resting("tested"));
    let lower = with(order.to_vec(), "newQty", "0.005");
    all.call(alice, "order.amend.keepPriority", &lower);
    let mut replace = with(resting("replacing"), "cancelReplaceMode", "STOP_ON_FAILURE");
    replace.push(("cancelOrigClientOrderId", "result"));
    all.call(alice, "order.cancelReplace", &replace);
    all.call(alice, "order.cancelReplace", &with(replace, "newClientOrderId", "not-attempted"));
    for method in ["account.status", "account.rateLimits.orders"] {
        all.call(alice, method, &[]);
    }
    all.call(alice, "myTrades", &[("symbol", "BTC-USD")]);
    all.call(alice, "openOrders.cancelAll", &[("symbol", "BTC-USD")]);
    for timeout in ["60000", "0"] {
        all.call(alice, "cancelAllAfter", &[("timeout", timeout)]);
    }
}

fn refusals(all: &mut Recorded, alice: &mut Ws) {
    let order = [("symbol", "BTC-USD"), ("origClientOrderId", "full")];
    all.call(
        alice,
        "order.cancel",
        &[("symbol", "BTC-USD"), ("origClientOrderId", "full"), ("newClientOrderId", "late")],
    );
    all.call(alice, "order.place", &with(resting("result"), "quantity", "0.02"));
    all.call(alice, "order.place", &with(resting("far"), "price", "1.00"));
    let old = alice.request_at("order.place", &resting("old"), 1_000);
    all.exchange(alice, "order.place", &old);
    let timestamp = crate::support::now_millis().to_string();
    let mut unsigned = order.to_vec();
    unsigned.extend([("apiKey", "alice"), ("timestamp", timestamp.as_str())]);
    let forged = alice.plain("order.cancel", &unsigned, Some(&format!("{}==", "A".repeat(86))));
    let name = all.exchange(alice, "order.cancel", &forged)["error"]["data"]["name"].clone();
    assert_eq!(name, "SignatureInvalid");
    for n in 0..16 {
        all.call(alice, "order.place", &resting(&format!("many-{n}")));
    }
    let names: BTreeSet<_> =
        all.0.iter().filter_map(|one| one["payload"]["error"]["data"]["name"].as_str()).collect();
    let wanted = [
        "DuplicateClOrdId",
        "OrderRate",
        "PriceOutsideBand",
        "SignatureInvalid",
        "TimestampTooOld",
        "TooLateToCancel",
    ];
    assert!(wanted.iter().all(|name| names.contains(name)), "{names:?}");
}

/// The first exchange of each method that succeeded is what the documentation shows. Times, numbers and signatures are
/// others in each run, so what is compared is which fields there are, and of which types.
fn compare_or_write(all: &Recorded) {
    let mut fresh = serde_json::Map::new();
    for pair in all.0.windows(2) {
        let (request, response) = (&pair[0], &pair[1]);
        let answered = response["payload"]["status"] == 200 && request["what"] == response["what"];
        if let (true, Some(name)) = (answered, request["what"].as_str()) {
            let one = json!({"request": request["payload"], "response": response["payload"]});
            fresh.entry(name.to_owned()).or_insert(one);
        }
    }
    let (path, fresh) = (repository().join(RECORDED), Value::Object(fresh));
    if std::env::var_os("SEALGATE_BLESS").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&fresh).unwrap() + "\n").unwrap();
    }
    let there: Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_default()).unwrap_or_default();
    for method in METHODS {
        let (there, fresh) = (shape(&there[method.name]), shape(&fresh[method.name]));
        assert_eq!(there, fresh, "{RECORDED}: {}; SEALGATE_BLESS=1 writes it anew", method.name);
    }
}

/// Fields and types, without values; lists by their first item.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(items) => items.iter().take(1).map(shape).collect(),
        Value::String(_) => "text".into(),
        Value::Number(_) => 0.into(),
        Value::Bool(_) => true.into(),
        Value::Null => Value::Null,
    }
}

/// Reads schemas and messages from stdin, and says which do not fit.
const VALIDATE: &str = r#"
import json, sys
from jsonschema import Draft7Validator

given = json.load(sys.stdin)
components = {"components": {"schemas": given["schemas"]}}
for schema in given["schemas"].values():
    Draft7Validator.check_schema(schema)
wrong = 0
for message in given["messages"]:
    for error in Draft7Validator({**message["schema"], **components}).iter_errors(message["payload"]):
        wrong += 1
        print(message["what"], list(error.absolute_path), error.message, json.dumps(message["payload"]))
sys.exit(1 if wrong else 0)
"#;

/// `SEALGATE_PYTHON` names a Python with `jsonschema`; `.ci/run` makes one.
#[test]
fn what_a_server_says_and_what_the_page_shows_fits_the_schemas() {
    let mut all = recorded();
    let live: BTreeSet<_> = all
        .0
        .iter()
        .filter(|one| one["payload"]["status"] == 200)
        .filter_map(|one| one["what"].as_str().map(str::to_owned))
        .collect();
    for method in METHODS {
        assert!(live.contains(method.name), "no live answer of {}", method.name);
    }
    compare_or_write(&all);
    let document = document(repository());
    for (name, message) in document["components"]["messages"].as_object().unwrap() {
        for example in message["examples"].as_array().unwrap() {
            all.add(name, message["payload"].clone(), example["payload"].clone());
        }
    }
    let python = std::env::var("SEALGATE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let probe = Command::new(&python).args(["-c", "import jsonschema"]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        println!("skipped: {python} has not the package jsonschema; set SEALGATE_PYTHON");
        return;
    }
    let mut validator = Command::new(python)
        .args(["-c", VALIDATE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let given = json!({"schemas": schemas(), "messages": all.0});
    validator.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let said = validator.wait_with_output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
}
