//! The checks: what clients saw, and a model of its own, against what the journal says.

pub mod answers;
pub mod audit;
mod ends;
mod history;
pub mod model;
mod rates;
