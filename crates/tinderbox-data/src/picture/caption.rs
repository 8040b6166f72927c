//! What is written into pictures.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

use super::Picture;

/// Height of a caption's letters, in pixels.
pub(super) const TEXT: f32 = 13.0;

/// How a caption is meant. Not by its colour alone: a wrong one has a mark before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    #[default]
    Plain,
    Right,
    Wrong,
}

impl Mark {
    pub(super) fn color(self) -> [u8; 3] {
        match self {
            Self::Plain => [30, 30, 30],
            Self::Right => [20, 110, 50],
            Self::Wrong => [180, 30, 30],
        }
    }

    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Wrong => "× ",
            Self::Plain | Self::Right => "",
        }
    }
}

impl Picture {
    /// Writes a line of text.
    pub(super) fn text(&mut self, text: &str, left: usize, top: usize, color: [u8; 3]) {
        let font = font().as_scaled(PxScale::from(TEXT));
        let mut x = left as f32;
        for letter in text.chars() {
            let mut glyph = font.scaled_glyph(letter);
            glyph.position = point(x, top as f32 + font.ascent());
            x += font.h_advance(glyph.id);
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let bounds = outline.px_bounds();
            outline.draw(|dx, dy, coverage| {
                let (x, y) =
                    (bounds.min.x as isize + dx as isize, bounds.min.y as isize + dy as isize);
                if (0..self.width as isize).contains(&x) && (0..self.height as isize).contains(&y) {
                    let pixel = &mut self.pixels[y as usize * self.width + x as usize];
                    for (channel, ink) in pixel.iter_mut().zip(color) {
                        let paper = f32::from(*channel);
                        *channel =
                            (paper + (f32::from(ink) - paper) * coverage.min(1.0)).round() as u8;
                    }
                }
            });
        }
    }
}

/// How wide a text is, in pixels.
pub(super) fn text_width(text: &str) -> usize {
    let font = font().as_scaled(PxScale::from(TEXT));
    text.chars().map(|letter| font.h_advance(font.glyph_id(letter))).sum::<f32>().ceil() as usize
}

/// The text, cut with an ellipsis where it does not fit.
pub(super) fn fitted(text: &str, width: usize) -> String {
    if text_width(text) <= width {
        return text.to_owned();
    }
    let mut cut = text.to_owned();
    while cut.pop().is_some() {
        let shown = format!("{cut}…");
        if text_width(&shown) <= width {
            return shown;
        }
    }
    String::new()
}

/// The text in lines that fit: divided between words, and inside of a word that is wider than a line.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is a first line");
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if text_width(&longer) <= width {
            *line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(String::new());
        }
        for letter in word.chars() {
            let line = lines.last_mut().expect("there is a first line");
            line.push(letter);
            if text_width(line) > width && line.chars().count() > 1 {
                line.pop();
                lines.push(letter.to_string());
            }
        }
    }
    lines
}

fn font() -> &'static FontRef<'static> {
    static FONT: OnceLock<FontRef<'static>> = OnceLock::new();
    FONT.get_or_init(|| {
        FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT)
            .expect("the font is part of the program")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut() {
        let cut = fitted("a very long name that does not fit", 60);
        assert!(cut.ends_with('…') && text_width(&cut) <= 60, "{cut}");
    }

    #[test]
    fn a_long_caption_becomes_lines() {
        assert_eq!(wrapped("cat", 60), ["cat"]);
        let lines = wrapped("golden retriever / cat / 12.34", 110);
        assert!(lines.len() > 1 && lines.iter().all(|line| text_width(line) <= 110), "{lines:?}");
        assert_eq!(lines.join(" "), "golden retriever / cat / 12.34");
        let lines = wrapped("an American_pit_bull_terrier", 60);
        assert!(lines.len() > 2 && lines.iter().all(|line| text_width(line) <= 60), "{lines:?}");
        assert_eq!(lines.concat(), "anAmerican_pit_bull_terrier");
        // A letter is a line where nothing fits.
        assert_eq!(wrapped("ab", 1), ["a", "b"]);
    }

    #[test]
    fn wrong_is_not_said_by_colour_alone() {
        assert_ne!(Mark::Wrong.prefix(), Mark::Right.prefix());
    }
}
