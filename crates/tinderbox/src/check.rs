//! A thorough look at data before anything is trained on it: what is in it, what training would make
//! of it, and what may be wrong with it.

pub(crate) mod copies;
mod copy;
mod finding;
mod fix;
pub(crate) mod images;
pub(crate) mod masks;
mod page;
pub(crate) mod texts;
mod words;

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value};
use tinderbox_data::{DataBunch, batch::Set, items::TableFormat};

pub use finding::{Finding, Kind, Place, Severity};
pub use fix::{FixError, Fixed};

use crate::{
    AnyTask, Choice, ClassCount, Error, Event, Job, Result, Settings, Sources, Task, settings,
    train,
};

/// What a look at data found.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// The task that the data is for: `classify`.
    pub task: &'static str,
    /// What items are called: `images`.
    pub unit: &'static str,
    pub data: Sources,
    /// How training would read the data, and why: the validation set, the classes, the columns.
    pub choices: Vec<Choice>,
    pub n_train: usize,
    pub n_valid: usize,
    /// The classes, if there are some, with their items; of masks, with their pixels.
    pub classes: Vec<ClassCount>,
    /// An item of each class, in the order of the classes.
    pub samples: Vec<Place>,
    /// What is true of all items, in words: `sizes: 160×120 to 640×480 px`.
    pub facts: Vec<String>,
    /// What may be wrong, the worst first.
    pub findings: Vec<Finding>,
    /// The files that training would use.
    #[serde(skip)]
    used: Vec<Place>,
    /// How the table is written, if there is one.
    #[serde(skip)]
    table: TableFormat,
    /// The column that names files, in a table of images.
    #[serde(skip)]
    file_column: Option<String>,
}

/// Looks into data as training would, then closer: at every file, and for copies of one in several
/// places.
///
/// The settings are those of `train`; those that do not concern the data are ignored. What training
/// would refuse is a [`Finding`] of [`Severity::Error`], not an error, so that the rest is seen too.
///
/// # Errors
/// Settings that cannot be read.
///
/// # Example
/// ```no_run
/// use tinderbox::{Job, TASKS, check, find_task};
///
/// # fn main() -> Result<(), tinderbox::Error> {
/// let settings = serde_json::json!({ "data": "photos" });
/// let task = find_task(TASKS, "classify")?;
/// let found = check(task, settings.as_object().expect("an object"), &Job::quiet())?;
/// println!("{found}");
/// found.save_page("photos.html")?;
/// # Ok(())
/// # }
/// ```
pub fn check(task: &dyn AnyTask, settings: &Map<String, Value>, job: &Job) -> Result<Checked> {
    let fields = task.fields();
    let mut found = task.check(settings, job)?;
    let about_data = |choice: &Choice| {
        let field = fields.iter().find(|field| field.key == choice.setting);
        let group = field.map(|field| field.group.as_deref());
        group.is_none_or(|group| matches!(group, Some("Data" | "Masks" | "Texts")))
            && !NOT_DATA.contains(&choice.setting.as_str())
    };
    found.choices.retain(about_data);
    Ok(found)
}

/// Choices of a plan that are no settings of the data.
const NOT_DATA: [&str; 7] =
    ["arch", "augmentation", "batch size", "epochs", "unfreeze epochs", "lr", "pretrained"];

/// The settings with other values, if the task has such.
fn with<T: Task>(ask: &Settings<T>, others: &[(&str, Value)]) -> Result<Settings<T>> {
    let fields = settings::fields::<T>();
    let mut given = ask.given();
    for (key, value) in others {
        if fields.iter().any(|field| field.key == *key) {
            given.insert((*key).to_owned(), value.clone());
        }
    }
    Settings::from_json(&given)
}

/// As [`check`], for the task of a type.
pub(crate) fn check_as<T: Task>(ask: &Settings<T>, job: &Job) -> Result<Checked> {
    let ask = &with(ask, &[("pretrained", "none".into())])?;
    // Every item that cannot be used is a finding, and the others are looked at.
    let lenient = &with(ask, &[("skip_bad", u32::MAX.into())])?;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = {
        let (heard, events) = (Arc::clone(&heard), Arc::clone(&job.events));
        let stop = job.stop.clone();
        let listens = move |event| match event {
            Event::Plan { .. } | Event::Warning { .. } | Event::LeftOut { .. } => {
                heard.lock().unwrap_or_else(PoisonError::into_inner).push(event);
            }
            progress => events(progress),
        };
        Job { stop, ..Job::telling(listens) }
    };
    let mut found = Checked {
        task: T::ABOUT.name,
        unit: T::ABOUT.unit,
        data: T::sources(ask),
        choices: Vec::new(),
        n_train: 0,
        n_valid: 0,
        classes: Vec::new(),
        samples: Vec::new(),
        facts: Vec::new(),
        findings: Vec::new(),
        used: Vec::new(),
        table: TableFormat::default(),
        file_column: None,
    };
    let looked = train::look(lenient, &listener);
    let closer = match looked {
        Ok((plan, data)) => {
            (found.n_train, found.n_valid) = (data.n_train(), data.n_valid());
            found.unit = data.unit();
            found.classes = T::counts(&data)?;
            found.used = places(&data);
            found.samples = samples(&found);
            let text = |key: &str| plan.decided.get(key).and_then(Value::as_str).map(str::to_owned);
            found.file_column = text("file");
            found.table.encoding = text("encoding").and_then(|name| name.parse().ok());
            // What training would refuse that it was allowed to skip here.
            if lenient.given() != ask.given()
                && let Err(error) = train::decide(ask, &Job::quiet())
            {
                found.findings.push(Finding::refused(&error));
            }
            T::examine(&plan, &data, &listener)
        }
        Err(error) => {
            found.findings.push(Finding::refused(&error));
            Ok(images::below(&found.data, &listener))
        }
    };
    for event in heard.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        found.hear(event);
    }
    match closer {
        Ok(Examined { facts, findings, header }) => {
            found.facts = facts;
            found.table.header = header.unwrap_or(true);
            found.findings.extend(findings);
        }
        Err(error) => found.findings.push(Finding::refused(&error)),
    }
    found.findings.sort_by_key(|finding| finding.severity);
    Ok(found)
}

/// What a closer look at the items gave.
#[derive(Debug, Default)]
pub struct Examined {
    pub facts: Vec<String>,
    pub findings: Vec<Finding>,
    /// Whether the first line of a table names its columns, if that was looked into.
    pub header: Option<bool>,
}

impl Examined {
    /// Both looks together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.facts.extend(other.facts);
        self.findings.extend(other.findings);
        self
    }
}

impl Checked {
    /// Whether training would refuse the data.
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Takes what the look that training does had to say.
    fn hear(&mut self, event: Event) {
        match event {
            Event::Plan { choices, .. } => self.choices = choices,
            Event::Warning { text } => self.findings.push(Finding::warned(text)),
            Event::LeftOut { files } => {
                let all = self.n_train + self.n_valid + files.len();
                self.findings.push(Finding::unreadable(files, self.unit, all));
            }
            _ => {}
        }
    }
}

/// Every item of both sets.
pub(crate) fn places(data: &DataBunch) -> Vec<Place> {
    let sets = [(Set::Train, data.n_train()), (Set::Valid, data.n_valid())];
    let all = sets.into_iter().flat_map(|(set, n)| (0..n).map(move |index| (set, index)));
    let place = |(set, index)| Place {
        path: data.name(set, index),
        set: Some(if set == Set::Valid { "validation" } else { "training" }),
        label: Some(data.label(set, index)).filter(|label| !label.is_empty()),
        note: None,
        row: None,
    };
    all.map(place).collect()
}

/// The first item of each class.
fn samples(found: &Checked) -> Vec<Place> {
    let of = |class: &ClassCount| {
        let is_one = |place: &&Place| place.label.as_deref() == Some(&*class.class);
        found.used.iter().find(is_one).cloned()
    };
    found.classes.iter().filter_map(of).collect()
}

/// An error and what it says to do, for a finding.
pub(crate) fn in_words(error: &Error) -> (String, Option<String>) {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    (text, error.hint())
}
