//! `Unverified` → `Verified`: is it really you.
