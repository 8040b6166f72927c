//! Pictures in rows, for people to look at.

use super::{
    GAP, Mark, Picture,
    caption::{TEXT, wrapped},
};

/// Images are enlarged by a whole number until they are about this wide, so that digits can be
/// seen and captions read.
const CELL: usize = 96;

/// The same where captions are sentences, in pixels.
const WIDE_CELL: usize = 180;

/// Width and height that most screens have room for, in pixels.
const SCREEN: [usize; 2] = [1600, 1000];

/// Pictures in rows, each with a caption above it, in as many lines as it takes.
#[derive(Debug, Clone)]
pub struct Grid {
    /// As many as suit a screen, if it is not said.
    columns: Option<usize>,
    /// Smaller pictures are enlarged.
    cell: usize,
    heading: Option<String>,
    cells: Vec<(Picture, String, Mark)>,
}

impl Grid {
    /// # Panics
    /// If there are no columns.
    pub fn new(columns: usize) -> Self {
        assert!(columns > 0, "a grid has columns");
        Self { columns: Some(columns), cell: CELL, heading: None, cells: Vec::new() }
    }

    /// As many columns as show the pictures largest on a screen of 1600 × 1000 pixels. Where they are
    /// too large for it, they are made smaller.
    pub fn for_screen() -> Self {
        Self { columns: None, cell: WIDE_CELL, heading: None, cells: Vec::new() }
    }

    /// Enlarges pictures by a whole number until they are about this many pixels wide; 96, or 180 on a
    /// screen.
    #[must_use]
    pub fn cells_of(self, width: usize) -> Self {
        Self { cell: width, ..self }
    }

    /// Writes this above all pictures: what their captions say.
    #[must_use]
    pub fn heading(self, text: impl Into<String>) -> Self {
        Self { heading: Some(text.into()), ..self }
    }

    /// Adds a picture with a caption.
    pub fn cell(self, picture: Picture, caption: impl Into<String>) -> Self {
        self.marked(picture, caption, Mark::Plain)
    }

    /// Adds a picture with a caption that says right or wrong.
    pub fn marked(mut self, picture: Picture, caption: impl Into<String>, mark: Mark) -> Self {
        self.cells.push((picture, caption.into(), mark));
        self
    }

    /// The picture of all of them.
    pub fn draw(&self) -> Picture {
        let (columns, scale) = self.layout();
        let pictures: Vec<Picture> =
            self.cells.iter().map(|(picture, ..)| picture.scaled(scale)).collect();
        let width = pictures.iter().map(Picture::width).max().unwrap_or(1);
        let height = pictures.iter().map(Picture::height).max().unwrap_or(1);
        let captions: Vec<Vec<String>> = self
            .cells
            .iter()
            .map(|(_, caption, mark)| wrapped(&format!("{}{caption}", mark.prefix()), width))
            .collect();
        let captioned = line() * captions.iter().map(Vec::len).max().unwrap_or(1);
        let rows = self.cells.len().div_ceil(columns).max(1);
        let all = columns * (width + GAP) + GAP;
        let heading = self.heading.as_deref().map(|text| wrapped(text, all - 2 * GAP));
        let heading = heading.unwrap_or_default();
        let below_heading = match heading.len() {
            0 => GAP,
            lines => GAP + lines * line() + GAP,
        };
        let mut out = Picture::filled(
            all,
            below_heading + rows * (captioned + height + GAP),
            [255, 255, 255],
        );
        for (at, text) in heading.iter().enumerate() {
            out.text(text, GAP, GAP + at * line(), Mark::Plain.color());
        }
        for (at, (picture, caption)) in pictures.iter().zip(&captions).enumerate() {
            let left = GAP + at % columns * (width + GAP);
            let top = below_heading + at / columns * (captioned + height + GAP);
            let mark = self.cells[at].2;
            for (at, text) in caption.iter().enumerate() {
                out.text(text, left, top + at * line(), mark.color());
            }
            out.paste(picture, left, top + captioned);
        }
        out
    }

    /// How many columns there are, and how many times as large pictures are drawn.
    fn layout(&self) -> (usize, f64) {
        let n = self.cells.len().max(1);
        let largest = |side: fn(&Picture) -> usize| {
            self.cells.iter().map(|(picture, ..)| side(picture)).max().unwrap_or(1).max(1)
        };
        let (width, height) = (largest(Picture::width), largest(Picture::height));
        let wanted = self.cell.div_ceil(width).max(1) as f64;
        if let Some(columns) = self.columns {
            return (columns.min(n), wanted);
        }
        // Most captions take two lines, and the heading one.
        let room = |all: usize, n: usize, text: usize, side: usize| {
            let each = (all / n).saturating_sub(GAP + text).max(1);
            each as f64 / side as f64
        };
        let scale = |columns: usize| {
            let rows = n.div_ceil(columns);
            let across = room(SCREEN[0] - GAP, columns, 0, width);
            let down = room(SCREEN[1] - GAP - 2 * line(), rows, 2 * line(), height);
            wanted.min(across).min(down)
        };
        let largest = (1..=n).map(scale).fold(0.0, f64::max);
        // Among those that are nearly as large, the one with the fewest empty cells; among these, the
        // one that is the most like a screen.
        let large = (1..=n).filter(|columns| scale(*columns) >= 0.9 * largest);
        let empty = |columns: usize| n.div_ceil(columns) * columns - n;
        let shape = |columns: usize| {
            let ratio = (columns * width) as f64 / (n.div_ceil(columns) * height) as f64;
            (ratio * SCREEN[1] as f64 / SCREEN[0] as f64).ln().abs()
        };
        let better =
            |a: &usize, b: &usize| empty(*a).cmp(&empty(*b)).then(shape(*a).total_cmp(&shape(*b)));
        let columns = large.min_by(better).unwrap_or(1);
        (columns, scale(columns))
    }
}

/// Height of a line of text, in pixels.
fn line() -> usize {
    TEXT.ceil() as usize + GAP / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gray(n: usize, grid: Grid, [width, height]: [usize; 2]) -> Grid {
        let gray = Picture::filled(width, height, [9; 3]);
        (0..n).fold(grid, |grid, n| grid.cell(gray.clone(), n.to_string()))
    }

    fn count(picture: &Picture) -> usize {
        picture.pixels.iter().filter(|pixel| **pixel == [9; 3]).count()
    }

    #[test]
    fn a_grid_has_room_for_every_cell_and_its_caption() {
        let grid = gray(5, Grid::new(3), [28, 28]).draw();
        assert_eq!(grid.width(), 3 * (28 * 4 + GAP) + GAP);
        assert_eq!(count(&grid), 5 * (28 * 4) * (28 * 4));
        let ink = grid.pixels.iter().filter(|pixel| pixel[0] < 128 && pixel[0] != 9).count();
        assert!(ink > 10, "captions are drawn");
    }

    #[test]
    fn captions_and_headings_take_the_lines_that_they_need() {
        let plain = gray(2, Grid::new(2), [28, 28]);
        let headed = plain.clone().heading("what they say");
        assert_eq!(headed.draw().height(), plain.draw().height() + line() + GAP);
        let long =
            plain.clone().cell(Picture::filled(28, 28, [9; 3]), "a caption that takes two lines");
        assert_eq!(
            long.draw().height(),
            plain.draw().height() + 2 * line() + line() + 28 * 4 + GAP,
            "each row has the lines of the longest caption"
        );
    }

    #[test]
    fn pictures_of_any_size_and_number_fit_a_screen() {
        for size in [[28, 28], [224, 224], [480, 180], [1920, 720], [60, 900]] {
            for n in [1, 2, 4, 9, 16, 25] {
                let drawn = gray(n, Grid::for_screen(), size).draw();
                let [width, height] = [drawn.width(), drawn.height()];
                assert!(
                    width <= SCREEN[0] && height <= SCREEN[1],
                    "{n} of {size:?}: {width}×{height}"
                );
                assert!(count(&drawn) > n * 64 * 24, "{n} of {size:?} can be seen");
            }
        }
        let nine = gray(9, Grid::for_screen(), [224, 224]);
        assert_eq!(nine.layout(), (3, 1.0));
        assert_eq!(gray(9, Grid::for_screen(), [28, 28]).layout(), (3, 7.0));
    }
}
