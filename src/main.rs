//! The `countersign` program: parse the command line, run it, turn an error into words and an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    countersign::cli::main()
}
