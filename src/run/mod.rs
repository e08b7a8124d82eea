//! Threads: agents, wiring, one loop each.
