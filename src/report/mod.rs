//! Event → bytes of each session that must hear it.
