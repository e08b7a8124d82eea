//! Arguments → configuration → a command.

use sealgate::sys::tally::Counting;

/// Counts, so that a running server can tell whether the path of an order allocates.
#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> std::process::ExitCode {
    sealgate::cli::main()
}
