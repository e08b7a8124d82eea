//! FIX tag=value: bytes ↔ fields. What a tag means is `decode` and `report`; who may speak is `session`.
//!
//! ```text
//! stream ─► take ─► Dictionary::validate ─► fields by tag
//!           one message, one pass         required, allowed, groups,
//!           into a reusable Index         format, values
//!
//! Template::begin ─► put … put ─► finish          BodyLength and CheckSum filled in place
//! ```
//!
//! Nothing here allocates but the buffers that the caller keeps, and no input from the network can panic:
//! lengths, counts and tags are bounded by `limits` before they are used.

mod dictionary;
mod encode;
mod frame;
mod message;
pub mod tag;
mod text;

pub use dictionary::{
    Dictionary, Entry, FIX42, FIX43, FIX44, FIX50, FIX50SP1, FIX50SP2, Fault, Kind, MessageDef, RejectReason,
    Validation, Verdict, Version, Xml,
};
pub use encode::{Begun, Opening, PutFields, Template, base64_of, finish, finish_signed};
pub use frame::{Framed, Garble, Taken, frame, take};
pub use message::{Field, Index, Malformed, Message, SignatureFault, Signed};
pub use text::{
    DIGITS_MAX, Precision, digits_of, is_decimal, parse_bool, parse_int, parse_time, parse_uint, write_time,
};

/// The separator of fields.
pub const SOH: u8 = 0x01;

#[cfg(test)]
mod tests;
