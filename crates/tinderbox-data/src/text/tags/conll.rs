//! Reading sentences of tagged tokens.

use std::path::Path;

use super::{Tagged, TaggedItems};
use crate::{Error, Result, file, items::Table};

/// What stands between documents.
const DOCUMENT: &str = "-DOCSTART-";

/// Which columns of a CSV file hold tagged tokens, one a row. The rows of a sentence follow each
/// other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagCsv {
    /// What rows of one sentence have in common; by name, or number from 0.
    pub sentence: String,
    pub token: String,
    pub tag: String,
    /// What separates the columns: a comma, unless it is set.
    pub delimiter: u8,
    /// Whether the first line names the columns.
    pub header: bool,
}

impl Default for TagCsv {
    fn default() -> Self {
        Self {
            sentence: "sentence".into(),
            token: "token".into(),
            tag: "tag".into(),
            delimiter: b',',
            header: true,
        }
    }
}

impl TaggedItems {
    /// Sentences of a file in the format of the CoNLL tasks: a token a line, then spaces or tabs,
    /// other columns perhaps, and last its tag; an empty line ends a sentence. Lines that start
    /// with `-DOCSTART-` are left out.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::NotAFile`], [`Error::NotUtf8`]; [`Error::TagLine`] for a line
    /// without a tag; [`Error::NoSentences`].
    pub fn from_conll(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = file::read_text(path)?;
        let mut sentences: Vec<Tagged> = Vec::new();
        let mut ended = true;
        for (at, line) in text.lines().enumerate() {
            let mut columns = line.split([' ', '\t']).filter(|column| !column.is_empty());
            let token = columns.next();
            let Some(token) = token.filter(|token| *token != DOCUMENT) else {
                ended = true;
                continue;
            };
            let tag = columns.next_back().ok_or_else(|| Error::TagLine {
                path: path.into(),
                line: at + 1,
                token: token.into(),
            })?;
            if ended {
                let name = format!("{}, line {}", path.display(), at + 1);
                sentences.push(Tagged { name, ..Tagged::default() });
                ended = false;
            }
            push(&mut sentences, token, tag);
        }
        found(path, sentences)
    }

    /// Sentences of a CSV file with a token a row.
    ///
    /// # Errors
    /// Those of [`Table::read`]; [`Error::NoColumn`] with the columns that there are;
    /// [`Error::EmptyCell`] for a row without sentence, token or tag.
    pub fn from_csv(path: impl AsRef<Path>, options: &TagCsv) -> Result<Self> {
        let path = path.as_ref();
        let table = Table::read(path, options.delimiter, options.header)?;
        let [sentence, token, tag] =
            [&options.sentence, &options.token, &options.tag].map(|column| table.column(column));
        let (sentence, token, tag) = (sentence?, token?, tag?);
        let mut sentences: Vec<Tagged> = Vec::new();
        let mut before = None;
        for row in 0..table.len() {
            let id = table.cell(row, sentence)?;
            if before != Some(id) {
                let name = format!("{}, sentence {id}", path.display());
                sentences.push(Tagged { name, ..Tagged::default() });
                before = Some(id);
            }
            push(&mut sentences, table.cell(row, token)?, table.cell(row, tag)?);
        }
        found(path, sentences)
    }
}

fn push(sentences: &mut [Tagged], token: &str, tag: &str) {
    if let Some(sentence) = sentences.last_mut() {
        sentence.tokens.push(token.to_owned());
        sentence.tags.push(tag.trim().to_owned());
    }
}

fn found(path: &Path, sentences: Vec<Tagged>) -> Result<TaggedItems> {
    match sentences.is_empty() {
        true => Err(Error::NoSentences { path: path.into() }),
        false => Ok(TaggedItems { sentences }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<TaggedItems> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.conll");
        std::fs::write(&path, text).unwrap();
        TaggedItems::from_conll(&path)
    }

    fn shown(items: &TaggedItems) -> Vec<String> {
        let pairs = |sentence: &Tagged| {
            let pairs = sentence.tokens.iter().zip(&sentence.tags);
            pairs.map(|(token, tag)| format!("{token}/{tag}")).collect::<Vec<_>>().join(" ")
        };
        items.sentences.iter().map(pairs).collect()
    }

    #[test]
    fn empty_lines_end_sentences_and_marks_of_documents_are_left_out() {
        let text =
            "-DOCSTART- -X- -X- O\n\nEU NNP I-NP B-ORG\nrejects VBZ I-VP O\n\r\n\nPeter\tB-PER\n";
        let items = read(text).unwrap();
        assert_eq!(shown(&items), ["EU/B-ORG rejects/O", "Peter/B-PER"]);
        assert!(items.sentences[1].name.ends_with("train.conll, line 7"));
    }

    #[test]
    fn a_token_without_a_tag_is_named() {
        let error = read("EU B-ORG\nrejects\n").unwrap_err().to_string();
        assert!(error.ends_with("train.conll, line 2: the token `rejects` has no tag"), "{error}");
        let error = read("\n-DOCSTART-\n").unwrap_err().to_string();
        assert!(error.ends_with("train.conll has no sentences"), "{error}");
    }

    #[test]
    fn rows_of_one_sentence_follow_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ner.csv");
        std::fs::write(&path, "sentence,token,tag\n1,EU,B\n1,\",\",O\n2,Peter,B\n").unwrap();
        let items = TaggedItems::from_csv(&path, &TagCsv::default()).unwrap();
        assert_eq!(shown(&items), ["EU/B ,/O", "Peter/B"]);
        let options = TagCsv { tag: "ner".into(), ..TagCsv::default() };
        let error = TaggedItems::from_csv(&path, &options).unwrap_err().to_string();
        assert!(error.ends_with("has no column `ner`; it has sentence, token, tag"), "{error}");
    }
}
