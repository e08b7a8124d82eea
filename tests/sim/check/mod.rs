//! The checks: what clients saw, and a model of its own, against what the journal says.

pub mod audit;
pub mod model;
