//! Instrument → shard.
