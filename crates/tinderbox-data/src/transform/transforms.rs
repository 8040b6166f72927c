//! What happens to items: the transforms of each set, and the size of all.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AnyTransform, Interpolation, PaddingMode, Pipeline, Transform, crop_pad};

/// The size that items are brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// A square of this side; cropped to, unless another [`ResizeMethod`] is given.
    Square(usize),
    /// Height and width; squished to, unless another method is given.
    Exactly(usize, usize),
    /// Each item's own height and width, padded by reflection up to multiples of this, below and to
    /// the right: what a model makes of it begins in the same corner. Nothing is resized or cropped.
    /// For what must not be made smaller, as images to be enhanced; items of different sizes are
    /// batches of their own.
    Keep { multiple_of: usize },
}

impl From<usize> for Size {
    /// A square of this side.
    fn from(side: usize) -> Self {
        Self::Square(side)
    }
}

impl From<[usize; 2]> for Size {
    /// Height and width.
    fn from([height, width]: [usize; 2]) -> Self {
        Self::Exactly(height, width)
    }
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
    /// Nothing is resized, and a part of the size is cropped, after padding what is too small: for
    /// super-resolution, which must see pixels as they are. fastai has it not.
    Part,
}

/// What happens to items when they are read: transforms of the training set, transforms of the
/// others, and a size for all.
///
/// Random parameters are drawn anew each time, from the run's seed, the epoch and the item.
///
/// # Example
/// ```
/// use tinderbox_data::transform::{ResizeMethod, Size, Transforms, flip_lr, rand_crop};
///
/// // Photographs: a random part of each in training, the middle in validation.
/// let photographs =
///     Transforms::new().train(rand_crop()).train(flip_lr()).size(Size::Square(224));
/// // Scans, whole, whatever their proportions, with bars beside them.
/// let scans = Transforms::new().size(Size::Square(224)).resize_method(ResizeMethod::Pad);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Transforms {
    train: Vec<Arc<dyn AnyTransform>>,
    valid: Vec<Arc<dyn AnyTransform>>,
    /// The size of all but the training set, if it is another.
    valid_size: Option<Size>,
    settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) size: Option<Size>,
    method: Option<ResizeMethod>,
    pub(super) multiple: Option<usize>,
    pub(super) padding: PaddingMode,
    pub(super) mode: Interpolation,
    pub(super) labels: bool,
    /// As `labels`, if it is not said.
    test_labels: Option<bool>,
    #[serde(default)]
    of_labels: LabelTransforms,
}

/// What is otherwise for labels that move than for their inputs: fastai's `transform_y`. Where it says
/// nothing, labels are as inputs; what is random is the same for both.
///
/// # Example
/// ```
/// use tinderbox_data::transform::{LabelTransforms, Size, Transforms, get_transforms};
///
/// // Small pictures in, larger ones out.
/// let large = LabelTransforms { size: Some(Size::Square(256)), ..LabelTransforms::default() };
/// let transforms = get_transforms().size(Size::Square(64)).transform_labels_by(large);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct LabelTransforms {
    pub size: Option<Size>,
    pub method: Option<ResizeMethod>,
    pub padding: Option<PaddingMode>,
    /// Not for masks, whose pixels are the nearest ones.
    pub mode: Option<Interpolation>,
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
    /// None yet.
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

    /// Brings every item to this size: `224` for a square, `[180, 240]` for height and width.
    pub fn size(mut self, size: impl Into<Size>) -> Self {
        self.settings.size = Some(size.into());
        self
    }

    /// Brings the items of all sets but the training set to this size instead, and new ones.
    ///
    /// # Example
    /// ```
    /// use tinderbox_data::transform::{Size, Transforms, rand_crop};
    ///
    /// // Trains on parts of pictures, enhances whole ones; the network halves them five times.
    /// let enhancer = Transforms::new()
    ///     .train(rand_crop())
    ///     .size(Size::Square(128))
    ///     .valid_size(Size::Keep { multiple_of: 32 });
    /// ```
    pub fn valid_size(mut self, size: Size) -> Self {
        self.valid_size = Some(size);
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

    /// Moves labels that can move with their inputs, but for what is otherwise.
    pub fn transform_labels_by(mut self, otherwise: LabelTransforms) -> Self {
        self.settings.of_labels = otherwise;
        self.transform_labels(true)
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
        let mut settings = self.settings;
        settings.size = self.valid_size.filter(|_| !training).or(settings.size);
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
    /// Those of labels.
    pub(super) fn of_labels(self) -> Self {
        let LabelTransforms { size, method, padding, mode } = self.of_labels;
        let size = size.filter(|_| self.multiple_kept().is_none());
        Self {
            size: size.or(self.size),
            // A size of another form calls for another method.
            method: method.or(self.method.filter(|_| size.is_none())),
            padding: padding.unwrap_or(self.padding),
            mode: mode.unwrap_or(self.mode),
            ..self
        }
    }

    pub(super) fn method(self) -> ResizeMethod {
        match self.size {
            Some(Size::Keep { .. }) => ResizeMethod::No,
            Some(Size::Exactly(..)) => self.method.unwrap_or(ResizeMethod::Squish),
            _ => self.method.unwrap_or(ResizeMethod::Crop),
        }
    }

    /// What sizes are padded up to a multiple of, if items keep theirs.
    pub(super) fn multiple_kept(self) -> Option<usize> {
        match self.size {
            Some(Size::Keep { multiple_of }) => Some(multiple_of),
            _ => None,
        }
    }

    /// The size up to which an item that keeps its own is padded, if it is not there.
    pub(super) fn padded(self, size: [usize; 2]) -> Option<[usize; 2]> {
        let multiple = self.multiple_kept()?;
        let up = size.map(|side| side.checked_next_multiple_of(multiple).unwrap_or(usize::MAX));
        (up != size).then_some(up)
    }

    /// The size asked for, rounded as asked for.
    pub(super) fn target(self) -> Option<[usize; 2]> {
        let [height, width] = match self.size? {
            Size::Square(side) => [side, side],
            Size::Exactly(height, width) => [height, width],
            Size::Keep { .. } => return None,
        };
        let round = |side: usize| match self.multiple {
            Some(multiple) => (side as f64 / multiple as f64 + 0.5) as usize * multiple,
            None => side,
        };
        Some([round(height), round(width)])
    }

    /// The size that is resampled to, before anything is cropped or padded.
    pub(super) fn resized(self, [height, width]: [usize; 2]) -> Option<[usize; 2]> {
        let [rows, columns] = self.target()?;
        let (h, w) = (height as f64 / rows as f64, width as f64 / columns as f64);
        let scaled = |q: f64| {
            [height, width].map(|side| ((side as f64 / q).round_ties_even() as usize).max(1))
        };
        match self.method() {
            ResizeMethod::Crop => Some(scaled(h.min(w))),
            ResizeMethod::Pad => Some(scaled(h.max(w))),
            ResizeMethod::Squish => Some([rows, columns]),
            ResizeMethod::No | ResizeMethod::Part => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::Image;

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
    fn labels_have_a_size_of_their_own_and_the_same_draws() {
        let large = LabelTransforms { size: Some(Size::Square(40)), ..LabelTransforms::default() };
        let transforms = Transforms::new().train(crate::transform::flip_lr());
        let transforms = transforms.size(Size::Square(20)).transform_labels_by(large);
        let left = |image: &Image| image.pixels[0] > 0.5;
        let mut flipped = 0;
        for seed in 0..20 {
            let pipeline = transforms.pipeline(true);
            let drawn = pipeline.draw(&mut ChaCha8Rng::seed_from_u64(seed));
            let mut picture = Image::filled([1, 50, 50], 0.0);
            picture.pixels.chunks_mut(50).for_each(|row| row[..25].fill(1.0));
            let input = drawn.apply(picture.clone()).unwrap();
            let label = drawn.apply_to_label(picture).unwrap();
            assert_eq!([input.height, label.height, label.width], [20, 40, 40]);
            assert_eq!(left(&input), left(&label), "{seed}");
            let codes = crate::Array::i64([1, 50, 50], vec![3; 2500]);
            assert_eq!(drawn.apply_to_mask(codes).unwrap().shape, [1, 40, 40]);
            flipped += u32::from(!left(&input));
        }
        assert!((1..20).contains(&flipped));
        let saved = serde_json::to_string(&transforms.pipeline(false)).unwrap();
        let pipeline: Pipeline = serde_json::from_str(&saved).unwrap();
        assert_eq!(pipeline.settings, transforms.settings);
        // As versions without it saved it.
        let mut older: serde_json::Value = serde_json::from_str(&saved).unwrap();
        older["settings"].as_object_mut().unwrap().remove("of_labels").unwrap();
        let older: Pipeline = serde_json::from_value(older).unwrap();
        assert_eq!(older.settings.of_labels, LabelTransforms::default());
    }

    #[test]
    fn a_row_is_padded_by_mirroring_it() {
        assert_eq!(resized(Size::Square(8), Some(ResizeMethod::Pad), [1, 40]), [3, 8, 8]);
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

    /// An image whose pixels are their row and column: `10 · row + column`.
    fn numbered(height: usize, width: usize) -> Image {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (10 * y + x) as f32));
        Image { channels: 1, height, width, pixels: pixels.collect() }
    }

    fn rows(image: &Image) -> Vec<&[f32]> {
        image.pixels.chunks(image.width).collect()
    }

    #[test]
    fn kept_sizes_are_padded_by_reflection_below_and_to_the_right() {
        let pipeline = Transforms::new().size(Size::Keep { multiple_of: 4 }).pipeline(false);
        let run =
            |image: Image| pipeline.draw(&mut ChaCha8Rng::seed_from_u64(0)).apply(image).unwrap();
        let padded = run(numbered(3, 6));
        assert_eq!(
            rows(&padded),
            [
                [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 4.0, 3.0],
                [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 14.0, 13.0],
                [20.0, 21.0, 22.0, 23.0, 24.0, 25.0, 24.0, 23.0],
                [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 14.0, 13.0],
            ]
        );
        assert_eq!(run(numbered(4, 8)), numbered(4, 8), "what fits stays as it is");
        let small = run(numbered(1, 2));
        assert_eq!((small.height, &small.pixels[..4]), (4, &[0.0, 1.0, 0.0, 1.0][..]));
        assert_eq!(pipeline.describe_size().unwrap(), "padded to multiples of 4");
        let huge = Transforms::new().size(Size::Keep { multiple_of: usize::MAX }).pipeline(false);
        assert!(huge.check_item([3, 3]).is_err() && pipeline.check_item([3, 3]).is_ok());
        let error = huge.draw(&mut ChaCha8Rng::seed_from_u64(0)).apply(numbered(3, 3)).unwrap_err();
        assert!(error.to_string().contains("is too large"), "{error}");
    }

    #[test]
    fn sizes_are_kept_in_validation_and_not_in_training() {
        let transforms = Transforms::new()
            .train(crate::transform::rand_crop())
            .size(Size::Square(8))
            .resize_method(ResizeMethod::Pad)
            .valid_size(Size::Keep { multiple_of: 4 })
            .transform_labels_by(LabelTransforms {
                size: Some(Size::Square(16)),
                ..LabelTransforms::default()
            });
        let valid = transforms.pipeline(false);
        let saved = serde_json::to_string(&valid).unwrap();
        assert!(saved.contains(r#""size":{"keep":{"multiple_of":4}}"#), "{saved}");
        let read: Pipeline = serde_json::from_str(&saved).unwrap();
        for (pipeline, input, label) in [
            (transforms.pipeline(true), [8, 8], [16, 16]),
            (valid, [12, 20], [12, 20]),
            (read, [12, 20], [12, 20]),
        ] {
            let drawn = pipeline.draw(&mut ChaCha8Rng::seed_from_u64(0));
            let size = |image: Image| [image.height, image.width];
            assert_eq!(size(drawn.apply(numbered(10, 18)).unwrap()), input);
            assert_eq!(size(drawn.apply_to_label(numbered(10, 18)).unwrap()), label);
            let codes = crate::Array::i64([1, 10, 18], (0..180).collect());
            assert_eq!(drawn.apply_to_mask(codes).unwrap().shape[1..], label);
        }
    }

    #[test]
    fn points_stay_where_they_are_in_a_picture_that_is_padded() {
        let pipeline = Transforms::new().size(Size::Keep { multiple_of: 4 }).pipeline(false);
        let drawn = pipeline.draw(&mut ChaCha8Rng::seed_from_u64(0));
        // The middle of 6×2 pixels, and their lower right corner.
        let points = drawn.apply_to_points(vec![[0.0, 0.0], [1.0, 1.0]], [6, 2]).unwrap();
        assert_eq!(points, [[-0.5, -0.25], [0.0, 0.5]]);
    }
}
