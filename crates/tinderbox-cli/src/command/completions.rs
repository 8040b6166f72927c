use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{exit::Done, terminal::print_line};

/// Print completions for a shell
///
/// Example:
///   tinderbox completions bash > ~/.local/share/bash-completion/completions/tinderbox
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    #[expect(clippy::unnecessary_wraps, reason = "as every command's")]
    pub(crate) fn run<C: CommandFactory>(self) -> anyhow::Result<Done> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut C::command(), "tinderbox", &mut script);
        print_line(String::from_utf8_lossy(&script).trim_end());
        Ok(Done::Ok)
    }
}
