//! Items of a data set that are damaged as they are read.

use std::path::Path;

use rand::RngCore;

use super::Crappifier;
use crate::{
    Array, ConvertMode, Image, ImageKind, InputKind, ItemKind, Items, Label, LabelKind, Labelled,
    Result, Split,
    image::{Filter, Pixels},
    inference::SavedInput,
    label::LabelledPart,
    transform::Drawn,
};

/// Images whose inputs are damaged, anew for each item in each epoch.
///
/// An input is the image with its drawn transforms, then damaged, then brought back to its size by a
/// bicubic filter. Validation items are damaged in the same way each time.
#[derive(Debug, Clone, PartialEq)]
pub struct DamagedKind {
    pub image: ImageKind,
    pub damage: Crappifier,
}

impl ItemKind for DamagedKind {
    type Opened = Pixels;

    fn name(&self) -> &'static str {
        "DamagedItems"
    }

    fn unit(&self) -> &'static str {
        self.image.unit()
    }

    fn open(&self, path: &Path) -> Result<Pixels> {
        self.image.open(path)
    }

    fn show(&self, path: &Path) -> String {
        self.image.show(path)
    }
}

impl InputKind for DamagedKind {
    fn bytes(&self, opened: &Pixels) -> usize {
        self.image.bytes(opened)
    }

    fn size(&self, opened: &Pixels) -> Option<[usize; 2]> {
        self.image.size(opened)
    }

    fn full_size(&self, opened: &Pixels) -> Option<[usize; 2]> {
        self.image.full_size(opened)
    }

    fn image<'a>(&self, opened: &'a Pixels) -> Option<&'a Pixels> {
        Some(opened)
    }

    /// `[channels, height, width]`, values in `0.0..=1.0`
    fn input(&self, opened: &Pixels, drawn: &Drawn<'_>, rng: &mut dyn RngCore) -> Result<Array> {
        self.damaged(&drawn.apply(opened.to_image())?, rng)
    }

    fn input_and_label(
        &self,
        opened: &Pixels,
        drawn: &Drawn<'_>,
        rng: &mut dyn RngCore,
    ) -> Result<(Array, Option<Image>)> {
        let [good, label] = drawn.apply_to_both(opened.to_image())?;
        Ok((self.damaged(&good, rng)?, Some(label)))
    }

    /// New images are opened as these; they are damaged already.
    fn saved(&self) -> SavedInput {
        self.image.saved()
    }
}

impl DamagedKind {
    /// The image after the damage, at the size that it had.
    fn damaged(&self, good: &Image, rng: &mut dyn RngCore) -> Result<Array> {
        // The nearest byte; a cast stays within 0..=255.
        let pixels = good.to_pixels_by(|value| (value * 255.0 + 0.5) as u8);
        let bad = self.damage.damage(&pixels, rng)?;
        Ok(bad.resized_by(Filter::Bicubic, [good.height, good.width]).to_image().into_array())
    }
}

impl Split<ImageKind> {
    /// Labels each image with itself, as it is before the damage: a model learns to repair it. Input
    /// and target get the same draw of transforms, if
    /// [labels move](crate::transform::Transforms::transform_labels).
    ///
    /// # Errors
    /// Those of [`Crappifier::check`], and [`Error::NoTrainingItems`](crate::Error::NoTrainingItems).
    ///
    /// # Example
    /// ```
    /// use tinderbox_data::{BatchOptions, ImageItems, batch::Set, damage::Crappifier};
    /// use tinderbox_data::transform::{Size, Transforms, flip_lr};
    /// # use tinderbox_data::digits::{DigitsConfig, write_digits};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let photos = folder.path();
    /// # write_digits(photos, &DigitsConfig { train_per_class: 1, test_per_class: 1, seed: 1 })?;
    /// let data = ImageItems::from_folder(photos)?
    ///     .split_by_rand_pct(0.1, 42)?
    ///     .label_by_damage(Crappifier::restore())?
    ///     .transform(Transforms::new().train(flip_lr()).size(Size::Square(64)).transform_labels(true))?
    ///     .batches(BatchOptions { batch_size: 4, ..BatchOptions::default() })?;
    /// let batch = data.one_batch(Set::Train)?;
    /// assert_eq!(batch.inputs.shape, batch.targets.shape);
    /// # Ok(())
    /// # }
    /// ```
    pub fn label_by_damage(self, damage: Crappifier) -> Result<Labelled<DamagedKind>> {
        damage.check()?;
        let mode: ConvertMode = self.train.kind.mode;
        let kind = LabelKind::Image { mode, scale: damage.scale(), damage: Some(damage.clone()) };
        let Labelled { train, valid, test, target, warnings } =
            self.label_kind(kind).label_from_func(|path| Label::File(path.to_owned()))?;
        let damaged = move |part: LabelledPart<ImageKind>| {
            let LabelledPart { items, labels } = part;
            let kind = DamagedKind { image: items.kind, damage: damage.clone() };
            let Items { root, entries, table, kind: _, left_out } = items;
            LabelledPart { items: Items { root, entries, table, kind, left_out }, labels }
        };
        let (train, valid, test) = (damaged(train), damaged(valid), test.map(&damaged));
        Ok(Labelled { train, valid, test, target, warnings })
    }
}
