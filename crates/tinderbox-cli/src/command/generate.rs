use std::{
    io::{Write, stdout},
    ops::ControlFlow,
    path::PathBuf,
};

use clap::Args;
use serde_json::json;
use tinderbox::{
    data::visible_lines,
    learn::generate::{BeamSearch, Generate as Settings, Sampling},
    open_model, texts,
};

use crate::{
    exit::Done,
    terminal::{print_data, print_line, say},
};

/// Generate text with a language model
///
/// Continues the prompt, word by word. The same seed generates the same text.
///
/// Examples:
///   tinderbox generate runs/shakespeare --prompt "Shall I"
///   tinderbox generate runs/shakespeare --temperature 0.7 --top-k 40 --seed 7
///   tinderbox generate runs/shakespeare --prompt "Shall I" --words 10 --beam 20
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Generate {
    /// Run folder or model file
    model: PathBuf,

    /// Text to continue [default: none]
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    prompt: String,

    /// Number of words to generate; of characters, for a model of characters
    #[arg(long, value_name = "N", default_value_t = 80)]
    words: usize,

    /// Sampling temperature: below 1 favors likely words, above 1 evens out the
    /// probabilities; 0 always takes the most likely word
    #[arg(long, value_name = "T", default_value_t = 0.75)]
    temperature: f64,

    /// Sample from the K most likely words only
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,

    /// Sample from words of at least this probability only
    #[arg(long, value_name = "P")]
    min_p: Option<f64>,

    /// Search with this many beams and print the most likely text found, instead of
    /// sampling
    #[arg(long, value_name = "N", conflicts_with_all = ["temperature", "min_p", "seed"])]
    beam: Option<usize>,

    /// Allow the unknown word, `xxunk`, in the text
    #[arg(long)]
    unknown: bool,

    /// Seed of the sampling
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,

    /// Print one JSON object, once the text is complete
    #[arg(long)]
    json: bool,
}

impl Generate {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let model = open_model(&self.model)?;
        if let Some(beams) = self.beam {
            let usual = BeamSearch::default();
            let top_k = self.top_k.unwrap_or(usual.top_k);
            let never = usual.never.filter(|_| !self.unknown);
            let search = BeamSearch { words: self.words, top_k, beams, never };
            let text = texts::likeliest(&model, &self.prompt, &search)?;
            match self.json {
                true => print_data(&self.as_json(&text)),
                false => print_line(&text),
            }
            return Ok(Done::Ok);
        }
        let usual = Sampling::default();
        let sampling = Sampling {
            temperature: self.temperature,
            top_k: self.top_k,
            min_p: self.min_p,
            never: usual.never.filter(|_| !self.unknown),
        };
        let settings = Settings { words: self.words, sampling, seed: self.seed };
        let mut text = String::new();
        let print = |part: &str| {
            text.push_str(part);
            // Nobody reads on: `| head`.
            match self.json || is_told(part) {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        };
        let written = texts::generate(&model, &self.prompt, &settings, print)?;
        print_data(&if self.json { self.as_json(&text) } else { String::new() });
        if written.min_p_too_high > 0 {
            say(&format!(
                "note: for {} of {} words, no candidate reached `--min-p`, so the sampling was from \
                 all of them",
                written.min_p_too_high,
                written.words.len()
            ));
        }
        Ok(Done::Ok)
    }

    fn as_json(&self, text: &str) -> String {
        json!({ "prompt": self.prompt, "text": text }).to_string()
    }
}

/// Prints a part of a line, and says whether anybody reads it.
fn is_told(part: &str) -> bool {
    let mut out = stdout().lock();
    write!(out, "{}", visible_lines(part)).and_then(|()| out.flush()).is_ok()
}
