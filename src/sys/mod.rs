//! The operating system: one family of system calls a file, each call that is not in `std` with its reason.
//!
//! | file | what |
//! |---|---|
//! | [`clock`] | UTC that never goes back |
//! | [`mod@file`] | preallocated files, written, read and synced at offsets; a folder that one process holds |
//! | [`pin`] | threads on cores |
//! | [`poll`] | sleeping until a socket or a ring has something; waking |
//! | [`signal`] | the wish of the operator to stop |
//! | [`socket`] | listeners and streams that never block |

pub mod clock;
pub mod file;
pub mod pin;
pub mod poll;
pub mod signal;
pub mod socket;
