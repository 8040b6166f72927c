//! A confusion matrix as an image.

use std::path::Path;

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use tinderbox_data::visible;
use tinderbox_learn::metric::ConfusionMatrix;

use crate::{Error, Result, plot::to_file, segmentation::shares};

/// What is written in the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cells {
    /// How many.
    #[default]
    Counts,
    /// Which share of their row, to two decimals.
    Shares,
}

/// Draws the classes that are below each other against those that they were taken for, as shares of
/// a row by darkness.
///
/// # Errors
/// [`Error::Nothing`] for a matrix without classes; [`Error::Ending`] and [`Error::Draw`].
///
/// # Panics
/// If there is not a name for each class.
pub fn plot_confusion_matrix(
    matrix: &ConfusionMatrix,
    classes: &[String],
    cells: Cells,
    file: impl AsRef<Path>,
) -> Result<()> {
    let file = file.as_ref();
    assert_eq!(matrix.classes(), classes.len(), "a name for each class");
    if classes.is_empty() {
        return Err(Error::Nothing { what: "there are no classes" });
    }
    // A control character has no place in an SVG file.
    let classes: Vec<String> = classes.iter().map(|class| visible(class).into_owned()).collect();
    let layout = Layout::of(&classes);
    to_file!(file, layout.size(), |area| draw(area, matrix, &classes, cells, layout))
}

/// Sizes in pixels.
#[derive(Debug, Clone, Copy)]
struct Layout {
    n: usize,
    /// Side of a cell.
    cell: i32,
    /// Room for the names at the left, and for those below.
    names: i32,
    font: i32,
}

/// Above the matrix, and around it.
const MARGIN: i32 = 24;

impl Layout {
    fn of(classes: &[String]) -> Self {
        let n = classes.len();
        let font = if n > 20 { 11 } else { 15 };
        let longest = classes.iter().map(|class| class.chars().count()).max().unwrap_or(1);
        let cell = (720 / n as i32).clamp(22, 96);
        Self { n, cell, names: longest as i32 * font * 6 / 10 + 2 * MARGIN, font }
    }

    fn size(self) -> (u32, u32) {
        let matrix = self.n as i32 * self.cell;
        let side = (matrix + self.names + 2 * MARGIN) as u32;
        (side, side)
    }
}

fn draw<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    matrix: &ConfusionMatrix,
    classes: &[String],
    cells: Cells,
    Layout { n, cell, names, font }: Layout,
) -> std::result::Result<(), String> {
    let failed = |error: DrawingAreaErrorKind<B::ErrorType>| error.to_string();
    area.fill(&WHITE).map_err(failed)?;
    let (left, top) = (names + MARGIN, MARGIN);
    let bottom = top + n as i32 * cell;
    let shares = shares(matrix);
    let style = |size: i32, color: &'static RGBColor, horizontal: HPos| {
        let font = ("sans-serif", size).into_font();
        TextStyle::from(font).color(color).pos(Pos::new(horizontal, VPos::Center))
    };
    for (row, (shares, class)) in shares.iter().zip(classes).enumerate() {
        let y = top + row as i32 * cell;
        let name = style(font, &BLACK, HPos::Right);
        area.draw(&Text::new(class.as_str(), (left - 8, y + cell / 2), name)).map_err(failed)?;
        for (column, share) in shares.iter().enumerate() {
            let x = left + column as i32 * cell;
            let share_or_none = if share.is_nan() { 0.0 } else { *share };
            let place = [(x, y), (x + cell, y + cell)];
            area.draw(&Rectangle::new(place, shade(share_or_none).filled())).map_err(failed)?;
            area.draw(&Rectangle::new(place, RGBColor(220, 220, 220))).map_err(failed)?;
            let count = matrix.count(row, column);
            let text = match cells {
                Cells::Counts if count == 0 => continue,
                Cells::Counts => count.to_string(),
                Cells::Shares if share.is_nan() || *share < 0.005 => continue,
                Cells::Shares => format!("{share:.2}"),
            };
            let ink = if share_or_none > 0.5 { &WHITE } else { &BLACK };
            let fits = (cell * 10 / (6 * text.len().max(1) as i32)).min(font);
            let text_style = style(fits, ink, HPos::Center);
            let middle = (x + cell / 2, y + cell / 2);
            area.draw(&Text::new(text, middle, text_style)).map_err(failed)?;
        }
    }
    for (column, class) in classes.iter().enumerate() {
        let x = left + column as i32 * cell + cell / 2;
        let name =
            TextStyle::from(("sans-serif", font).into_font().transform(FontTransform::Rotate270))
                .pos(Pos::new(HPos::Right, VPos::Center));
        area.draw(&Text::new(class.as_str(), (x, bottom + 8), name)).map_err(failed)?;
    }
    let middle = left + n as i32 * cell / 2;
    let below = style(17, &BLACK, HPos::Center);
    area.draw(&Text::new("predicted", (middle, bottom + names), below)).map_err(failed)?;
    let beside =
        TextStyle::from(("sans-serif", 17).into_font().transform(FontTransform::Rotate270))
            .pos(Pos::new(HPos::Center, VPos::Center));
    let middle = (MARGIN, top.midpoint(bottom));
    area.draw(&Text::new("actual", middle, beside)).map_err(failed)?;
    area.present().map_err(failed)
}

/// From white to a dark blue.
fn shade(share: f64) -> RGBColor {
    let mix = |white: f64, dark: f64| (white + (dark - white) * share) as u8;
    RGBColor(mix(255.0, 8.0), mix(255.0, 48.0), mix(255.0, 107.0))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_matrix_is_drawn_in_both_forms() {
        let mut matrix = ConfusionMatrix::new(3);
        for (actual, predicted) in [(0, 0), (0, 0), (0, 2), (1, 1)] {
            matrix.add(actual, predicted);
        }
        let classes = ["cat", "dog", "a long name"].map(String::from);
        let folder = tempfile::tempdir().unwrap();
        let svg = folder.path().join("m.svg");
        plot_confusion_matrix(&matrix, &classes, Cells::Counts, &svg).unwrap();
        let text = fs::read_to_string(&svg).unwrap();
        assert!(text.contains("a long name") && text.contains("predicted") && text.contains('2'));
        let png = folder.path().join("m.png");
        plot_confusion_matrix(&matrix, &classes, Cells::Shares, &png).unwrap();
        assert!(fs::metadata(&png).unwrap().len() > 1000);
        let nothing = plot_confusion_matrix(&ConfusionMatrix::new(0), &[], Cells::Counts, &svg);
        assert!(matches!(nothing, Err(Error::Nothing { .. })));
        let ending = folder.path().join("m.gif");
        let error = plot_confusion_matrix(&matrix, &classes, Cells::Counts, &ending).unwrap_err();
        assert!(matches!(error, Error::Ending { .. }));
    }
}
