//! The `tinderbox` command.

use std::process::ExitCode;

/// Training asks for the same large blocks of memory again and again.
#[global_allocator]
static ALLOCATOR: tinderbox::Pooled = tinderbox::Pooled::new();

fn main() -> ExitCode {
    tinderbox_cli::main(tinderbox::TASKS)
}
