//! Images of any size through a network that gives an image for an image: whole where that fits into
//! memory, else in tiles.
//!
//! Tiles begin at multiples of the network's stride, so that it sees the same positions as in the whole
//! image. They overlap, and where they do, one fades into the other: what a tile's network does not see
//! beyond its edge changes the pixels next to the edge, which count little or nothing. A network with
//! self-attention looks at the whole image at once, which tiles are not: they differ there.

use burn::tensor::Tensor;
use tinderbox_data::{Array, ConvertMode, Values};
use tinderbox_learn::{Bundle, Footprint};

use crate::{
    Hinted, Result,
    plan::memory::{available, gigabytes},
    validate::other_model,
};

/// The narrowest side of a tile, in pixels, and of what a network is given at all.
const MIN_SIDE: usize = 64;

/// How near to its edge a tile does not count, in pixels: what the network does not see beyond the edge
/// changes more there than a step of a byte.
const MARGIN: usize = 96;

/// How far from there it takes to count in full, in pixels.
const FADE: usize = 32;

/// What the process is to take at most, in bytes.
const MOST_MEMORY: u64 = 4_000_000_000;
/// What tiles may take, however large the picture is.
const LEAST_FOR_TILES: u64 = 500_000_000;
/// The program itself.
const PROGRAM: u64 = 200_000_000;
/// Of each weight: the file's, the network's, and one that is packed for convolutions.
const WEIGHT_COPIES: u64 = 3;
/// For each number of the picture: floats that go in and come out, 16 bits before and after, the file,
/// and the next picture, which is read meanwhile.
const PICTURE_BYTES: u64 = 18;
/// Those that are not taken yet.
const PICTURE_BYTES_TO_COME: u64 = 10;
/// How much of the free memory is taken.
const FREE_SHARE: f64 = 0.75;

/// An image that cannot be enhanced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    #[error(
        "enhancing an image of {width}×{height} pixels needs at least {}, but only {} of memory is free",
        gigabytes(*needed), gigabytes(*available)
    )]
    Memory {
        height: usize,
        width: usize,
        /// In bytes, with the smallest tiles.
        needed: u64,
        /// In bytes.
        available: u64,
    },
}

impl Hinted for TileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Memory { .. } => {
                Some("close other programs, or ask for a smaller `--size`".into())
            }
        }
    }
}

/// Runs the model over an image of any height and width, `[channels, height, width]` as the model sees
/// images, and gives an image of the same height and width.
///
/// Sides that the network's stride does not divide are continued by the image's reflection and cut off
/// again. `tile` is the side of tiles, in pixels; without it, the image goes through whole if there is
/// memory, else in the largest tiles that there is memory for.
///
/// # Errors
/// [`TileError`] for an image that there is no memory for; whatever goes wrong in the model.
pub(crate) fn enhance_image(model: &Bundle, image: &Array, tile: Option<usize>) -> Result<Array> {
    let &[channels, height, width] = &image.shape[..] else {
        panic!("an image, not an array of shape {:?}", image.shape)
    };
    let footprint = model.footprint()?;
    let sides = match tile {
        Some(side) => [side.max(MIN_SIDE); 2],
        None => {
            let most = most_pixels(footprint, [channels, height, width], available())?;
            sides([height, width].map(|side| whole(side, footprint.stride)), most)
        }
    };
    let tiling = Tiling::new([height, width], footprint.stride, sides);
    tiling.enhance(image, |tile| {
        let size = [tile.shape[1], tile.shape[2]];
        let output = model.outputs(model.manifest.inference.batch(vec![tile])?)?;
        let [_, channels, height, width] = output.dims()[..] else {
            return Err(other_model(model, "a model whose outputs are images"));
        };
        if [height, width] != size {
            return Err(other_model(model, "a model whose outputs are as large as its inputs"));
        }
        let output: Tensor<4> = output.expect_for("a model whose outputs are images");
        let values = output.into_data().convert::<f32>().try_to_vec().expect("just converted");
        Ok(Array::f32([channels, height, width], values))
    })
}

/// Fails for a picture that there is no memory for, before any of it is taken.
///
/// # Errors
/// [`TileError::Memory`].
pub(super) fn check_memory([height, width]: [usize; 2]) -> Result<()> {
    let pixels = (height as u64).saturating_mul(width as u64);
    let numbers = pixels.saturating_mul(ConvertMode::Rgb.channels() as u64);
    let needed = numbers.saturating_mul(PICTURE_BYTES).saturating_add(PROGRAM);
    match available() {
        // Some systems do not say.
        0 => Ok(()),
        available if needed <= available => Ok(()),
        available => Err(TileError::Memory { height, width, needed, available }.into()),
    }
}

/// How long a side is that the network is given as a whole.
fn whole(len: usize, stride: usize) -> usize {
    len.max(MIN_SIDE).next_multiple_of(stride)
}

/// The sides of tiles of at most so many pixels, for an image of this size: a low image has wide ones.
fn sides([height, width]: [usize; 2], most: usize) -> [usize; 2] {
    let side = most.isqrt();
    match (height <= side, width <= side) {
        (true, _) => [height, most / height.max(1)],
        (false, true) => [most / width.max(1), width],
        (false, false) => [side, side],
    }
}

/// The most pixels that go through the network at once.
///
/// The process is to stay below [`MOST_MEMORY`], of which the weights and the picture itself, in all its
/// forms, take their part, and below a share of what is free now. A picture that takes most of that for
/// itself still has [`LEAST_FOR_TILES`].
///
/// # Errors
/// [`TileError::Memory`] if that is not enough for the smallest tile.
fn most_pixels(
    footprint: Footprint,
    [channels, height, width]: [usize; 3],
    available: u64,
) -> Result<usize> {
    let numbers = (channels * height * width) as u64;
    let picture = numbers * PICTURE_BYTES;
    let process = PROGRAM + footprint.weights * WEIGHT_COPIES + picture;
    let for_tiles = MOST_MEMORY.saturating_sub(process).max(LEAST_FOR_TILES);
    let for_tiles = match available {
        // Some systems do not say.
        0 => for_tiles,
        available => {
            let free = available.saturating_sub(numbers * PICTURE_BYTES_TO_COME);
            for_tiles.min((free as f64 * FREE_SHARE) as u64)
        }
    };
    let most = (for_tiles as f64 / footprint.bytes_per_pixel) as usize;
    let least = MIN_SIDE.next_multiple_of(2 * footprint.stride).pow(2);
    match most >= least {
        true => Ok(most),
        false => {
            let tile = (least as f64 * footprint.bytes_per_pixel / FREE_SHARE) as u64;
            let needed = tile + numbers * PICTURE_BYTES_TO_COME;
            Err(TileError::Memory { height, width, needed, available }.into())
        }
    }
}

/// How an image is divided.
struct Tiling {
    rows: Axis,
    columns: Axis,
}

/// How a side of an image is divided into stretches of one length.
struct Axis {
    /// Of the image.
    len: usize,
    /// Of a stretch. Together they may reach beyond the image.
    tile: usize,
    starts: Vec<usize>,
    /// How much each pixel of each stretch counts: where they overlap, all sum up to 1.
    weights: Vec<Vec<f32>>,
}

impl Axis {
    fn new(len: usize, stride: usize, side: usize) -> Self {
        let whole = whole(len, stride);
        let side = (side / stride * stride).max(2 * stride);
        let overlap = ((2 * MARGIN + FADE).min(side / 2) / stride * stride).max(stride);
        let (tile, n) = match whole <= side {
            true => (whole, 1),
            false => {
                let n = (whole - overlap).div_ceil(side - overlap);
                // As short as so many can be, so that all are about as long.
                ((whole + (n - 1) * overlap).div_ceil(n).next_multiple_of(stride), n)
            }
        };
        let start = |at: usize| (at * tile - at * overlap).min(whole - tile);
        let starts: Vec<usize> = (0..n).map(start).collect();
        let mut weights: Vec<Vec<f32>> =
            starts.iter().map(|start| weights(*start, tile, whole, overlap)).collect();
        let mut sums = vec![0.0; whole];
        for (start, weights) in starts.iter().zip(&weights) {
            sums[*start..].iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
        }
        for (start, weights) in starts.iter().zip(&mut weights) {
            weights.iter_mut().zip(&sums[*start..]).for_each(|(weight, sum)| *weight /= sum);
        }
        Self { len, tile, starts, weights }
    }

    /// Where the pixels of a stretch come from.
    fn pixels(&self, start: usize) -> impl Iterator<Item = usize> {
        (start..start + self.tile).map(|at| reflected(at, self.len))
    }

    /// The part of a stretch that lies in the image.
    fn inside(&self, start: usize) -> usize {
        self.tile.min(self.len.saturating_sub(start))
    }
}

/// How much each pixel of a stretch counts: less towards an end that is none of the whole's.
fn weights(start: usize, tile: usize, whole: usize, overlap: usize) -> Vec<f32> {
    let weight = |at: usize| {
        let left = if start == 0 { 1.0 } else { fade(at, overlap) };
        let right = if start + tile == whole { 1.0 } else { fade(tile - 1 - at, overlap) };
        f32::min(left, right)
    };
    (0..tile).map(weight).collect()
}

/// From 0 to 1 in the middle of the overlap: what is nearer to the edge does not count at all.
fn fade(from_edge: usize, overlap: usize) -> f32 {
    let width = FADE.min(overlap / 2) as f32;
    let margin = (overlap as f32 - width) / 2.0;
    let t = ((from_edge as f32 + 0.5 - margin) / width).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The pixel of `0..len` that `at` shows where the image is continued by its reflection, as often as it
/// takes. The outermost pixels are not repeated.
fn reflected(at: usize, len: usize) -> usize {
    let period = 2 * (len - 1);
    match period {
        0 => 0,
        period if at % period < len => at % period,
        period => period - at % period,
    }
}

impl Tiling {
    fn new([height, width]: [usize; 2], stride: usize, sides: [usize; 2]) -> Self {
        Self {
            rows: Axis::new(height, stride, sides[0]),
            columns: Axis::new(width, stride, sides[1]),
        }
    }

    /// What `run` makes of the image, tile by tile.
    ///
    /// # Shapes
    /// `run` is given `[channels, height, width]` and gives as much for each pixel, in channels of its own.
    fn enhance(&self, image: &Array, mut run: impl FnMut(Array) -> Result<Array>) -> Result<Array> {
        let [height, width] = [self.rows.len, self.columns.len];
        let mut enhanced = Vec::new();
        for (row, &top) in self.rows.starts.iter().enumerate() {
            for (column, &left) in self.columns.starts.iter().enumerate() {
                let tile = run(self.tile(image, [top, left]))?;
                let values = numbers(&tile);
                enhanced.resize(tile.shape[0] * height * width, 0.0);
                let planes = values.chunks_exact(self.rows.tile * self.columns.tile);
                for (plane, of_tile) in enhanced.chunks_exact_mut(height * width).zip(planes) {
                    self.add(plane, of_tile, [row, column]);
                }
            }
        }
        let channels = enhanced.len() / (height * width);
        Ok(Array::f32([channels, height, width], enhanced))
    }

    /// A tile of the image, continued by reflection.
    fn tile(&self, image: &Array, [top, left]: [usize; 2]) -> Array {
        let [height, width] = [self.rows.len, self.columns.len];
        let [rows, columns] = [self.rows.tile, self.columns.tile];
        let columns_of_image: Vec<usize> = self.columns.pixels(left).collect();
        let mut values = Vec::with_capacity(image.shape[0] * rows * columns);
        for plane in numbers(image).chunks_exact(height * width) {
            for row in self.rows.pixels(top) {
                let row = &plane[row * width..][..width];
                values.extend(columns_of_image.iter().map(|column| row[*column]));
            }
        }
        Array::f32([image.shape[0], rows, columns], values)
    }

    /// Adds a plane of a tile to that of the image, as much as it counts.
    fn add(&self, plane: &mut [f32], of_tile: &[f32], [row, column]: [usize; 2]) {
        let (top, left) = (self.rows.starts[row], self.columns.starts[column]);
        let (inside, width) = (self.columns.inside(left), self.columns.len);
        let rows = of_tile.chunks_exact(self.columns.tile).zip(&self.rows.weights[row]);
        for (y, (of_tile, down)) in rows.enumerate().take(self.rows.inside(top)) {
            let sum = &mut plane[(top + y) * width + left..][..inside];
            let across = &self.columns.weights[column];
            for ((sum, value), across) in sum.iter_mut().zip(of_tile).zip(across) {
                *sum += value * down * across;
            }
        }
    }
}

fn numbers(image: &Array) -> &[f32] {
    let Values::F32(values) = &image.values else { panic!("an image, not whole numbers") };
    values
}

#[cfg(test)]
mod tests;
