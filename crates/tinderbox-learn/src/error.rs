//! What can go wrong between data, a model and a trained one.

use std::path::PathBuf;

use tinderbox_model::ForwardError;

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
        "the training set has {items} items, fewer than one batch of {batch_size}, so there is \
         nothing to train on"
    )]
    NoTrainBatches { items: usize, batch_size: usize },

    #[error("the {set} set is empty")]
    NoItems { set: &'static str },

    #[error("nothing in the model is trainable")]
    NothingToTrain,

    #[error(
        "test-time augmentation is for images labelled with classes or numbers, and this is a {what}"
    )]
    NotPictures { what: &'static str },

    #[error("there is one parameter group, so freezing all but the last would freeze nothing")]
    OneGroup,

    #[error("there is no parameter group {first}; there are {groups}")]
    NoSuchGroup { first: isize, groups: usize },

    #[error("the {model} has no parameters under `{part}`")]
    NoSuchPart { part: String, model: &'static str },

    #[error("the parameter group `{part}` does not begin after `{before}`")]
    GroupOrder { part: String, before: String },

    #[error("{layer}: {reason} (the model's input is of shape {shape:?})")]
    Forward { layer: String, reason: String, shape: Vec<usize> },

    #[error("there is no default loss for targets of kind {target}")]
    NoLoss { target: &'static str },

    #[error("{loss}: {reason}")]
    Loss { loss: String, reason: String },

    #[error("{metric}: {reason}")]
    Metric { metric: String, reason: String },

    /// A weight, a loss or a prediction, in words.
    #[error("{what} is NaN or infinite")]
    NotFinite { what: String },

    #[error("the prompt is empty: it needs at least one word")]
    EmptyPrompt,

    #[error(
        "the model outputs {shape:?}, not logits of the next word, `[batch, words, vocab]` or \
         `[batch, vocab]`"
    )]
    NotWords { shape: Vec<usize> },

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

    #[error("the saved state of the training step `{step}` is not one of its own")]
    StepState { step: &'static str, source: serde_json::Error },

    #[error("the checkpoint is from another fit: {what} was `{saved}`, but here it is `{here}`")]
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
    /// Of a forward pass on a batch of this shape.
    pub(crate) fn of_forward(
        ForwardError { layer, reason }: ForwardError,
        shape: Vec<usize>,
    ) -> Self {
        Self::Forward { layer, reason, shape }
    }

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
            Self::MetricArgument { .. } | Self::Metric { .. } => {
                "does the metric fit the model's outputs and the targets?"
            }
            Self::NoTrainBatches { .. } => {
                "use a smaller batch size: training drops a last batch that is not full"
            }
            Self::NotFinite { .. } => {
                "the training of such a model has diverged: train it again with a lower learning \
                 rate, `--lr`"
            }
            Self::NothingToTrain => "unfreeze some of the groups: `freeze_to`, `unfreeze`",
            Self::NotPictures { .. } => "predict as in validation: `get_preds`",
            Self::OneGroup => "say where groups begin: `split`",
            Self::NoSuchGroup { .. } => {
                "groups count from 0, and from the end below: -1 is the last"
            }
            Self::NoSuchPart { .. } => {
                "a part is the beginning of a parameter's path, such as `layer3` or `0`"
            }
            Self::GroupOrder { .. } => "name the groups in the order of the model's parameters",
            Self::Forward { .. } => {
                "does the layer fit the output of the one before it, and the first layer the data?"
            }
            Self::NoLoss { .. } => {
                "give one: `Learner::new(data, model, loss)`, or `Learner::loss` for a learner that \
                 is there"
            }
            Self::Loss { .. } => "does the loss fit the model's outputs and the targets?",
            Self::Change { allowed, .. } => {
                return Some(format!("it may be changed at {}", allowed.join(", ")));
            }
            Self::CheckpointFit { .. } => {
                "a fit can be resumed only with the data and the settings it began with"
            }
            Self::Write { .. } => {
                "check that the folder exists and is writable; `model_dir` names another"
            }
            Self::NoArch => "tell it: `learner.arch(ArchSpec { .. })`",
            Self::Model(error) | Self::WeightsFile { source: error, .. } => return error.hint(),
            Self::Data(error) => return error.hint(),
            Self::Setting { .. }
            | Self::NoItems { .. }
            | Self::EmptyPrompt
            | Self::NotWords { .. }
            | Self::Rank { .. }
            | Self::CallbackState { .. }
            | Self::StepState { .. }
            | Self::NoFile { .. }
            | Self::Read { .. }
            | Self::NotOurs { .. }
            | Self::Field { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: &Error, message: &str, hint: Option<&str>) {
        assert_eq!(error.to_string(), message);
        match (hint, error.hint()) {
            (Some(part), Some(hint)) => assert!(hint.contains(part), "{hint}"),
            (None, None) => {}
            (_, hint) => panic!("the hint is {hint:?}"),
        }
    }

    fn io() -> std::io::Error {
        std::io::Error::other("disk full")
    }

    #[test]
    fn errors_about_settings_name_the_value() {
        check(
            &Error::RateCount { given: 2, groups: 3 },
            "2 learning rates for 3 parameter groups",
            Some("a list of 3"),
        );
        check(
            &Error::Setting { setting: "pct_start", found: "2".into(), expected: "a share" },
            "pct_start is 2, expected a share",
            None,
        );
        check(
            &Error::NotWords { shape: vec![1, 2, 3, 4] },
            "the model outputs [1, 2, 3, 4], not logits of the next word, `[batch, words, vocab]` or `[batch, vocab]`",
            None,
        );
        check(
            &Error::NoTrainBatches { items: 3, batch_size: 8 },
            "the training set has 3 items, fewer than one batch of 8, so there is nothing to train on",
            Some("smaller batch size"),
        );
        check(&Error::NoItems { set: "test" }, "the test set is empty", None);
        check(
            &Error::NotFinite { what: "the loss".into() },
            "the loss is NaN or infinite",
            Some("`--lr`"),
        );
    }

    #[test]
    fn errors_about_groups_say_which_there_are() {
        check(&Error::NothingToTrain, "nothing in the model is trainable", Some("unfreeze"));
        check(
            &Error::NotPictures { what: "SegmentationLabelList" },
            "test-time augmentation is for images labelled with classes or numbers, and this is a SegmentationLabelList",
            Some("`get_preds`"),
        );
        check(
            &Error::OneGroup,
            "there is one parameter group, so freezing all but the last would freeze nothing",
            Some("`split`"),
        );
        check(
            &Error::NoSuchGroup { first: -4, groups: 3 },
            "there is no parameter group -4; there are 3",
            Some("-1 is the last"),
        );
        check(
            &Error::NoSuchPart { part: "fc".into(), model: "Sequential" },
            "the Sequential has no parameters under `fc`",
            Some("`layer3`"),
        );
        check(
            &Error::GroupOrder { part: "body".into(), before: "head".into() },
            "the parameter group `body` does not begin after `head`",
            Some("in the order of the model's parameters"),
        );
    }

    #[test]
    fn errors_in_a_step_name_the_layer_the_loss_or_the_metric() {
        check(
            &Error::Forward { layer: "0.1".into(), reason: "too wide".into(), shape: vec![2, 3] },
            "0.1: too wide (the model's input is of shape [2, 3])",
            Some("the one before it"),
        );
        check(
            &Error::NoLoss { target: "ImageList" },
            "there is no default loss for targets of kind ImageList",
            Some("`Learner::loss`"),
        );
        check(
            &Error::Loss { loss: "mse".into(), reason: "3 and 4".into() },
            "mse: 3 and 4",
            Some("outputs and the targets"),
        );
        check(
            &Error::Metric { metric: "mine".into(), reason: "3 and 4".into() },
            "mine: 3 and 4",
            Some("outputs and the targets"),
        );
        check(
            &Error::Rank { shape: vec![1; 5] },
            "a batch of shape [1, 1, 1, 1, 1]: models take between 1 and 4 axes",
            None,
        );
        check(
            &Error::UnequalCounts { metric: "mae".into(), outputs: 2, targets: 3 },
            "mae: 2 predictions for 3 targets",
            Some("element by element"),
        );
        check(
            &Error::MetricArgument { metric: "dice".into(), argument: "target", found: "9".into() },
            "dice, target: 9",
            Some("outputs and the targets"),
        );
    }

    #[test]
    fn errors_of_callbacks_name_the_callback() {
        check(
            &Error::Change {
                callback: "mine",
                change: "input",
                event: "step_end",
                allowed: &["batch_begin"],
            },
            "the callback `mine` changed `input` at step_end, where nothing looks at it",
            Some("at batch_begin"),
        );
        let source = serde_json::from_str::<u32>("x").unwrap_err();
        check(
            &Error::CallbackState { callback: "mine", source },
            "the saved state of `mine` is not one of its own",
            None,
        );
        let source = serde_json::from_str::<u32>("x").unwrap_err();
        check(
            &Error::StepState { step: "mine", source },
            "the saved state of the training step `mine` is not one of its own",
            None,
        );
    }

    #[test]
    fn errors_about_files_name_them() {
        let path = || PathBuf::from("a");
        check(
            &Error::CheckpointFit { what: "seed", saved: "1".into(), here: "2".into() },
            "the checkpoint is from another fit: seed was `1`, but here it is `2`",
            Some("it began with"),
        );
        check(&Error::NoFile { path: path() }, "there is no file a", None);
        check(&Error::Read { path: path(), source: io() }, "cannot read a", None);
        check(&Error::Write { path: path(), source: io() }, "cannot write a", Some("`model_dir`"));
        check(
            &Error::NotOurs { path: path(), what: "it is cut short".into() },
            "a: it is cut short",
            None,
        );
        check(
            &Error::Field { field: "arch.classes", found: "2".into(), expected: "3".into() },
            "the model file's `arch.classes` is `2`, expected 3",
            None,
        );
        check(
            &Error::NoArch,
            "the learner does not know its model's architecture, which a model file must name",
            Some("learner.arch"),
        );
        let source = || tinderbox_model::Error::Safetensors { reason: "empty".into() };
        check(&Error::WeightsFile { path: path(), source: source() }, "a", None);
        check(&Error::Model(source()), "not a safetensors file: empty", None);
        check(
            &Error::Data(tinderbox_data::Error::BatchSize),
            "a batch size of 0 makes no batches",
            Some("smallest batch"),
        );
    }
}
