//! The daemon's entry point.

/// A webhook makes a hundred small allocations on one thread and frees them on another, where the C library's allocator
/// spends a quarter of all CPU time; and memory of conversations that have left must go back to the machine.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    frontdesk::cli::main()
}
