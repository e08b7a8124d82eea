//! Bytes ↔ fields: FIX, WebSocket, JSON and journal records. No meaning: what a tag means is `decode` and `report`.

pub mod digest;
pub mod fix;
pub mod json;
pub mod record;
pub mod ws;
