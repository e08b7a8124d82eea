//! What stands on the disk is sealed: nobody reads it, or changes it unnoticed, without the master key.
//!
//! ```text
//!   master key ── in a file outside the data folder, or in a token that it never leaves      KeyProvider
//!       └─ wraps ─► data key: random, for one segment, one start and one day, or one file    Vault
//!                       └─ AES-256-GCM ─► each record, its nonce being its place             RecordSealer
//!                                         a file, its nonce being zero                       Vault::seal_file
//! ```
//!
//! **No nonce is used twice under a key.** A record's nonce is its place in the log, and within one run of a server
//! each place is written once. What a crash left behind may be cut and its place written again: by another run, which
//! has another key. So has every other server that takes up a copy of the folder. Data keys are drawn, never derived,
//! so that two runs never come to the same.
//!
//! **Who has no key** can neither read a record nor make one. **Who has the key of one segment** can read and change
//! that segment, but the records behind it link to what it was (`wire::record::frame`).

mod cipher;
mod file;
#[cfg(test)]
pub(crate) mod fixture;
mod head;
mod key_file;
mod moving;
mod provider;
mod record;
mod rewrap;
mod token;
mod vault;

#[cfg(test)]
mod tests;

pub use file::{FILE_HEADER_BYTES, is_sealed_file};
pub use head::{HEAD_PAGE_BYTES, HeadSealer};
pub use key_file::KeyFile;
pub use provider::{KeyError, KeyProvider};
pub use record::{RecordSealer, SegmentKeys};
pub use rewrap::Rewrapped;
pub use token::TokenKeys;
pub use vault::{DataKey, Pages, Vault};
