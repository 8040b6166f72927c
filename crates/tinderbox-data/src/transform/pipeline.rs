//! How one item goes through the transforms of its set.

use std::sync::Arc;

use rand::RngCore;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use super::{
    AnyDraw, AnyTransform, Canvas, PaddingMode, Point, ResizeMethod, Size, from_description,
    transforms::Settings,
};
use crate::{Array, Error, Image, Result, Values};

/// The transforms of one set, in the order they run.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    pub(super) list: Vec<Arc<dyn AnyTransform>>,
    pub(super) settings: Settings,
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

    /// The same transforms to another size.
    pub(crate) fn at_size(&self, size: Size) -> Self {
        let mut settings = self.settings;
        settings.size = Some(size);
        Self { list: self.list.clone(), settings }
    }

    /// Whether labels that can move do so with their inputs.
    pub(crate) fn moves_labels(&self) -> bool {
        self.settings.labels
    }

    fn does_nothing(&self, settings: Settings) -> bool {
        self.list.is_empty() && settings.size.is_none()
    }

    /// What the transforms are called, in the order they run.
    #[cfg(test)]
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.list.iter().map(|transform| transform.name())
    }

    /// The size that items are brought to, in words, if they are.
    pub(crate) fn describe_size(&self) -> Option<String> {
        if let Some(multiple) = self.settings.multiple_kept() {
            return Some(format!("padded to multiples of {multiple}"));
        }
        let [height, width] = self.settings.target()?;
        let method = match self.settings.method() {
            ResizeMethod::Crop => "crop",
            ResizeMethod::Pad => "padding",
            ResizeMethod::Squish => "squishing",
            ResizeMethod::Part => return Some(format!("cropped to {height}×{width}")),
            ResizeMethod::No => return None,
        };
        Some(format!("resized to {height}×{width} by {method}"))
    }

    /// Whether the size makes sense, whoever asked for it: a user or a file.
    ///
    /// # Errors
    /// [`Error::Transform`].
    pub(crate) fn check_size(&self) -> Result<()> {
        if [self.settings.multiple, self.settings.multiple_kept()].contains(&Some(0)) {
            return Err(Error::Transform { reason: "no size is a multiple of 0".into() });
        }
        match self.settings.target() {
            Some(size) => possible(size),
            None => Ok(()),
        }
    }
}

impl Pipeline {
    /// Whether an item of this height and width can be brought to the size that is asked for.
    ///
    /// # Errors
    /// [`Error::Transform`].
    pub(crate) fn check_item(&self, size: [usize; 2]) -> Result<()> {
        let made = self.settings.resized(size).or(self.settings.padded(size));
        made.map_or(Ok(()), possible)
    }
}

impl Drawn<'_> {
    /// The image, transformed.
    ///
    /// # Errors
    /// [`Error::Transform`] if the image does not allow it.
    pub fn apply(&self, image: Image) -> Result<Image> {
        let settings = self.pipeline.settings;
        match self.pipeline.does_nothing(settings) {
            true => Ok(image),
            false => self.run(canvas(image, settings), settings).map(Canvas::into_image),
        }
    }

    /// [`apply`](Self::apply) for an image that belongs to the input: the same happens to it, but
    /// for what is [not done to labels](super::Transform::not_on_labels).
    ///
    /// # Errors
    /// As there.
    pub fn apply_to_label(&self, image: Image) -> Result<Image> {
        let settings = self.pipeline.settings.of_labels();
        match self.pipeline.does_nothing(settings) {
            true => Ok(image),
            false => self.run(canvas(image, settings).of_label(), settings).map(Canvas::into_image),
        }
    }

    /// An image as an input, and as the label of itself: what [`apply`](Self::apply) and
    /// [`apply_to_label`](Self::apply_to_label) give. Where that is the same, it is done once.
    ///
    /// # Errors
    /// As there.
    pub fn apply_to_both(&self, image: Image) -> Result<[Image; 2]> {
        let settings = self.pipeline.settings;
        if settings != settings.of_labels() {
            return Ok([self.apply(image.clone())?, self.apply_to_label(image)?]);
        }
        if self.pipeline.does_nothing(settings) {
            return Ok([image.clone(), image]);
        }
        let as_input = self.run(canvas(image.clone(), settings), settings)?;
        let is_for_both = as_input.is_for_both();
        let as_input = as_input.into_image();
        let as_label = match is_for_both {
            true => as_input.clone(),
            false => self.apply_to_label(image)?,
        };
        Ok([as_input, as_label])
    }

    /// Points of an image of this height and width, `(x, y)` in `-1.0..=1.0`, moved as it was.
    /// Some may lie outside of it then.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_to_points(&self, points: Vec<Point>, size: [usize; 2]) -> Result<Vec<Point>> {
        // They are shares of the input's image.
        let settings = self.pipeline.settings;
        if self.pipeline.does_nothing(settings) {
            return Ok(points);
        }
        let canvas = Canvas::points(points, size).of_label();
        Ok(self.run(canvas, settings)?.into_points().0)
    }

    /// Class codes `[1, height, width]`, moved as the image was, each taken from the nearest pixel.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    ///
    /// # Panics
    /// If the array is not of that form.
    pub fn apply_to_mask(&self, codes: Array) -> Result<Array> {
        let settings = self.pipeline.settings.of_labels();
        if self.pipeline.does_nothing(settings) {
            return Ok(codes);
        }
        let (&[1, height, width], Values::I64(values)) = (&codes.shape[..], &codes.values) else {
            panic!("codes are whole numbers in a plane, not of shape {:?}", codes.shape);
        };
        let pixels = values.iter().map(|code| *code as f32).collect();
        let image = Image { channels: 1, height, width, pixels };
        let canvas = Canvas::mask(image, settings.padding).of_label();
        let image = self.run(canvas, settings)?.into_image();
        let codes = image.pixels.iter().map(|code| *code as i64).collect();
        Ok(Array::i64([1, image.height, image.width], codes))
    }

    fn run(&self, mut canvas: Canvas, settings: Settings) -> Result<Canvas> {
        if let Some(size) = settings.resized(canvas.size()) {
            possible(size)?;
            canvas.resize(size);
        }
        canvas.set_target(settings.target());
        let crops = settings.size.is_none()
            || matches!(
                settings.method(),
                ResizeMethod::Crop | ResizeMethod::Pad | ResizeMethod::Part
            );
        for (transform, draw) in self.pipeline.list.iter().zip(&self.draws) {
            if crops || !transform.is_final_crop() {
                transform.apply(&mut canvas, draw)?;
            }
        }
        let size = canvas.size();
        if let Some(padded) = settings.padded(size) {
            let missing = [padded[0] - size[0], padded[1] - size[1]];
            // The canvas pads on all sides.
            possible([0, 1].map(|axis| padded[axis].saturating_add(missing[axis])))?;
            canvas.pad(missing, PaddingMode::Reflection);
            canvas.crop(missing, padded);
        }
        Ok(canvas)
    }
}

fn canvas(image: Image, settings: Settings) -> Canvas {
    Canvas::new(image, settings.padding, settings.mode)
}

/// The most pixels that a transform makes: 400 MB in three channels. An image of one row that is
/// brought to 224 of them, with its proportions, would be beyond it.
const MAX_MADE: usize = 1 << 25;

/// Whether a transform may make an image of this size.
pub(super) fn possible([height, width]: [usize; 2]) -> Result<()> {
    let pixels = height.checked_mul(width);
    if pixels.is_some_and(|pixels| (1..=MAX_MADE).contains(&pixels)) {
        return Ok(());
    }
    let most = MAX_MADE / 1_000_000;
    let reason = format!(
        "an image of {height}×{width} pixels is too large; the limit is {most} million pixels"
    );
    Err(Error::Transform { reason })
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
    use crate::transform::{
        Interpolation, LabelTransforms, Size, Transform, Transforms, brightness, flip_lr,
        get_transforms, rand_pad,
    };

    #[test]
    fn a_thin_picture_does_not_become_a_huge_one() {
        let pipeline = Transforms::new().size(Size::Square(224)).pipeline(false);
        let drawn = pipeline.draw(&mut ChaCha8Rng::seed_from_u64(0));
        let error = drawn.apply(Image::filled([1, 1, 3000], 0.5)).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("an image of 224×672000 pixels is too large; the limit is 33")
        );
        assert!(pipeline.check_item([1, 3000]).is_err() && pipeline.check_item([9, 7]).is_ok());
    }

    #[test]
    fn a_part_has_the_pixels_of_the_image() {
        let part = Transforms::new().size(Size::Square(2)).resize_method(ResizeMethod::Part);
        assert_eq!(part.pipeline(false).describe_size().unwrap(), "cropped to 2×2");
        let pixels = (0..16).map(|v| v as f32).collect();
        let image = Image { channels: 1, height: 4, width: 4, pixels };
        let draw = |pipeline: &Pipeline, image: &Image| {
            let drawn = pipeline.draw(&mut ChaCha8Rng::seed_from_u64(0));
            drawn.apply(image.clone()).unwrap()
        };
        assert_eq!(draw(&part.pipeline(false), &image).pixels, [5.0, 6.0, 9.0, 10.0]);
        let small = Image { channels: 1, height: 1, width: 3, pixels: vec![1.0, 2.0, 3.0] };
        let padded = draw(&part.pipeline(false), &small);
        assert_eq!([padded.height, padded.width], [2, 2]);
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
    fn both_are_what_each_would_be() {
        let pixels = (0..3 * 20 * 30).map(|at| (at * 37 % 101) as f32 / 100.0).collect();
        let image = Image { channels: 3, height: 20, width: 30, pixels };
        let moved = || get_transforms().size(Size::Square(16)).transform_labels(true);
        let large = LabelTransforms { size: Some(Size::Square(24)), ..LabelTransforms::default() };
        let nearest =
            LabelTransforms { mode: Some(Interpolation::Nearest), ..LabelTransforms::default() };
        for (transforms, same) in [
            (Transforms::new(), true),
            (moved(), true),
            (moved().train(brightness(0.2..=0.2).not_on_labels()), false),
            (moved().transform_labels_by(large), false),
            (moved().transform_labels_by(nearest), false),
        ] {
            let pipeline = transforms.pipeline(true);
            let drawn = pipeline.draw(&mut ChaCha8Rng::seed_from_u64(4));
            let [input, label] = drawn.apply_to_both(image.clone()).unwrap();
            assert_eq!(input == label, same, "{transforms:?}");
            assert_eq!(input, drawn.apply(image.clone()).unwrap());
            assert_eq!(label, drawn.apply_to_label(image.clone()).unwrap());
        }
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
        let kept = text.replace("{\"square\":28}", "{\"keep\":{\"multiple_of\":0}}");
        let error = serde_json::from_str::<Pipeline>(&kept).unwrap_err();
        assert!(error.to_string().contains("a multiple of 0"), "{error}");
        for nonsense in ["{\"square\":0}", "{\"exactly\":[99999999,99999999]}"] {
            let text = text.replace("{\"square\":28}", nonsense);
            let error = serde_json::from_str::<Pipeline>(&text).unwrap_err();
            assert!(error.to_string().contains("is too large"), "{error}");
        }
    }
}
