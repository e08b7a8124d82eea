//! `Verified` → `Allowed`: how often.
