//! Configuration files: settings as TOML.

use std::{fmt::Write, fs, path::Path};

use serde_json::{Map, Value};

use super::{Field, Role, Settings, SettingsError, fields};
use crate::{Error, Host, Plan, Result, Task};

/// The JSON Schema of a task's configuration file. Keys that begin with `x-` are for surfaces:
/// headings, what stands for a value, what a setting is about.
pub fn schema<T: Task>() -> Value {
    let mut schema = schemars::schema_for!(Settings<T>).to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".into(), Value::from(format!("tinderbox {}", T::ABOUT.name)));
        schema.insert("additionalProperties".into(), Value::Bool(false));
        let description = format!("Settings of a run that trains {}", T::ABOUT.noun);
        schema.insert("description".into(), description.into());
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        if let Some(properties) = properties {
            // TOML has no null: what is not said is left out.
            for property in properties.values_mut() {
                if let Some(Value::Array(kinds)) = property.get_mut("type") {
                    kinds.retain(|kind| kind != "null");
                }
            }
            let task = serde_json::json!({
                "const": T::ABOUT.name,
                "description": "What is learned",
            });
            properties.insert("task".into(), task);
        }
    }
    schema
}

/// Reads a configuration file, or that of a run folder: the name of its task, if it says one, and the settings, which are not
/// looked at yet.
///
/// # Errors
/// [`Error::Read`]; [`SettingsError::File`] for what is no TOML.
pub fn read_file(file: impl AsRef<Path>) -> Result<(Option<String>, Map<String, Value>)> {
    let file = file.as_ref();
    let in_run = file.join("run.toml");
    let file = if file.is_dir() { &in_run } else { file };
    let text =
        fs::read_to_string(file).map_err(|source| Error::Read { path: file.to_owned(), source })?;
    let wrong = |reason: String| SettingsError::File { file: file.to_owned(), reason };
    let table: toml::Table =
        toml::from_str(&text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
    // JSON has neither.
    let not_finite = |value: &toml::Value| value.as_float().is_some_and(|x| !x.is_finite());
    if let Some((key, value)) = table.iter().find(|(_, value)| not_finite(value)) {
        let (setting, value) = (key.clone(), value.to_string());
        let reason = "expected a finite number".into();
        return Err(SettingsError::Invalid { setting, value, reason }.into());
    }
    let settings = serde_json::to_value(table).expect("a table is plain data");
    let Value::Object(mut settings) = settings else { unreachable!("a table is an object") };
    let task = match settings.remove("task") {
        None => None,
        Some(Value::String(name)) => Some(name),
        Some(other) => return Err(wrong(format!("`task` is {other}, not a name")).into()),
    };
    Ok((task, settings))
}

/// A configuration file with every setting of a task: those that are given or have a default as they
/// are, those that follow from the data as comments.
pub fn whole_file<T: Task>(given: &Map<String, Value>) -> String {
    let mut text = format!("# {}\ntask = \"{}\"\n", T::ABOUT.noun, T::ABOUT.name);
    for field in fields::<T>() {
        let Field { key, help, default, usual, .. } = &field;
        let _ = writeln!(text, "\n# {help}");
        match given.get(key).or(default.as_ref()) {
            Some(value) => text.push_str(&line(key, value)),
            None => {
                let usual = usual.as_deref().unwrap_or("none");
                let _ = writeln!(text, "# {key} = …  # {usual}");
            }
        }
    }
    text
}

/// The configuration file that repeats a run: its data, every setting as it was decided, and what
/// of the machine was said.
pub fn run_file<T: Task>(plan: &Plan<T>) -> String {
    let host = plan.host.said();
    let mut text = format!("task = \"{}\"\n", T::ABOUT.name);
    for field in fields::<T>() {
        let key = &field.key;
        let source = plan.data.get(key).map(|path| Value::from(path.display().to_string()));
        let value = match field.role {
            Role::Source => source.as_ref(),
            Role::Learning => plan.decided.get(key),
            Role::Host => host.get(key),
            Role::Run => None,
        };
        if let Some(value) = value.filter(|value| !value.is_null()) {
            text.push_str(&line(key, value));
        }
    }
    text
}

impl Host {
    /// As settings, what differs from what this machine would do anyway.
    fn said(&self) -> Map<String, Value> {
        let object = |host: &Self| match serde_json::to_value(host) {
            Ok(Value::Object(host)) => host,
            _ => Map::new(),
        };
        let usual = object(&Self::default());
        let mut said = object(self);
        said.retain(|key, value| usual.get(key) != Some(value));
        said
    }
}

/// `key = value`, as TOML.
fn line(key: &str, value: &Value) -> String {
    match toml::Value::try_from(value) {
        Ok(value) => format!("{key} = {value}\n"),
        // TOML has nothing for null, which is what it is not written for.
        Err(_) => String::new(),
    }
}
