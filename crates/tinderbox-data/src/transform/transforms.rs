//! The list of transforms of each set, and how one item goes through it.

use std::sync::Arc;

use rand::RngCore;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use super::{
    AnyDraw, AnyTransform, Canvas, Interpolation, PaddingMode, Transform, crop_pad,
    from_description,
};
use crate::{Array, Error, Image, Result, Values};

/// The size that items are brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// A square of this side; cropped to, unless another [`ResizeMethod`] is given.
    Square(usize),
    /// Height and width; squished to, unless another method is given.
    Exactly(usize, usize),
}

/// How an item comes to its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResizeMethod {
    /// The shorter side is resized, the longer one cropped.
    Crop,
    /// The longer side is resized, the shorter one padded.
    Pad,
    /// Both sides are resized.
    Squish,
    /// Nothing is resized.
    No,
}

/// What happens to items when they are read: transforms of the training set, transforms of the
/// others, and a size for all.
///
/// Random parameters are drawn anew each time, from the run's seed, the epoch and the item.
#[derive(Debug, Clone, Default)]
pub struct Transforms {
    train: Vec<Arc<dyn AnyTransform>>,
    valid: Vec<Arc<dyn AnyTransform>>,
    settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Settings {
    size: Option<Size>,
    method: Option<ResizeMethod>,
    multiple: Option<usize>,
    padding: PaddingMode,
    mode: Interpolation,
    labels: bool,
    /// As `labels`, if it is not said.
    test_labels: Option<bool>,
}

/// One transform or several, as they are handed to [`Transforms::train`].
pub trait IntoTransforms {
    #[doc(hidden)]
    fn add_to(self, list: &mut TransformList);
}

/// Transforms on their way into [`Transforms`].
#[derive(Debug, Default)]
pub struct TransformList(Vec<Arc<dyn AnyTransform>>);

impl<T: Transform> IntoTransforms for T {
    fn add_to(self, list: &mut TransformList) {
        list.0.push(Arc::new(self));
    }
}

impl<A: Transform, B: Transform> IntoTransforms for (A, B) {
    fn add_to(self, list: &mut TransformList) {
        self.0.add_to(list);
        self.1.add_to(list);
    }
}

impl Transforms {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds to the training set's transforms.
    pub fn train(mut self, transforms: impl IntoTransforms) -> Self {
        let mut list = TransformList::default();
        transforms.add_to(&mut list);
        self.train.extend(list.0);
        self
    }

    /// Adds to the transforms of all other sets.
    pub fn valid(mut self, transforms: impl IntoTransforms) -> Self {
        let mut list = TransformList::default();
        transforms.add_to(&mut list);
        self.valid.extend(list.0);
        self
    }

    /// Brings every item to this size.
    pub fn size(mut self, size: Size) -> Self {
        self.settings.size = Some(size);
        self
    }

    /// How items come to their size.
    pub fn resize_method(mut self, method: ResizeMethod) -> Self {
        self.settings.method = Some(method);
        self
    }

    /// Rounds the size to multiples of this.
    pub fn multiple_of(mut self, multiple: usize) -> Self {
        self.settings.multiple = Some(multiple);
        self
    }

    /// What is seen beyond the edge when geometry is sampled.
    pub fn padding_mode(mut self, padding: PaddingMode) -> Self {
        self.settings.padding = padding;
        self
    }

    /// How values between pixels are found.
    pub fn interpolation(mut self, mode: Interpolation) -> Self {
        self.settings.mode = mode;
        self
    }

    /// Whether labels that can move (masks) move with their inputs; off by default.
    pub fn transform_labels(mut self, labels: bool) -> Self {
        self.settings.labels = labels;
        self
    }

    /// Whether the test set's labels move, if not as the others do: a test set without labels has
    /// none that could.
    pub fn transform_test_labels(mut self, labels: bool) -> Self {
        self.settings.test_labels = Some(labels);
        self
    }

    pub(crate) fn moves_labels(&self) -> bool {
        self.settings.labels
    }

    pub(crate) fn moves_test_labels(&self) -> bool {
        self.settings.test_labels.unwrap_or(self.settings.labels)
    }

    pub(crate) fn pipeline(&self, training: bool) -> Pipeline {
        let mut list = if training { self.train.clone() } else { self.valid.clone() };
        let settings = self.settings;
        let crops = !matches!(settings.method(), ResizeMethod::No);
        if settings.size.is_some()
            && crops
            && !list.iter().any(|transform| transform.is_final_crop())
        {
            list.insert(0, Arc::new(crop_pad()));
        }
        list.sort_by_key(|transform| transform.order());
        Pipeline { list, settings }
    }
}

impl Settings {
    fn method(self) -> ResizeMethod {
        self.method.unwrap_or(match self.size {
            Some(Size::Exactly(..)) => ResizeMethod::Squish,
            _ => ResizeMethod::Crop,
        })
    }

    /// The size asked for, rounded as asked for.
    fn target(self) -> Option<[usize; 2]> {
        let [height, width] = match self.size? {
            Size::Square(side) => [side, side],
            Size::Exactly(height, width) => [height, width],
        };
        let round = |side: usize| match self.multiple {
            Some(multiple) => (side as f64 / multiple as f64 + 0.5) as usize * multiple,
            None => side,
        };
        Some([round(height), round(width)])
    }

    /// The size that is resampled to, before anything is cropped or padded.
    fn resized(self, [height, width]: [usize; 2]) -> Option<[usize; 2]> {
        let [rows, columns] = self.target()?;
        let (h, w) = (height as f64 / rows as f64, width as f64 / columns as f64);
        let scaled = |q: f64| {
            [height, width].map(|side| ((side as f64 / q).round_ties_even() as usize).max(1))
        };
        match self.method() {
            ResizeMethod::Crop => Some(scaled(h.min(w))),
            ResizeMethod::Pad => Some(scaled(h.max(w))),
            ResizeMethod::Squish => Some([rows, columns]),
            ResizeMethod::No => None,
        }
    }
}

/// The transforms of one set, in the order they run.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    list: Vec<Arc<dyn AnyTransform>>,
    settings: Settings,
}

/// What was drawn for one item: apply it to the input and to its label.
#[derive(Debug)]
pub struct Drawn<'a> {
    pipeline: &'a Pipeline,
    draws: Vec<AnyDraw>,
}

impl Pipeline {
    pub(crate) fn draw(&self, rng: &mut dyn RngCore) -> Drawn<'_> {
        Drawn {
            pipeline: self,
            draws: self.list.iter().map(|transform| transform.draw(rng)).collect(),
        }
    }

    fn does_nothing(&self) -> bool {
        self.list.is_empty() && self.settings.size.is_none()
    }

    /// The size that items are brought to, in words, if they are.
    pub(crate) fn describe_size(&self) -> Option<String> {
        let [height, width] = self.settings.target()?;
        let method = match self.settings.method() {
            ResizeMethod::Crop => "crop",
            ResizeMethod::Pad => "padding",
            ResizeMethod::Squish => "squishing",
            ResizeMethod::No => return None,
        };
        Some(format!("resized to {height}×{width} by {method}"))
    }

    /// Whether the size makes sense, whoever asked for it: a user or a file.
    ///
    /// # Errors
    /// [`Error::Transform`].
    pub(crate) fn check_size(&self) -> Result<()> {
        if self.settings.multiple == Some(0) {
            return Err(Error::Transform { reason: "no size is a multiple of 0".into() });
        }
        match self.settings.target() {
            Some(size) => possible(size),
            None => Ok(()),
        }
    }
}

impl Drawn<'_> {
    /// The picture, transformed.
    pub(crate) fn apply(&self, image: Image) -> Result<Image> {
        match self.pipeline.does_nothing() {
            true => Ok(image),
            false => self.run(Canvas::new(
                image,
                self.pipeline.settings.padding,
                self.pipeline.settings.mode,
            )),
        }
    }

    /// Class codes `[1, height, width]`, moved as the picture was.
    pub(crate) fn apply_to_mask(&self, codes: Array) -> Result<Array> {
        if self.pipeline.does_nothing() {
            return Ok(codes);
        }
        let (&[_, height, width], Values::I64(values)) = (&codes.shape[..], &codes.values) else {
            unreachable!("codes are whole numbers in a plane");
        };
        let pixels = values.iter().map(|code| *code as f32).collect();
        let image = Image { channels: 1, height, width, pixels };
        let image = self.run(Canvas::mask(image, self.pipeline.settings.padding))?;
        let codes = image.pixels.iter().map(|code| *code as i64).collect();
        Ok(Array::i64([1, image.height, image.width], codes))
    }

    fn run(&self, mut canvas: Canvas) -> Result<Image> {
        let settings = self.pipeline.settings;
        if let Some(size) = settings.resized(canvas.size()) {
            possible(size)?;
            canvas.resize(size);
        }
        canvas.set_target(settings.target());
        let crops = settings.size.is_none()
            || matches!(settings.method(), ResizeMethod::Crop | ResizeMethod::Pad);
        for (transform, draw) in self.pipeline.list.iter().zip(&self.draws) {
            if crops || !transform.is_final_crop() {
                transform.apply(&mut canvas, draw)?;
            }
        }
        Ok(canvas.into_image())
    }
}

/// The most pixels that a transform makes: 400 MB in three channels. A picture of one row that is
/// brought to 224 of them, with its proportions, would be beyond it.
const MAX_MADE: usize = 1 << 25;

/// Whether a transform may make a picture of this size.
pub(super) fn possible([height, width]: [usize; 2]) -> Result<()> {
    let pixels = height.checked_mul(width);
    if pixels.is_some_and(|pixels| (1..=MAX_MADE).contains(&pixels)) {
        return Ok(());
    }
    Err(Error::Transform { reason: format!("a picture of {height}×{width} pixels is not made") })
}

/// As it is saved with a model: names and parameters.
#[derive(Serialize, Deserialize)]
struct Saved {
    transforms: Vec<(String, Value)>,
    settings: Settings,
}

impl Serialize for Pipeline {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let named = |transform: &Arc<dyn AnyTransform>| {
            let (name, parameters) = transform.describe();
            (name.to_owned(), parameters)
        };
        Saved { transforms: self.list.iter().map(named).collect(), settings: self.settings }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Pipeline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let saved = Saved::deserialize(deserializer)?;
        let read = |(name, parameters): &(String, Value)| {
            from_description(name, parameters).map(Arc::from)
        };
        let list =
            saved.transforms.iter().map(read).collect::<Result<_>>().map_err(D::Error::custom)?;
        let pipeline = Self { list, settings: saved.settings };
        pipeline.check_size().map_err(D::Error::custom)?;
        Ok(pipeline)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::transform::{flip_lr, rand_pad};

    fn resized(size: Size, method: Option<ResizeMethod>, from: [usize; 2]) -> [usize; 3] {
        let mut transforms = Transforms::new().size(size);
        transforms.settings.method = method;
        let pipeline = transforms.pipeline(false);
        let drawn = pipeline.draw(&mut ChaCha8Rng::seed_from_u64(0));
        let image = drawn.apply(Image::filled([3, from[0], from[1]], 0.5)).unwrap();
        assert!(image.pixels.iter().all(|value| (value - 0.5).abs() < 1e-6));
        [image.channels, image.height, image.width]
    }

    #[test]
    fn every_method_ends_at_the_size() {
        for from in [[30, 50], [50, 30], [7, 9], [20, 20], [1, 40]] {
            for method in [
                None,
                Some(ResizeMethod::Crop),
                Some(ResizeMethod::Pad),
                Some(ResizeMethod::Squish),
            ] {
                if from == [1, 40] && method == Some(ResizeMethod::Pad) {
                    continue; // one row cannot be mirrored so far; covered below
                }
                assert_eq!(
                    resized(Size::Square(20), method, from),
                    [3, 20, 20],
                    "{from:?} {method:?}"
                );
                assert_eq!(
                    resized(Size::Exactly(16, 24), method, from),
                    [3, 16, 24],
                    "{from:?} {method:?}"
                );
            }
            let kept = resized(Size::Square(20), Some(ResizeMethod::No), from);
            assert_eq!(kept, [3, from[0], from[1]]);
        }
    }

    #[test]
    fn a_row_is_padded_by_mirroring_it() {
        assert_eq!(resized(Size::Square(8), Some(ResizeMethod::Pad), [1, 40]), [3, 8, 8]);
    }

    #[test]
    fn a_thin_picture_does_not_become_a_huge_one() {
        let pipeline = Transforms::new().size(Size::Square(224)).pipeline(false);
        let drawn = pipeline.draw(&mut ChaCha8Rng::seed_from_u64(0));
        let error = drawn.apply(Image::filled([1, 1, 3000], 0.5)).unwrap_err();
        assert!(error.to_string().ends_with("a picture of 224×672000 pixels is not made"));
    }

    #[test]
    fn a_size_is_rounded_to_multiples() {
        let settings = |side| Settings {
            size: Some(Size::Square(side)),
            multiple: Some(32),
            ..Settings::default()
        };
        assert_eq!(settings(47).target(), Some([32, 32]));
        assert_eq!(settings(48).target(), Some([64, 64]));
    }

    #[test]
    fn the_same_draw_gives_the_same_picture() {
        let pipeline = Transforms::new().train(rand_pad(3, 8)).train(flip_lr()).pipeline(true);
        let image =
            Image { channels: 1, height: 8, width: 8, pixels: (0..64).map(|v| v as f32).collect() };
        let run = |seed| {
            pipeline.draw(&mut ChaCha8Rng::seed_from_u64(seed)).apply(image.clone()).unwrap()
        };
        assert_eq!(run(1), run(1));
        assert!((2..9).any(|seed| run(seed) != run(1)));
    }

    #[test]
    fn a_pipeline_is_saved_and_read() {
        let pipeline =
            Transforms::new().valid(rand_pad(3, 28)).size(Size::Square(28)).pipeline(false);
        let text = serde_json::to_string(&pipeline).unwrap();
        let read: Pipeline = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        let error =
            serde_json::from_str::<Pipeline>(&text.replace("crop_pad", "sharpen")).unwrap_err();
        assert!(error.to_string().contains("the saved transform `sharpen`"), "{error}");
        for nonsense in ["{\"square\":0}", "{\"exactly\":[99999999,99999999]}"] {
            let text = text.replace("{\"square\":28}", nonsense);
            let error = serde_json::from_str::<Pipeline>(&text).unwrap_err();
            assert!(error.to_string().contains("is not made"), "{error}");
        }
    }
}
