//! Training items for people.

use tinderbox_data::{DataBunch, batch::Set, picture::Picture, text::ShownTexts};

use crate::Result;

/// The first training items, as the model would see them.
#[derive(Debug, Clone)]
pub enum ShownBatch {
    /// Images with their labels, or with their masks over them.
    Picture(Picture),
    /// Texts, divided into tokens, with their labels.
    Texts(ShownTexts),
}

impl ShownBatch {
    /// `rows` × `rows` images.
    pub(crate) fn images(data: &DataBunch, rows: usize) -> Result<Self> {
        Ok(Self::Picture(data.show_batch(rows, Set::Train)?))
    }

    /// This many texts.
    pub(crate) fn texts(data: &DataBunch, rows: usize) -> Result<Self> {
        Ok(Self::Texts(data.show_texts(rows, Set::Train)?))
    }
}
