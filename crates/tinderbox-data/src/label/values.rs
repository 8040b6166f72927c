//! What the values in masks' files stand for.

use std::{collections::BTreeSet, path::Path};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::{
    Array, Error, Result,
    image::{MaskFile, NotMask},
};

/// What the values in masks' files stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskValues {
    /// A gray value, or an entry of a palette, is the code of its class.
    #[default]
    Codes,
    /// Gray values, or entries of palettes, each with its code: 0 and 255 are classes 0 and 1.
    Values(Vec<(u16, u16)>),
    /// Colors, of palettes or of the pixels themselves, each with its code.
    Colors(Vec<([u8; 3], u16)>),
}

/// How masks' files become class codes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MaskCoding {
    /// The classes, in the order of their codes.
    pub classes: Vec<String>,
    /// The code of pixels that have none.
    pub ignore: Option<u16>,
    pub values: MaskValues,
}

impl MaskValues {
    /// Whether values are codes as they are.
    pub fn is_codes(&self) -> bool {
        *self == Self::Codes
    }
}

impl MaskCoding {
    /// The codes in a mask's file, `[1, height, width]`.
    pub(super) fn codes(&self, path: &Path, mask: &MaskFile) -> Result<Array> {
        let codes = match &self.values {
            MaskValues::Codes => {
                let is_known = |value: u16| {
                    usize::from(value) < self.classes.len() || Some(value) == self.ignore
                };
                self.of_values(path, mask, |value| is_known(value).then_some(value))
            }
            MaskValues::Values(values) => {
                let codes: FxHashMap<u16, u16> = values.iter().copied().collect();
                self.of_values(path, mask, |value| codes.get(&value).copied())
            }
            MaskValues::Colors(colors) => self.of_colors(path, mask, colors),
        };
        Ok(Array::i64([1, mask.height, mask.width], codes?))
    }

    fn of_values(
        &self,
        path: &Path,
        mask: &MaskFile,
        code: impl Fn(u16) -> Option<u16>,
    ) -> Result<Vec<i64>> {
        let Some(values) = mask.values() else {
            return Err(Error::NotAMask { path: path.into(), why: NotMask::Colors });
        };
        let mut unknown = BTreeSet::new();
        let mut codes = Vec::with_capacity(values.len());
        // Neighbors are alike.
        for run in values.chunk_by(|a, b| a == b) {
            let code = code(run[0]).unwrap_or_else(|| {
                unknown.insert(run[0]);
                0
            });
            codes.resize(codes.len() + run.len(), i64::from(code));
        }
        match unknown.is_empty() {
            true => Ok(codes),
            false => Err(self.unknown(path, unknown)),
        }
    }

    fn unknown(&self, path: &Path, values: BTreeSet<u16>) -> Error {
        let classes = match &self.values {
            MaskValues::Values(values) => {
                let class = |code: u16| self.classes.get(usize::from(code));
                let shown = |(value, code): &(u16, u16)| Some(format!("{value} {}", class(*code)?));
                values.iter().filter_map(shown).collect()
            }
            MaskValues::Codes | MaskValues::Colors(_) => self.classes.clone(),
        };
        let values = values.into_iter().collect();
        Error::MaskCode { path: path.into(), values, classes }
    }

    fn of_colors(
        &self,
        path: &Path,
        mask: &MaskFile,
        table: &[([u8; 3], u16)],
    ) -> Result<Vec<i64>> {
        let Some(colors) = mask.colors() else {
            // Only wide gray has none.
            let values = mask.values().unwrap_or_default().into_iter();
            return Err(self.unknown(path, values.filter(|value| *value > 255).collect()));
        };
        let codes: FxHashMap<[u8; 3], u16> = table.iter().copied().collect();
        let mut unknown = BTreeSet::new();
        let mut first = None;
        let mut found = Vec::with_capacity(colors.len());
        for run in colors.chunk_by(|a, b| a == b) {
            let code = codes.get(&run[0]).copied().unwrap_or_else(|| {
                first.get_or_insert((run[0], found.len()));
                unknown.insert(run[0]);
                0
            });
            found.resize(found.len() + run.len(), i64::from(code));
        }
        let Some((color, at)) = first else { return Ok(found) };
        let apart = |other: [u8; 3]| -> u32 {
            (0..3).map(|channel| u32::from(color[channel].abs_diff(other[channel])).pow(2)).sum()
        };
        let nearest = table.iter().min_by_key(|(other, _)| apart(*other)).map(|(other, code)| {
            let class = self.classes.get(usize::from(*code));
            (class.map_or("no class", String::as_str).to_owned(), *other)
        });
        Err(Error::MaskColor {
            path: path.into(),
            color,
            at: [at / mask.width, at % mask.width],
            more: unknown.len() - 1,
            nearest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::MaskPixels;

    fn coding(values: MaskValues) -> MaskCoding {
        MaskCoding { classes: vec!["sea".into(), "land".into()], ignore: Some(255), values }
    }

    fn codes(values: MaskValues, pixels: MaskPixels) -> Result<Vec<i64>> {
        let mask = MaskFile { height: 1, width: 3, pixels };
        let array = coding(values).codes(Path::new("m.png"), &mask)?;
        let crate::Values::I64(codes) = array.values else { panic!("codes are whole numbers") };
        Ok(codes)
    }

    const BLUE: [u8; 3] = [0, 0, 255];
    const GREEN: [u8; 3] = [0, 255, 0];

    fn colors() -> MaskValues {
        MaskValues::Colors(vec![(BLUE, 0), (GREEN, 1), ([0; 3], 255)])
    }

    #[test]
    fn values_stand_for_classes() {
        let gray = |values: [u16; 3]| MaskPixels::Gray(values.into());
        assert_eq!(codes(MaskValues::Codes, gray([0, 1, 255])).unwrap(), [0, 1, 255]);
        let binary = || MaskValues::Values(vec![(0, 0), (255, 1)]);
        assert_eq!(codes(binary(), gray([0, 255, 0])).unwrap(), [0, 1, 0]);
        let error = codes(binary(), gray([0, 9, 7])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "m.png has the values 7, 9, but there are 2 classes: 0 sea, 255 land"
        );
    }

    #[test]
    fn colors_stand_for_classes() {
        let own = MaskPixels::Colors(vec![GREEN, BLUE, [0; 3]]);
        assert_eq!(codes(colors(), own).unwrap(), [1, 0, 255]);
        let palette = MaskPixels::Palette { entries: vec![1, 0, 2], colors: vec![GREEN, BLUE] };
        assert_eq!(codes(colors(), palette).unwrap(), [0, 1, 255], "by color, not by entry");
        let error = codes(colors(), MaskPixels::Colors(vec![GREEN, [0, 250, 9], [9; 3]]));
        let error = error.unwrap_err();
        assert_eq!(
            error.to_string(),
            "m.png has the color 0 250 9 at row 0, column 1, which no class has, and 1 more such \
             color; the nearest is land, 0 255 0"
        );
        let error = codes(colors(), MaskPixels::Gray(vec![0, 0, 300])).unwrap_err();
        assert!(matches!(error, Error::MaskCode { .. }), "{error}");
    }
}
