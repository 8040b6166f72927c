use std::path::PathBuf;

use clap::Args;
use tinderbox::{RunFolder, open_model, task_of_model};

use super::interpret::print_classes;
use crate::{
    exit::Done,
    given::{Of, Validating, tasks},
    terminal::{Style, job, print_data, print_line},
};

/// Evaluate a model on labelled data
///
/// Prints the loss and the metrics, computed as in training. Without DATA,
/// evaluates the validation set of the run. A language model starts with a fresh
/// hidden state here, but in training with the state of the epoch, so its metrics
/// differ slightly. Super-resolution is evaluated on whole images, not on the parts
/// it was trained on. The loss of training is known in a run folder; for a model
/// file alone, the usual loss of such data is shown.
///
/// Examples:
///   tinderbox validate runs/photos
///   tinderbox validate runs/photos photos/test
///   tinderbox validate runs/streets --images test/images --masks test/masks
///   tinderbox validate runs/shakespeare sonnets.txt
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Validate {
    /// Run folder or model file
    #[arg(index = 1)]
    model: PathBuf,

    #[command(flatten)]
    settings: Of<Validating>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Validate {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let job = job(Style::Text)?;
        let scores = match self.model.is_dir() {
            true => {
                let asked = self.settings.given.of_run(&self.model, None)?;
                asked.task.validate_run(&RunFolder::new(&self.model), &asked.settings, &job)?
            }
            false => {
                let model = open_model(&self.model)?;
                let asked = self.settings.given.of_task(task_of_model(tasks(), &model)?, None)?;
                asked.task.validate(&model, &asked.settings, &job)?
            }
        };
        if self.json {
            print_data(&serde_json::to_string(&scores)?);
            return Ok(Done::Ok);
        }
        let names = scores.metrics.iter().map(|(name, _)| name.chars().count());
        let width = names.max().unwrap_or(0).max(scores.unit.len());
        print_line(&format!("{:<width$}  {}", scores.unit, scores.items));
        for (name, value) in &scores.metrics {
            print_line(&format!("{name:<width$}  {value:.6}"));
        }
        if !scores.classes.is_empty() {
            print_line("");
            print_classes(&scores.classes);
        }
        Ok(Done::Ok)
    }
}
