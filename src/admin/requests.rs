//! What each request does, and who is told that it was asked for.
//!
//! One thing at a time is done of a kind. Kill switches wait for nothing but each other: not for a gateway that a
//! change of a session waits for, nor for the disk or the token of a master key.

use super::kill::Switches;
use super::plane::{Plane, numbers};
use super::protocol::{Failure, NAMES, Request, VERSION, session_keys};
use super::stats;
use crate::sys::clock::Clock;
use crate::types::Text;
use crate::watch::{Board, SecurityEvent, SecurityLog, SecurityRecord};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex as Blocking, PoisonError};
use tokio::sync::Mutex;

/// Changes the master key of all that is sealed, and tells what was done, or why it was not. It runs on a thread
/// beside that of the control plane, so it may wait for disks and tokens.
pub type Rotate = Box<dyn FnMut() -> Result<MasterRotated, String> + Send>;

/// What changing the master key came to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MasterRotated {
    /// The new master key, by its number.
    pub master: String,
    /// Files whose keys were wrapped anew.
    pub files: u32,
    /// Their keys.
    pub keys: usize,
    /// Where the old one is, for copies of the data.
    pub put_away: String,
}

/// What the control plane works with.
pub struct Requests {
    /// FIX sessions, and all else that is kept sealed.
    pub plane: Mutex<Plane>,
    /// Kill switches.
    pub switches: Mutex<Switches>,
    /// Who changed what.
    pub security: SecurityLog,
    /// What the server measures of itself.
    pub board: Board,
    /// Changes the master key.
    pub rotate: Arc<Blocking<Rotate>>,
}

impl Requests {
    /// Does what a request asks for, and notes it if it changes something.
    pub async fn execute(&self, request: Request, uid: u32) -> Result<Value, Failure> {
        let what = request.to_string();
        let done = match request {
            Request::Hello => return Ok(hello()),
            Request::Stats => return Ok(stats::stats(&self.board).await),
            Request::List => return self.plane.lock().await.list().await,
            Request::KillList => return self.switches.lock().await.list().await,
            Request::Add { member, keys } => self.plane.lock().await.add(&member, session_keys(&keys)).await,
            Request::Set { session, keys, reset, next_in, next_out } => {
                let numbers = numbers(reset, next_in, next_out);
                self.plane.lock().await.set(&session, session_keys(&keys), numbers).await
            }
            Request::Remove { session, text } => {
                self.plane.lock().await.remove(&session, text.as_deref()).await
            }
            Request::RotateMaster => self.rotate_master().await,
            Request::KillEngage { target, cancel } => {
                self.switches.lock().await.set(&target, (true, cancel), uid).await
            }
            Request::KillRelease { target } => {
                self.switches.lock().await.set(&target, (false, false), uid).await
            }
        };
        let refused = done.as_ref().err().map_or(Text::EMPTY, |failure| Text::truncated(failure.name()));
        self.note(SecurityEvent::ControlChange { uid, what: Text::truncated(&what), refused });
        done
    }

    /// Notes what concerns security.
    pub fn note(&self, event: SecurityEvent) {
        self.security.note(SecurityRecord { at: Clock::new().now(), peer: None, event });
    }

    async fn rotate_master(&self) -> Result<Value, Failure> {
        // Sessions are sealed with it as well, so none is changed meanwhile.
        let _sessions = self.plane.lock().await;
        let rotate = Arc::clone(&self.rotate);
        let rotated =
            tokio::task::spawn_blocking(move || (rotate.lock().unwrap_or_else(PoisonError::into_inner))());
        let rotated = rotated.await.unwrap_or_else(|panic| Err(panic.to_string()));
        rotated.map(|rotated| json!(rotated)).map_err(Failure::NotRotated)
    }
}

fn hello() -> Value {
    json!({
        "server": "sealgate",
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": VERSION,
        "requests": NAMES,
    })
}
