//! What can go wrong between a folder and a trained model, beyond what the parts report.
//!
//! Each room has a small enum of its own: runs, settings, weights, lessons, and every task. What
//! they have in common is that they say what to do about it, so an [`Error`] carries any of them.

use std::path::PathBuf;

/// An error of one room, which knows the way out.
pub trait Hinted: std::error::Error + Send + Sync + 'static {
    /// What the reader can do about it, where there is something.
    fn hint(&self) -> Option<String>;
}

/// An error of the façade, or of a part it is made of.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error(transparent)]
    Data(#[from] tinderbox_data::Error),

    #[error(transparent)]
    Model(#[from] tinderbox_model::Error),

    #[error(transparent)]
    Learn(#[from] tinderbox_learn::Error),

    #[error(transparent)]
    Interpret(#[from] tinderbox_interpret::Error),

    /// Of a run, a setting, a task: see [`downcast_ref`](Self::downcast_ref).
    #[error("{0}")]
    Of(Box<dyn Hinted>),

    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },

    #[error("cannot write {path}")]
    Write { path: PathBuf, source: std::io::Error },
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl<E: Hinted> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Of(Box::new(error))
    }
}

impl Error {
    /// The error of a room, if it is one of this type.
    ///
    /// # Example
    /// ```
    /// use tinderbox::{Error, RunError};
    ///
    /// let error = Error::from(RunError::Busy { folder: "runs/photos".into() });
    /// assert!(matches!(error.downcast_ref(), Some(RunError::Busy { .. })));
    /// ```
    pub fn downcast_ref<E: Hinted>(&self) -> Option<&E> {
        let Self::Of(error) = self else { return None };
        let error: &(dyn std::error::Error + 'static) = &**error;
        error.downcast_ref()
    }

    /// What the reader can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Data(error) | Self::Learn(tinderbox_learn::Error::Data(error)) => {
                data_hint(error).or_else(|| error.hint())
            }
            Self::Model(error) | Self::Learn(tinderbox_learn::Error::Model(error)) => {
                model_hint(error).or_else(|| error.hint())
            }
            Self::Learn(
                tinderbox_learn::Error::NoFile { .. } | tinderbox_learn::Error::NotOurs { .. },
            ) => Some(
                "name a finished run folder of `tinderbox train`, or its model.safetensors".into(),
            ),
            Self::Write { .. } | Self::Learn(tinderbox_learn::Error::Write { .. }) => Some(
                "check the free space and the permissions; `--out` chooses another folder".into(),
            ),
            Self::Learn(error) => error.hint(),
            Self::Interpret(error) => error.hint(),
            Self::Of(error) => error.hint(),
            Self::Read { .. } => None,
        }
    }
}

/// Files in a message.
pub(crate) fn paths(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// The way out in settings of a run, where the part's own would be in code.
fn data_hint(error: &tinderbox_data::Error) -> Option<String> {
    use tinderbox_data::Error;
    Some(match error {
        Error::UnknownLabels { .. } => {
            "every class needs training items: add some, or remove the class from the data".into()
        }
        Error::NoSpread { .. } => {
            "the images seem to be of one color, which nothing can be learned from".into()
        }
        Error::Transform { .. } => "choose a smaller `--size`".into(),
        Error::Share { .. } | Error::EmptyFolder { .. } | Error::NoTrainingItems => {
            "hold out a fifth: `--valid 0.2`".into()
        }
        Error::NoColumn { .. } => {
            "name a column as in the first line, or by its number, counted from 0; if the table is of images, name their folder: `--images DIR`".into()
        }
        Error::NotUtf8 { likely, .. } => {
            format!("save it as UTF-8, or name its encoding: `--encoding {likely}`")
        }
        Error::Undecodable { .. } => {
            "save it as UTF-8, or name another encoding: `--encoding windows-1252`".into()
        }
        Error::UnknownSet { .. } => {
            "sets are `train` and `valid`, `True` and `False`, or `1` and `0`; choose otherwise with `--valid`, such as `--valid 0.2`".into()
        }
        Error::EmptySet { .. } => {
            "mark rows for both sets, or hold out a fifth at random: `--valid 0.2`".into()
        }
        Error::NoTable => "name a table: a .csv or .tsv file".into(),
        Error::NoTextColumns => "name one: `--text COLUMN`".into(),
        Error::NotOneClass { .. } => "correct the row: each image has one class".into(),
        Error::OtherTarget { .. } => "name data with labels of the same kind".into(),
        Error::OtherInput { .. } => "name data of the kind that the model was trained on".into(),
        Error::VoidClass { .. } => "`--void` takes the name of a class, or a code".into(),
        Error::Collate { .. } => "resize them to one size: `--size`".into(),
        Error::NotClasses { .. } => "leave `--oversample` out".into(),
        Error::EmptyClass { .. } => {
            "choose another validation set, `--valid`, or leave `--oversample` out".into()
        }
        Error::NoBatch { .. } => {
            "choose a smaller `--batch-size`: partial training batches are dropped".into()
        }
        Error::ShortCorpus { .. } => {
            "add text, or choose a smaller `--batch-size` or `--bptt`".into()
        }
        _ => return None,
    })
}

/// The same for what a model cannot be.
fn model_hint(error: &tinderbox_model::Error) -> Option<String> {
    use tinderbox_model::Error;
    Some(match error {
        Error::NoSuchChild { children, .. } => {
            format!("`--until` takes one of {}", children.join(", "))
        }
        Error::BodyRefuses { .. } | Error::NoSkips { .. } => {
            "choose a larger `--size`, or another `--arch`".into()
        }
        Error::Setting { setting, .. } => match setting.rsplit('.').next()? {
            // The dropouts of an AWD-LSTM are multiplied by one setting.
            _ if setting.contains("dropout") => "choose a smaller `--dropout`".into(),
            size @ ("embedding" | "hidden" | "layers") => format!("choose another `--{size}`"),
            _ => return None,
        },
        _ => return None,
    })
}

/// A message and its hint, compared in the tests of each room.
#[cfg(test)]
#[track_caller]
pub(crate) fn check(error: impl Into<Error>, message: &str, hint: Option<&str>) {
    let error = error.into();
    assert_eq!(error.to_string(), message);
    match (hint, error.hint()) {
        (Some(part), Some(hint)) => assert!(hint.contains(part), "{hint}"),
        (None, None) => {}
        (_, hint) => panic!("the hint is {hint:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_parts_are_passed_on_with_their_hints() {
        check(
            tinderbox_data::Error::BatchSize,
            "a batch size of 0 makes no batches",
            Some("smallest batch"),
        );
        check(
            tinderbox_data::Error::NoSpread { channel: 0, std: 0.0 },
            "channel 0 has a standard deviation of 0, so it cannot be normalized",
            Some("of one color"),
        );
        let source = std::io::Error::other("disk full");
        check(
            tinderbox_learn::Error::Write { path: "r/checkpoint.safetensors".into(), source },
            "cannot write r/checkpoint.safetensors",
            Some("check the free space"),
        );
        check(
            tinderbox_learn::Error::NoFile { path: "m".into() },
            "there is no file m",
            Some("a finished run folder"),
        );
        check(
            tinderbox_model::Error::UnknownArch { name: "basik".into(), known: vec!["basic"] },
            "there is no architecture `basik`",
            Some("did you mean `basic`"),
        );
        check(
            tinderbox_learn::Error::NothingToTrain,
            "nothing in the model is trainable",
            Some("unfreeze"),
        );
        check(
            tinderbox_interpret::Error::Nothing { what: "no epoch" },
            "there is nothing to plot yet: no epoch",
            None,
        );
        let io = || std::io::Error::other("disk full");
        check(Error::Read { path: "a".into(), source: io() }, "cannot read a", None);
        check(
            Error::Write { path: "a".into(), source: io() },
            "cannot write a",
            Some("`--out` chooses another"),
        );
    }
}
