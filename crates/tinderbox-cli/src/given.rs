//! The settings of tasks as arguments. A flag is a field of a task's settings: its name, its help and
//! what it takes come from there, so there is no list of them here.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::{Context, bail};
use clap::{
    Arg, ArgAction, ArgGroup, ArgMatches, Args, Command, FromArgMatches, ValueHint,
    builder::OsStringValueParser, error::ErrorKind,
};
use serde_json::{Map, Value};
use tinderbox::{
    AnyTask, Field, Kind, Role, RunError, SettingsError, TASKS, find_task, settings::read_file,
    task_of_run,
};

use crate::offered::offering;

static TABLE: OnceLock<&'static [&'static dyn AnyTask]> = OnceLock::new();

/// Says which tasks there are; the first call counts.
pub(crate) fn set_tasks(tasks: &'static [&'static dyn AnyTask]) {
    TABLE.get_or_init(|| tasks);
}

/// The tasks that there are.
pub(crate) fn tasks() -> &'static [&'static dyn AnyTask] {
    TABLE.get().copied().unwrap_or(TASKS)
}

/// The settings that were given, as they were typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given(Vec<(String, Vec<OsString>)>);

/// The settings that a command takes.
pub(crate) trait Which {
    /// The tasks whose settings they are.
    fn tasks() -> Vec<&'static dyn AnyTask> {
        tasks().to_vec()
    }

    /// Whether a setting is one of them.
    fn takes(_: &Field) -> bool {
        true
    }

    /// The place among the arguments without a flag at which the data is named; a flag if there is
    /// none.
    const DATA: Option<usize> = Some(1);

    /// Whether something must say what the data is: a source, or an argument of the command that is
    /// in the group [`DATA`].
    const NEEDS_DATA: bool = true;

    /// Further keys that are left to the command.
    fn without() -> &'static [&'static str] {
        &[]
    }
}

/// The group of the arguments that say what the data is.
pub(crate) const DATA: &str = "what";

/// The group of those that say which run is meant.
pub(crate) const RUN: &str = "which";

/// Settings of all tasks.
#[derive(Debug)]
pub(crate) struct All;
impl Which for All {}

/// The same where nothing is written: there is no run folder.
#[derive(Debug)]
pub(crate) struct Look;
impl Which for Look {
    fn without() -> &'static [&'static str] {
        // Nothing is written, and the first steps are the same however many follow.
        &[
            "out",
            "checkpoint_every",
            "epochs",
            "unfreeze_epochs",
            "lr",
            "pct_start",
            "early_stop",
            "keep",
        ]
    }
}

/// What is about the data.
#[derive(Debug)]
pub(crate) struct AboutData;
impl Which for AboutData {
    fn takes(field: &Field) -> bool {
        matches!(field.group.as_deref(), None | Some("Data" | "Masks" | "Texts"))
            || field.key == "seed"
    }
    fn without() -> &'static [&'static str] {
        &["oversample", "skip_bad"]
    }
}

/// What is about validating a model, which is named first.
#[derive(Debug)]
pub(crate) struct Validating;
impl Which for Validating {
    // A run has its own.
    const NEEDS_DATA: bool = false;
    fn takes(field: &Field) -> bool {
        field.validates
    }
    const DATA: Option<usize> = Some(2);
}

/// Where data is that has moved, with the data as a flag.
#[derive(Debug)]
pub(crate) struct Sources;
impl Which for Sources {
    // A run has its own.
    const NEEDS_DATA: bool = false;
    fn takes(field: &Field) -> bool {
        field.role == Role::Source
    }
    const DATA: Option<usize> = None;
}

/// Those of a language model.
#[derive(Debug)]
pub(crate) struct OfLanguageModel;
impl Which for OfLanguageModel {
    fn tasks() -> Vec<&'static dyn AnyTask> {
        one("language-model")
    }
}

/// Those of image segmentation, with the data as a flag.
#[derive(Debug)]
pub(crate) struct OfCamvid;
impl Which for OfCamvid {
    fn tasks() -> Vec<&'static dyn AnyTask> {
        one("segment")
    }
    const DATA: Option<usize> = None;
    const NEEDS_DATA: bool = false;
    fn without() -> &'static [&'static str] {
        &["images", "masks"]
    }
}

/// Those of image-to-image training, with the data as a flag of the lesson's own.
#[derive(Debug)]
pub(crate) struct OfSuperres;
impl Which for OfSuperres {
    fn tasks() -> Vec<&'static dyn AnyTask> {
        one("enhance")
    }
    const DATA: Option<usize> = None;
    const NEEDS_DATA: bool = false;
    fn without() -> &'static [&'static str] {
        // The stages decide them.
        &["data", "inputs", "targets", "damage", "scale", "out", "from", "sizes", "unfreeze_epochs"]
    }
}

fn one(name: &str) -> Vec<&'static dyn AnyTask> {
    find_task(tasks(), name).into_iter().collect()
}

/// [`Given`] settings of a kind, as arguments.
#[derive(Debug)]
pub(crate) struct Of<W> {
    pub(crate) given: Given,
    _which: std::marker::PhantomData<W>,
}

impl<W: Which> Of<W> {
    /// The fields in the order of the tasks, each once.
    fn fields() -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::new();
        for field in W::tasks().iter().flat_map(|task| task.fields()) {
            if !W::takes(&field) || W::without().contains(&field.key.as_str()) {
                continue;
            }
            match fields.iter_mut().find(|known| known.key == field.key) {
                None => fields.push(field),
                Some(known) => {
                    known.alias = known.alias.take().or(field.alias);
                    let more = field.examples.into_iter();
                    let more: Vec<String> =
                        more.filter(|one| !known.examples.contains(one)).collect();
                    known.examples.extend(more);
                }
            }
        }
        fields
    }
}

impl<W: Which> Args for Of<W> {
    fn augment_args(command: Command) -> Command {
        let fields = Self::fields();
        let keys = |role: &[Role]| -> Vec<String> {
            let of_role = fields.iter().filter(|field| role.contains(&field.role));
            of_role.map(|field| field.key.clone()).collect()
        };
        let sources = ArgGroup::new(DATA).args(keys(&[Role::Source])).multiple(true);
        let runs = ArgGroup::new(RUN).args(keys(&[Role::Source, Role::Run])).multiple(true);
        command
            .args(fields.iter().map(|field| argument(field, W::DATA)))
            .group(sources.required(W::NEEDS_DATA))
            .group(runs)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<W: Which> FromArgMatches for Of<W> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = |field: Field| {
            let values = matches.get_many::<OsString>(&field.key)?.cloned().collect();
            Some((field.key, values))
        };
        let given = Given(Self::fields().into_iter().filter_map(typed).collect());
        Ok(Self { given, _which: std::marker::PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The settings that `-h` lists; `--help` lists all.
const OFTEN: [&str; 17] = [
    "data",
    "images",
    "masks",
    "codes",
    "text",
    "label",
    "valid",
    "size",
    "arch",
    "pretrained",
    "from",
    "from_lm",
    "epochs",
    "lr",
    "batch_size",
    "device",
    "out",
];

/// A field as an argument.
fn argument(field: &Field, data: Option<usize>) -> Arg {
    let usual = match (&field.default, &field.usual) {
        (Some(Value::String(value)), _) => Some(value.clone()),
        (Some(Value::Bool(false)), _) => None,
        (Some(value), _) => Some(value.to_string()),
        (None, usual) => usual.clone(),
    };
    let with_default = |help: &str| match &usual {
        Some(usual) => format!("{help} [default: {usual}]"),
        None => help.to_owned(),
    };
    let offered = field.choices.iter().chain(&field.examples);
    let argument = Arg::new(field.key.clone())
        .help(with_default(first_words(&field.help)))
        .long_help(with_default(&field.help))
        .value_parser(offering(OsStringValueParser::new(), offered))
        .hide_possible_values(true)
        .hide_short_help(!OFTEN.contains(&field.key.as_str()))
        .value_hint(hint(field))
        .value_name(field.value.clone());
    let argument = match (field.key.as_str(), data) {
        ("data", Some(index)) => return argument.index(index).value_name("DATA"),
        _ => {
            let argument = argument.long(field.key.replace('_', "-")).short(field.short);
            field.alias.iter().cloned().fold(argument, Arg::alias)
        }
    };
    let argument = match &field.group {
        Some(group) => argument.help_heading(group.clone()),
        None => argument,
    };
    if field.is_flag() {
        argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_name("true|false")
    } else if field.is_list() {
        argument.action(ArgAction::Append)
    } else if field.kinds.iter().any(|kind| matches!(kind, Kind::Whole | Kind::Number)) {
        argument.allow_negative_numbers(true)
    } else {
        argument
    }
}

/// What a help says before it explains.
fn first_words(help: &str) -> &str {
    let ends = [": ", "; ", ". "].iter().filter_map(|end| help.find(end));
    &help[..ends.min().unwrap_or(help.len())]
}

/// What completions offer besides values that are known.
fn hint(field: &Field) -> ValueHint {
    match (field.is_path, field.value.as_str()) {
        (false, _) => ValueHint::Other,
        (true, "DIR" | "RUN") => ValueHint::DirPath,
        (true, "FILE") => ValueHint::FilePath,
        (true, _) => ValueHint::AnyPath,
    }
}

/// The settings of a command and whose they are.
pub(crate) struct Asked {
    pub(crate) task: &'static dyn AnyTask,
    pub(crate) settings: Map<String, Value>,
}

impl Asked {
    /// Where the data is.
    pub(crate) fn sources(&self) -> Vec<PathBuf> {
        let fields = self.task.fields().into_iter().filter(|field| field.role == Role::Source);
        let paths =
            fields.filter_map(|field| self.settings.get(&field.key)?.as_str().map(PathBuf::from));
        paths.collect()
    }
}

impl Given {
    /// The path that a setting was given, if it was.
    pub(crate) fn path(&self, key: &str) -> Option<&Path> {
        let (_, values) = self.0.iter().find(|(given, _)| given == key)?;
        values.first().map(Path::new)
    }

    /// The settings for a task: those of a configuration file, and over them what was typed.
    ///
    /// # Errors
    /// Wrong usage, for a setting that the task has not or a value that does not fit.
    pub(crate) fn of_task(
        &self,
        task: &'static dyn AnyTask,
        config: Option<Map<String, Value>>,
    ) -> anyhow::Result<Asked> {
        let mut settings = config.unwrap_or_default();
        let fields = task.fields();
        for (key, values) in &self.0 {
            let Some(field) = fields.iter().find(|field| field.key == *key) else {
                let (setting, task) = (key.clone(), task.about().name);
                return Err(usage(
                    ErrorKind::ArgumentConflict,
                    &SettingsError::OfOtherTask { setting, task },
                ));
            };
            // What is typed wins over a setting of the file that it replaces, too.
            let replaced = |other: &Field| {
                other.instead_of.as_ref() == Some(key)
                    || field.instead_of.as_ref() == Some(&other.key)
            };
            for other in fields.iter().filter(|other| replaced(other)) {
                if !self.0.iter().any(|(typed, _)| *typed == other.key) {
                    settings.remove(&other.key);
                }
            }
            settings.insert(key.clone(), typed(task, field, values)?);
        }
        Ok(Asked { task, settings })
    }

    /// The task that is named, or that a configuration file is of, or whose sources are named, or
    /// that the data looks like.
    ///
    /// # Errors
    /// As [`of_task`](Self::of_task); [`SettingsError::UnknownTask`]; what is wrong with the file.
    pub(crate) fn resolve(
        &self,
        named: Option<&str>,
        config: Option<&Path>,
    ) -> anyhow::Result<Asked> {
        let of_path = config;
        let (of_file, config) = match config {
            Some(file) => {
                let (task, settings) = read_file(file)?;
                (task, Some(settings))
            }
            None => (None, None),
        };
        if let (Some(file), Some(named), Some(found)) = (of_path, named, &of_file)
            && named != found
        {
            bail!("{} is for the task `{found}`, not `{named}`", file.display());
        }
        let name = named.map(str::to_owned).or(of_file);
        let task = match &name {
            Some(name) => find_task(tasks(), name)?,
            None => self.recognized(config.as_ref()),
        };
        if let (Some(file), Some(config)) = (of_path, &config) {
            task.read(config).with_context(|| file.display().to_string())?;
        }
        self.of_task(task, config)
    }

    /// The task of the run in a folder, for one that goes on; another one must not be named.
    ///
    /// # Errors
    /// [`RunError`]; as [`of_task`](Self::of_task).
    pub(crate) fn of_run(&self, run: &Path, named: Option<&str>) -> anyhow::Result<Asked> {
        let task = task_of_run(tasks(), run)?;
        let (found, folder) = (task.about().name, run.to_owned());
        match named {
            Some(name) if name != found => {
                let expected = find_task(tasks(), name)?.about().name;
                let other = RunError::OtherTask { folder, found: found.into(), expected };
                Err(tinderbox::Error::from(other).into())
            }
            _ => self.of_task(task, None),
        }
    }

    fn recognized(&self, config: Option<&Map<String, Value>>) -> &'static dyn AnyTask {
        let is_source = |field: &Field, key: &str| {
            field.key == key && field.role == Role::Source && key != "data"
        };
        let keys = || {
            let typed = self.0.iter().map(|(key, _)| key.as_str());
            typed.chain(config.into_iter().flat_map(|config| config.keys().map(String::as_str)))
        };
        let named = |key: &str| {
            tasks().iter().any(|task| task.fields().iter().any(|field| is_source(field, key)))
        };
        let sources: Vec<&str> = keys().filter(|key| named(key)).collect();
        let has = |task: &&&'static dyn AnyTask| {
            let fields = task.fields();
            sources.iter().all(|key| fields.iter().any(|field| field.key == **key))
        };
        let fitting: Vec<&'static dyn AnyTask> = tasks().iter().filter(has).copied().collect();
        let like = |task: &&'static dyn AnyTask| {
            let mut settings = config.cloned().unwrap_or_default();
            let fields = task.fields();
            for (key, values) in &self.0 {
                let field = fields.iter().find(|field| field.key == *key);
                // What does not fit is told once the task is known.
                if let Some(Ok(value)) = field.map(|field| typed(*task, field, values)) {
                    settings.insert(key.clone(), value);
                }
            }
            settings
        };
        let sure = fitting.iter().map(|task| (task.recognizes(&like(task)), *task));
        let best = sure.rev().max_by_key(|(confidence, _)| *confidence);
        best.map_or(tasks()[0], |(_, task)| task)
    }
}

/// What was typed for a field, as a value of it.
fn typed(task: &'static dyn AnyTask, field: &Field, values: &[OsString]) -> anyhow::Result<Value> {
    let mut read = Vec::new();
    for value in values {
        let Some(text) = value.to_str() else {
            let error = RunError::NotUtf8 { path: value.into() };
            return Err(tinderbox::Error::from(error).into());
        };
        read.push(text);
    }
    if let ([_, _, ..], false) = (&read[..], field.is_list()) {
        let task = task.about().name;
        let text = format!("'{}' can be given once only for task `{task}`", field.flag());
        return Err(usage(ErrorKind::ArgumentConflict, &text));
    }
    let value = match field.is_list() {
        true => Value::from(read),
        false => field.parse(read.last().unwrap_or(&"")).map_err(|error| invalid(field, &error))?,
    };
    // As the task understands it: a share, a size, a path.
    let one = [(field.key.clone(), value)].into_iter().collect();
    match task.read(&one) {
        Ok(mut settings) => Ok(settings.remove(&field.key).unwrap_or(one[&field.key].clone())),
        Err(error) => match error.downcast_ref::<SettingsError>() {
            Some(error) => Err(invalid(field, error)),
            None => Err(error.into()),
        },
    }
}

/// A value that a flag does not take, in the argument parser's words.
fn invalid(field: &Field, error: &SettingsError) -> anyhow::Error {
    let flag = format!("{} <{}>", field.flag(), field.value);
    match error {
        SettingsError::Invalid { value, reason, .. } => {
            let value = value.trim_matches('`');
            let text = format!("invalid value '{value}' for '{flag}': {reason}");
            usage(ErrorKind::ValueValidation, &text)
        }
        other => usage(ErrorKind::ValueValidation, other),
    }
}

/// Wrong usage, which ends as the argument parser's own does.
pub(crate) fn usage(kind: ErrorKind, text: &impl std::fmt::Display) -> anyhow::Error {
    clap::Error::raw(kind, format!("{text}\n\nFor more information, try '--help'.\n")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_help_of_a_setting_is_what_it_is() {
        assert_eq!(first_words("Items in a batch"), "Items in a batch");
        assert_eq!(first_words("Validation set: `auto`, or a share"), "Validation set");
        assert_eq!(first_words("Epochs to train for; of the head alone"), "Epochs to train for");
        assert_eq!(first_words("Folder with masks. A mask is gray: a code"), "Folder with masks");
    }
}
