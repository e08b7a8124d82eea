//! The operating system: one family of system calls a file, each call that is not in `std` with its reason.
//!
//! | file | what |
//! |---|---|
//! | [`clock`] | UTC that never goes back |
//! | [`descriptors`] | how many sockets and files may be open |
//! | [`machine`] | whose clock, disk and network it is: the kernel's, or the simulator's |
//! | [`mod@file`] | preallocated files, written, read and synced at offsets; a folder that one process holds |
//! | [`pin`] | threads on cores |
//! | [`poll`] | sleeping until a socket or a ring has something; waking |
//! | [`secret`] | memory for keys: locked, not dumped, zeroed |
//! | [`signal`] | the wish of the operator to stop |
//! | [`socket`] | listeners and streams that never block |
//! | [`stamped`] | reads that tell when the kernel had the bytes |
//! | [`tally`] | what a thread has allocated, and how many calls it has made |

pub mod clock;
pub mod descriptors;
pub mod file;
pub mod machine;
mod medium;
pub mod pin;
pub mod poll;
pub mod secret;
pub mod signal;
pub mod socket;
pub mod stamped;
pub mod tally;
