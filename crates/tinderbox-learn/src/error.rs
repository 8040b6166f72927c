//! What can go wrong between data, a model and a trained one.

use std::path::PathBuf;

/// What can go wrong in training and around it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("{given} learning rates for {groups} parameter groups")]
    RateCount { given: usize, groups: usize },

    #[error("{setting} is {found}, expected {expected}")]
    Setting { setting: &'static str, found: String, expected: &'static str },

    #[error("{metric}: {outputs} predictions for {targets} targets")]
    UnequalCounts { metric: String, outputs: usize, targets: usize },

    #[error("{metric}, {argument}: {found}")]
    MetricArgument { metric: String, argument: &'static str, found: String },

    #[error(
        "the training set has {items} items, which is not one batch of {batch_size}: \
         there is nothing to train on"
    )]
    NoTrainBatches { items: usize, batch_size: usize },

    #[error("the {set} set is empty")]
    NoItems { set: &'static str },

    #[error("nothing in the model is trainable")]
    NothingToTrain,

    #[error("there is one parameter group, so freezing all but the last would freeze nothing")]
    OneGroup,

    #[error("there is no parameter group {first}; there are {groups}")]
    NoSuchGroup { first: isize, groups: usize },

    #[error("the {model} has no parameters under `{part}`")]
    NoSuchPart { part: String, model: &'static str },

    #[error("{layer}: {reason} (the model's input is of shape {shape:?})")]
    Forward { layer: String, reason: String, shape: Vec<usize> },

    #[error("{loss}: {reason}")]
    Loss { loss: String, reason: String },

    #[error("a batch of shape {shape:?}: models take between 1 and 4 axes")]
    Rank { shape: Vec<usize> },

    #[error("the callback `{callback}` changed `{change}` at {event}, where nothing looks at it")]
    Change {
        callback: &'static str,
        change: &'static str,
        event: &'static str,
        allowed: &'static [&'static str],
    },

    #[error("the saved state of `{callback}` is not one of its own")]
    CallbackState { callback: &'static str, source: serde_json::Error },

    #[error("the checkpoint is of another fit: {what} was `{saved}`, here it is `{here}`")]
    CheckpointFit { what: &'static str, saved: String, here: String },

    #[error("there is no file {}", path.display())]
    NoFile { path: PathBuf },

    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },

    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },

    #[error("{}: {what}", path.display())]
    NotOurs { path: PathBuf, what: String },

    #[error("the model file's `{field}` is `{found}`, expected {expected}")]
    Field { field: &'static str, found: String, expected: String },

    #[error("the learner does not know its model's architecture, which a model file must name")]
    NoArch,

    #[error("{}", path.display())]
    WeightsFile { path: PathBuf, source: tinderbox_model::Error },

    #[error(transparent)]
    Model(#[from] tinderbox_model::Error),

    #[error(transparent)]
    Data(#[from] tinderbox_data::Error),
}

impl Error {
    /// What the reader can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::RateCount { groups, .. } => {
                return Some(format!(
                    "give one rate for all groups, a range from the first to the last, \
                     or a list of {groups}"
                ));
            }
            Self::UnequalCounts { .. } => {
                "this metric compares element by element: does the model give one number for each \
                 target?"
            }
            Self::MetricArgument { .. } => {
                "does the metric fit what the model gives and what the targets are?"
            }
            Self::NoTrainBatches { .. } => {
                "use a smaller batch size: training drops the last batch if it is not full"
            }
            Self::NothingToTrain => "unfreeze some of the groups: `freeze_to`, `unfreeze`",
            Self::OneGroup => "say where groups begin: `split`",
            Self::NoSuchGroup { .. } => {
                "groups count from 0, and from the end below: -1 is the last"
            }
            Self::NoSuchPart { .. } => {
                "a part is the beginning of a parameter's path, such as `layer3` or `0`"
            }
            Self::Forward { .. } => {
                "does the layer fit what the one before it gives, and the first the data?"
            }
            Self::Loss { .. } => "does the loss fit what the model gives and what the targets are?",
            Self::Change { allowed, .. } => {
                return Some(format!("it may be changed at {}", allowed.join(", ")));
            }
            Self::CheckpointFit { .. } => {
                "a fit goes on only with the data and the settings that it began with"
            }
            Self::Write { .. } => {
                "is there such a folder, and may it be written to? `model_dir` names another"
            }
            Self::NoArch => "tell it: `learner.arch(ArchSpec { .. })`",
            Self::Model(error) | Self::WeightsFile { source: error, .. } => return error.hint(),
            Self::Data(error) => return error.hint(),
            Self::Setting { .. }
            | Self::NoItems { .. }
            | Self::Rank { .. }
            | Self::CallbackState { .. }
            | Self::NoFile { .. }
            | Self::Read { .. }
            | Self::NotOurs { .. }
            | Self::Field { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

pub type Result<T, E = Error> = std::result::Result<T, E>;
