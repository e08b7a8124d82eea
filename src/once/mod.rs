//! At most once: a repetition gets its first answer.
