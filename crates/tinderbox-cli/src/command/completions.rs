use clap::{Args, Command, CommandFactory, ValueHint};
use clap_complete::Shell;

use crate::{exit::Done, terminal::print_data};

/// Print the completion script of a shell
///
/// It completes commands, flags and the values of flags: architectures, tasks,
/// devices, files and folders.
///
/// Examples:
///   tinderbox completions bash > ~/.local/share/bash-completion/completions/tinderbox
///   tinderbox completions zsh > "${fpath[1]}/_tinderbox"
///   tinderbox completions fish > ~/.config/fish/completions/tinderbox.fish
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Completions {
    /// Shell
    shell: Shell,
}

impl Completions {
    #[expect(clippy::unnecessary_wraps, reason = "as every command's")]
    pub(crate) fn run<C: CommandFactory>(self) -> anyhow::Result<Done> {
        print_data(script(self.shell, &mut C::command()).trim_end());
        Ok(Done::Ok)
    }
}

/// The completions of a command.
fn script(shell: Shell, command: &mut Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, command, "tinderbox", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    // The generators offer known values or files, and never both.
    let mut known = Vec::new();
    values_or_files(command, &mut known);
    for values in known {
        let (words, lines) = (values.join(" "), values.join("\\t''\n"));
        let (alone, both) = match shell {
            Shell::Bash => {
                (format!("compgen -W \"{words}\""), format!("compgen -f -W \"{words}\""))
            }
            Shell::Zsh => (format!(":({words})"), format!(":_tinderbox_or_files {words}")),
            Shell::Fish => (format!("-f -a \"{lines}"), format!("-F -a \"{lines}")),
            _ => continue,
        };
        script = script.replace(&alone, &both);
    }
    match shell {
        Shell::Zsh => script.replacen("\n_tinderbox() {", OR_FILES, 1),
        _ => script,
    }
}

/// Offers its arguments, and files.
const OR_FILES: &str = "
_tinderbox_or_files() {
    compadd \"$@\"
    _files
}

_tinderbox() {";

/// The values of arguments that take paths besides.
fn values_or_files(command: &Command, found: &mut Vec<Vec<String>>) {
    for argument in command.get_arguments() {
        let values = argument.get_possible_values();
        let values: Vec<String> = values.iter().map(|value| value.get_name().to_owned()).collect();
        let takes_paths = matches!(
            argument.get_value_hint(),
            ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath
        );
        if takes_paths && !values.is_empty() && !found.contains(&values) {
            found.push(values);
        }
    }
    command.get_subcommands().for_each(|command| values_or_files(command, found));
}

#[cfg(test)]
mod tests {
    use clap::{Arg, builder::StringValueParser};

    use super::*;
    use crate::offered::offering;

    #[track_caller]
    fn check(shell: Shell, wanted: &[&str]) {
        let weights = Arg::new("weights")
            .long("weights")
            .value_name("WEIGHTS")
            .value_hint(ValueHint::AnyPath)
            .value_parser(offering(StringValueParser::new(), ["auto", "none"]));
        let arch = Arg::new("arch")
            .long("arch")
            .value_parser(offering(StringValueParser::new(), ["basic", "resnet34"]));
        let script = script(shell, &mut Command::new("tinderbox").args([weights, arch]));
        for text in wanted {
            assert!(script.contains(text), "no {text} in:\n{script}");
        }
    }

    #[test]
    fn values_are_offered_and_files_where_they_are_taken() {
        check(Shell::Bash, &["compgen -f -W \"auto none\"", "$(compgen -W \"basic resnet34\""]);
        check(
            Shell::Zsh,
            &[":WEIGHTS:_tinderbox_or_files auto none'", ":(basic resnet34)'", OR_FILES],
        );
        check(Shell::Fish, &["-l weights -r -F -a \"auto", "-l arch -r -f -a \"basic"]);
    }
}
