//! The `countersign` program: parse the command line, run it, turn an error into words and an exit code.

use std::process::ExitCode;

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// So many bytes of a pack are mapped at once, and so many of all of them: they count as the daemon's memory.
const WINDOW: usize = 4 << 20;
const MAPPED: usize = 32 << 20;

fn main() -> ExitCode {
    if let Err(error) = spare_memory() {
        eprintln!("countersign: packs are mapped whole: {}", error.message());
    }
    countersign::cli::main()
}

/// How much memory the library that reads objects may take: it keeps no object, since what is worth it is kept by us.
#[expect(unsafe_code, reason = "these options are the whole process's, and nothing else sets them")]
fn spare_memory() -> Result<(), git2::Error> {
    git2::opts::enable_caching(false);
    // SAFETY: they must not be set while another thread uses the library, and none was started yet.
    unsafe {
        git2::opts::set_mwindow_size(WINDOW)?;
        git2::opts::set_mwindow_mapped_limit(MAPPED)
    }
}
