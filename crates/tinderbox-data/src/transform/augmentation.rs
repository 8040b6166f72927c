//! fastai's `get_transforms`.

use super::{
    Transform, Transforms, brightness, contrast, crop_pad, dihedral_affine, flip_lr, rand_crop,
    rand_zoom, rotate, symmetric_warp,
};

/// How much an image may be changed and still be what it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Augmentation {
    /// Mirrors left and right, half of the time.
    pub do_flip: bool,
    /// Turns and mirrors in all eight ways, if `do_flip` is on too: for images without an up.
    pub flip_vert: bool,
    /// In degrees, to either side.
    pub max_rotate: f64,
    pub max_zoom: f64,
    /// How much lighter or darker a middle gray may become, and by how much contrast may change.
    pub max_lighting: f64,
    /// How far corners may move; half of the image is 1.
    pub max_warp: f64,
    /// Probability of each change of geometry.
    pub p_affine: f64,
    /// Probability of each change of light.
    pub p_lighting: f64,
}

impl Default for Augmentation {
    /// fastai's, for photographs.
    fn default() -> Self {
        Self {
            do_flip: true,
            flip_vert: false,
            max_rotate: 10.0,
            max_zoom: 1.1,
            max_lighting: 0.2,
            max_warp: 0.2,
            p_affine: 0.75,
            p_lighting: 0.75,
        }
    }
}

impl Augmentation {
    /// The transforms: those of training, and a centred crop for all other sets.
    pub fn transforms(&self) -> Transforms {
        let Self { p_affine, p_lighting, .. } = *self;
        let mut transforms = Transforms::new().train(rand_crop()).valid(crop_pad());
        match (self.do_flip, self.flip_vert) {
            (true, false) => transforms = transforms.train(flip_lr()),
            (true, true) => transforms = transforms.train(dihedral_affine()),
            (false, _) => {}
        }
        if self.max_warp > 0.0 {
            let warp = symmetric_warp(-self.max_warp..=self.max_warp);
            transforms = transforms.train(warp.sometimes(p_affine));
        }
        if self.max_rotate > 0.0 {
            let rotate = rotate(-self.max_rotate..=self.max_rotate);
            transforms = transforms.train(rotate.sometimes(p_affine));
        }
        if self.max_zoom > 1.0 {
            transforms = transforms.train(rand_zoom(1.0..=self.max_zoom).sometimes(p_affine));
        }
        if self.max_lighting > 0.0 {
            let most = self.max_lighting;
            let light = brightness(0.5 * (1.0 - most)..=0.5 * (1.0 + most));
            let contrast = contrast(1.0 - most..=1.0 / (1.0 - most));
            transforms =
                transforms.train(light.sometimes(p_lighting)).train(contrast.sometimes(p_lighting));
        }
        transforms
    }
}

/// fastai's transforms for photographs; [`Augmentation`] has its settings.
///
/// # Example
/// ```
/// use tinderbox_data::transform::{Augmentation, Size, cutout, get_transforms};
///
/// let photographs = get_transforms().size(Size::Square(224));
/// let satellite = Augmentation { flip_vert: true, max_warp: 0.0, ..Augmentation::default() };
/// let satellite = satellite.transforms().size(Size::Square(256)).train(cutout((1, 4), (5, 40)));
/// ```
#[doc(alias = "aug_transforms")]
pub fn get_transforms() -> Transforms {
    Augmentation::default().transforms()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::{Image, transform::Size};

    fn names(augmentation: Augmentation) -> Vec<&'static str> {
        augmentation.transforms().pipeline(true).names().collect()
    }

    #[test]
    fn the_settings_say_what_happens() {
        let all =
            ["symmetric_warp", "rotate", "zoom", "brightness", "contrast", "flip_lr", "crop_pad"];
        assert_eq!(names(Augmentation::default()), all);
        let vertical = Augmentation { flip_vert: true, ..Augmentation::default() };
        assert!(names(vertical).contains(&"dihedral_affine"));
        let none = Augmentation {
            do_flip: false,
            max_rotate: 0.0,
            max_zoom: 1.0,
            max_lighting: 0.0,
            max_warp: 0.0,
            ..Augmentation::default()
        };
        assert_eq!(names(none), ["crop_pad"]);
        let valid = get_transforms().pipeline(false);
        assert_eq!(valid.names().collect::<Vec<_>>(), ["crop_pad"]);
    }

    #[test]
    fn every_draw_gives_another_picture_of_the_size() {
        let pipeline = get_transforms().size(Size::Square(16)).pipeline(true);
        let pixels = (0..3 * 20 * 30).map(|v| (v % 17) as f32 / 17.0).collect();
        let image = Image { channels: 3, height: 20, width: 30, pixels };
        let run = |seed| {
            pipeline.draw(&mut ChaCha8Rng::seed_from_u64(seed)).apply(image.clone()).unwrap()
        };
        for seed in 0..20 {
            let one = run(seed);
            assert_eq!((one.height, one.width, one.pixels.len()), (16, 16, 3 * 256));
            assert!(one.pixels.iter().all(|value| (0.0..=1.0).contains(value)));
            assert_ne!(one, run(seed + 1));
        }
    }

    #[test]
    fn nothing_changes_at_strength_zero() {
        let transforms = Transforms::new()
            .train(symmetric_warp(0.0))
            .train(rotate(0.0))
            .train(rand_zoom(1.0))
            .train(brightness(0.5))
            .train(contrast(1.0));
        let pixels: Vec<f32> = (0..30).map(|v| v as f32 / 29.0).collect();
        let image = Image { channels: 1, height: 5, width: 6, pixels };
        let pipeline = transforms.pipeline(true);
        let same = pipeline.draw(&mut ChaCha8Rng::seed_from_u64(0)).apply(image.clone()).unwrap();
        let close = same.pixels.iter().zip(&image.pixels).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(close, "{same:?}");
    }
}
