//! Whether two images are nearly the same: one saved again, made smaller, brighter or inverted.

use super::Pixels;

/// An image is looked at as this many cells to a side.
const CELLS: usize = 16;

/// Where of two neighboring cells the first is brighter, for neighbors in a row and in a column.
const BITS: usize = 2 * CELLS * (CELLS - 1);
const WORDS: usize = BITS.div_ceil(64);

/// Images whose bits differ in a larger share than this are not compared further. Images that have
/// nothing to do with each other differ in half of them.
const MAX_DIFFERENT: f64 = 0.2;

/// The least correlation of two images that count as the same.
const MIN_CORRELATION: f32 = 0.985;

/// The largest share by which the aspect ratios of two such images differ.
const MAX_ASPECT: f32 = 0.04;

/// Images of less contrast than this, as the standard deviation of their cells in steps of a byte,
/// look alike whatever they show.
const MIN_CONTRAST: f32 = 4.0;

/// The look of an image in a few hundred bytes, by which images are compared that are not the same
/// file: the signs of brightness differences between the cells of a grid (a perceptual hash, as in
/// "dHash"), and the cells themselves, which decide.
#[derive(Debug, Clone)]
pub struct Likeness {
    bits: [u64; WORDS],
    /// The cells' brightness, of mean 0 and length 1.
    cells: Box<[f32]>,
    /// Width by height.
    aspect: f32,
}

/// Two of a list of images that are nearly the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alike {
    pub first: usize,
    pub second: usize,
    /// From -1 for the inverted image to 1 for the same.
    pub correlation: f32,
}

impl Likeness {
    /// The look of an image; `None` for one with too little contrast, or too few pixels, to be
    /// known again.
    pub fn of(pixels: &Pixels) -> Option<Self> {
        let gray = match pixels.channels {
            3 => &pixels.to_luma(),
            _ => pixels,
        };
        if gray.width < CELLS || gray.height < CELLS {
            return None;
        }
        let mut cells = means(gray);
        let mean = cells.iter().sum::<f32>() / cells.len() as f32;
        for cell in &mut cells {
            *cell -= mean;
        }
        let length = cells.iter().map(|cell| cell * cell).sum::<f32>().sqrt();
        if length < MIN_CONTRAST * (cells.len() as f32).sqrt() {
            return None;
        }
        for cell in &mut cells {
            *cell /= length;
        }
        let aspect = gray.width as f32 / gray.height as f32;
        Some(Self { bits: signs(&cells), cells: cells.into(), aspect })
    }

    /// The correlation of two images, if they are nearly the same.
    pub fn alike(&self, other: &Self) -> Option<f32> {
        const NEAR: u32 = (BITS as f64 * MAX_DIFFERENT) as u32;
        let pairs = self.bits.iter().zip(&other.bits);
        let different: u32 = pairs.map(|(a, b)| (a ^ b).count_ones()).sum();
        // Of an inverted image, all bits differ.
        if different > NEAR && different < BITS as u32 - NEAR {
            return None;
        }
        if (self.aspect / other.aspect - 1.0).abs() > MAX_ASPECT {
            return None;
        }
        let products = self.cells.iter().zip(&other.cells).map(|(a, b)| a * b);
        let correlation = products.sum::<f32>();
        (correlation.abs() >= MIN_CORRELATION).then_some(correlation)
    }

    /// All pairs of a list that are nearly the same, by their indexes; images without a look are
    /// like no other. It compares each with each, on several threads.
    pub fn pairs(list: &[Option<Self>]) -> Vec<Alike> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        // Each thread takes every so manieth image, as the first ones have the most partners.
        let found = |thread: usize| {
            let mut found = Vec::new();
            for first in (thread..list.len()).step_by(threads) {
                let Some(one) = &list[first] else { continue };
                for (second, other) in list.iter().enumerate().skip(first + 1) {
                    if let Some(correlation) = other.as_ref().and_then(|other| one.alike(other)) {
                        found.push(Alike { first, second, correlation });
                    }
                }
            }
            found
        };
        let mut pairs: Vec<Alike> = std::thread::scope(|scope| {
            let work: Vec<_> =
                (0..threads).map(|thread| scope.spawn(move || found(thread))).collect();
            work.into_iter().flat_map(|thread| thread.join().expect("it does not panic")).collect()
        });
        pairs.sort_unstable_by_key(|pair| (pair.first, pair.second));
        pairs
    }
}

/// The mean brightness of each cell, row by row.
fn means(gray: &Pixels) -> Vec<f32> {
    let edges = |side: usize| -> Vec<usize> { (0..=CELLS).map(|at| at * side / CELLS).collect() };
    let (rows, columns) = (edges(gray.height), edges(gray.width));
    let mut cells = Vec::with_capacity(CELLS * CELLS);
    for row in rows.windows(2) {
        let lines = &gray.bytes[row[0] * gray.width..row[1] * gray.width];
        let mut sums = [0u64; CELLS];
        for line in lines.chunks_exact(gray.width) {
            for (sum, column) in sums.iter_mut().zip(columns.windows(2)) {
                let cell = &line[column[0]..column[1]];
                *sum += u64::from(cell.iter().map(|&byte| u32::from(byte)).sum::<u32>());
            }
        }
        let pixels = columns.windows(2).map(|column| (column[1] - column[0]) * (row[1] - row[0]));
        cells.extend(sums.iter().zip(pixels).map(|(&sum, n)| sum as f32 / n as f32));
    }
    cells
}

fn signs(cells: &[f32]) -> [u64; WORDS] {
    let rows = cells.chunks_exact(CELLS).flat_map(|row| row.windows(2).map(|two| two[0] > two[1]));
    let columns = cells.iter().zip(&cells[CELLS..]).map(|(above, below)| above > below);
    let mut bits = [0; WORDS];
    for (at, _) in rows.chain(columns).enumerate().filter(|(_, sign)| *sign) {
        bits[at / 64] |= 1 << (at % 64);
    }
    bits
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::ConvertMode;

    /// Blurred noise: as different from one seed to the next as photographs are.
    fn picture(seed: u64, [height, width]: [usize; 2]) -> Pixels {
        use rand::{Rng, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let bytes = (0..8 * 8 * 3).map(|_| rng.random()).collect();
        Pixels { height: 8, width: 8, channels: 3, bytes, full_size: [8, 8] }
            .resized([height, width])
    }

    fn mapped(pixels: &Pixels, map: impl Fn(u8) -> u8) -> Pixels {
        Pixels { bytes: pixels.bytes.iter().map(|&byte| map(byte)).collect(), ..pixels.clone() }
    }

    fn recompressed(pixels: &Pixels, quality: u8) -> Pixels {
        let mut file = Vec::new();
        let image = image::RgbImage::from_raw(
            pixels.width as u32,
            pixels.height as u32,
            pixels.bytes.clone(),
        );
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, quality);
        image.unwrap().write_with_encoder(encoder).unwrap();
        let image = image::ImageReader::with_format(Cursor::new(file), image::ImageFormat::Jpeg);
        let bytes = image.decode().unwrap().into_rgb8().into_raw();
        Pixels { bytes, ..pixels.clone() }
    }

    #[test]
    fn what_was_saved_again_resized_brightened_or_inverted_is_alike() {
        let one = picture(1, [120, 160]);
        let look = |pixels: &Pixels| Likeness::of(pixels).unwrap();
        let same = |pixels: &Pixels| look(&one).alike(&look(pixels));
        assert!(same(&recompressed(&one, 20)).is_some());
        assert!(same(&one.resized([60, 80])).is_some());
        assert!(same(&mapped(&one, |byte| byte.saturating_add(40))).is_some());
        assert!(same(&mapped(&one, |byte| 255 - byte)).is_some_and(|value| value < -0.99));
        assert_eq!(same(&picture(2, [120, 160])), None);
        assert_eq!(same(&one.resized([120, 120])), None, "its sides have another ratio");
    }

    #[test]
    fn what_shows_next_to_nothing_is_like_nothing() {
        let flat = Pixels {
            height: 32,
            width: 32,
            channels: 1,
            bytes: vec![9; 32 * 32],
            full_size: [32, 32],
        };
        assert!(Likeness::of(&flat).is_none());
        assert!(Likeness::of(&picture(1, [8, 8])).is_none());
    }

    #[test]
    fn pairs_are_found_by_their_indexes() {
        let list = [1, 2, 3, 1, 2].map(|seed| Likeness::of(&picture(seed, [32, 48])));
        let pairs = Likeness::pairs(&list);
        let indexes: Vec<_> = pairs.iter().map(|pair| (pair.first, pair.second)).collect();
        assert_eq!(indexes, [(0, 3), (1, 4)]);
    }

    /// Prints what was found of each kind, and of pairs of different photographs.
    #[test]
    #[ignore = "needs the photographs of TINDERBOX_DATA"]
    fn copies_of_photographs_are_found_and_different_ones_are_not() {
        let folder = std::env::var("TINDERBOX_DATA").expect("TINDERBOX_DATA names the data");
        let folder = std::path::Path::new(&folder).join("photos");
        let items = crate::ImageItems::from_folder(folder).unwrap();
        let photos: Vec<Pixels> = (0..items.len())
            .map(|index| Pixels::open(items.path(index), ConvertMode::Rgb).unwrap())
            .collect();
        let looks: Vec<_> = photos.iter().map(Likeness::of).collect();
        let found = |copy: &dyn Fn(&Pixels) -> Pixels| {
            let pairs = photos.iter().zip(&looks);
            let alike = pairs.filter(|(photo, look)| {
                let copy = Likeness::of(&copy(photo));
                copy.zip(look.as_ref()).is_some_and(|(copy, look)| copy.alike(look).is_some())
            });
            alike.count() as f64 / photos.len() as f64
        };
        let shares = [
            ("recompressed at 30", found(&|photo| recompressed(photo, 30))),
            ("resized by half", found(&|photo| photo.resized([photo.height / 2, photo.width / 2]))),
            ("inverted", found(&|photo| mapped(photo, |byte| 255 - byte))),
            ("brighter", found(&|photo| mapped(photo, |byte| byte.saturating_add(40)))),
            ("darker", found(&|photo| mapped(photo, |byte| byte / 2))),
        ];
        let false_pairs = Likeness::pairs(&looks);
        for pair in &false_pairs {
            let path = |index| items.path(index).display().to_string();
            eprintln!("{} {} {}", path(pair.first), path(pair.second), pair.correlation);
        }
        eprintln!("{shares:?}, {} pairs of {} photographs", false_pairs.len(), photos.len());
        assert!(shares.iter().all(|(_, share)| *share >= 0.95), "{shares:?}");
        assert!(false_pairs.len() as f64 <= 0.005 * photos.len() as f64);
    }
}
