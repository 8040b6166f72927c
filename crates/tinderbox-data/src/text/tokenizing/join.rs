//! Columns to one text, with marks of where it starts and ends.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::text::special::{BOS, EOS, FLD};

/// How the columns of a document become one text. The defaults are fastai's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Whether each column starts with `xxfld` and its number, from 1; off.
    pub mark_fields: bool,
    /// Whether the text starts with `xxbos`; on.
    pub bos: bool,
    /// Whether it ends with `xxeos`; off.
    pub eos: bool,
}

impl Default for Join {
    fn default() -> Self {
        Self { mark_fields: false, bos: true, eos: false }
    }
}

impl Join {
    /// The text of a document.
    pub fn columns(self, columns: &[impl AsRef<str>]) -> String {
        let len: usize = columns.iter().map(|column| column.as_ref().len() + FLD.len() + 8).sum();
        let mut text = String::with_capacity(len);
        if self.bos {
            text.push_str(BOS);
            text.push(' ');
        }
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                text.push(' ');
            }
            if self.mark_fields {
                write!(text, "{FLD} {} ", at + 1).expect("memory takes any text");
            }
            text.push_str(column.as_ref());
        }
        if self.eos {
            text.push(' ');
            text.push_str(EOS);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_from_one() {
        let join = Join { mark_fields: true, bos: true, eos: true };
        assert_eq!(join.columns(&["a", "b"]), "xxbos xxfld 1 a xxfld 2 b xxeos");
        assert_eq!(Join::default().columns(&["a", "b"]), "xxbos a b");
    }
}
