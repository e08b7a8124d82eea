//! `sealgate demo`: the real server and real clients on this machine, and a check that both saw the same.

pub mod acknowledged;
pub mod check;
pub mod market;
pub mod screen;
pub mod summary;
pub mod taker;
pub mod tally;
pub mod witness;
