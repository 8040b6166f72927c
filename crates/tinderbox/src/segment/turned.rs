//! Images that their EXIF orientation turns, while masks have none.

use std::path::{Path, PathBuf};

use tinderbox_data::image::{ImageInfo, Turn};

use super::Pairs;
use crate::plan::Choices;

/// Warns of images that are turned or mirrored without another size, so that nothing else tells
/// whether their masks are turned, too.
pub(super) fn warn(images: &Path, pairs: &Pairs, choices: &mut Choices) {
    let is_hidden = |file: &&PathBuf| {
        let Ok(info) = ImageInfo::read(images.join(file)) else { return false };
        match info.turn {
            Turn::Not => false,
            Turn::SameSides => true,
            Turn::OtherSides => info.height == info.width,
        }
    };
    let turned: Vec<&PathBuf> = pairs.masks.keys().filter(is_hidden).collect();
    let Some(first) = turned.first() else { return };
    let first = first.display();
    let (one, n) = match turned.len() {
        1 => (format!("{first} is"), "its mask"),
        n => (format!("{n} images, such as {first}, are"), "their masks"),
    };
    choices.warn(format!(
        "{one} turned or mirrored by an EXIF orientation, which {n} may not have followed: compare them with `tinderbox show-batch`"
    ));
}
