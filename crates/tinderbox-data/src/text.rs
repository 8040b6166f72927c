//! Text: from documents to the numbers of their tokens.
//!
//! A document is cleaned ([`rules`]) and divided into tokens ([`Tokenizing`]); those that occur
//! often enough are the [`Vocab`], and a model is given their numbers.

mod chars;
mod corpus;
mod engine;
pub mod rules;
pub mod special;
mod tokenizing;
mod vocab;
mod word;

pub use corpus::{Columns, Corpus, TokenId};
pub use rules::Rules;
pub use special::{Profile, decode_special_tokens};
pub use tokenizing::{Join, TextInput, TokenizeOptions, Tokenizer, Tokenizing};
pub use vocab::{Vocab, VocabOptions};
pub use word::tokenize_words;
