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
mod source;
pub mod special;
mod tokenizing;
mod vocab;
mod word;

pub use classify::{ClassifierOptions, LabelledTexts, Padding};
pub use corpus::{Columns, Corpus, TokenId};
pub use human_numbers::{HUMAN_NUMBERS, human_numbers, number_in_words};
pub use items::{TextCsv, TextItems, TextKind};
pub use lm::{LmOptions, LmSamples, LmTexts};
pub use rules::Rules;
pub use source::VocabSource;
pub use special::{Profile, decode_special_tokens};
pub use tokenizing::{Join, TextInput, TokenizeOptions, Tokenizer, Tokenizing};
pub use vocab::{Vocab, VocabOptions};
pub use word::tokenize_words;

/// The target of a token that no tag is learned for: padding.
pub const IGNORE_TAG: i64 = -1;
