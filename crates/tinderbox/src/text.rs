//! Texts: language models, what they write, and classifiers that start from them.
//!
//! These are the recipes behind the command line. Each takes plain settings and tells a
//! [`Watch`](crate::Watch) what happens.
//!
//! ```no_run
//! use tinderbox::{learn::generate::Generate, open_model, quiet, text};
//!
//! # fn main() -> Result<(), tinderbox::Error> {
//! let settings = text::LanguageModelSettings::new("shakespeare.txt", "runs/shakespeare");
//! let trained = text::train_language_model(&settings, &quiet())?;
//!
//! let model = open_model(trained.run.root())?;
//! text::generate(&model, "Shall I", &Generate::default(), |part| {
//!     print!("{part}");
//!     std::ops::ControlFlow::Continue(())
//! })?;
//! # Ok(())
//! # }
//! ```

mod classifier;
mod human_numbers;
mod language_model;
mod learner;
mod write;

pub use classifier::{
    ClassifierPlan, ClassifierSettings, LabelSource, TextSplit, is_of_texts, predict_text,
    resume_classifier, train_classifier,
};
pub use human_numbers::{
    HUMAN_NUMBERS, HumanNumbers, HumanNumbersRun, acc4, human_numbers_data, lesson_human_numbers,
    loss4,
};
pub use language_model::{
    LanguageModelPlan, LanguageModelSettings, Objective, Source, Tokens, resume_language_model,
    train_language_model,
};
pub use learner::{language_model_learner, tagger_learner, text_classifier_learner};
pub use write::{generate, likeliest};
