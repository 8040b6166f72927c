//! What a model needs of its data to predict for a new file.

use std::{fmt, path::Path};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{
    Array, Batch, Error, ImageKind, InputKind, Normalize, Result, TargetKind, file,
    image::Pixels,
    text::{Padding, TextInput},
    transform::Pipeline,
};

/// How a model's inputs come about, as it is saved with the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SavedInput {
    /// From picture files.
    Image(ImageKind),
    /// From text, by a tokenizer and its vocabulary.
    Text(TextInput),
    /// From arrays in memory: there are no files to open.
    Array,
}

/// How a new item is prepared: opened, transformed as in validation, normalized. Saved with a
/// model; holds no images.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inference {
    input: SavedInput,
    pub(crate) transforms: Pipeline,
    target: TargetKind,
    pub(crate) normalize: Option<Normalize>,
    /// How texts of several lengths become one batch, if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) padding: Option<Padding>,
}

impl Inference {
    pub(crate) fn new(input: SavedInput, transforms: Pipeline, target: TargetKind) -> Self {
        Self { input, transforms, target, normalize: None, padding: None }
    }

    /// A batch of the one picture or text at `path`; its target is 0.
    ///
    /// # Errors
    /// Those of [`Pixels::open`], and [`Error::Transform`]; for text [`Error::NotUtf8`] and those
    /// of [`text`](Self::text); [`Error::NotFromFiles`] if the model was trained on arrays.
    pub fn open(&self, path: &Path) -> Result<Batch> {
        if let SavedInput::Text(_) = self.input {
            return self.text(&file::read_text(path)?);
        }
        self.prepare(&self.pixels(path)?).map_err(|error| error.of_item(path.display()))
    }

    /// A batch of one decoded picture; its target is 0.
    ///
    /// # Errors
    /// [`Error::Transform`].
    pub fn prepare(&self, pixels: &Pixels) -> Result<Batch> {
        let drawn = self.transforms.draw(&mut ChaCha8Rng::seed_from_u64(0));
        let image = drawn.apply(pixels.to_image())?;
        let mut inputs = Array::stack(&[image.into_array()])?;
        if let Some(normalize) = self.normalize.as_ref().filter(|normalize| normalize.inputs) {
            normalize.check_images(&inputs)?;
            normalize.apply(&mut inputs);
        }
        Ok(Batch { inputs, targets: Array::i64([1], vec![0]), items: vec![0] })
    }

    /// A batch of one text, `[1, length]` numbers of tokens; its target is 0.
    ///
    /// # Errors
    /// [`Error::NotFromText`] if the model was not trained on text; [`Error::NoTokens`] if nothing
    /// is left of it.
    pub fn text(&self, text: &str) -> Result<Batch> {
        let input = self.text_input()?;
        let ids: Vec<i64> = input.ids(text)?.into_iter().map(i64::from).collect();
        if text.trim().is_empty() || ids.is_empty() {
            return Err(Error::NoTokens { what: format!("the text {text:?}") });
        }
        let inputs = Array::i64([1, ids.len()], ids);
        Ok(Batch { inputs, targets: Array::i64([1], vec![0]), items: vec![0] })
    }

    /// The tokenizer and the vocabulary of a model that is given text.
    ///
    /// # Errors
    /// [`Error::NotFromText`] if it is given something else.
    pub fn text_input(&self) -> Result<&TextInput> {
        match &self.input {
            SavedInput::Text(input) => Ok(input),
            SavedInput::Image(_) => Err(Error::NotFromText { inputs: "images" }),
            SavedInput::Array => Err(Error::NotFromText { inputs: "arrays" }),
        }
    }

    /// How the inputs come about.
    pub fn input(&self) -> &SavedInput {
        &self.input
    }

    /// A picture as the model opens it, before it is transformed.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn pixels(&self, path: &Path) -> Result<Pixels> {
        match &self.input {
            SavedInput::Image(kind) => kind.open(path),
            SavedInput::Text(_) | SavedInput::Array => Err(Error::NotFromFiles),
        }
    }

    /// What is predicted.
    pub fn target(&self) -> &TargetKind {
        &self.target
    }

    /// What the targets of data that the model is measured on are.
    ///
    /// # Errors
    /// [`Error::OtherTarget`] if they are not of the model's kind.
    pub(crate) fn target_like(&self, data: TargetKind) -> Result<TargetKind> {
        match (self.target.is_like(&data), data) {
            // Codes without a class are those of the data's masks.
            (true, data @ TargetKind::Mask { .. }) => Ok(data),
            (true, _) => Ok(self.target.clone()),
            (false, data) => {
                let (model, data) = (self.target.describe(), data.describe());
                Err(Error::OtherTarget { model, data })
            }
        }
    }

    /// Whether other items are opened as the model's are.
    ///
    /// # Errors
    /// [`Error::OtherInput`].
    pub(crate) fn check_input(&self, data: &SavedInput) -> Result<()> {
        match self.input == *data {
            true => Ok(()),
            false => {
                let (model, data) = (self.input.to_string(), data.to_string());
                Err(Error::OtherInput { model, data })
            }
        }
    }

    /// As it is before the data is normalized.
    pub(crate) fn unnormalized(&self) -> Self {
        Self { normalize: None, ..self.clone() }
    }

    /// The classes, in the order of their indexes.
    pub fn classes(&self) -> &[String] {
        self.target.classes()
    }

    /// How inputs are normalized, if they are.
    pub fn normalization(&self) -> Option<&Normalize> {
        self.normalize.as_ref()
    }

    /// All of it in a line, for people: `RGB images, resized to 224×224 by crop, normalized; 6
    /// classes`.
    pub fn describe(&self) -> String {
        self.to_string()
    }
}

/// `RGB images`, or how texts are divided and how many tokens are known.
impl fmt::Display for SavedInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(kind) => write!(f, "{} images", kind.mode),
            Self::Text(input) => {
                write!(f, "{}, a vocabulary of {}", input.tokenizing, input.vocab.len())
            }
            Self::Array => write!(f, "arrays"),
        }
    }
}

impl fmt::Display for Inference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.input)?;
        if let Some(size) = self.transforms.describe_size() {
            write!(f, ", {size}")?;
        }
        if self.normalize.as_ref().is_some_and(|normalize| normalize.inputs) {
            write!(f, ", normalized")?;
        }
        match self.classes().len() {
            0 => Ok(()),
            _ if matches!(self.target, TargetKind::Words { .. }) => write!(f, "; the next word"),
            n => write!(f, "; {n} classes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ConvertMode,
        transform::{Size, Transforms},
    };

    fn inference(input: SavedInput) -> Inference {
        let pipeline = Transforms::new().size(Size::Square(4)).pipeline(false);
        let target = TargetKind::Category { classes: vec!["a".into(), "b".into()] };
        let normalize = Some(Normalize::mnist());
        Inference { normalize, ..Inference::new(input, pipeline, target) }
    }

    fn gray() -> SavedInput {
        SavedInput::Image(ImageKind { mode: ConvertMode::L })
    }

    #[test]
    fn what_was_saved_prepares_the_same_batch() {
        let inference = inference(gray());
        let text = serde_json::to_string(&inference).unwrap();
        let read: Inference = serde_json::from_str(&text).unwrap();
        let pixels = Pixels { height: 8, width: 6, channels: 1, bytes: (0..48).collect() };
        let batch = read.prepare(&pixels).unwrap();
        assert_eq!(batch.inputs.shape, [1, 1, 4, 4]);
        assert_eq!(batch, inference.prepare(&pixels).unwrap());
        assert_eq!(read.classes(), ["a", "b"]);
    }

    #[test]
    fn a_picture_of_other_channels_is_refused() {
        let pixels = Pixels { height: 4, width: 4, channels: 3, bytes: vec![0; 48] };
        let error = inference(gray()).prepare(&pixels).unwrap_err();
        assert!(matches!(error, Error::Channels { given: 1, channels: 3 }), "{error}");
    }

    #[test]
    fn a_picture_that_cannot_be_transformed_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("thin.png");
        image::GrayImage::new(60_000, 1).save(&path).unwrap();
        let pipeline = Transforms::new().size(Size::Square(128)).pipeline(false);
        let target = TargetKind::Category { classes: vec!["a".into()] };
        let error = Inference::new(gray(), pipeline, target).open(&path).unwrap_err();
        assert!(error.to_string().contains("thin.png: a picture of 128×"), "{error}");
    }

    #[test]
    fn a_model_of_arrays_opens_no_files() {
        let error = inference(SavedInput::Array).open(Path::new("a.png")).unwrap_err();
        assert!(matches!(error, Error::NotFromFiles));
    }

    #[test]
    fn it_is_described_in_a_line() {
        assert_eq!(
            inference(gray()).describe(),
            "gray images, resized to 4×4 by crop, normalized; 2 classes"
        );
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let text = serde_json::to_string(&inference(gray())).unwrap();
        let text = text.replacen('{', "{\"code\":1,", 1);
        let error = serde_json::from_str::<Inference>(&text).unwrap_err().to_string();
        assert!(error.contains("unknown field `code`"), "{error}");
    }
}
