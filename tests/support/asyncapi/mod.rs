//! `docs/asyncapi.yaml`: the WebSocket API as AsyncAPI 3, made from the tables here, the refusals of the code, and the
//! examples of `docs/protocol-websocket.md`, which stage tests hold to what the code reads and writes.
//!
//! That the tables are true is for `tests/blackbox/asyncapi.rs`: it finds every method and parameter in a real server,
//! and validates what it answers against the schemas.

#![allow(dead_code)] // One test binary makes the document, another holds it to a server.

mod tables;
mod words;
mod yaml;

pub use tables::{METHODS, Method};

use serde_json::{Map, Value, json};
use std::path::Path;
use tables::{ASKER, EVENTS, EVERY, OBJECTS, TELLS_STATE};
use words::scalars;

fn reference(schema: &str) -> Value {
    match schema.strip_suffix("[]") {
        Some(item) => json!({"type": "array", "items": reference(item)}),
        None => json!({"$ref": format!("#/components/schemas/{schema}")}),
    }
}

/// An object of `name[?]:Schema` fields, and nothing else in it.
fn object(fields: &str) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for field in fields.split_whitespace() {
        let (name, schema) = field.split_once(':').expect("name:Schema");
        let bare = name.trim_end_matches('?');
        properties.insert(bare.to_owned(), reference(schema));
        if bare == name {
            required.push(bare);
        }
    }
    let mut object = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

impl Method {
    /// The names of its parameters.
    pub fn param_names(&self) -> Vec<&'static str> {
        let asker = if self.account { ASKER } else { "" };
        let fields = self.params.iter().copied().chain([asker, EVERY]).flat_map(str::split_whitespace);
        fields.filter_map(|field| Some(field.split_once(':')?.0.trim_end_matches('?'))).collect()
    }

    /// The schema of its requests.
    pub fn request(&self) -> Value {
        let asker = if self.account { ASKER } else { "" };
        let params = object(&format!("{} {asker} {EVERY}", self.params.join(" ")));
        let mut required = vec!["id", "method"];
        if params.get("required").is_some() {
            required.push("params");
        }
        json!({
            "type": "object", "required": required, "additionalProperties": false,
            "properties": {"id": reference("RequestId"), "method": {"const": self.name}, "params": params},
        })
    }

    /// The schema of its answers that are no refusals.
    pub fn response(&self) -> Value {
        let results: Vec<_> = self.results.iter().map(|result| reference(result)).collect();
        let result = if let [one] = &results[..] { one.clone() } else { json!({"anyOf": results}) };
        let mut response = json!({
            "type": "object", "required": ["id", "status", "result"], "additionalProperties": false,
            "properties": {
                "id": reference("RequestId"), "status": {"const": 200}, "repeated": {"type": "boolean"},
                "result": result, "rateLimits": {"type": "array", "items": reference("RateLimit")},
                "timing": reference("Timing"),
            },
        });
        if TELLS_STATE.contains(&self.name) {
            response["properties"]["asOf"] = json!({"type": "array", "items": reference("StreamPosition")});
        }
        if self.name == "openOrders.cancelAll" {
            // Of many orders only the first are listed.
            response["properties"]["canceledOrders"] = reference("Integer");
        }
        response
    }

    fn operation(&self) -> Value {
        let message = |what: &str| json!({"$ref": format!("#/channels/api/messages/{}.{what}", self.name)});
        json!({
            "action": "receive", "channel": {"$ref": "#/channels/api"}, "summary": self.summary,
            "messages": [message("request")],
            "reply": {
                "channel": {"$ref": "#/channels/api"},
                "messages": [message("response"), {"$ref": "#/channels/api/messages/refused"}],
            },
        })
    }
}

/// The schema of the events of this kind.
pub fn event(name: &str) -> Value {
    let row = EVENTS.iter().find(|row| row.0 == name).unwrap_or_else(|| panic!("no event {name}"));
    json!({
        "type": "object", "required": ["subscriptionId", "event"], "additionalProperties": false,
        "properties": {"subscriptionId": reference("Integer"), "event": reference(row.1)},
    })
}

/// All schemas, by name.
pub fn schemas() -> Value {
    let mut all: Map<String, Value> =
        scalars().into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    for (name, about, fields) in OBJECTS {
        let mut schema = object(fields);
        schema["description"] = json!(about);
        all.insert((*name).to_owned(), schema);
    }
    Value::Object(all)
}

/// The examples of the page whose names begin with `what` and end with `kind`.
fn examples(page: &str, what: &str, kind: &str) -> Vec<Value> {
    let marks = page.match_indices("<!-- example: ").filter_map(|(at, mark)| {
        let (name, rest) = page[at + mark.len()..].split_once(" -->\n```json\n")?;
        let fits = name.strip_prefix(what).and_then(|rest| rest.strip_suffix(kind))?;
        // "order.place" has "order.place ACK response" too.
        (fits.is_empty() || fits.starts_with(' ') || what.is_empty()).then_some((name, rest))
    });
    marks
        .map(|(name, rest)| {
            let text = rest.split("```").next().unwrap_or_default();
            let payload: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            json!({"name": name.replace(' ', "-"), "payload": payload})
        })
        .collect()
}

/// What a real server was asked and answered, as `tests/blackbox/asyncapi.rs` recorded it.
pub const RECORDED: &str = "docs/examples/websocket.json";

/// A message with the examples that were recorded and those that the page has of it; there is one at least.
fn message(examples: Vec<Value>, title: &str, payload: Value) -> Value {
    assert!(
        !examples.is_empty(),
        "there is no example of {title}: SEALGATE_BLESS=1 cargo test --test blackbox asyncapi"
    );
    let mut message = json!({"name": title, "title": title, "payload": payload, "examples": examples});
    if EVENTS.iter().all(|event| event.0 != title) {
        message["correlationId"] = json!({"location": "$message.payload#/id"});
    }
    message
}

/// The whole document.
pub fn document(repository: &Path) -> Value {
    let page = std::fs::read_to_string(repository.join("docs/protocol-websocket.md")).unwrap();
    let recorded = std::fs::read_to_string(repository.join(RECORDED));
    let recorded: Value = recorded.map_or(json!({}), |text| serde_json::from_str(&text).unwrap());
    let (mut messages, mut operations) = (Map::new(), Map::new());
    for method in METHODS {
        for (what, schema) in [("request", method.request()), ("response", method.response())] {
            let name = format!("{}.{what}", method.name);
            let live = recorded[method.name].get(what);
            let live = live.map(|payload| json!({"name": "recorded", "payload": payload}));
            let examples =
                live.into_iter().chain(examples(&page, method.name, &format!(" {what}"))).collect();
            messages.insert(name.clone(), message(examples, &name, schema));
        }
        operations.insert(method.name.to_owned(), method.operation());
    }
    let refused = message(examples(&page, "", " error"), "refused", reference("Refused"));
    messages.insert("refused".to_owned(), refused);
    for (name, _, summary) in EVENTS {
        messages.insert((*name).to_owned(), message(examples(&page, name, " event"), name, event(name)));
        operations.insert(
            (*name).to_owned(),
            json!({
                "action": "send", "channel": {"$ref": "#/channels/api"}, "summary": summary,
                "messages": [{"$ref": format!("#/channels/api/messages/{name}")}],
            }),
        );
    }
    let references: Map<String, Value> = messages
        .keys()
        .map(|name| (name.clone(), json!({"$ref": format!("#/components/messages/{name}")})))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sealgate WebSocket API", "version": env!("CARGO_PKG_VERSION"),
            "description": "Order entry, executions and market data, with Binance's conventions. In words: docs/protocol-websocket.md.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "venue": {
                "host": "localhost:9443", "pathname": "/ws-api/v3", "protocol": "wss",
                "description": "As sealgate init sets it up. TLS 1.3; the member's certificate is required.",
                "security": [{"$ref": "#/components/securitySchemes/certificate"}],
            },
        },
        "channels": {
            "api": {
                "address": "/ws-api/v3", "title": "One connection",
                "description": "Answers find their requests by id; events come between them.", "messages": references,
            },
        },
        "operations": operations,
        "components": {
            "messages": messages, "schemas": schemas(),
            "securitySchemes": {"certificate": {"type": "X509", "description": "Which member connects."}},
        },
    })
}

/// The document as YAML.
pub fn yaml(repository: &Path) -> String {
    format!(
        "# Made from the code: SEALGATE_BLESS=1 cargo test --test tidy\n{}",
        yaml::text(&document(repository))
    )
}
