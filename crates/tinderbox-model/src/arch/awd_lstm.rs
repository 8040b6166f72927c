//! AWD-LSTM: layers of LSTM with dropout wherever it does no harm to what they remember.
//!
//! Merity et al., [Regularizing and Optimizing LSTM Language Models](https://arxiv.org/abs/1708.02182),
//! 2017, as fastai has it: with its defaults, and with its names of parameters.

mod config;
mod encoder;
mod language_model;
mod masks;
mod penalty;
mod weight_drop;

pub use config::{AwdDropouts, AwdLstmConfig, LanguageModelConfig};
pub use encoder::{AwdLstm, Encoded, Order};
pub use language_model::LanguageModel;
pub use masks::Masks;
pub(crate) use penalty::Penalty;
