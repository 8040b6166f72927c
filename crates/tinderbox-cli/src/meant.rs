//! What somebody meant who mistyped a command or a flag.

use clap::{
    Command, Error,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// The error with the command or the flag that was meant, if there is one that is much like what was
/// typed.
///
/// The argument parser's own suggestions go by how names begin, and suggest `train-lm` for `trian`.
pub(crate) fn suggesting(
    mut error: Error,
    command: &Command,
    typed: impl Iterator<Item = String>,
) -> Error {
    let said = |kind| match error.get(kind) {
        Some(ContextValue::String(said)) => Some(said.clone()),
        _ => None,
    };
    let command = asked(command, typed);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let names = command.get_subcommands().filter(|command| !command.is_hide_set());
            let names: Vec<&str> = names.map(Command::get_name).collect();
            let said = said(ContextKind::InvalidSubcommand);
            let meant = said.and_then(|said| meant(&said, &names, &COMMANDS).map(str::to_owned));
            replace(
                &mut error,
                ContextKind::SuggestedSubcommand,
                meant.map(|meant| ContextValue::Strings(vec![meant])),
            );
        }
        ErrorKind::UnknownArgument => {
            let said = said(ContextKind::InvalidArg);
            let flags = command.get_arguments().filter(|argument| !argument.is_hide_set());
            let flags: Vec<&str> = flags.filter_map(clap::Arg::get_long).collect();
            if let Some(said) = said.as_deref().and_then(|said| said.strip_prefix("--")) {
                let said = said.split(['=', ' ']).next().unwrap_or(said);
                let meant = meant(said, &flags, &FLAGS).map(|meant| format!("--{meant}"));
                replace(&mut error, ContextKind::SuggestedArg, meant.map(ContextValue::String));
            }
        }
        _ => {}
    }
    error
}

/// Puts our suggestion in the place of the parser's, or nothing.
fn replace(error: &mut Error, kind: ContextKind, meant: Option<ContextValue>) {
    error.remove(kind);
    if let Some(meant) = meant {
        error.insert(kind, meant);
    }
}

/// The command whose arguments are wrong: the last that was named.
fn asked(command: &Command, typed: impl Iterator<Item = String>) -> &Command {
    let mut asked = command;
    for word in typed.skip(1) {
        asked = asked.find_subcommand(&word).unwrap_or(asked);
    }
    asked
}

/// What other programs call our commands.
const COMMANDS: [(&str, &str); 10] = [
    ("dataset", "data"),
    ("datasets", "data"),
    ("download", "fetch"),
    ("eval", "validate"),
    ("evaluate", "validate"),
    ("explain", "interpret"),
    ("fit", "train"),
    ("infer", "predict"),
    ("run", "train"),
    ("test", "validate"),
];

/// What other programs call our flags.
const FLAGS: [(&str, &str); 6] = [
    ("bs", "batch-size"),
    ("img-size", "size"),
    ("learning-rate", "lr"),
    ("model", "arch"),
    ("num-epochs", "epochs"),
    ("num-workers", "workers"),
];

/// The name that is most like what was typed, if any is.
fn meant<'a>(typed: &str, names: &[&'a str], others: &[(&str, &'a str)]) -> Option<&'a str> {
    const ALIKE: f64 = 0.6;
    const BEGINS: f64 = 0.7;
    let called = others.iter().find(|(other, name)| *other == typed && names.contains(name));
    let likeness = |name: &str| {
        let begins =
            typed.len() > 2 && name.starts_with(typed) || name.len() > 2 && typed.starts_with(name);
        let alike = strsim::normalized_damerau_levenshtein(typed, name);
        if begins { alike.max(BEGINS) } else { alike }
    };
    let alike = names.iter().map(|name| (likeness(name), *name));
    let best = alike.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.len().cmp(&a.1.len())));
    let best = || best.filter(|(likeness, _)| *likeness >= ALIKE).map(|(_, name)| name);
    called.map(|(_, name)| *name).or_else(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, wanted: Option<&str>) {
        let names = ["train", "train-lm", "predict", "validate", "lesson", "lr-find", "summary"];
        assert_eq!(meant(typed, &names, &COMMANDS), wanted);
    }

    #[test]
    fn the_name_that_differs_least_is_meant() {
        check("trian", Some("train"));
        check("tran", Some("train"));
        check("train_lm", Some("train-lm"));
        check("pred", Some("predict"));
        check("prediction", Some("predict"));
        check("lrfind", Some("lr-find"));
        check("evaluate", Some("validate"));
        check("version", None);
        check("bake", None);
        check("", None);
    }
}
