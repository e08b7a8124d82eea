//! The round trips as a HdrHistogram V2 log, which the tools of that library read and draw.

use super::tape::Tape;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Writes one interval, the measured time, in nanoseconds.
pub fn write(path: &Path, title: &str, tape: &Tape) -> io::Result<()> {
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment(title)
        .add_comment("nanoseconds")
        .with_start_time(SystemTime::now())
        .begin_log_with(&mut file, &mut serializer)?;
    log.write_histogram(&tape.latency(), Duration::ZERO, tape.measured(), None)
        .map_err(|error| io::Error::other(format!("{error:?}")))?;
    file.flush()
}
