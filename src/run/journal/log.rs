//! The log on disk: a folder of segments, the last of which is written.

/// A log that is open for appending.
#[derive(Debug)]
pub struct Log {}
