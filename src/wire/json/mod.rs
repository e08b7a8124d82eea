//! JSON of the WebSocket API: a request in, an answer out. Strict, and without allocation once warm.
//!
//! ```text
//!  {"id": …, "method": …, "params": {…}} ──► read::Reader ──► Message: id, method, params sorted by name
//!  write::Writer ──► {"id": …, "status": …, "result": …}
//! ```
//!
//! Refused are: another shape than this, a key twice or unknown, a parameter that is itself an object, an array or
//! null, a number with an exponent (what it stands for depends on who reads it), more than
//! [`WS_PARAMS_MAX`](crate::limits::WS_PARAMS_MAX) parameters. Numbers are kept as they were written.

mod read;
mod write;

pub use read::{Fault, Message, Params, Reader, RequestId, Value};
pub use write::Writer;
