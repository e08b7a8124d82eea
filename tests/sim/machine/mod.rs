//! The machine that the agents run on: a disk that forgets, and a network that breaks.

pub mod disk;
pub mod net;
