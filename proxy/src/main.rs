//! The `corelane` program; everything it does is in the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A huge page is resident as a whole once one byte of it is used: ten thousand idle connections
    // would weigh more than twice what they need. A kernel without the switch only costs that.
    let _without_the_switch = rustix::thread::disable_transparent_huge_pages(true);
    corelane::main()
}
