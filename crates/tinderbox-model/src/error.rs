//! What can go wrong with models and their weights.

use std::path::PathBuf;

/// What can go wrong with models and their weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("there is no architecture `{name}`")]
    UnknownArch { name: String, known: Vec<&'static str> },

    #[error("{arch} takes images of at least {min}×{min} pixels, not {}×{}", size[0], size[1])]
    TooSmall { arch: &'static str, size: [usize; 2], min: usize },

    #[error("`{arch}` has no body that could be pretrained or cut")]
    NoBody { arch: &'static str, known: Vec<&'static str> },

    #[error("there is no layer `{name}` to cut before")]
    NoSuchChild { name: String, children: Vec<String> },

    #[error("the network has no layer `{name}`")]
    NoSuchLayer { name: String, layers: Vec<String> },

    #[error(
        "{wanted} layers of the feature network are to be compared, but its maps become smaller only \
         {found} times"
    )]
    FewFeatures { found: usize, wanted: usize },

    #[error("images do not pass through the body, which has {layers} layers")]
    NoFeatures { layers: usize },

    #[error("the body cannot process images of {}×{} pixels: {reason}", size[0], size[1])]
    BodyRefuses { size: [usize; 2], reason: String },

    #[error(
        "the body never downsamples images of {}×{} pixels, so a U-Net cannot be built on it",
        size[0],
        size[1]
    )]
    NoSkips { size: [usize; 2] },

    #[error("`{setting}` is {value}, but must be {wanted}")]
    Setting { setting: &'static str, value: String, wanted: String },

    #[error("the weights do not fit the model:{}", mismatch(missing, unexpected, shapes))]
    Weights { missing: Vec<String>, unexpected: Vec<String>, shapes: Vec<ShapeMismatch> },

    #[error(transparent)]
    OtherWeights(Box<OtherWeights>),

    #[error("there is no AWD-LSTM encoder among the weights")]
    NoEncoder,

    #[error("the weights are not those of a language model")]
    NoWords,

    #[error("`{name}` has {rows} rows for a vocabulary of {words} words")]
    Vocabulary { name: String, rows: usize, words: usize },

    /// A file that is of another form than one with weights.
    #[error("it is {what}")]
    Form { what: &'static str, hint: &'static str },

    #[error("it holds a whole `{class}`, not its weights alone, and objects are never loaded")]
    WholeModel { class: String },

    #[error("not a safetensors file: {reason}")]
    Safetensors { reason: String },

    #[error("not a PyTorch checkpoint: {reason}")]
    Checkpoint { reason: String },

    #[error("not a list of words: {reason}")]
    Words { reason: String },

    #[error("cannot read {}", path.display())]
    WeightsFile { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },

    #[error("the tensor `{name}` has the type {dtype}; supported are F32, F16, BF16 and F64")]
    Dtype { name: String, dtype: String },
}

/// Another network's weights, for the body of `arch`.
#[derive(Debug, thiserror::Error)]
#[error(
    "the weights are not those of {arch}: {found} of its body's {all} tensors are there{}\n  in the file: {}\n  expected: {}",
    beside(*others), begin(there), begin(expected)
)]
pub struct OtherWeights {
    pub arch: &'static str,
    pub found: usize,
    pub all: usize,
    /// Tensors in its parts that it does not have.
    pub others: usize,
    pub there: Vec<String>,
    pub expected: Vec<String>,
    /// The architecture that they look like.
    pub like: Option<&'static str>,
}

/// A weight of another shape than the model's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeMismatch {
    pub name: String,
    pub found: Vec<usize>,
    pub expected: Vec<usize>,
}

/// A [`std::result::Result`] with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Names are listed up to this many; a wrong file has hundreds.
const SHOWN: usize = 8;

fn beside(others: usize) -> String {
    if others > 0 { format!(", beside {others} that it does not have") } else { String::new() }
}

/// The first names of many.
fn begin(names: &[String]) -> String {
    let more = if names.len() > 3 { ", …" } else { "" };
    format!("{}{more}", names.join(", "))
}

fn mismatch(missing: &[String], unexpected: &[String], shapes: &[ShapeMismatch]) -> String {
    let list = |what: &str, names: Vec<String>| match names.len() {
        0 => String::new(),
        n => {
            let more = n.saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let names: Vec<String> = names.into_iter().take(SHOWN).collect();
            format!("\n  {what}: {}{more}", names.join(", "))
        }
    };
    let shape =
        |s: &ShapeMismatch| format!("{} is {:?}, expected {:?}", s.name, s.found, s.expected);
    [
        list("missing", missing.to_vec()),
        list("unexpected", unexpected.to_vec()),
        list("different shape", shapes.iter().map(shape).collect()),
    ]
    .concat()
}

impl Error {
    /// What the reader can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownArch { name, known } => {
                let near = known.iter().max_by(|a, b| {
                    strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name))
                })?;
                let known = known.join(", ");
                Some(match strsim::jaro_winkler(near, name) > 0.7 {
                    true => format!("did you mean `{near}`? Known are {known}"),
                    false => format!("known are {known}"),
                })
            }
            Self::TooSmall { min, .. } => {
                Some(format!("resize the images: `--size {min}` or more"))
            }
            Self::NoBody { known, .. } => Some(format!("choose one of {}", known.join(", "))),
            Self::NoSuchChild { children, .. } => {
                Some(format!("choose one of {}", children.join(", ")))
            }
            Self::NoSuchLayer { layers, .. } => {
                Some(format!("choose one of {}", layers.join(", ")))
            }
            Self::FewFeatures { .. } => {
                Some("compare fewer, or name the layers: `FeatureNet::at`".into())
            }
            Self::NoFeatures { .. } => {
                Some("it must begin with a convolution and end in `[batch, channels, ..]`".into())
            }
            Self::BodyRefuses { .. } => Some("are the images large enough for it?".into()),
            Self::NoSkips { .. } => {
                Some("take the layers of `features` one by one: `body.opened()`".into())
            }
            Self::Weights { .. } => {
                Some("are they for this architecture and this number of classes?".into())
            }
            Self::OtherWeights(weights) => Some(match weights.like {
                Some(like) => format!("they look like those of {like}: `--arch {like}`"),
                None => "name the architecture that they are of, `--arch`, or, if they are of its first layers only, the part to cut it before, `--until`; `--pretrained none` trains from scratch".into(),
            }),
            Self::NoEncoder | Self::NoWords => {
                Some("use the weights of a language model or a text classifier".into())
            }
            Self::Vocabulary { .. } => {
                Some("is this the vocabulary that the weights were trained with?".into())
            }
            Self::Form { hint, .. } => Some((*hint).to_owned()),
            Self::WholeModel { class } if class.starts_with("__torch__") => Some(
                "in Python: `torch.save(torch.jit.load(\"FILE\").state_dict(), \"weights.pth\")`"
                    .into(),
            ),
            Self::WholeModel { .. } => Some(
                "save the weights alone, in Python: `torch.save(model.state_dict(), \"weights.pth\")`".into(),
            ),
            Self::Checkpoint { .. } => Some(
                "save the weights alone: `torch.save(model.state_dict(), \"weights.pth\")`".into(),
            ),
            Self::WeightsFile { source, .. } => source.downcast_ref::<Self>().and_then(Self::hint),
            Self::Words { .. } => Some("expected a JSON list: `[\"xxunk\", \"xxpad\", …]`".into()),
            // A setting's message has the way out.
            Self::Setting { .. } | Self::Safetensors { .. } | Self::Dtype { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_architecture_is_answered_with_the_nearest() {
        let error = crate::arch::find("resnettish").unwrap_err();
        assert_eq!(error.to_string(), "there is no architecture `resnettish`");
        assert!(error.hint().unwrap().starts_with("did you mean `resnetish`?"));
        let error = crate::arch::find("zzz").unwrap_err();
        assert!(error.hint().unwrap().starts_with("known are basic, "));
    }

    #[test]
    fn an_image_too_small_is_named_with_its_size() {
        let error = crate::arch::ArchSpec::new("resnet-small", 3, 2, [8, 64]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "resnet-small takes images of at least 16×16 pixels, not 8×64"
        );
        assert_eq!(error.hint().unwrap(), "resize the images: `--size 16` or more");
    }

    #[test]
    fn everything_that_does_not_fit_is_listed() {
        let shapes = vec![ShapeMismatch { name: "c".into(), found: vec![2], expected: vec![3] }];
        let error =
            Error::Weights { missing: vec!["a".into()], unexpected: vec!["b".into()], shapes };
        assert_eq!(
            error.to_string(),
            "the weights do not fit the model:\n  missing: a\n  unexpected: b\n  different shape: c is [2], expected [3]"
        );
        assert!(error.hint().is_some());
        let many = (0..10).map(|n| n.to_string()).collect();
        let error = Error::Weights { missing: many, unexpected: vec![], shapes: vec![] };
        assert!(error.to_string().ends_with("6, 7 and 2 more"), "{error}");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let source = Error::Checkpoint { reason: "the archive has no `data.pkl`".into() };
        assert_eq!(source.to_string(), "not a PyTorch checkpoint: the archive has no `data.pkl`");
        let error = Error::WeightsFile { path: "a.pth".into(), source: source.into() };
        assert_eq!(error.to_string(), "cannot read a.pth");
        assert!(error.hint().unwrap().starts_with("save the weights alone"));
    }

    #[test]
    fn a_list_of_words_is_shown() {
        let error = Error::Words { reason: "not all of it is text".into() };
        assert_eq!(error.to_string(), "not a list of words: not all of it is text");
        assert_eq!(error.hint().unwrap(), "expected a JSON list: `[\"xxunk\", \"xxpad\", …]`");
    }

    #[test]
    fn weights_of_no_words_are_answered_with_what_is_expected() {
        let vocabulary = Error::Vocabulary { name: "a".into(), rows: 1, words: 2 };
        for error in [Error::NoEncoder, Error::NoWords, vocabulary] {
            assert!(error.hint().is_some_and(|hint| hint.contains("weights")), "{error}");
        }
    }

    #[test]
    fn what_is_no_weights_file_is_said() {
        let error = Error::Safetensors { reason: "HeaderTooSmall".into() };
        assert_eq!(error.to_string(), "not a safetensors file: HeaderTooSmall");
        let error = Error::Dtype { name: "a".into(), dtype: "BOOL".into() };
        assert_eq!(
            error.to_string(),
            "the tensor `a` has the type BOOL; supported are F32, F16, BF16 and F64"
        );
        assert_eq!(error.hint(), None);
    }
}
