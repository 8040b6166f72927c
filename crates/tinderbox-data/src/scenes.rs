//! Scenes of shapes drawn by a formula, and their masks: something to segment that needs no download.
//!
//! Discs, squares and triangles of any size and place, each kind in shades of a color, lie over each
//! other on a gray ground that changes from corner to corner, with noise on top. Where two things
//! meet, a mask is void: nobody can say whose the pixel is. Everything follows from the seed.

use std::{f32::consts::TAU, fs, path::Path};

use image::ExtendedColorType;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Error, Result};

/// The classes, in the order of their codes.
pub const CLASSES: [&str; 5] = ["Ground", "Disc", "Square", "Triangle", "Void"];

/// The code of what is not counted.
const VOID: u8 = 4;

/// How many scenes are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScenesConfig {
    /// In the folders `train`.
    pub train: usize,
    /// In the folders `valid`.
    pub valid: usize,
    /// Height and width, in pixels.
    pub size: [usize; 2],
    /// The same seed draws the same scenes.
    pub seed: u64,
    /// Each value may be so much off, of 1; none for scenes that are to be restored, as nobody can
    /// restore noise.
    pub noise: f32,
}

impl Default for ScenesConfig {
    fn default() -> Self {
        Self { train: 160, valid: 40, size: [48, 64], seed: 42, noise: 0.06 }
    }
}

/// Writes the data set below `root`: images `images/train/<n>.png` and `images/valid/<n>.png`, as
/// many masks of the same names below `masks`, and `codes.txt`.
///
/// # Errors
/// [`Error::Write`] with the path.
pub fn write_scenes(root: impl AsRef<Path>, config: &ScenesConfig) -> Result<()> {
    let root = root.as_ref();
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Write { path, source }
    };
    for (set, n) in [("train", config.train), ("valid", config.valid)] {
        let folders = ["images", "masks"].map(|kind| root.join(kind).join(set));
        for folder in &folders {
            fs::create_dir_all(folder).map_err(write(folder))?;
        }
        for at in 0..n {
            // Every scene has a generator of its own: as many as one likes begin alike.
            let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
            rng.set_stream(2 * at as u64 + u64::from(set == "valid"));
            let scene = Scene::draw(config, &mut rng);
            let [height, width] = config.size.map(|side| side as u32);
            let files = folders.each_ref().map(|folder| folder.join(format!("{at:03}.png")));
            let colors = [ExtendedColorType::Rgb8, ExtendedColorType::L8];
            for ((file, bytes), color) in
                files.iter().zip([&scene.picture, &scene.mask]).zip(colors)
            {
                image::save_buffer(file, bytes, width, height, color)
                    .map_err(|error| write(file)(std::io::Error::other(error)))?;
            }
        }
    }
    let codes = root.join("codes.txt");
    fs::write(&codes, CLASSES.join("\n") + "\n").map_err(write(&codes))
}

/// An image, three bytes a pixel, and its mask.
struct Scene {
    picture: Vec<u8>,
    mask: Vec<u8>,
}

/// Something that lies on the ground.
struct Shape {
    class: u8,
    center: [f32; 2],
    /// Of the circle around it.
    radius: f32,
    /// In radians.
    turn: f32,
    color: [f32; 3],
}

impl Shape {
    fn random([height, width]: [usize; 2], rng: &mut ChaCha8Rng) -> Self {
        let [height, width] = [height as f32, width as f32];
        let class = rng.random_range(1..VOID);
        let center = [rng.random_range(0.0..height), rng.random_range(0.0..width)];
        let radius = height * rng.random_range(0.15..0.35);
        let turn = rng.random_range(0.0..TAU);
        let color = COLORS[usize::from(class)].map(|value| about(value, 0.25, rng));
        Self { class, center, radius, turn, color }
    }

    /// How far the pixel lies inside, in pixels; below zero outside.
    fn depth(&self, [y, x]: [f32; 2]) -> f32 {
        let [dy, dx] = [y - self.center[0], x - self.center[1]];
        let sides = match self.class {
            1 => return self.radius - dy.hypot(dx),
            2 => 4,
            _ => 3,
        };
        let apothem = self.radius * (TAU / 2.0 / sides as f32).cos();
        let to_side = |side: i32| {
            let (sin, cos) = (self.turn + TAU * side as f32 / sides as f32).sin_cos();
            apothem - (dy * sin + dx * cos)
        };
        (0..sides).map(to_side).fold(f32::INFINITY, f32::min)
    }
}

/// What the colors of each class lie around: the ground is gray, the shapes are red, green and blue.
/// So a network can begin with the colors, which it learns in a moment.
const COLORS: [[f32; 3]; 4] = [[0.5; 3], [0.8, 0.3, 0.2], [0.3, 0.7, 0.25], [0.25, 0.35, 0.8]];

/// A number up to `spread` from another.
fn about(value: f32, spread: f32, rng: &mut ChaCha8Rng) -> f32 {
    value + rng.random_range(-spread..spread)
}

/// One corner's: a light or a dark gray with a hint of a color.
fn random_ground(rng: &mut ChaCha8Rng) -> [f32; 3] {
    let gray = about(0.0, 0.3, rng);
    COLORS[0].map(|value| about(value + gray, 0.08, rng))
}

impl Scene {
    fn draw(config: &ScenesConfig, rng: &mut ChaCha8Rng) -> Self {
        let ScenesConfig { size, noise, .. } = *config;
        let [height, width] = size;
        let corners = [random_ground(rng), random_ground(rng)];
        let shapes: Vec<Shape> =
            (0..rng.random_range(2..5)).map(|_| Shape::random(size, rng)).collect();
        let mut scene = Self { picture: Vec::new(), mask: Vec::new() };
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let at = [y as f32, x as f32];
            let along = (at[0] / height as f32).midpoint(at[1] / width as f32);
            let mut color =
                [0, 1, 2].map(|c| corners[0][c] * (1.0 - along) + corners[1][c] * along);
            let mut code = 0;
            // A later one lies over those before; its edge is a pixel wide.
            for shape in &shapes {
                let depth = shape.depth(at);
                let covered = (depth + 0.5).clamp(0.0, 1.0);
                color = [0, 1, 2].map(|c| color[c] * (1.0 - covered) + shape.color[c] * covered);
                match depth {
                    1.0.. => code = shape.class,
                    -1.0.. => code = VOID,
                    _ => {}
                }
            }
            let noisy = match noise > 0.0 {
                true => color.map(|value| value + rng.random_range(-noise..noise)),
                false => color,
            };
            scene.picture.extend(noisy.map(|value| (value.clamp(0.0, 1.0) * 255.0) as u8));
            scene.mask.push(code);
        }
        scene
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ConvertMode, Values,
        image::{Pixels, open_mask},
    };

    #[test]
    fn every_picture_has_a_mask_of_known_codes() {
        let folder = tempfile::tempdir().unwrap();
        let config =
            ScenesConfig { train: 6, valid: 2, size: [24, 30], seed: 3, ..ScenesConfig::default() };
        write_scenes(folder.path(), &config).unwrap();
        let mut seen = [0; CLASSES.len()];
        for name in ["train/000", "train/005", "valid/001"] {
            let picture = folder.path().join(format!("images/{name}.png"));
            let pixels = Pixels::open(&picture, ConvertMode::Rgb).unwrap();
            let mask = open_mask(folder.path().join(format!("masks/{name}.png"))).unwrap();
            assert_eq!(
                ([pixels.height, pixels.width], &mask.shape[1..]),
                ([24, 30], &[24, 30][..])
            );
            let Values::I64(codes) = &mask.values else { panic!("codes") };
            for code in codes {
                seen[*code as usize] += 1;
            }
        }
        assert!(seen[0] > 0 && seen[4] > 0 && seen[1..4].iter().sum::<usize>() > 0, "{seen:?}");
        let codes = fs::read_to_string(folder.path().join("codes.txt")).unwrap();
        assert_eq!(codes.lines().collect::<Vec<_>>(), CLASSES);
    }

    #[test]
    fn the_seed_and_the_number_say_what_is_drawn() {
        let draw = |train, seed| {
            let folder = tempfile::tempdir().unwrap();
            let config =
                ScenesConfig { train, valid: 1, size: [16, 16], seed, ..ScenesConfig::default() };
            write_scenes(folder.path(), &config).unwrap();
            ["images/train/001.png", "masks/valid/000.png"]
                .map(|file| fs::read(folder.path().join(file)).unwrap())
        };
        assert_eq!(draw(2, 1), draw(4, 1));
        assert_ne!(draw(2, 1)[0], draw(2, 2)[0]);
    }

    #[test]
    fn what_is_inside_is_deep() {
        let at =
            |class| Shape { class, center: [10.0, 10.0], radius: 4.0, turn: 0.0, color: [0.0; 3] };
        assert_eq!(at(1).depth([10.0, 10.0]), 4.0);
        assert!((at(2).depth([10.0, 10.0]) - 8f32.sqrt()).abs() < 1e-5);
        assert!((at(3).depth([10.0, 10.0]) - 2.0).abs() < 1e-5);
        for class in 1..4 {
            assert!(at(class).depth([10.0, 14.5]) < 0.0);
        }
    }
}
