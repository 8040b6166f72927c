//! Images made smaller, by what two kinds of data sets are made with.

use crate::{
    Error, Result,
    image::{Filter, Pixels, resize_to},
};

/// The most pixels of an image that is made larger.
const MAX_MADE: usize = 1 << 26;

/// Its shorter side brought to `side` pixels by a triangle filter. As in fastai, some sizes come out one
/// short.
pub(super) fn to_side(pixels: &Pixels, side: usize) -> Result<Pixels> {
    let resized = resize_to([pixels.height, pixels.width], side, true);
    let [height, width] = resized.map(|side| side.max(1));
    match height.checked_mul(width) {
        Some(made) if made <= MAX_MADE => Ok(pixels.resized([height, width])),
        _ => Err(Error::Damage {
            step: "side",
            reason: format!(
                "an image of {}×{} pixels would become one of {height}×{width}",
                pixels.height, pixels.width
            ),
        }),
    }
}

/// Made this many times smaller by a bicubic filter.
pub(super) fn shrunk(pixels: &Pixels, factor: f64) -> Pixels {
    let smaller = |side: usize| ((side as f64 / factor).round() as usize).max(1);
    pixels.resized_by(Filter::Bicubic, [pixels.height, pixels.width].map(smaller))
}

/// Made this many times smaller and as large as before, by a bicubic filter.
pub(super) fn rescaled(pixels: &Pixels, factor: f64) -> Pixels {
    shrunk(pixels, factor).resized_by(Filter::Bicubic, [pixels.height, pixels.width])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripes([height, width]: [usize; 2]) -> Pixels {
        let bytes = (0..height * width).map(|at| if at % 2 == 0 { 0 } else { 200 }).collect();
        Pixels { height, width, channels: 1, bytes, full_size: [height, width] }
    }

    #[test]
    fn sizes_are_rounded_and_never_nothing() {
        for (factor, size) in [(1.0, [40, 64]), (4.0, [10, 16]), (3.0, [13, 21]), (64.0, [1, 1])] {
            let small = shrunk(&stripes([40, 64]), factor);
            assert_eq!([small.height, small.width], size);
        }
        let small = to_side(&stripes([47, 94]), 96).unwrap();
        assert_eq!([small.height, small.width], [95, 191], "cut, as fastai does");
        let error = to_side(&stripes([1, 60_000]), 9000).unwrap_err();
        assert!(
            error.to_string().starts_with("cannot apply `side`: an image of 1×60000"),
            "{error}"
        );
    }

    #[test]
    fn fine_stripes_become_gray_and_do_not_come_back() {
        let gray = rescaled(&stripes([32, 32]), 4.0);
        assert_eq!([gray.height, gray.width], [32, 32]);
        assert!(gray.bytes.iter().all(|byte| byte.abs_diff(100) < 12), "{:?}", &gray.bytes[..32]);
    }
}
