//! How the FIX sessions are, as the control socket tells it.

use super::port::{SessionState, SessionStatus};
use crate::config::{Directory, FixSession, Overlay, Role};
use crate::types::time::Civil;
use crate::types::{Nanos, SessionId};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The answer to `session.list`.
pub fn sessions(
    directory: &Directory,
    file: &Directory,
    overlay: &Overlay,
    statuses: &BTreeMap<SessionId, SessionStatus>,
) -> Value {
    let known = directory.sessions().iter().map(|session| {
        let mut told = identity(session, directory, overlay);
        told["state"] = json!(statuses.get(&session.id).map_or("unknown", |status| state(status.state)));
        told["enabled"] = json!(session.enabled);
        if let Some(status) = statuses.get(&session.id) {
            put_status(&mut told, status);
        }
        told
    });
    // What the configuration has and an operator has removed would come back with its entry there.
    let removed = file.sessions().iter().filter(|session| directory.session(session.id).is_none());
    let removed = removed.map(|session| {
        let mut told = identity(session, directory, overlay);
        told["state"] = json!("removed");
        told
    });
    let mut all: Vec<Value> = known.chain(removed).collect();
    all.sort_by_key(|session| session["id"].as_u64());
    json!({ "sessions": all })
}

fn identity(session: &FixSession, directory: &Directory, overlay: &Overlay) -> Value {
    let member = directory.member(session.member).map_or("", |member| member.name.as_str());
    let change = overlay.0.get(&session.id);
    let origin = match change {
        None => "configuration",
        Some(change) if change.removed => "removed at run time",
        Some(change) if change.added => "added at run time",
        Some(_) => "configuration, changed at run time",
    };
    let keys: Vec<&String> = change.into_iter().flat_map(|change| change.keys.keys()).collect();
    json!({
        "id": session.id.0,
        "member": member,
        "sender_comp_id": session.sender_comp_id,
        "target_comp_id": session.target_comp_id,
        "role": match &session.role {
            Role::Trading => "trading",
            Role::DropCopy(_) => "drop_copy",
        },
        "accounts": accounts(session, directory),
        "origin": origin,
        "keys_at_run_time": keys,
    })
}

/// The names of the accounts that a drop copy tells.
fn accounts(session: &FixSession, directory: &Directory) -> Vec<String> {
    match &session.role {
        Role::Trading => Vec::new(),
        Role::DropCopy(seen) => {
            seen.iter().filter_map(|id| directory.account(*id)).map(|account| account.name.clone()).collect()
        }
    }
}

fn put_status(told: &mut Value, status: &SessionStatus) {
    let time = |at: Option<Nanos>| at.map(|at| format!("{:.3}", Civil::from_nanos(at)));
    told["version"] = json!(status.version);
    told["peer"] = json!(status.peer.map(|peer| peer.to_string()));
    told["since"] = json!(time(status.since));
    told["next_in"] = json!(status.next_in.0);
    told["next_out"] = json!(status.next_out.0);
    told["heartbeat_secs"] = json!(status.heartbeat.as_millis() / 1_000);
    told["last_received"] = json!(time(status.last_received));
    told["last_sent"] = json!(time(status.last_sent));
}

fn state(state: SessionState) -> &'static str {
    match state {
        SessionState::Disconnected => "disconnected",
        SessionState::LoggedOn => "logged on",
        SessionState::Recovering => "recovering",
        SessionState::LoggingOut => "logging out",
    }
}
