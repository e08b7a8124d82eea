//! JSON of the WebSocket API: a request in, an answer out. Strict, and without allocation once warm.
//!
//! ```text
//!  {"id": …, "method": …, "params": {…}} ──► Reader ──► Message: id, method, params ascending by name
//!                                                                              └──► signed_form: what is signed
//!  Writer ──► {"id": …, "status": …, "result": …}
//! ```
//!
//! Refused are: another shape than this, a key twice or unknown, a parameter that is itself an object, an array or
//! null, a number with an exponent (its digits are not those that were signed), more than
//! [`WS_PARAMS_MAX`](crate::limits::WS_PARAMS_MAX) parameters. Numbers are kept as they were written.

#[cfg(test)]
pub(crate) mod examples;
mod read;
mod signed;
pub mod words;
mod write;

#[cfg(test)]
mod tests;

pub use read::{Fault, Message, Params, Reader, RequestId, Value};
pub use signed::signed_form;
pub use write::Writer;
