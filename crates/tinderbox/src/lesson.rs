//! The notebooks of fast.ai's lesson 7: settings of the tasks, beside the numbers that were printed.

mod camvid;
mod human_numbers;
mod mnist;
mod published;
mod superres;

use std::path::PathBuf;

pub use camvid::{CAMVID, lesson_camvid};
pub use human_numbers::{
    HUMAN_NUMBERS, HumanNumbers, HumanNumbersRun, human_numbers_data, lesson_human_numbers,
};
pub use mnist::{MNIST, Mnist, lesson_mnist};
pub use published::Published;
pub use superres::{Superres, SuperresStage, lesson_superres, superres_beside};

use crate::Hinted;

/// What is missing for a notebook.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LessonError {
    #[error(
        "{folder} is not MNIST: it has neither training/ and testing/ with PNG files nor the four original files{}",
        missing_text(missing)
    )]
    NoMnist {
        folder: PathBuf,
        /// The original files that are not there, if others are.
        missing: Vec<&'static str>,
    },

    #[error(
        "{folder} is not CamVid: it has neither train/ and trainannot/ nor images/ and labels/"
    )]
    NoCamvid { folder: PathBuf },

    #[error("`{model}` is not one of the models of this notebook")]
    NotOfTheLesson { model: String, known: Vec<&'static str> },
}

fn missing_text(missing: &[&str]) -> String {
    match missing {
        [] => String::new(),
        missing => format!("; {} is missing", missing.join(", ")),
    }
}

impl Hinted for LessonError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoMnist { folder, .. } => format!(
                "it needs {0}/training/<digit>/*.png and {0}/testing/<digit>/*.png, or {0}/train-images-idx3-ubyte.gz and so on: `tinderbox data fetch mnist` downloads it",
                folder.display()
            ),
            Self::NoCamvid { .. } => "name the folder that has them".into(),
            Self::NotOfTheLesson { known, .. } => format!("choose one of {}", known.join(", ")),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::error::check;

    use super::*;

    #[test]
    fn errors_about_a_notebook_say_what_it_needs() {
        check(
            LessonError::NoMnist { folder: "d".into(), missing: vec!["train-labels-idx1-ubyte"] },
            "d is not MNIST: it has neither training/ and testing/ with PNG files nor the four original files; train-labels-idx1-ubyte is missing",
            Some("d/training/<digit>"),
        );
        check(
            LessonError::NoCamvid { folder: "d".into() },
            "d is not CamVid: it has neither train/ and trainannot/ nor images/ and labels/",
            Some("the folder that has them"),
        );
        check(
            LessonError::NotOfTheLesson {
                model: "resnet-small".into(),
                known: vec!["basic", "resnetish"],
            },
            "`resnet-small` is not one of the models of this notebook",
            Some("choose one of basic, resnetish"),
        );
    }
}
