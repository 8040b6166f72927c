//! What a model needs of its data to predict for a new file.

use std::{fmt, path::Path};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{
    Array, Batch, Error, ImageKind, ItemKind, Normalize, Result, TargetKind, file,
    image::{Photo, Pixels},
    text::{Padding, TextInput},
    transform::Pipeline,
};

/// How a model's inputs come about, as it is saved with the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SavedInput {
    /// From image files.
    Image(ImageKind),
    /// From text, by a tokenizer and its vocabulary.
    Text(TextInput),
    /// From arrays in memory: there are no files to open.
    Array,
}

impl SavedInput {
    /// Whether inputs come about in the same way; how large an image may be does not matter.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Image(a), Self::Image(b)) => a.mode == b.mode && a.bits == b.bits,
            (a, b) => a == b,
        }
    }

    /// What a model takes, in a word.
    fn what(&self) -> &'static str {
        match self {
            Self::Image(_) => "images",
            Self::Text(_) => "text",
            Self::Array => "arrays",
        }
    }
}

/// A new item for a model, wherever it comes from.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// The file of an image, or of a text.
    File(&'a Path),
    /// What is in the file of an image.
    Bytes(&'a [u8]),
    Text(&'a str),
    /// Numbers that are drawn, for models that make something of them; a seed gives the same ones.
    Noise {
        seed: u64,
    },
}

impl Input<'_> {
    /// What it is, in a word.
    fn what(self) -> &'static str {
        match self {
            Self::File(_) => "files",
            Self::Bytes(_) => "bytes of an image",
            Self::Text(_) => "text",
            Self::Noise { .. } => "noise",
        }
    }
}

/// The numbers of a text's tokens, `[length]`.
fn tokens(input: &TextInput, text: &str) -> Result<Array> {
    let ids: Vec<i64> = input.ids(text)?.into_iter().map(i64::from).collect();
    match text.trim().is_empty() || ids.is_empty() {
        true => Err(Error::NoTokens { what: format!("the text {text:?}") }),
        false => Ok(Array::i64([ids.len()], ids)),
    }
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

    /// One item as the model sees it, without a batch axis: an image `[channels, height, width]`,
    /// transformed as in validation and normalized; a text as the numbers of its tokens, `[length]`.
    ///
    /// # Errors
    /// [`Error::UnfitInput`] for what is not the model's kind of input; those of [`Pixels::open`] and
    /// [`prepare`](Self::prepare); for text [`Error::NotUtf8`], and [`Error::NoTokens`] if nothing is
    /// left of it.
    ///
    /// # Example
    /// ```
    /// use tinderbox_data::{Inference, Input, Result};
    ///
    /// fn two_at_once(model: &Inference, file: &std::path::Path, sent: &[u8]) -> Result<()> {
    ///     let inputs = vec![model.input(Input::File(file))?, model.input(Input::Bytes(sent))?];
    ///     let batch = model.batch(inputs)?;
    ///     assert_eq!(batch.inputs.rows(), 2);
    ///     Ok(())
    /// }
    /// ```
    pub fn input(&self, input: Input<'_>) -> Result<Array> {
        match (&self.input, input) {
            (SavedInput::Text(of_text), Input::Text(text)) => tokens(of_text, text),
            (SavedInput::Text(of_text), Input::File(path)) => {
                tokens(of_text, &file::read_text(path)?)
            }
            _ => self.prepare(&self.pixels(input)?).map_err(|error| match input {
                Input::File(path) => error.of_item(path.display()),
                _ => error,
            }),
        }
    }

    /// A batch of some items as [`input`](Self::input) gives them, in their order; its targets are
    /// 0. Shorter texts are filled up as in validation.
    ///
    /// # Errors
    /// [`Error::Collate`] for images of several sizes; [`Error::TextLengths`] for texts of several
    /// lengths that the model was not trained to see filled up; [`Error::BatchSize`] for no items.
    pub fn batch(&self, inputs: Vec<Array>) -> Result<Batch> {
        let n = inputs.len();
        if n == 0 {
            return Err(Error::BatchSize);
        }
        let inputs = match (&self.input, self.padding) {
            (SavedInput::Text(_), Some(padding)) => padding.batch(&inputs)?,
            (SavedInput::Text(_), None)
                if inputs.iter().any(|text| text.shape != inputs[0].shape) =>
            {
                let lengths = inputs.iter().map(Array::rows).collect();
                return Err(Error::TextLengths { lengths });
            }
            _ => Array::stack_all(inputs)?,
        };
        Ok(Batch { inputs, targets: Array::i64([n], vec![0; n]), items: (0..n).collect() })
    }

    /// An image as the model opens it, upright and with its channels, before it is transformed.
    ///
    /// # Errors
    /// [`Error::UnfitInput`] if the model or the input is not of images; those of [`Pixels::open`].
    pub fn pixels(&self, input: Input<'_>) -> Result<Pixels> {
        match (&self.input, input) {
            (SavedInput::Image(kind), Input::File(path)) => kind.open(path),
            (SavedInput::Image(kind), Input::Bytes(bytes)) => Pixels::decode_as(bytes, *kind),
            (saved, input) => Err(Error::UnfitInput { takes: saved.what(), given: input.what() }),
        }
    }

    /// The same with all that the file carries, for models that predict an image in its place.
    ///
    /// # Errors
    /// As [`pixels`](Self::pixels).
    pub fn photo(&self, input: Input<'_>) -> Result<Photo> {
        match (&self.input, input) {
            (SavedInput::Image(kind), Input::File(path)) => Photo::open_as(path, *kind),
            (SavedInput::Image(kind), Input::Bytes(bytes)) => Photo::decode_as(bytes, *kind),
            (saved, input) => Err(Error::UnfitInput { takes: saved.what(), given: input.what() }),
        }
    }

    /// A decoded image as the model sees it: transformed as in validation and normalized,
    /// `[channels, height, width]`.
    ///
    /// # Errors
    /// [`Error::Transform`] if its size does not allow that; [`Error::Channels`] for other channels
    /// than the model is normalized for.
    pub fn prepare(&self, pixels: &Pixels) -> Result<Array> {
        let drawn = self.transforms.draw(&mut ChaCha8Rng::seed_from_u64(0));
        let mut image = drawn.apply(pixels.to_image())?;
        if let Some(normalize) = self.normalize.as_ref().filter(|normalize| normalize.inputs) {
            normalize.apply_to_image(&mut image)?;
        }
        Ok(image.into_array())
    }

    /// The tokenizer and the vocabulary of a model that is given text.
    ///
    /// # Errors
    /// [`Error::NotFromText`] if it is given something else.
    pub fn text_input(&self) -> Result<&TextInput> {
        match &self.input {
            SavedInput::Text(input) => Ok(input),
            other => Err(Error::NotFromText { inputs: other.what() }),
        }
    }

    /// Opens images of up to this many pixels; how others are opened does not change.
    pub fn limit_pixels(&mut self, max_pixels: u64) {
        if let SavedInput::Image(kind) = &mut self.input {
            kind.max_pixels = max_pixels;
        }
    }

    /// How the inputs come about.
    pub fn saved_input(&self) -> &SavedInput {
        &self.input
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
            // Codes without a class are those of the data's masks, and so is the damage to its inputs.
            (true, data @ (TargetKind::Mask { .. } | TargetKind::Image { .. })) => Ok(data),
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
        match self.input.is_like(data) {
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
        // Images are made at any size.
        let sized = !matches!(self.target, TargetKind::Image { .. });
        if let Some(size) = self.transforms.describe_size().filter(|_| sized) {
            write!(f, ", {size}")?;
        }
        if self.normalize.as_ref().is_some_and(|normalize| normalize.inputs) {
            write!(f, ", normalized")?;
        }
        if let TargetKind::Image { damage: Some(damage), .. } = &self.target {
            write!(f, "; trained to repair: {}", damage.describe())?;
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
        text::{Tokenizing, Vocab},
        transform::{Size, Transforms},
    };

    fn inference(input: SavedInput) -> Inference {
        let pipeline = Transforms::new().size(Size::Square(4)).pipeline(false);
        let target = TargetKind::Category { classes: vec!["a".into(), "b".into()] };
        let normalize = Some(Normalize::mnist());
        Inference { normalize, ..Inference::new(input, pipeline, target) }
    }

    fn gray() -> SavedInput {
        SavedInput::Image(ImageKind { mode: ConvertMode::L, ..ImageKind::default() })
    }

    #[test]
    fn what_was_saved_prepares_the_same_batch() {
        let inference = inference(gray());
        let text = serde_json::to_string(&inference).unwrap();
        let read: Inference = serde_json::from_str(&text).unwrap();
        let pixels = Pixels {
            height: 8,
            width: 6,
            channels: 1,
            bytes: (0..48).collect(),
            full_size: [8, 6],
        };
        let input = read.prepare(&pixels).unwrap();
        assert_eq!(input.shape, [1, 4, 4]);
        assert_eq!(input, inference.prepare(&pixels).unwrap());
        assert_eq!(read.classes(), ["a", "b"]);
    }

    #[test]
    fn a_picture_of_other_channels_is_refused() {
        let pixels =
            Pixels { height: 4, width: 4, channels: 3, bytes: vec![0; 48], full_size: [4, 4] };
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
        let error = Inference::new(gray(), pipeline, target);
        let error = error.input(Input::File(&path)).unwrap_err();
        assert!(error.to_string().contains("thin.png: an image of 128×"), "{error}");
    }

    fn of_text(padding: Option<Padding>) -> Inference {
        let tokens = ["xxunk", "xxpad", "xxbos", "a", "b"].map(String::from).to_vec();
        let vocab = Vocab::from_tokens(tokens).unwrap();
        let input = TextInput { tokenizing: Tokenizing::characters(), vocab, longest: None };
        let inference = inference(SavedInput::Text(input));
        Inference { normalize: None, padding, ..inference }
    }

    #[test]
    fn what_a_model_does_not_take_is_refused() {
        let path = Path::new("none.png");
        let noise = Input::Noise { seed: 1 };
        for (inference, input, message) in [
            (inference(gray()), Input::Text("a"), "the model takes images, not text"),
            (inference(gray()), noise, "the model takes images, not noise"),
            (of_text(None), Input::Bytes(&[1]), "the model takes text, not bytes of an image"),
            (of_text(None), noise, "the model takes text, not noise"),
            (inference(SavedInput::Array), Input::File(path), "the model takes arrays, not files"),
        ] {
            let error = inference.input(input).unwrap_err();
            assert!(matches!(error, Error::UnfitInput { .. }));
            assert_eq!(error.to_string(), message);
        }
        let error = of_text(None).pixels(Input::File(path)).unwrap_err();
        assert_eq!(error.to_string(), "the model takes text, not files");
    }

    #[test]
    fn a_file_and_its_bytes_are_the_same_input() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        image::GrayImage::from_fn(6, 8, |x, y| image::Luma([(x * 40 + y) as u8]))
            .save(&path)
            .unwrap();
        let (inference, bytes) = (inference(gray()), std::fs::read(&path).unwrap());
        let [file, bytes] = [Input::File(&path), Input::Bytes(&bytes)];
        let input = inference.input(file).unwrap();
        assert_eq!(input.shape, [1, 4, 4]);
        assert_eq!(inference.input(bytes).unwrap(), input);
        assert_eq!(inference.pixels(bytes).unwrap(), inference.pixels(file).unwrap());
        let batch = inference.batch(vec![input.clone(), input.clone()]).unwrap();
        assert_eq!((batch.inputs.row(1), batch.items), (input, vec![0, 1]));
        assert_eq!(batch.targets, Array::i64([2], vec![0; 2]));
        let error = inference.input(Input::Bytes(b"GIF")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read the image as an image: "), "{error}");
    }

    #[test]
    fn texts_are_filled_up_as_in_validation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, "ab").unwrap();
        let padded = |padding: Option<Padding>| {
            let inference = of_text(padding);
            let texts = [Input::Text("a"), Input::File(&path)];
            inference.batch(texts.map(|text| inference.input(text).unwrap()).to_vec())
        };
        let first = padded(Some(Padding::default())).unwrap();
        assert_eq!(first.inputs, Array::i64([2, 3], vec![1, 2, 3, 2, 3, 4]));
        let last = padded(Some(Padding { first: false, ..Padding::default() })).unwrap();
        assert_eq!(last.inputs, Array::i64([2, 3], vec![2, 3, 1, 2, 3, 4]));
        let error = padded(None).unwrap_err();
        assert!(matches!(&error, Error::TextLengths { lengths } if *lengths == [2, 3]), "{error}");
        let one = of_text(None);
        let input = one.input(Input::Text("ab")).unwrap();
        assert_eq!(one.batch(vec![input]).unwrap().inputs, Array::i64([1, 3], vec![2, 3, 4]));
        assert!(matches!(one.input(Input::Text(" ")), Err(Error::NoTokens { .. })));
        assert!(matches!(one.batch(Vec::new()), Err(Error::BatchSize)));
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
