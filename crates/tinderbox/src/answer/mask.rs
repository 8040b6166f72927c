//! A class for each pixel of an image.

use serde_json::{Map, Value};
use tinderbox_data::{
    Array,
    image::Pixels,
    picture::{Palette, Picture},
    visible,
};

/// A class for each pixel of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedMask {
    /// Those of the image, whatever size the model works at.
    pub height: usize,
    pub width: usize,
    /// Row by row.
    pub codes: Vec<u8>,
    /// The model's classes, in the order of their codes.
    pub classes: Vec<String>,
}

impl PredictedMask {
    /// The image that it is of with the classes' colors over it, and what they mean below.
    ///
    /// # Panics
    /// If the image is of another size.
    pub fn over(&self, pixels: &Pixels) -> Picture {
        let palette = Palette::of(&self.classes);
        let mut picture = Picture::of_image(&pixels.to_image());
        let codes = self.codes.iter().map(|code| i64::from(*code)).collect();
        picture.overlay(&Array::i64([1, self.height, self.width], codes), &palette);
        picture.above(&palette.legend(self.width))
    }

    /// The share of the image that each class takes, in the order of the codes.
    pub fn shares(&self) -> Vec<f64> {
        let mut counts = vec![0usize; self.classes.len()];
        for code in &self.codes {
            counts[usize::from(*code)] += 1;
        }
        counts.into_iter().map(|count| count as f64 / self.codes.len() as f64).collect()
    }

    /// The same by class.
    pub fn shares_by_class(&self) -> Map<String, Value> {
        let shares = self.classes.iter().cloned().zip(self.shares());
        shares.map(|(class, share)| (class, Value::from(share))).collect()
    }

    /// The shares for people, the largest first: `Road 41.2 %, Sky 30.1 %`.
    pub(super) fn line(&self) -> String {
        let mut shares: Vec<(&String, f64)> = self.classes.iter().zip(self.shares()).collect();
        shares.retain(|(_, share)| *share >= 0.0005);
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        let shown = shares
            .iter()
            .map(|(class, share)| format!("{} {:.1} %", visible(class), share * 100.0));
        shown.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one() {
        let classes = ["a", "b", "c"].map(String::from).into();
        let mask = PredictedMask { height: 1, width: 4, codes: vec![0, 0, 2, 0], classes };
        assert_eq!(mask.shares(), [0.75, 0.0, 0.25]);
    }
}
