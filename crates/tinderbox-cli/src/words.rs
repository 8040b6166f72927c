//! Tasks by a word: `train restore photos` is `train photos --task enhance --damage restore`.

use std::{ffi::OsString, path::Path};

use tinderbox::AnyTask;

/// The commands that take settings of any task.
const COMMANDS: [&str; 4] = ["train", "check", "lr-find", "show-batch"];

/// The arguments with the task, and the settings that its name stands for, as flags. Words are task
/// names and what tasks are called besides; a folder of that name that nothing else follows is data.
/// A flag that is given counts, whatever its word stands for.
pub(crate) fn spelled_out(
    args: impl IntoIterator<Item = OsString>,
    tasks: &[&dyn AnyTask],
) -> Vec<OsString> {
    let args: Vec<OsString> = args.into_iter().collect();
    // `--threads 2` is the one flag before a command that takes a value.
    let is_value = |at: usize| args[at - 1] == "--threads";
    let is_word = |at: &usize| !starts_with_dash(&args[*at]) && !is_value(*at);
    let Some(at) = (1..args.len()).find(is_word) else { return args };
    let (command, word) = (args[at].to_str(), args.get(at + 1).and_then(|word| word.to_str()));
    let (Some(command), Some(word)) = (command, word) else { return args };
    let given = &args[at + 2..];
    let Some(flags) = COMMANDS.contains(&command).then(|| flags(word, given, tasks)).flatten()
    else {
        return args;
    };
    let data_follows = args.get(at + 2).is_some_and(|next| !starts_with_dash(next));
    if !data_follows && Path::new(word).exists() {
        return args;
    }
    args[..=at].iter().cloned().chain(flags).chain(given.iter().cloned()).collect()
}

fn starts_with_dash(arg: &OsString) -> bool {
    arg.to_string_lossy().starts_with('-')
}

/// What a word stands for, without the settings that are given.
fn flags(word: &str, given: &[OsString], tasks: &[&dyn AnyTask]) -> Option<Vec<OsString>> {
    let is_given = |flag: &str| {
        given.iter().filter_map(|arg| arg.to_str()).any(|arg| {
            arg.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        })
    };
    tasks.iter().map(|task| task.about()).find_map(|about| {
        let of_task = || vec!["--task".into(), about.name.into()];
        if about.name == word {
            return Some(of_task());
        }
        let word = about.words.iter().find(|known| known.name == word)?;
        let settings = word.settings.iter().filter_map(|(key, value)| {
            let flag = format!("--{}", key.replace('_', "-"));
            (!is_given(&flag)).then(|| [flag.into(), (*value).into()])
        });
        Some(of_task().into_iter().chain(settings.flatten()).collect())
    })
}

#[cfg(test)]
mod tests {
    use tinderbox::TASKS;

    use super::*;

    #[track_caller]
    fn check(typed: &str, spelled: &str) {
        let args = typed.split_whitespace().map(OsString::from);
        let found: Vec<String> =
            spelled_out(args, TASKS).into_iter().map(|arg| arg.into_string().unwrap()).collect();
        assert_eq!(found.join(" "), spelled);
    }

    #[test]
    fn a_word_is_a_task_and_its_settings() {
        check(
            "tinderbox train restore photos --seed 1",
            "tinderbox train --task enhance --damage restore photos --seed 1",
        );
        check(
            "tinderbox train enhance --inputs a --targets b",
            "tinderbox train --task enhance --inputs a --targets b",
        );
        check(
            "tinderbox --threads 1 train restore x",
            "tinderbox --threads 1 train --task enhance --damage restore x",
        );
        check(
            "tinderbox --threads=1 check colorize x",
            "tinderbox --threads=1 check --task enhance --damage gray x",
        );
        check("tinderbox train segment --images a", "tinderbox train --task segment --images a");
        check(
            "tinderbox train restore x --damage=gray",
            "tinderbox train --task enhance x --damage=gray",
        );
    }

    #[test]
    fn what_is_no_word_stays_as_it_is() {
        // A folder of this crate.
        for typed in [
            "tinderbox",
            "tinderbox train",
            "tinderbox train photos restore",
            "tinderbox predict restore x",
        ] {
            check(typed, typed);
        }
    }
}
