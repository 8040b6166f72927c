//! What can go wrong between a folder and a trained model, beyond what the parts report.

use std::path::PathBuf;

/// An error of the recipes, or of a part they are made of.
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

    #[error("a validation share of {value} is outside 0..1")]
    ValidShare { value: String },

    #[error("`{value}` is not the name of a folder directly below the data")]
    ValidFolder { value: String },

    #[error("{folder} holds no images of class folders: every image lies directly in it")]
    NoClassFolders { folder: PathBuf },

    #[error("no validation set `{valid}` beside one training set: the data has {}", list(found))]
    NoSuchSet { valid: String, found: Vec<String> },

    #[error("{folder} has one class only, `{class}`: there is nothing to tell apart")]
    OneClass { folder: PathBuf, class: String },

    #[error("{file} lies in a folder called `{class}`, which is none of the model's classes")]
    UnknownClass { file: PathBuf, class: String, known: Vec<String> },

    #[error("{folder} is not MNIST as PNG files: it has no training/ and testing/")]
    NoMnist { folder: PathBuf },

    #[error("`{model}` is not one of the lesson's networks for MNIST")]
    NotOfTheLesson { model: String },

    #[error("{folder} holds a run already")]
    RunExists { folder: PathBuf },

    #[error("{folder} holds no run: there is no run.json in it")]
    NoRun { folder: PathBuf },

    #[error("{path} is not a run's description")]
    RunFile { path: PathBuf, source: serde_json::Error },

    #[error("{path} is of format {found}; this version reads format {expected}")]
    RunFormat { path: PathBuf, found: u32, expected: u32 },

    #[error("the run in {folder} was made with {setting} {was}, not {now}")]
    ResumeDiffers { folder: PathBuf, setting: &'static str, was: String, now: String },

    #[error("the images have changed since the run began: {what}")]
    ItemsChanged { what: String },

    #[error("the run in {folder} is not finished: it has a checkpoint, but no model yet")]
    Unfinished { folder: PathBuf },

    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },

    #[error("cannot write {path}")]
    Write { path: PathBuf, source: std::io::Error },
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What the reader can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Data(error) => error.hint(),
            Self::Model(error) => error.hint(),
            Self::Learn(error) => error.hint(),
            Self::Interpret(error) => error.hint(),
            Self::ValidShare { .. } => Some("say `0.2` or `20%` to hold out a fifth".into()),
            Self::ValidFolder { .. } => Some("name a folder such as `valid`, a share such as `0.2`, or `auto`".into()),
            Self::NoClassFolders { folder } => Some(format!(
                "sort the images into one folder a class: {0}/cat/…, {0}/dog/…",
                folder.display()
            )),
            Self::NoSuchSet { .. } => {
                Some("the data needs two folders for this, such as train/ and valid/; or hold out a share: `--valid 0.2`".into())
            }
            Self::OneClass { folder, .. } => Some(format!(
                "is {} the folder above the class folders?",
                folder.display()
            )),
            Self::UnknownClass { known, .. } => Some(format!("the model tells apart {}", known.join(", "))),
            Self::NoMnist { folder } => Some(format!(
                "it needs {0}/training/<digit>/*.png and {0}/testing/<digit>/*.png",
                folder.display()
            )),
            Self::NotOfTheLesson { .. } => Some("there are basic, refactor and resnetish".into()),
            Self::RunExists { folder } => Some(format!(
                "go on with it: `--resume`; or keep it and train elsewhere: `--out {}-2`",
                folder.display()
            )),
            Self::NoRun { .. } => Some("a run folder is what `tinderbox train` made: see its `--out`".into()),
            Self::ResumeDiffers { .. } => {
                Some("leave the option out to go on as the run began, or start another with `--out`".into())
            }
            Self::ItemsChanged { .. } => {
                Some("put the folder back as it was, or start another run with `--out`".into())
            }
            Self::Unfinished { folder } => Some(format!(
                "finish it first: `tinderbox train … --out {} --resume`",
                folder.display()
            )),
            Self::RunFile { .. } | Self::RunFormat { .. } | Self::Read { .. } | Self::Write { .. } => None,
        }
    }
}

/// `a/, b/, c/`, cut short after a few.
fn list(folders: &[String]) -> String {
    const SHOWN: usize = 5;
    if folders.is_empty() {
        return "no folders".into();
    }
    let shown: Vec<String> =
        folders.iter().take(SHOWN).map(|folder| format!("{folder}/")).collect();
    match folders.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

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

    #[test]
    fn errors_of_the_parts_are_passed_on_with_their_hints() {
        check(
            &tinderbox_data::Error::BatchSize.into(),
            "a batch size of 0 makes no batches",
            Some("smallest batch"),
        );
        check(
            &tinderbox_model::Error::UnknownArch { name: "basik".into(), known: vec!["basic"] }
                .into(),
            "there is no architecture `basik`",
            Some("did you mean `basic`"),
        );
        check(
            &tinderbox_learn::Error::NothingToTrain.into(),
            "nothing in the model is trainable",
            Some("unfreeze"),
        );
        check(
            &tinderbox_interpret::Error::Nothing { what: "no epoch" }.into(),
            "there is nothing to plot yet: no epoch",
            None,
        );
    }

    #[test]
    fn errors_about_a_folder_say_how_it_should_look() {
        check(
            &Error::ValidShare { value: "2".into() },
            "a validation share of 2 is outside 0..1",
            Some("`0.2`"),
        );
        check(
            &Error::ValidFolder { value: "a/b".into() },
            "`a/b` is not the name of a folder directly below the data",
            Some("`valid`"),
        );
        check(
            &Error::NoClassFolders { folder: "d".into() },
            "d holds no images of class folders: every image lies directly in it",
            Some("d/cat/…"),
        );
        check(
            &Error::NoSuchSet { valid: "v".into(), found: vec!["a".into(), "b".into()] },
            "no validation set `v` beside one training set: the data has a/, b/",
            Some("`--valid 0.2`"),
        );
        let found = (0..7).map(|n| n.to_string()).collect();
        check(
            &Error::NoSuchSet { valid: "v".into(), found },
            "no validation set `v` beside one training set: the data has 0/, 1/, 2/, 3/, 4/ and 2 more",
            Some("`--valid 0.2`"),
        );
        check(
            &Error::OneClass { folder: "d".into(), class: "cat".into() },
            "d has one class only, `cat`: there is nothing to tell apart",
            Some("is d the folder above"),
        );
        check(
            &Error::UnknownClass {
                file: "d/cow/1.png".into(),
                class: "cow".into(),
                known: vec!["cat".into(), "dog".into()],
            },
            "d/cow/1.png lies in a folder called `cow`, which is none of the model's classes",
            Some("cat, dog"),
        );
        check(
            &Error::NoMnist { folder: "d".into() },
            "d is not MNIST as PNG files: it has no training/ and testing/",
            Some("d/training/<digit>"),
        );
        check(
            &Error::NotOfTheLesson { model: "resnet-small".into() },
            "`resnet-small` is not one of the lesson's networks for MNIST",
            Some("resnetish"),
        );
    }

    #[test]
    fn errors_about_a_run_say_how_to_go_on() {
        check(&Error::RunExists { folder: "r".into() }, "r holds a run already", Some("--out r-2"));
        check(
            &Error::NoRun { folder: "r".into() },
            "r holds no run: there is no run.json in it",
            Some("tinderbox train"),
        );
        let source = serde_json::from_str::<u32>("x").unwrap_err();
        check(
            &Error::RunFile { path: "r/run.json".into(), source },
            "r/run.json is not a run's description",
            None,
        );
        check(
            &Error::RunFormat { path: "r/run.json".into(), found: 2, expected: 1 },
            "r/run.json is of format 2; this version reads format 1",
            None,
        );
        check(
            &Error::ResumeDiffers {
                folder: "r".into(),
                setting: "--lr",
                was: "0.1".into(),
                now: "0.2".into(),
            },
            "the run in r was made with --lr 0.1, not 0.2",
            Some("leave the option out"),
        );
        check(
            &Error::ItemsChanged { what: "there were 2 and there are 3".into() },
            "the images have changed since the run began: there were 2 and there are 3",
            Some("as it was"),
        );
        check(
            &Error::Unfinished { folder: "r".into() },
            "the run in r is not finished: it has a checkpoint, but no model yet",
            Some("--out r --resume"),
        );
        let io = || std::io::Error::other("disk full");
        check(&Error::Read { path: "a".into(), source: io() }, "cannot read a", None);
        check(&Error::Write { path: "a".into(), source: io() }, "cannot write a", None);
    }
}
