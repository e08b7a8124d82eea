//! `Command` → `Command` with `Seq` and time: the only source of both.
