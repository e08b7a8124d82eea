//! Will we remember: records, segments, replay.
