//! What can go wrong between data, a model and a trained one.

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
}

impl Error {
    /// What the reader can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::RateCount { groups, .. } => Some(format!(
                "give one rate for all groups, a range from the first to the last, or a list of {groups}"
            )),
            Self::UnequalCounts { .. } => {
                Some("this metric compares element by element: does the model give one number for each target?".into())
            }
            Self::MetricArgument { .. } => {
                Some("does the metric fit what the model gives and what the targets are?".into())
            }
            Self::Setting { .. } => None,
        }
    }
}

pub type Result<T, E = Error> = std::result::Result<T, E>;
