//! Generating text with a language model.

use std::ops::ControlFlow;

use tinderbox_data::text::TextInput;
use tinderbox_learn::{
    Bundle,
    generate::{BeamSearch, Generate, Generated},
};

use crate::{LanguageModel, Result, validate::expect};

/// Continues `prompt`. `each` receives the text part by part, the prompt first, and may stop it.
///
/// An empty prompt is the start of a text.
///
/// # Errors
/// [`TaskError::OtherModel`](crate::TaskError::OtherModel); as [`tinderbox_learn::generate::generate`].
#[doc(alias = "beam_search")]
#[doc(alias = "learn.predict")]
pub fn generate(
    model: &Bundle,
    prompt: &str,
    settings: &Generate,
    mut each: impl FnMut(&str) -> ControlFlow<()>,
) -> Result<Generated> {
    let input = input(model)?;
    let words = words(input, prompt)?;
    let mut telling = Telling::after(input, prompt, &words)?;
    if each(prompt).is_break() {
        return Ok(Generated { words: Vec::new(), min_p_too_high: 0 });
    }
    let mut failed = None;
    let generated = model.generate(&words, settings, |word| match telling.next(word) {
        Ok(part) if part.is_empty() => ControlFlow::Continue(()),
        Ok(part) => each(&part),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(generated), Err)
}

/// The most likely continuation of `prompt`, by a beam search, with the prompt.
///
/// # Errors
/// As [`generate`].
pub fn likeliest(model: &Bundle, prompt: &str, search: &BeamSearch) -> Result<String> {
    let input = input(model)?;
    let words = words(input, prompt)?;
    let beams = model.beam_search(&words, search)?;
    let mut telling = Telling::after(input, prompt, &words)?;
    let written = beams.first().map_or(&[][..], |beam| &beam.words);
    let parts = written.iter().map(|word| telling.next(*word));
    Ok(prompt.to_owned() + &parts.collect::<Result<String>>()?)
}

/// The tokenizer and vocabulary of a language model.
fn input(model: &Bundle) -> Result<&TextInput> {
    expect::<LanguageModel>(model)?;
    Ok(model.manifest.inference.text_input()?)
}

/// The numbers of a prompt's words.
fn words(input: &TextInput, prompt: &str) -> Result<Vec<usize>> {
    Ok(input.ids(prompt)?.into_iter().map(|id| id as usize).collect())
}

/// Makes text of words one by one: a marker changes the word after it.
struct Telling<'a> {
    input: &'a TextInput,
    /// Those of the prompt, and what was written since.
    words: Vec<u32>,
    told: String,
    /// Whether nothing is shown yet, so that no space stands before what is.
    first: bool,
}

impl<'a> Telling<'a> {
    /// What comes after a prompt, whose words these are.
    fn after(input: &'a TextInput, prompt: &str, words: &[usize]) -> Result<Self> {
        let words: Vec<u32> = words.iter().map(|word| *word as u32).collect();
        let told = input.text(&words)?;
        Ok(Self { input, words, told, first: prompt.is_empty() })
    }

    /// What one more word adds.
    fn next(&mut self, word: usize) -> Result<String> {
        self.words.push(word as u32);
        let text = self.input.text(&self.words)?;
        // A marker of a repetition waits for what is repeated, and adds nothing yet.
        let part = text.strip_prefix(&self.told).unwrap_or_default().to_owned();
        if text.starts_with(&self.told) {
            self.told = text;
        }
        if self.first && !part.is_empty() {
            self.first = false;
            return Ok(part.trim_start_matches(' ').to_owned());
        }
        Ok(part)
    }
}
