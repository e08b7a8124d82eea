//! What the signature of a WebSocket request covers.

use crate::limits::SIGNED_BYTES_MAX;
use crate::types::ids::is_signable;
use crate::types::{Refusal, Reject};

/// Writes the signed form of a request over `out`: `method=<method>&` where `method` is given, then `name=value` of
/// each parameter but `signature`, joined by `&`. `params` are ascending by the bytes of their names, as
/// [`Params`](super::Params) are.
///
/// Names and values have no `=` and no `&` in them, nor anything else outside `[A-Za-z0-9._:@/+-]`, so that no two
/// requests have the same form. The refusal names the parameter that has.
pub fn signed_form<'p>(
    method: Option<&str>,
    params: impl IntoIterator<Item = (&'p str, &'p str)>,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    out.clear();
    if let Some(method) = method {
        pair(("method", method), out)?;
    }
    let mut last = "";
    for (name, value) in params {
        debug_assert!(last < name, "{name} comes after {last}");
        last = name;
        if name != "signature" {
            pair((name, value), out)?;
        }
    }
    Ok(())
}

fn pair((name, value): (&str, &str), out: &mut Vec<u8>) -> Result<(), Refusal> {
    if value.is_empty() {
        return Err(Refusal::field(Reject::FieldEmpty, name));
    }
    if name.is_empty() || !is_signable(name.as_bytes()) || !is_signable(value.as_bytes()) {
        return Err(Refusal::field(Reject::FieldFormat, name));
    }
    if !out.is_empty() {
        out.push(b'&');
    }
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
    out.extend_from_slice(value.as_bytes());
    if out.len() > SIGNED_BYTES_MAX {
        return Err(Reject::MessageTooLong.into());
    }
    Ok(())
}
