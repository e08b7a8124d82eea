//! Arguments → configuration → a command.

fn main() -> std::process::ExitCode {
    sealgate::cli::main()
}
