//! What a language model writes, as text.

use std::ops::ControlFlow;

use tinderbox_data::text::TextInput;
use tinderbox_learn::{
    Bundle,
    generate::{BeamSearch, Generate, Generated},
};

use crate::{LanguageModel, Result, validate::expect};

/// Goes on after `prompt`. `each` hears the text part by part, the prompt first, and may end it.
///
/// An empty prompt is the start of a text.
///
/// # Errors
/// [`TaskError::OtherModel`](crate::TaskError::OtherModel); as [`tinderbox_learn::generate::generate`].
pub fn generate(
    model: &Bundle,
    prompt: &str,
    settings: &Generate,
    mut each: impl FnMut(&str) -> ControlFlow<()>,
) -> Result<Generated> {
    let input = input(model)?;
    let words = words(input, prompt)?;
    let mut telling = Telling { input, words: Vec::new(), told: String::new() };
    let separator = if prompt.is_empty() { "" } else { input.tokenizing.separator() };
    if each(&format!("{prompt}{separator}")).is_break() {
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

/// The likeliest text after `prompt`, by a beam search, with the prompt.
///
/// # Errors
/// As [`generate`].
pub fn likeliest(model: &Bundle, prompt: &str, search: &BeamSearch) -> Result<String> {
    let input = input(model)?;
    let beams = model.beam_search(&words(input, prompt)?, search)?;
    let written = beams.first().map_or(&[][..], |beam| &beam.words);
    let ids: Vec<u32> = written.iter().map(|word| *word as u32).collect();
    let text = input.text(&ids)?;
    let separator = if prompt.is_empty() { "" } else { input.tokenizing.separator() };
    Ok(format!("{prompt}{separator}{text}"))
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
    words: Vec<u32>,
    told: String,
}

impl Telling<'_> {
    /// What one more word adds.
    fn next(&mut self, word: usize) -> Result<String> {
        self.words.push(word as u32);
        let text = self.input.text(&self.words)?;
        // A marker of a repetition waits for what is repeated, and adds nothing yet.
        let part = text.strip_prefix(&self.told).unwrap_or_default().to_owned();
        if text.starts_with(&self.told) {
            self.told = text;
        }
        Ok(part)
    }
}
