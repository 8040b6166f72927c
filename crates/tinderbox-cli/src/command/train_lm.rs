use std::path::PathBuf;

use clap::Args;
use tinderbox::text::{LanguageModelSettings, Tokens, resume_language_model, train_language_model};

use super::train::{default_out, finish, rate, told};
use crate::{
    exit::Done,
    interrupt,
    terminal::{Style, watch},
};

/// Train a language model: what word comes next
///
/// Takes a text file, a folder of .txt files, or a column of a CSV file. What is
/// not said is decided by a look at the texts, and explained.
///
/// The run folder gets everything, as with `train`; `generate` writes with the
/// model, and `train --from-lm` makes a classifier of it.
///
/// Examples:
///   tinderbox train-lm shakespeare.txt --out runs/shakespeare
///   tinderbox train-lm shakespeare.txt --tokens characters --arch gru
///   tinderbox train-lm reviews.csv --text title --text body
///   tinderbox train-lm tweets.txt --from runs/wikipedia
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct TrainLm {
    /// Text file, folder of .txt files, or CSV file
    #[arg(required_unless_present_all = ["resume", "out"])]
    texts: Option<PathBuf>,

    /// Column of a CSV file with text in it, by name or number; may be given
    /// several times [default: text]
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    text: Vec<String>,

    /// What texts are divided into: `words`, `characters`, or by a Hugging Face
    /// `tokenizer.json` [default: words]
    #[arg(long, value_name = "WHAT", help_heading = "Data", value_parser = tokens)]
    tokens: Option<Tokens>,

    /// Share that validates: of the texts, or of each text's end if there are few
    /// [default: 0.1]
    #[arg(long, value_name = "SHARE", help_heading = "Data", allow_negative_numbers = true)]
    valid: Option<f64>,

    /// Words that train less often are unknown [default: 2; of characters: 1]
    #[arg(long, value_name = "N", help_heading = "Data")]
    min_freq: Option<usize>,

    /// The most words that the model knows [default: 60000]
    #[arg(long, value_name = "N", help_heading = "Data", value_parser = positive)]
    max_vocab: Option<usize>,

    /// Rows of a batch [default: by the length of the texts]
    #[arg(long, value_name = "N", help_heading = "Data", value_parser = positive)]
    batch_size: Option<usize>,

    /// Tokens in a row: how far back the gradient goes [default: 70; of
    /// characters: 100]
    #[arg(long, value_name = "N", help_heading = "Data", value_parser = positive)]
    bptt: Option<usize>,

    /// Seed of everything random: the same seed gives the same bits
    /// [default: 42]
    #[arg(long, value_name = "N", help_heading = "Data")]
    seed: Option<u64>,

    /// Architecture: awd-lstm, lstm, gru, or the lesson's model3, model4, model5
    /// [default: awd-lstm; of characters: lstm]
    #[arg(long, value_name = "NAME", help_heading = "Model")]
    arch: Option<String>,

    /// Numbers for a word [default: 200; of lstm and gru: 64]
    #[arg(long, value_name = "N", help_heading = "Model", value_parser = positive)]
    embedding: Option<usize>,

    /// Numbers a step between layers [default: 400; of lstm and gru: 256]
    #[arg(long, value_name = "N", help_heading = "Model", value_parser = positive)]
    hidden: Option<usize>,

    /// Recurrent layers [default: 2]
    #[arg(long, value_name = "N", help_heading = "Model", value_parser = positive)]
    layers: Option<usize>,

    /// What the dropouts of an awd-lstm are multiplied by; the dropout between the
    /// layers of the others [default: 1; 0.1]
    #[arg(long, value_name = "X", help_heading = "Model")]
    dropout: Option<f64>,

    /// Run to start from; words that it does not know start from the mean of those
    /// that it does
    #[arg(long, value_name = "RUN", help_heading = "Model")]
    from: Option<PathBuf>,

    /// Epochs to train for [default: by the length of the texts]
    #[arg(long, value_name = "N", help_heading = "Training", value_parser = positive)]
    epochs: Option<usize>,

    /// Learning rate at the peak of the one-cycle schedule [default: 0.005; with
    /// `--from`: 0.001]
    #[arg(long, value_name = "LR", help_heading = "Training", allow_negative_numbers = true, value_parser = rate)]
    lr: Option<f64>,

    /// Shorten steps whose gradients are longer than this in all
    #[arg(long, value_name = "NORM", help_heading = "Training", value_parser = rate)]
    clip: Option<f64>,

    /// Run folder [default: `runs/` and the name of the texts]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    out: Option<PathBuf>,

    /// Go on with the run in the run folder, as it was begun
    #[arg(long, help_heading = "Run")]
    resume: bool,

    /// Steps between checkpoints; 0 for those after each epoch only
    /// [default: 100]
    #[arg(long, value_name = "N", help_heading = "Run")]
    checkpoint_every: Option<usize>,

    /// Print one JSON object a line
    #[arg(long, help_heading = "Run")]
    json: bool,
}

fn tokens(text: &str) -> Result<Tokens, String> {
    text.parse().map_err(|error: tinderbox::Error| match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err("a whole number above 0".into()),
    }
}

impl TrainLm {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        interrupt::listen()?;
        let texts = self.texts.clone().unwrap_or_default();
        let stem = texts.with_extension("");
        let settings = LanguageModelSettings {
            out: self.out.clone().unwrap_or_else(|| default_out(&stem)),
            data: texts,
            columns: (!self.text.is_empty()).then(|| self.text.clone()),
            tokens: self.tokens.clone(),
            valid: self.valid,
            min_freq: self.min_freq,
            max_vocab: self.max_vocab,
            arch: self.arch.clone(),
            embedding: self.embedding,
            hidden: self.hidden,
            layers: self.layers,
            dropout: self.dropout,
            epochs: self.epochs,
            lr: self.lr,
            batch_size: self.batch_size,
            bptt: self.bptt,
            clip: self.clip,
            from: self.from.clone(),
            seed: self.seed,
            checkpoint_every: self.checkpoint_every,
        };
        let style = Style::of(self.json);
        let trained = match self.resume {
            true => resume_language_model(&settings, &watch(style)),
            false => train_language_model(&settings, &watch(style)),
        };
        Ok(finish(&told(trained, style)?, style))
    }
}
