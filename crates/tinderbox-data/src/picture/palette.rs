//! The colors of classes.

use super::{
    GAP, Picture,
    caption::{TEXT, fitted, text_width},
};

/// Matplotlib's `tab20`, as in the reference: neighbors are of one hue, light and dark.
const COLORS: [[u8; 3]; 20] = [
    [31, 119, 180],
    [174, 199, 232],
    [255, 127, 14],
    [255, 187, 120],
    [44, 160, 44],
    [152, 223, 138],
    [214, 39, 40],
    [255, 152, 150],
    [148, 103, 189],
    [197, 176, 213],
    [140, 86, 75],
    [196, 156, 148],
    [227, 119, 194],
    [247, 182, 210],
    [127, 127, 127],
    [199, 199, 199],
    [188, 189, 34],
    [219, 219, 141],
    [23, 190, 207],
    [158, 218, 229],
];

/// The colors in which streets are known: those of CamVid.
const STREETS: [(&str, [u8; 3]); 13] = [
    ("sky", [128, 128, 128]),
    ("building", [128, 0, 0]),
    ("pole", [192, 192, 128]),
    ("road", [128, 64, 128]),
    ("sidewalk", [0, 0, 192]),
    ("tree", [128, 128, 0]),
    ("sign", [192, 128, 128]),
    ("fence", [64, 64, 128]),
    ("car", [64, 0, 128]),
    ("pedestrian", [64, 64, 0]),
    ("cyclist", [0, 128, 192]),
    ("bicyclist", [0, 128, 192]),
    ("void", [0, 0, 0]),
];

/// A color for each class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Palette {
    classes: Vec<String>,
    colors: Vec<[u8; 3]>,
}

impl Palette {
    /// Of classes in the order of their codes: the known ones if most are those of streets, else
    /// twenty that are told apart, and again. A class called void is black.
    pub fn of(classes: &[String]) -> Self {
        let known = |class: &String| {
            let known = STREETS.iter().find(|(name, _)| class.eq_ignore_ascii_case(name));
            known.map(|(_, color)| *color)
        };
        let streets = classes.iter().filter_map(known).count() * 2 > classes.len();
        // While they suffice, one of each hue.
        let step = if classes.len() <= COLORS.len() / 2 { 2 } else { 1 };
        let color = |(at, class): (usize, &String)| match known(class) {
            Some(color) if streets || color == [0; 3] => color,
            _ => COLORS[at * step % COLORS.len()],
        };
        let colors = classes.iter().enumerate().map(color).collect();
        Self { classes: classes.to_vec(), colors }
    }

    /// The color of a code; that of one without a class is gray.
    pub fn color(&self, code: i64) -> [u8; 3] {
        let color = usize::try_from(code).ok().and_then(|code| self.colors.get(code));
        color.copied().unwrap_or([90, 90, 90])
    }

    /// All colors, in the order of the codes.
    pub fn colors(&self) -> &[[u8; 3]] {
        &self.colors
    }

    /// A picture of the classes' names beside their colors, in rows of this width.
    pub fn legend(&self, width: usize) -> Picture {
        let line = TEXT.ceil() as usize + GAP;
        let mut places = Vec::new();
        let (mut left, mut top) = (GAP, GAP);
        for (class, color) in self.classes.iter().zip(&self.colors) {
            let name = fitted(class, width.saturating_sub(line + 3 * GAP).max(1));
            let takes = line + GAP + text_width(&name) + 2 * GAP;
            if left + takes > width && left > GAP {
                (left, top) = (GAP, top + line);
            }
            places.push((left, top, name, *color));
            left += takes;
        }
        let mut legend = Picture::filled(width, top + line + GAP, [255; 3]);
        for (left, top, name, color) in places {
            let square = Picture::filled(line - GAP, line - GAP, color);
            legend.paste(&square, left, top);
            legend.text(&name, left + line, top.saturating_sub(2), [30; 3]);
        }
        legend
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn palette(classes: &[&str]) -> Palette {
        Palette::of(&classes.iter().map(|class| (*class).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn streets_have_their_colors_and_others_twenty() {
        let streets = palette(&["Sky", "Road", "Lamp", "Void"]);
        assert_eq!(streets.colors()[..2], [[128, 128, 128], [128, 64, 128]]);
        assert_eq!((streets.color(3), streets.color(9)), ([0; 3], [90; 3]));
        let others = palette(&["Ground", "Disc", "Car", "Void"]);
        assert_eq!(others.colors(), [COLORS[0], COLORS[2], COLORS[4], [0; 3]]);
        assert_eq!(palette(&["a"; 21]).color(20), COLORS[0], "the first again");
    }

    #[test]
    fn a_legend_has_as_many_rows_as_it_needs() {
        let classes = ["Sky", "Building", "Pole", "Road", "Sidewalk", "Tree"];
        let (wide, narrow) = (palette(&classes).legend(600), palette(&classes).legend(120));
        assert_eq!((wide.width(), narrow.width()), (600, 120));
        assert!(narrow.height() > 2 * wide.height());
        for color in palette(&classes).colors() {
            assert!(narrow.pixels.contains(color));
        }
    }
}
