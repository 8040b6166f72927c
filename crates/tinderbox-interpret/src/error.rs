//! What can go wrong with a plot.

use std::path::PathBuf;

/// What can go wrong with a plot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("cannot draw {}: {reason}", path.display())]
    Draw { path: PathBuf, reason: String },

    #[error("{} is neither an .svg nor a .png file", path.display())]
    Ending { path: PathBuf },

    #[error("the model is not a classifier, which is what is interpreted here")]
    NotClasses,

    #[error("the model does not segment images, which is what is interpreted here")]
    NotMasks,

    #[error("the model does not predict several labels, which is what is interpreted here")]
    NotLabels,

    #[error("the model does not predict numbers, which is what is interpreted here")]
    NotNumbers,

    #[error("the model has no feature map of at least 16 cells")]
    NoMap,

    #[error("targets of kind {target} cannot be shown with an image")]
    NotShown { target: &'static str },

    #[error(transparent)]
    Learn(#[from] tinderbox_learn::Error),

    #[error(transparent)]
    Data(#[from] tinderbox_data::Error),

    #[error("there is nothing to plot yet: {what}")]
    Nothing { what: &'static str },
}

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What the reader can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Ending { path } => Some(format!("use {}.svg", path.with_extension("").display())),
            Self::NotClasses => Some("for masks there is `SegmentationInterpretation`".into()),
            Self::NotMasks | Self::NotLabels | Self::NotNumbers => {
                Some("for classes of items there is `Interpretation`".into())
            }
            Self::NotShown { .. } => {
                Some("classes, numbers, points, masks and images can be shown".into())
            }
            Self::NoMap => Some("larger images have larger feature maps".into()),
            Self::Learn(error) => error.hint(),
            Self::Data(error) => error.hint(),
            Self::Draw { .. } | Self::Nothing { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_file() {
        let error = Error::Ending { path: "lr.gif".into() };
        assert_eq!(error.to_string(), "lr.gif is neither an .svg nor a .png file");
        assert_eq!(error.hint().unwrap(), "use lr.svg");
        let error = Error::Draw { path: "lr.svg".into(), reason: "disk full".into() };
        assert_eq!(error.to_string(), "cannot draw lr.svg: disk full");
        let error = Error::NotClasses;
        assert!(error.to_string().starts_with("the model is not a classifier"));
        assert!(error.hint().unwrap().contains("SegmentationInterpretation"));
        let error = Error::NotMasks;
        assert!(error.to_string().starts_with("the model does not segment images"));
        assert!(error.hint().unwrap().contains("`Interpretation`"));
        let error = Error::NoMap;
        assert!(error.to_string().starts_with("the model has no feature map of at least 16 cells"));
        assert!(error.hint().unwrap().contains("larger images"));
        let error = Error::NotShown { target: "EmptyLabelList" };
        assert_eq!(
            error.to_string(),
            "targets of kind EmptyLabelList cannot be shown with an image"
        );
        assert!(error.hint().unwrap().contains("masks and images"));
        let error = Error::from(tinderbox_data::Error::BatchSize);
        assert!(error.hint().unwrap().contains("smallest batch"));
        let error = Error::from(tinderbox_learn::Error::OneGroup);
        assert!(error.hint().is_some());
        let error = Error::Nothing { what: "no batch was trained" };
        assert_eq!(error.to_string(), "there is nothing to plot yet: no batch was trained");
        assert_eq!(error.hint(), None);
    }
}
