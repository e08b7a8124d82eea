//! Numbers of an agent that anybody may look at while it runs: how full, how many, how far.
//!
//! ```text
//!   agent: Meters::set, some times a second ──► a cell of its own ◄── MetersReader, whenever somebody asks
//! ```
//!
//! Each cell has one writer, which stores and never waits; the cells of two agents share no cache line. What two cells
//! say may be some milliseconds apart.

use crossbeam_utils::CachePadded;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is measured. Counters only grow and count from the start of the process; gauges come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Meter {
    /// Gateway: TLS handshakes under way.
    Handshakes,
    /// Gateway: FIX connections.
    FixConnections,
    /// Gateway: WebSocket connections.
    WebSocketConnections,
    /// Gateway: requests that went to a shard.
    Requests,
    /// Gateway: answers to them.
    Answers,
    /// Gateway: requests that wait for their answer.
    InFlight,
    /// Gateway: signatures that were verified over the table of their key.
    VerifiedByTable,
    /// Gateway: of these, signatures that were verified together with others that waited.
    VerifiedTogether,
    /// Gateway: signatures that dalek verified.
    VerifiedByDalek,
    /// Gateway: events of shards that wait in their rings to be told.
    OutputsWaiting,
    /// Shard: requests that wait in its rings.
    InputsWaiting,
    /// Gateway, shard: records that it made.
    Records,
    /// Gateway, shard: those that are not yet as durable as configured.
    RecordsNotDurable,
    /// Gateway, shard: bytes of records that wait in its ring to the journal.
    JournalBytesWaiting,
    /// Journal: records that were written.
    RecordsWritten,
    /// Journal: their bytes.
    BytesWritten,
    /// Journal: writes, each of all that had come.
    Writes,
    /// Journal: how long they and their syncs took, in nanoseconds.
    WriteNanos,
    /// Journal: bytes that are left in the segment that is written. When there is no next one, that is the reserve.
    SegmentBytesLeft,
    /// Stock of the journal: whether the next segment cannot be prepared, so that orders are refused.
    DiskFull,
    /// Stock of the journal: bytes that are free on its disk.
    DiskFreeBytes,
    /// Files of the journal: segments in the data folder.
    Segments,
    /// Files of the journal: segments in the archive.
    ArchivedSegments,
    /// Files of the journal: seconds since the newest snapshot that can be used was made.
    SnapshotAgeSeconds,
    /// Keeper of the verifier: keys that have their table.
    KeyTables,
    /// Keeper of the verifier: verdicts that dalek has confirmed.
    SamplesChecked,
    /// Thread: allocations of Sealgate's own.
    Allocations,
    /// Thread: allocations of the libraries for TLS and WebSocket frames.
    LibraryAllocations,
    /// Thread: system calls, without looks at the poller that found nothing.
    SystemCalls,
    /// Thread that spins: turns without work that took longer than 20 µs, because somebody else had the core.
    Hiccups,
    /// Thread that spins: how long they took together, in nanoseconds.
    HiccupNanos,
    /// Thread that spins: how long the longest took since the start, in nanoseconds.
    LongestHiccupNanos,
}

impl Meter {
    /// All of them.
    pub const ALL: [Self; 32] = [
        Self::Handshakes,
        Self::FixConnections,
        Self::WebSocketConnections,
        Self::Requests,
        Self::Answers,
        Self::InFlight,
        Self::VerifiedByTable,
        Self::VerifiedTogether,
        Self::VerifiedByDalek,
        Self::OutputsWaiting,
        Self::InputsWaiting,
        Self::Records,
        Self::RecordsNotDurable,
        Self::JournalBytesWaiting,
        Self::RecordsWritten,
        Self::BytesWritten,
        Self::Writes,
        Self::WriteNanos,
        Self::SegmentBytesLeft,
        Self::DiskFull,
        Self::DiskFreeBytes,
        Self::Segments,
        Self::ArchivedSegments,
        Self::SnapshotAgeSeconds,
        Self::KeyTables,
        Self::SamplesChecked,
        Self::Allocations,
        Self::LibraryAllocations,
        Self::SystemCalls,
        Self::Hiccups,
        Self::HiccupNanos,
        Self::LongestHiccupNanos,
    ];

    /// Its name, as JSON and Prometheus have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Handshakes => "handshakes",
            Self::FixConnections => "fix_connections",
            Self::WebSocketConnections => "websocket_connections",
            Self::Requests => "requests",
            Self::Answers => "answers",
            Self::InFlight => "in_flight",
            Self::VerifiedByTable => "verified_by_table",
            Self::VerifiedTogether => "verified_together",
            Self::VerifiedByDalek => "verified_by_dalek",
            Self::OutputsWaiting => "outputs_waiting",
            Self::InputsWaiting => "inputs_waiting",
            Self::Records => "records",
            Self::RecordsNotDurable => "records_not_durable",
            Self::JournalBytesWaiting => "journal_bytes_waiting",
            Self::RecordsWritten => "records_written",
            Self::BytesWritten => "bytes_written",
            Self::Writes => "writes",
            Self::WriteNanos => "write_nanos",
            Self::SegmentBytesLeft => "segment_bytes_left",
            Self::DiskFull => "disk_full",
            Self::DiskFreeBytes => "disk_free_bytes",
            Self::Segments => "segments",
            Self::ArchivedSegments => "archived_segments",
            Self::SnapshotAgeSeconds => "snapshot_age_seconds",
            Self::KeyTables => "key_tables",
            Self::SamplesChecked => "samples_checked",
            Self::Allocations => "allocations",
            Self::LibraryAllocations => "library_allocations",
            Self::SystemCalls => "system_calls",
            Self::Hiccups => "hiccups",
            Self::HiccupNanos => "hiccup_nanos",
            Self::LongestHiccupNanos => "longest_hiccup_nanos",
        }
    }

    /// What it is, for people.
    pub fn says(self) -> &'static str {
        match self {
            Self::Handshakes => "TLS handshakes under way",
            Self::FixConnections => "FIX connections",
            Self::WebSocketConnections => "WebSocket connections",
            Self::Requests => "Requests that went to a shard",
            Self::Answers => "Answers to requests that went to a shard",
            Self::InFlight => "Requests that wait for their answer",
            Self::VerifiedByTable => "Signatures verified over the table of their key",
            Self::VerifiedTogether => "Of these, signatures verified together with others that waited",
            Self::VerifiedByDalek => "Signatures verified by ed25519-dalek",
            Self::OutputsWaiting => "Events of shards that wait in their rings to be told",
            Self::InputsWaiting => "Requests that wait in the rings to a shard",
            Self::Records => "Records made for the journal",
            Self::RecordsNotDurable => "Records that are not yet as durable as configured",
            Self::JournalBytesWaiting => "Bytes of records that wait in the ring to the journal",
            Self::RecordsWritten => "Records written by the journal",
            Self::BytesWritten => "Bytes written by the journal",
            Self::Writes => "Writes of the journal, each of all that had come",
            Self::WriteNanos => "Nanoseconds that writes and their syncs took",
            Self::SegmentBytesLeft => {
                "Bytes left in the segment that is written: the reserve, when there is no next one"
            }
            Self::DiskFull => {
                "1 while the journal's next segment cannot be prepared, so that orders are refused"
            }
            Self::DiskFreeBytes => "Bytes free on the disk of the journal",
            Self::Segments => "Segments of the journal in the data folder",
            Self::ArchivedSegments => "Segments of the journal in the archive",
            Self::SnapshotAgeSeconds => "Seconds since the newest snapshot that can be used was made",
            Self::KeyTables => "API keys that have their table",
            Self::SamplesChecked => "Verdicts that ed25519-dalek has confirmed",
            Self::Allocations => "Allocations of Sealgate's own",
            Self::LibraryAllocations => "Allocations of the libraries for TLS and WebSocket frames",
            Self::SystemCalls => "System calls, without looks at the poller that found nothing",
            Self::Hiccups => "Turns without work longer than 20 µs, of a thread that spins",
            Self::HiccupNanos => "Nanoseconds of turns without work longer than 20 µs",
            Self::LongestHiccupNanos => "Nanoseconds of the longest turn without work since the start",
        }
    }

    /// Whether it only grows.
    pub fn is_counter(self) -> bool {
        matches!(
            self,
            Self::Requests
                | Self::Answers
                | Self::VerifiedByTable
                | Self::VerifiedTogether
                | Self::VerifiedByDalek
                | Self::Records
                | Self::RecordsWritten
                | Self::BytesWritten
                | Self::Writes
                | Self::WriteNanos
                | Self::SamplesChecked
                | Self::Allocations
                | Self::LibraryAllocations
                | Self::SystemCalls
                | Self::Hiccups
                | Self::HiccupNanos
        )
    }
}

/// The value of a cell that its agent has never written.
const UNSET: u64 = u64::MAX;

type Cells = CachePadded<[AtomicU64; Meter::ALL.len()]>;

/// The agent's end.
#[derive(Debug)]
pub struct Meters(Arc<Cells>);

/// The other end.
#[derive(Debug)]
pub struct MetersReader {
    agent: String,
    cells: Arc<Cells>,
}

/// The meters of an agent, and where they are read.
pub fn meters(agent: impl Into<String>) -> (Meters, MetersReader) {
    let meters = Meters::default();
    let cells = Arc::clone(&meters.0);
    (meters, MetersReader { agent: agent.into(), cells })
}

/// Meters at which nobody looks.
impl Default for Meters {
    fn default() -> Self {
        Self(Arc::new(CachePadded::new(std::array::from_fn(|_| AtomicU64::new(UNSET)))))
    }
}

impl Meters {
    /// It is so much now.
    pub fn set(&mut self, meter: Meter, value: u64) {
        self.0[meter as usize].store(value, Ordering::Relaxed);
    }

    /// So much more.
    pub fn add(&mut self, meter: Meter, more: u64) {
        let cell = &self.0[meter as usize];
        let before = Some(cell.load(Ordering::Relaxed)).filter(|value| *value != UNSET).unwrap_or_default();
        // Nobody else writes, so this is no race.
        cell.store(before.wrapping_add(more), Ordering::Relaxed);
    }
}

impl MetersReader {
    /// The agent's name.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// What it has written, in the order of [`Meter::ALL`]; `None` where it never has.
    pub fn read(&self) -> [Option<u64>; Meter::ALL.len()] {
        Meter::ALL
            .map(|meter| Some(self.cells[meter as usize].load(Ordering::Relaxed)).filter(|v| *v != UNSET))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_has_never_written_is_not_told() {
        let (mut meters, reader) = meters("shard-0");
        assert_eq!(reader.read(), [None; Meter::ALL.len()]);
        meters.set(Meter::InputsWaiting, 7);
        meters.set(Meter::InputsWaiting, 3);
        meters.add(Meter::Records, 2);
        meters.add(Meter::Records, 2);
        let told = reader.read();
        assert_eq!((reader.agent(), told.iter().flatten().count()), ("shard-0", 2));
        assert_eq!(told[Meter::InputsWaiting as usize], Some(3));
        assert_eq!(told[Meter::Records as usize], Some(4));
    }

    #[test]
    fn every_meter_has_its_own_cell_and_name() {
        for (at, meter) in Meter::ALL.into_iter().enumerate() {
            assert_eq!(meter as usize, at);
            assert_eq!(Meter::ALL.iter().filter(|other| other.name() == meter.name()).count(), 1);
        }
    }
}
