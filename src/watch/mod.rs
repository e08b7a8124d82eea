//! What is counted and timed, and what concerns security, told to ordinary threads without stalling an agent.
//!
//! ```text
//!   agent: Watch::time, Watch::refuse ──► its own Figures        reader: WatchReader::refresh
//!             └─ Watch::turn: a reader asks? swap them for empty ones ──► added to what was there
//!   agent: Meters::set ──► a cell of its own ──► MetersReader::read
//!   agent: SecurityLog::note ──► bounded channel, or counted as lost ──► SecurityReader::take ──► a line of the log
//! ```
//!
//! - An agent writes to memory that is its own. Handing over is an atomic swap of two pointers.
//! - Nothing here waits, and after the start nothing is allocated on the side of the agent.
//! - No secret gets into a record: no signature, no key, no password, no order.

mod board;
mod figures;
mod meters;
mod security;

pub use board::{Board, Reading, State};
pub use figures::{Figures, Stage, Watch, WatchReader, watches};
pub use meters::{Meter, Meters, MetersReader, meters};
pub use security::{
    SecurityCounts, SecurityEvent, SecurityLog, SecurityReader, SecurityRecord, security_log,
};
