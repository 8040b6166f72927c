//! Texts for people: what a model is given, as a table.

use std::fmt;

use super::{Padding, TokenId};
use crate::{
    Array, DataBunch, Error, Result, TargetKind, Values,
    batch::{Batch, Set},
};

/// This many tokens of a text are shown.
const SHOWN: usize = 70;

/// Some texts of a batch, with what is learned about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownTexts {
    /// `idx` and `text` for a language model, `text` and `target` for others.
    pub columns: [&'static str; 2],
    pub rows: Vec<[String; 2]>,
}

impl DataBunch {
    /// The first texts of a set's first batch, as fastai shows them: 70 tokens each, without
    /// padding.
    ///
    /// # Errors
    /// [`Error::NotFromText`] for other data, and those of [`one_batch`](Self::one_batch).
    pub fn show_texts(&self, rows: usize, set: Set) -> Result<ShownTexts> {
        let inference = self.inference();
        let input = inference.text_input()?;
        let Batch { inputs, items, .. } = self.one_batch(set)?;
        let row = |(at, item): (usize, usize)| {
            let ids = token_ids(&inputs.row(at), input.pad())?;
            let tokens = input.vocab.tokens_of(&ids)?;
            let text = tokens[..tokens.len().min(SHOWN)].join(input.tokenizing.separator());
            Ok(match self.target() {
                TargetKind::Words { .. } => [at.to_string(), text],
                _ => [text, self.label(set, item)],
            })
        };
        let columns = match self.target() {
            TargetKind::Words { .. } => ["idx", "text"],
            _ => ["text", "target"],
        };
        let rows = items.into_iter().take(rows).enumerate().map(row).collect::<Result<_>>()?;
        Ok(ShownTexts { columns, rows })
    }
}

/// The numbers of a row, without padding at its ends.
fn token_ids(row: &Array, pad: Option<TokenId>) -> Result<Vec<TokenId>> {
    let no_text = || Error::NotFromText { inputs: "arrays" };
    let Values::I64(values) = &row.values else { return Err(no_text()) };
    let text =
        pad.map_or(values.as_slice(), |id| Padding { id, ..Padding::default() }.strip(values));
    text.iter().map(|id| TokenId::try_from(*id).map_err(|_| no_text())).collect()
}

/// A table in Markdown.
impl fmt::Display for ShownTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.columns;
        writeln!(f, "| {first} | {second} |\n|---|---|")?;
        for row in &self.rows {
            let [first, second] =
                row.each_ref().map(|cell| cell.replace('\n', "\\n").replace('|', "\\|"));
            writeln!(f, "| {first} | {second} |")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Label,
        text::{ClassifierOptions, LmOptions, TextItems, Tokenizing, VocabOptions, human_numbers},
    };

    #[test]
    fn texts_are_shown_without_padding_and_with_their_label() {
        let labels = ["b", "a"].map(|name| Label::Text(name.into()));
        let data = TextItems::from_texts(["one | two", "a\nb three four"])
            .split_none()
            .label_from_lists(&labels, &[])
            .unwrap()
            .tokenize_by(
                &Tokenizing::default(),
                &VocabOptions { min_freq: 1, ..Default::default() },
            )
            .unwrap()
            .batches(ClassifierOptions { batch_size: 2, ..Default::default() })
            .unwrap();
        let shown = data.show_texts(5, Set::Fix).unwrap().to_string();
        assert_eq!(
            shown,
            "| text | target |\n|---|---|\n| xxbos a \\n  b three four | a |\n| xxbos one \\| two | b |\n"
        );
    }

    #[test]
    fn rows_of_a_language_model_are_counted() {
        let texts =
            human_numbers().label_for_lm_by(&Tokenizing::default(), &VocabOptions::default());
        let data = texts.unwrap().batches(LmOptions::default()).unwrap();
        let shown = data.show_texts(2, Set::Valid).unwrap();
        assert_eq!(shown.rows.len(), 2);
        assert!(shown.rows[0][1].starts_with("xxbos eight thousand one , eight"));
        assert_eq!(shown.rows[0][1].split(' ').count(), 70);
    }

    #[test]
    fn pictures_are_no_text() {
        let row = || (Array::f32([2, 1], vec![0.0; 2]), Array::i64([2], vec![0; 2]));
        let options = crate::BatchOptions { batch_size: 2, ..Default::default() };
        let data = DataBunch::from_arrays(row(), row(), options).unwrap();
        let error = data.show_texts(1, Set::Train).unwrap_err();
        assert!(matches!(error, Error::NotFromText { inputs: "arrays" }), "{error}");
    }
}
