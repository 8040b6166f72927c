//! What may be asked of predictions that are images.

use std::{fmt, str::FromStr};

use crate::{About, Draws, Hinted};

/// How images are predicted, by models whose predictions are images. The default is the size of the
/// input, in tiles only where it would not fit into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PictureOptions {
    /// The size that the input is scaled to first.
    pub size: Option<OutputSize>,
    /// Side of the tiles, in pixels; computed from the free memory if it is not given.
    pub tile: Option<usize>,
}

/// The size of a predicted image, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputSize {
    /// Height and width.
    Exactly([usize; 2]),
    /// The shorter side; the longer one follows by the proportions.
    Shorter(usize),
}

/// The longest side that can be asked for, in pixels: the most that a JPEG can have.
const MAX_SIDE: usize = 65_535;

impl OutputSize {
    /// Height and width for an input of this size, at least one pixel each.
    pub fn of(self, [height, width]: [usize; 2]) -> [usize; 2] {
        match self {
            Self::Exactly(size) => size,
            Self::Shorter(shorter) => {
                let times = shorter as f64 / height.min(width).max(1) as f64;
                [height, width].map(|side| ((side as f64 * times).round() as usize).max(1))
            }
        }
    }
}

impl FromStr for OutputSize {
    type Err = String;

    /// `820x1024`, height first, or the shorter side.
    fn from_str(text: &str) -> Result<Self, String> {
        let side =
            |text: &str| text.trim().parse().ok().filter(|side| (1..=MAX_SIDE).contains(side));
        let parsed = match text.split_once(['x', 'X', '×']) {
            Some((height, width)) => {
                side(height).zip(side(width)).map(|(h, w)| Self::Exactly([h, w]))
            }
            None => side(text).map(Self::Shorter),
        };
        parsed.ok_or_else(|| {
            format!("expected height and width, such as 820x1024, or the shorter side, of 1 to {MAX_SIDE} pixels")
        })
    }
}

/// As it is parsed.
impl fmt::Display for OutputSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly([height, width]) => write!(f, "{height}x{width}"),
            Self::Shorter(side) => write!(f, "{side}"),
        }
    }
}

/// Options that a model has no use for.
#[derive(Debug, thiserror::Error)]
#[error("`{option}` is for models that predict images; this one is {noun}")]
pub struct PictureOptionError {
    /// As a flag: `--size`.
    pub option: &'static str,
    /// What the model is.
    pub noun: &'static str,
}

impl Hinted for PictureOptionError {
    fn hint(&self) -> Option<String> {
        Some(format!("leave `{}` out", self.option))
    }
}

impl PictureOptions {
    /// Whether models of a task have a use for what is given.
    ///
    /// # Errors
    /// [`PictureOptionError`] with the first that they have none for.
    pub fn check(&self, about: &About) -> Result<(), PictureOptionError> {
        let given = [("--size", self.size.is_some()), ("--tile", self.tile.is_some())];
        let given = given.into_iter().find(|(_, given)| *given && about.draws != Draws::Image);
        match given {
            Some((option, _)) => Err(PictureOptionError { option, noun: about.noun }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Classify, Enhance, Task, error::check};

    use super::*;

    #[test]
    fn a_size_is_height_and_width_or_the_shorter_side() {
        let of = |text: &str, size| text.parse::<OutputSize>().map(|asked| asked.of(size));
        assert_eq!(of("820x1024", [3, 5]), Ok([820, 1024]));
        assert_eq!(of("300", [100, 151]), Ok([300, 453]));
        assert_eq!(of("300", [7000, 1000]), Ok([2100, 300]));
        assert_eq!(of("1", [1, 1]), Ok([1, 1]));
        for wrong in ["0", "0x5", "x", "9x", "-3", "70000", "big", ""] {
            assert!(of(wrong, [9, 9]).unwrap_err().contains("820x1024"), "{wrong}");
        }
        assert_eq!("820X1024".parse::<OutputSize>().unwrap().to_string(), "820x1024");
        assert_eq!("512".parse::<OutputSize>().unwrap().to_string(), "512");
    }

    #[test]
    fn options_without_a_use_are_named() {
        let tile = PictureOptions { tile: Some(512), ..PictureOptions::default() };
        let error = tile.check(&Classify::ABOUT).unwrap_err();
        let message = "`--tile` is for models that predict images; this one is an image classifier";
        check(error, message, Some("leave `--tile` out"));
        assert!(tile.check(&Enhance::ABOUT).is_ok());
        assert!(PictureOptions::default().check(&Classify::ABOUT).is_ok());
    }
}
