//! Text: from documents to the numbers of their tokens.
//!
//! A document is cleaned ([`rules`]) and divided into tokens ([`Tokenizing`]); those that occur
//! often enough are the [`Vocab`], and a model is given their numbers.

mod chars;
mod classify;
mod corpus;
mod engine;
mod human_numbers;
mod items;
mod lm;
pub mod rules;
mod shown;
mod source;
pub mod special;
mod table;
mod tags;
mod tokenizing;
mod vocab;
mod word;

pub use classify::{ClassifierOptions, LabelledTexts, Padding};
pub use corpus::{Columns, Corpus, TokenId};
pub use human_numbers::{HUMAN_NUMBERS, human_numbers, human_numbers_texts, number_in_words};
pub use items::{TextCsv, TextItems, TextKind};
pub use lm::{LmOptions, LmSamples, LmTexts};
pub use rules::Rules;
pub use shown::ShownTexts;
pub use source::VocabSource;
pub use special::{Profile, decode_special_tokens};
pub use tags::{IGNORE_TAG, TagCsv, TagSplit, Tagged, TaggedItems};
pub use tokenizing::{FileTokenizer, Join, TextInput, TokenizeOptions, Tokenizer, Tokenizing};
pub use vocab::{Vocab, VocabOptions};
pub use word::tokenize_words;

pub use crate::file::{read_text, read_text_in};
