//! A number written over the image, as the lesson does.

use rand::{Rng, RngCore};

use crate::image::Pixels;

/// Pixels from one digit to the next.
const ADVANCE: usize = 6;

/// Rows above a digit.
const ABOVE: usize = 1;

/// The digits: a row of five pixels each, from the left, as the lowest five bits.
const DIGITS: [[u8; 9]; 10] = [
    [
        0b01110, //
        0b10001, //
        0b10001, //
        0b10001, //
        0b10101, //
        0b10001, //
        0b10001, //
        0b10001, //
        0b01110,
    ],
    [
        0b00100, //
        0b01100, //
        0b10100, //
        0b00100, //
        0b00100, //
        0b00100, //
        0b00100, //
        0b00100, //
        0b11111,
    ],
    [
        0b01110, //
        0b10001, //
        0b00001, //
        0b00001, //
        0b00010, //
        0b00100, //
        0b01000, //
        0b10000, //
        0b11111,
    ],
    [
        0b01110, //
        0b10001, //
        0b00001, //
        0b00001, //
        0b00110, //
        0b00001, //
        0b00001, //
        0b10001, //
        0b01110,
    ],
    [
        0b00010, //
        0b00110, //
        0b00110, //
        0b01010, //
        0b01010, //
        0b10010, //
        0b11111, //
        0b00010, //
        0b00010,
    ],
    [
        0b11111, //
        0b10000, //
        0b10000, //
        0b11110, //
        0b00001, //
        0b00001, //
        0b00001, //
        0b10001, //
        0b01110,
    ],
    [
        0b00110, //
        0b01000, //
        0b10000, //
        0b10110, //
        0b11001, //
        0b10001, //
        0b10001, //
        0b10001, //
        0b01110,
    ],
    [
        0b11111, //
        0b00001, //
        0b00001, //
        0b00010, //
        0b00010, //
        0b00100, //
        0b00100, //
        0b01000, //
        0b01000,
    ],
    [
        0b01110, //
        0b10001, //
        0b10001, //
        0b10001, //
        0b01110, //
        0b10001, //
        0b10001, //
        0b10001, //
        0b01110,
    ],
    [
        0b01110, //
        0b10001, //
        0b10001, //
        0b10001, //
        0b10011, //
        0b01101, //
        0b00001, //
        0b00010, //
        0b01100,
    ],
];

/// Writes a number in white at a random place: first its column is drawn, then its row, each from the
/// first to the middle. What runs over an edge is cut off.
pub(super) fn write_at_random(pixels: &mut Pixels, number: u8, rng: &mut dyn RngCore) {
    let left = rng.random_range(0..=pixels.width / 2);
    let top = rng.random_range(0..=pixels.height / 2);
    write(pixels, number, [top, left]);
}

/// Writes a number with its upper left corner at a row and a column.
fn write(pixels: &mut Pixels, number: u8, [top, left]: [usize; 2]) {
    for (at, digit) in number.to_string().bytes().enumerate() {
        for (y, row) in DIGITS[usize::from(digit - b'0')].iter().enumerate() {
            for x in (0..5).filter(|x| row >> (4 - x) & 1 == 1) {
                dot(pixels, [top + ABOVE + y, left + at * ADVANCE + x]);
            }
        }
    }
}

/// Makes a pixel white, if there is one.
fn dot(pixels: &mut Pixels, [y, x]: [usize; 2]) {
    let Pixels { height, width, channels, .. } = *pixels;
    if y < height && x < width {
        pixels.bytes[(y * width + x) * channels..][..channels].fill(255);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn black([height, width]: [usize; 2]) -> Pixels {
        let bytes = vec![0; height * width * 3];
        Pixels { height, width, channels: 3, bytes, full_size: [height, width] }
    }

    fn drawn(pixels: &Pixels) -> Vec<String> {
        let dot = |pixel: &[u8]| if pixel == [255; 3] { '#' } else { '.' };
        let rows = pixels.bytes.chunks(pixels.width * 3);
        rows.map(|row| row.chunks(3).map(dot).collect()).collect()
    }

    #[test]
    fn digits_are_white_and_stand_side_by_side() {
        let mut pixels = black([11, 12]);
        write(&mut pixels, 17, [0, 0]);
        let want = [
            "............",
            "..#...#####.",
            ".##.......#.",
            "#.#.......#.",
            "..#......#..",
            "..#......#..",
            "..#.....#...",
            "..#.....#...",
            "..#....#....",
            "#####..#....",
            "............",
        ];
        assert_eq!(drawn(&pixels), want);
    }

    #[test]
    fn what_runs_over_an_edge_is_cut_off() {
        let mut pixels = black([5, 8]);
        write(&mut pixels, 100, [3, 6]);
        assert_eq!(drawn(&pixels)[4], "........");
        write(&mut pixels, 77, [3, 4]);
        assert_eq!(drawn(&pixels)[4], "....####");
    }

    #[test]
    fn the_column_is_drawn_before_the_row() {
        let mut pixels = black([60, 40]);
        write_at_random(&mut pixels, 8, &mut ChaCha8Rng::seed_from_u64(3));
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let left = rng.random_range(0..=20);
        let top = rng.random_range(0..=30);
        let mut want = black([60, 40]);
        write(&mut want, 8, [top, left]);
        assert_eq!(pixels, want);
        write_at_random(&mut black([1, 1]), 8, &mut rng);
    }
}
