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

    #[error("cannot download {url}: {reason}")]
    Download {
        url: String,
        /// Where it is looked for.
        file: PathBuf,
        reason: String,
    },

    #[error(
        "what {url} sent is not what its authors published: its SHA-256 is {found}, not {expected}…"
    )]
    Checksum { url: String, expected: String, found: String },

    #[error("the weights in {file} are not those that the run began with")]
    WeightsChanged { file: PathBuf },

    #[error("this system tells of no folder for caches")]
    NoCache,

    #[error("there are no official weights for `{arch}`")]
    NoOfficialWeights { arch: &'static str, known: Vec<&'static str> },

    #[error(
        "a training step of {batch_size} pictures takes about {}, and {} of memory are free",
        gigabytes(*needed), gigabytes(*available)
    )]
    BatchMemory {
        batch_size: usize,
        /// In bytes.
        needed: u64,
        /// In bytes.
        available: u64,
        /// The largest batch that there is room for; 0 if there is none for two pictures.
        fits: usize,
    },

    #[error("a validation share of {value} is outside 0..1")]
    ValidShare { value: String },

    #[error("`{value}` is not the name of a folder directly below the data")]
    ValidFolder { value: String },

    #[error("{file} names none of the images")]
    NoneNamed { file: PathBuf },

    #[error("no picture in {images} has a mask in {masks}")]
    NoMasks { images: PathBuf, masks: PathBuf },

    #[error("{}", unmasked_text(images, *n))]
    Unmasked {
        /// Some of them.
        images: Vec<PathBuf>,
        n: usize,
    },

    #[error(
        "there is no codes.txt in or beside {masks}, which says what the numbers in masks mean"
    )]
    NoCodes { masks: PathBuf },

    #[error("{file} names {found}")]
    Codes { file: PathBuf, found: String },

    #[error("there is no class `{class}` to leave out")]
    NoVoid { class: String, classes: Vec<String> },

    #[error("the model says nothing about pixels: it is for {what}")]
    NotASegmenter { what: String },

    #[error(
        "{folder} is not CamVid: it has neither train/ and trainannot/ nor images/ and labels/"
    )]
    NoCamvid { folder: PathBuf },

    #[error("{folder} holds no images of class folders: every image lies directly in it")]
    NoClassFolders { folder: PathBuf },

    #[error("no validation set `{valid}` beside one training set: the data has {}", list(found))]
    NoSuchSet { valid: String, found: Vec<String> },

    #[error("{folder} has one class only, `{class}`: there is nothing to tell apart")]
    OneClass { folder: PathBuf, class: String },

    #[error("{folder} has classes that the model does not know: {}", classes.join(", "))]
    UnknownClasses { folder: PathBuf, classes: Vec<String>, known: Vec<String> },

    #[error("a validation share of {share} % of {images} images is not one image")]
    EmptyShare { share: String, images: usize },

    #[error("{}", batch_size_text(*batch_size, *n_train, of))]
    BatchSize {
        batch_size: Option<usize>,
        n_train: usize,
        /// What there are so many of: `image`.
        of: &'static str,
    },

    #[error("{folder} is the data itself, which a run folder would mix with")]
    OutIsData { folder: PathBuf },

    #[error("the name of {path} is not UTF-8, so it cannot be written down in a run folder")]
    NotUtf8 { path: PathBuf },

    #[error("{folder} is not MNIST as PNG files: it has no training/ and testing/")]
    NoMnist { folder: PathBuf },

    #[error("`{model}` is not one of the models of this notebook")]
    NotOfTheLesson { model: String, known: Vec<&'static str> },

    #[error("`{value}` is nothing that texts are divided into")]
    Tokens { value: String },

    #[error("the texts in {data} have changed since the run began")]
    TextsChanged { data: PathBuf },

    #[error("`{setting}` cannot be chosen for a model that starts from another")]
    SizesAreFrom { setting: &'static str },

    #[error("no encoder can be taken from the model: it is for {what}")]
    NotAwdLstm { what: String },

    #[error("the model tells no texts apart: it is for {what}")]
    NotAClassifier { what: String },

    #[error("the model writes no text: it is for {what}")]
    NotALanguageModel { what: String },

    #[error("{folder} holds a {}run already", if *finished { "finished " } else { "" })]
    RunExists { folder: PathBuf, finished: bool },

    #[error("another process trains in {folder}")]
    RunBusy { folder: PathBuf },

    #[error("{folder} holds no run: there is no run.json in it")]
    NoRun { folder: PathBuf },

    #[error("the run in {folder} trains {found}, not {expected}")]
    OtherTask { folder: PathBuf, found: &'static str, expected: &'static str },

    #[error("{path} is not a run's description")]
    RunFile { path: PathBuf, source: serde_json::Error },

    #[error("{path} is of format {found}; this version reads format {expected}")]
    RunFormat { path: PathBuf, found: u32, expected: u32 },

    #[error("the run in {folder} was made with {setting} {was}, not {now}")]
    ResumeDiffers { folder: PathBuf, setting: &'static str, was: String, now: String },

    #[error("the data of the run in {folder} is not in {data} any more")]
    DataGone { folder: PathBuf, data: PathBuf },

    #[error("the training broke down: {reason}; no model was made")]
    Diverged {
        folder: PathBuf,
        /// A rate that may do better.
        lr: f64,
        reason: String,
    },

    #[error("the run cannot go on from its checkpoint")]
    Checkpoint { file: PathBuf, source: tinderbox_learn::Error },

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
            Self::Data(error) => data_hint(error).or_else(|| error.hint()),
            Self::Model(error) => error.hint(),
            Self::Learn(tinderbox_learn::Error::Data(error)) => {
                data_hint(error).or_else(|| error.hint())
            }
            Self::Learn(tinderbox_learn::Error::NoFile { .. } | tinderbox_learn::Error::NotOurs { .. }) => {
                Some("a model is a run folder that `tinderbox train` finished, or its model.safetensors".into())
            }
            Self::BatchMemory { fits: 0, .. } => {
                Some("smaller pictures (`--size`) or a smaller network (`--arch`) take less".into())
            }
            Self::BatchMemory { batch_size, fits, .. } => {
                let (fits, batches) = even_parts(*batch_size, *fits);
                Some(format!(
                    "`--batch-size {fits}` fits; with `--accumulate {batches}` a step is of as many pictures"
                ))
            }
            Self::Write { .. } | Self::Learn(tinderbox_learn::Error::Write { .. }) => {
                Some("is there room, and may you write there? `--out` names another folder".into())
            }
            Self::Learn(error) => error.hint(),
            Self::Interpret(error) => error.hint(),
            Self::ValidShare { .. } => Some("say `0.2` or `20%` to hold out a fifth".into()),
            Self::ValidFolder { .. } => Some("name a folder such as `valid`, a share such as `0.2`, or `auto`".into()),
            Self::NoneNamed { .. } => {
                Some("it must hold file names such as `0016E5_08370.png`, one a line".into())
            }
            Self::NoMasks { .. } => Some("masks are called as their pictures: 7.png for 7.jpg, or 7_P.png, 7_mask.png; folders below must have the same names".into()),
            Self::Unmasked { .. } => Some("draw them, take the pictures out, or leave up to so many out: `--skip-bad N`".into()),
            Self::NoCodes { .. } => Some("write one: the name of a class a line, beginning with that of code 0; `--codes` says where it is".into()),
            Self::Codes { .. } => Some("it must hold the name of a class a line, each once, at least two".into()),
            Self::NoVoid { classes, .. } => Some(format!("there are {}", classes.join(", "))),
            Self::NotASegmenter { .. } => Some("`tinderbox train --task segment` makes those that do".into()),
            Self::Download { file, .. } => Some(format!(
                "without a network, put it at {} by hand, or name the file: `--pretrained FILE`",
                file.display()
            )),
            Self::Checksum { .. } => Some("try again; a proxy may have put another page in its place".into()),
            Self::WeightsChanged { .. } => {
                Some("put the file back as it was, or start another run with `--out`".into())
            }
            Self::NoCache => Some("name a folder: TINDERBOX_CACHE".into()),
            Self::NoOfficialWeights { known, .. } => Some(format!(
                "name a file of your own: `--pretrained FILE`; there are some for {}",
                known.join(", ")
            )),
            Self::NoCamvid { .. } => Some("name the folder that holds them".into()),
            Self::NoClassFolders { folder } => Some(format!(
                "sort the images into one folder a class: {0}/cat/…, {0}/dog/…; or is {0} one of these folders? then name the one above it",
                folder.display()
            )),
            Self::NoSuchSet { .. } => {
                Some("the data needs two folders for this, such as train/ and valid/; or hold out a share: `--valid 0.2`".into())
            }
            Self::OneClass { folder, .. } => Some(format!(
                "is {} the folder above the class folders?",
                folder.display()
            )),
            Self::UnknownClasses { known, .. } => Some(format!(
                "the model tells apart {}; name a folder with no other class folders in it",
                known.join(", ")
            )),
            Self::EmptyShare { .. } => Some("hold out more, or say that nothing validates: `--valid 0`".into()),
            Self::BatchSize { n_train: 0 | 1, .. } => Some("add some, or hold out fewer: `--valid`".into()),
            Self::BatchSize { n_train, .. } => Some(format!(
                "`--batch-size` goes from 2, as batch norm needs, to {n_train}, as training batches are never partial"
            )),
            Self::OutIsData { .. } => Some("name another folder: `--out`".into()),
            Self::NotUtf8 { .. } => Some("rename it, or make a link to it that has another name".into()),
            Self::NoMnist { folder } => Some(format!(
                "it needs {0}/training/<digit>/*.png and {0}/testing/<digit>/*.png",
                folder.display()
            )),
            Self::NotOfTheLesson { known, .. } => Some(format!("there are {}", known.join(", "))),
            Self::Tokens { .. } => Some("say `words`, `characters` or name a `tokenizer.json`".into()),
            Self::TextsChanged { .. } => {
                Some("put them back as they were, or start another run with `--out`".into())
            }
            Self::SizesAreFrom { .. } => Some("leave it out: it is that of the run in `--from`".into()),
            Self::NotAwdLstm { .. } => {
                Some("train a language model for it: `tinderbox train-lm TEXTS --arch awd-lstm`".into())
            }
            Self::NotAClassifier { .. } => {
                Some("`tinderbox generate` writes with a language model".into())
            }
            Self::NotALanguageModel { .. } => Some("train one: `tinderbox train-lm TEXTS`".into()),
            Self::RunExists { folder, finished: true } => {
                Some(format!("keep it and train elsewhere: `--out {}-2`", folder.display()))
            }
            Self::RunExists { folder, finished: false } => Some(format!(
                "go on with it: `--resume`; or keep it and train elsewhere: `--out {}-2`",
                folder.display()
            )),
            Self::RunBusy { .. } => Some("wait for it, or train elsewhere: `--out`".into()),
            Self::DataGone { folder, .. } => Some(format!(
                "say where it is now: `tinderbox train FOLDER --out {} --resume`",
                folder.display()
            )),
            Self::Diverged { folder, lr, .. } => Some(format!(
                "train with a lower rate in another run folder: `--lr {} --out {}-2`; `tinderbox lr-find` looks for a rate",
                lr,
                folder.display()
            )),
            Self::Checkpoint { file, .. } => Some(format!(
                "remove {}, and `--resume` begins the run anew",
                file.display()
            )),
            Self::NoRun { .. } => Some("a run folder is what `tinderbox train` made: see its `--out`".into()),
            Self::ResumeDiffers { .. } => {
                Some("leave the option out to go on as the run began, or start another with `--out`".into())
            }
            Self::ItemsChanged { .. } => {
                Some("put the folder back as it was, or start another run with `--out`".into())
            }
            Self::Unfinished { folder } => Some(format!(
                "finish it first: `tinderbox train --out {} --resume`",
                folder.display()
            )),
            Self::RunFile { .. } => {
                Some("the run cannot go on without it; if there is a model.safetensors beside it, that predicts all the same".into())
            }
            Self::RunFormat { .. } => Some("use the version that made the run, or start another run with `--out`".into()),
            Self::OtherTask { .. } => Some("name a run of that kind, or another folder: `--out`".into()),
            Self::Read { .. } => None,
        }
    }
}

/// The way out in settings of a run, where the part's own would be in code.
fn data_hint(error: &tinderbox_data::Error) -> Option<String> {
    use tinderbox_data::Error;
    Some(match error {
        Error::UnknownLabels { .. } => {
            "every class needs training images: add some, or take its folder out of the data".into()
        }
        Error::NoSpread { .. } => {
            "are all pixels of the images the same? then there is nothing to learn from them".into()
        }
        Error::Transform { .. } => "choose a smaller `--size`".into(),
        _ => return None,
    })
}

/// For people, in units of 10⁹ bytes.
fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// The smallest number of batches that fit and together hold `batch_size`, and the size of each.
fn even_parts(batch_size: usize, fits: usize) -> (usize, usize) {
    let batches = batch_size.div_ceil(fits);
    (batch_size.div_ceil(batches), batches)
}

fn batch_size_text(batch_size: Option<usize>, n_train: usize, of: &str) -> String {
    let items = if n_train == 1 { of.to_owned() } else { format!("{of}s") };
    match batch_size {
        Some(size) => format!("batches of {size} cannot be made of {n_train} training {items}"),
        None => format!("{n_train} training {items} cannot be trained on"),
    }
}

fn unmasked_text(images: &[PathBuf], n: usize) -> String {
    let named: Vec<String> = images.iter().map(|image| image.display().to_string()).collect();
    let named = named.join(", ");
    match n {
        1 => format!("{named} has no mask"),
        n if n > images.len() => format!("{n} pictures have no mask: {named}, …"),
        n => format!("{n} pictures have no mask: {named}"),
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
    fn errors_about_weights_say_where_they_belong() {
        let (url, file) = ("https://x.org/r.pth".to_owned(), "c/r.pth".into());
        check(
            &Error::Download { url: url.clone(), file, reason: "no route".into() },
            "cannot download https://x.org/r.pth: no route",
            Some("put it at c/r.pth by hand, or name the file: `--pretrained FILE`"),
        );
        check(
            &Error::Checksum { url, expected: "ab".into(), found: "cd".into() },
            "what https://x.org/r.pth sent is not what its authors published: its SHA-256 is cd, not ab…",
            Some("try again"),
        );
        check(
            &Error::NoCache,
            "this system tells of no folder for caches",
            Some("TINDERBOX_CACHE"),
        );
        check(
            &Error::NoOfficialWeights { arch: "basic", known: vec!["resnet18"] },
            "there are no official weights for `basic`",
            Some("for resnet18"),
        );
    }

    #[test]
    fn errors_about_masks_say_what_to_do() {
        check(
            &Error::NoMasks { images: "i".into(), masks: "m".into() },
            "no picture in i has a mask in m",
            Some("7_mask.png"),
        );
        let unmasked = |n: usize, named: usize| {
            let images = (0..named).map(|n| format!("{n}.jpg").into()).collect();
            Error::Unmasked { images, n }
        };
        check(&unmasked(1, 1), "0.jpg has no mask", Some("--skip-bad N"));
        check(&unmasked(2, 2), "2 pictures have no mask: 0.jpg, 1.jpg", Some("draw them"));
        check(&unmasked(9, 2), "9 pictures have no mask: 0.jpg, 1.jpg, …", Some("draw them"));
        check(
            &Error::NoCodes { masks: "m".into() },
            "there is no codes.txt in or beside m, which says what the numbers in masks mean",
            Some("`--codes` says where"),
        );
        check(
            &Error::Codes { file: "codes.txt".into(), found: "one class only".into() },
            "codes.txt names one class only",
            Some("a class a line"),
        );
        let classes = vec!["Road".into(), "Car".into()];
        check(
            &Error::NoVoid { class: "Void".into(), classes },
            "there is no class `Void` to leave out",
            Some("there are Road, Car"),
        );
        check(
            &Error::NotASegmenter { what: "RGB images; 2 classes".into() },
            "the model says nothing about pixels: it is for RGB images; 2 classes",
            Some("--task segment"),
        );
        check(
            &Error::NoCamvid { folder: "d".into() },
            "d is not CamVid: it has neither train/ and trainannot/ nor images/ and labels/",
            Some("the folder that holds them"),
        );
    }

    #[test]
    fn errors_of_the_parts_are_passed_on_with_their_hints() {
        check(
            &tinderbox_data::Error::BatchSize.into(),
            "a batch size of 0 makes no batches",
            Some("smallest batch"),
        );
        check(
            &tinderbox_data::Error::NoSpread { channel: 0, std: 0.0 }.into(),
            "a standard deviation of 0 in channel 0 cannot be divided by",
            Some("nothing to learn"),
        );
        let source = std::io::Error::other("disk full");
        check(
            &tinderbox_learn::Error::Write { path: "r/checkpoint.safetensors".into(), source }
                .into(),
            "cannot write r/checkpoint.safetensors",
            Some("is there room"),
        );
        check(
            &tinderbox_learn::Error::NoFile { path: "m".into() }.into(),
            "there is no file m",
            Some("a model is a run folder"),
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
            &Error::UnknownClasses {
                folder: "d".into(),
                classes: vec!["cow".into(), "ox".into()],
                known: vec!["cat".into(), "dog".into()],
            },
            "d has classes that the model does not know: cow, ox",
            Some("cat, dog"),
        );
        check(
            &Error::EmptyShare { share: "1".into(), images: 36 },
            "a validation share of 1 % of 36 images is not one image",
            Some("`--valid 0`"),
        );
        check(
            &Error::BatchSize { batch_size: Some(64), n_train: 29, of: "image" },
            "batches of 64 cannot be made of 29 training images",
            Some("from 2, as batch norm needs, to 29"),
        );
        check(
            &Error::BatchSize { batch_size: None, n_train: 1, of: "image" },
            "1 training image cannot be trained on",
            Some("add some"),
        );
        check(
            &Error::OutIsData { folder: "d".into() },
            "d is the data itself, which a run folder would mix with",
            Some("`--out`"),
        );
        check(
            &Error::NotUtf8 { path: "d".into() },
            "the name of d is not UTF-8, so it cannot be written down in a run folder",
            Some("rename it"),
        );
        check(
            &Error::NoneNamed { file: "valid.txt".into() },
            "valid.txt names none of the images",
            Some("one a line"),
        );
        check(
            &Error::NoMnist { folder: "d".into() },
            "d is not MNIST as PNG files: it has no training/ and testing/",
            Some("d/training/<digit>"),
        );
    }

    #[test]
    fn errors_about_texts_and_their_models_name_the_way_out() {
        check(
            &Error::NotOfTheLesson {
                model: "resnet-small".into(),
                known: vec!["basic", "resnetish"],
            },
            "`resnet-small` is not one of the models of this notebook",
            Some("there are basic, resnetish"),
        );
        check(
            &Error::Tokens { value: "syllables".into() },
            "`syllables` is nothing that texts are divided into",
            Some("`words`, `characters`"),
        );
        check(
            &Error::TextsChanged { data: "a.txt".into() },
            "the texts in a.txt have changed since the run began",
            Some("put them back"),
        );
        check(
            &Error::SizesAreFrom { setting: "--hidden" },
            "`--hidden` cannot be chosen for a model that starts from another",
            Some("leave it out"),
        );
        check(
            &Error::NotAwdLstm { what: "gray images; 10 classes".into() },
            "no encoder can be taken from the model: it is for gray images; 10 classes",
            Some("--arch awd-lstm"),
        );
        check(
            &Error::NotAClassifier { what: "English words; the next word".into() },
            "the model tells no texts apart: it is for English words; the next word",
            Some("tinderbox generate"),
        );
        check(
            &Error::NotALanguageModel { what: "gray images; 10 classes".into() },
            "the model writes no text: it is for gray images; 10 classes",
            Some("tinderbox train-lm"),
        );
    }

    #[test]
    fn errors_about_a_run_say_how_to_go_on() {
        check(
            &Error::RunExists { folder: "r".into(), finished: false },
            "r holds a run already",
            Some("`--resume`; or keep it and train elsewhere: `--out r-2`"),
        );
        check(
            &Error::RunExists { folder: "r".into(), finished: true },
            "r holds a finished run already",
            Some("--out r-2"),
        );
        check(
            &Error::RunBusy { folder: "r".into() },
            "another process trains in r",
            Some("wait for it"),
        );
        check(
            &Error::DataGone { folder: "r".into(), data: "/d".into() },
            "the data of the run in r is not in /d any more",
            Some("train FOLDER --out r --resume"),
        );
        check(
            &Error::Diverged { folder: "r".into(), lr: 0.05, reason: "the loss is NaN".into() },
            "the training broke down: the loss is NaN; no model was made",
            Some("`--lr 0.05 --out r-2`"),
        );
        let source = tinderbox_learn::Error::NothingToTrain;
        check(
            &Error::Checkpoint { file: "r/checkpoint.safetensors".into(), source },
            "the run cannot go on from its checkpoint",
            Some("remove r/checkpoint.safetensors"),
        );
        check(
            &Error::NoRun { folder: "r".into() },
            "r holds no run: there is no run.json in it",
            Some("tinderbox train"),
        );
        check(
            &Error::OtherTask {
                folder: "r".into(),
                found: "a tagger of words",
                expected: "a language model",
            },
            "the run in r trains a tagger of words, not a language model",
            Some("name a run of that kind"),
        );
        let source = serde_json::from_str::<u32>("x").unwrap_err();
        check(
            &Error::RunFile { path: "r/run.json".into(), source },
            "r/run.json is not a run's description",
            Some("predicts all the same"),
        );
        check(
            &Error::RunFormat { path: "r/run.json".into(), found: 2, expected: 1 },
            "r/run.json is of format 2; this version reads format 1",
            Some("the version that made"),
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
        check(
            &Error::Write { path: "a".into(), source: io() },
            "cannot write a",
            Some("`--out` names another"),
        );
    }
}
