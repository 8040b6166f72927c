use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;
use tinderbox::{
    check_outputs,
    data::visible_path,
    learn::schedule::{self, Suggestion},
    plots::plot_lr_find,
};

use super::{files::drawable, train::task_names};
use crate::{
    exit::Done,
    given::{DATA, Look, Of},
    terminal::{Style, job, print_data, print_line, say},
};

/// Find a learning rate: train briefly at rising rates and plot the loss
///
/// A good learning rate lies where the loss falls steeply, well before it rises.
/// The trained weights are discarded; only the plot is kept.
///
/// Examples:
///   tinderbox lr-find photos --plot lr.svg
///   tinderbox lr-find --images photos --masks masks --plot lr.svg
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct LrFind {
    #[command(flatten)]
    settings: Of<Look>,

    /// Task [default: inferred from the data]
    #[arg(long, value_name = "TASK", value_parser = task_names())]
    task: Option<String>,

    /// Configuration file, as for `tinderbox train`
    #[arg(long, value_name = "FILE", group = DATA)]
    config: Option<PathBuf>,

    /// File for the plot, .svg or .png
    #[arg(long, value_name = "FILE", value_parser = plot)]
    plot: Option<PathBuf>,

    /// Overwrite an existing file
    #[arg(long, visible_alias = "overwrite", requires = "plot")]
    force: bool,

    /// Lowest learning rate to try
    #[arg(long, value_name = "LR", default_value_t = 1e-7, allow_negative_numbers = true, value_parser = rate)]
    start_lr: f64,

    /// Highest learning rate to try
    #[arg(long, value_name = "LR", default_value_t = 10.0, allow_negative_numbers = true, value_parser = rate)]
    end_lr: f64,

    /// Number of batches to spread the rates over, at least 20: the first 10 and the last 5
    /// are not used for suggestions
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(20..))]
    batches: u32,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn plot(text: &str) -> Result<PathBuf, String> {
    drawable(text, &["svg", "png"])
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(rate),
        _ => Err("expected a number above 0, such as 0.01 or 1e-2".into()),
    }
}

impl LrFind {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let (start, end) = (self.start_lr, self.end_lr);
        ensure!(start < end, "the lowest learning rate, {start}, must be below the highest, {end}");
        let options = schedule::LrFind {
            start_lr: self.start_lr,
            end_lr: self.end_lr,
            num_it: self.batches as usize,
            ..schedule::LrFind::default()
        };
        let asked = self.settings.given.resolve(self.task.as_deref(), self.config.as_deref())?;
        let data = asked.sources();
        let data = data.iter().map(PathBuf::as_path);
        check_outputs(self.plot.as_deref(), data, self.force).map_err(tinderbox::Error::from)?;
        let curve = asked.task.lr_find(&asked.settings, &options, &job(Style::Text)?)?;
        let suggestion = curve
            .suggestion()
            .context("too few batches for a suggestion: try more with `--batches`")?;
        if let Some(file) = &self.plot {
            plot_lr_find(&curve, file).map_err(tinderbox::Error::from)?;
            say(&format!("wrote {}", visible_path(file)));
        }
        let Suggestion { lr_valley, lr_steepest, lr_min_div_10, .. } = suggestion;
        match self.json {
            true => print_data(&serde_json::json!({ "valley": lr_valley, "steepest": lr_steepest, "min_div_10": lr_min_div_10, "lrs": curve.lrs, "losses": curve.losses }).to_string()),
            false => {
                print_line(&format!("{lr_valley:.1e}  suggested: in the longest valley of the loss"));
                print_line(&format!("{lr_steepest:.1e}  where the loss falls most steeply"));
                print_line(&format!("{lr_min_div_10:.1e}  a tenth of the rate with the lowest loss"));
                print_line(&format!("\ntrain with it: `--lr {lr_valley:.1e}`"));
            }
        }
        Ok(Done::Ok)
    }
}
