use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::json;
use tinderbox::{
    check, check_outputs,
    data::{shell_word, visible_path},
};

use super::train::task_names;
use crate::{
    exit::Done,
    given::{AboutData, DATA, Of},
    terminal::{Style, count, job, print_data, print_line, say},
};

/// Check data before training on it
///
/// Reads every file and tells how training would read the data: the sets, the
/// classes with their counts, what is left out. Then it looks for what training
/// does not see: copies and near copies of an image, within a class, in several
/// classes, or in both the training and the validation set; unusual sizes; texts
/// that are empty, very long, or that the tokenizer does not divide.
///
/// The data is never changed. `--fix` writes a copy without unreadable files and
/// copies, and lists in left-out.csv what it is without.
///
/// Exit code: 1 if training would refuse the data or files cannot be used, 0 for
/// warnings and notes.
///
/// Examples:
///   tinderbox check photos
///   tinderbox check photos --html photos.html
///   tinderbox check --images photos --masks masks --codes codes.txt
///   tinderbox check reviews.csv --text review --label sentiment
///   tinderbox check photos --fix cleaned
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Check {
    #[command(flatten)]
    settings: Of<AboutData>,

    /// Task [default: inferred from the data]
    #[arg(long, value_name = "TASK", value_parser = task_names())]
    task: Option<String>,

    /// Configuration file, as for `tinderbox train`
    #[arg(long, value_name = "FILE", group = DATA)]
    config: Option<PathBuf>,

    /// Write a cleaned copy into this new folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    fix: Option<PathBuf>,

    /// Write a web page with pictures of what was found
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    html: Option<PathBuf>,

    /// Overwrite an existing web page
    #[arg(long, visible_alias = "overwrite", requires = "html")]
    force: bool,

    /// Print one JSON object with everything that was found
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let asked = self.settings.given.resolve(self.task.as_deref(), self.config.as_deref())?;
        let data = asked.sources();
        let data = data.iter().map(PathBuf::as_path);
        check_outputs(self.html.as_deref(), data, self.force).map_err(tinderbox::Error::from)?;
        let found = check(asked.task, &asked.settings, &job(Style::Text)?)?;
        let fixed = self.fix.as_ref().map(|folder| found.fix(folder)).transpose()?;
        match self.json {
            true => print_data(&json!({ "found": found, "fixed": fixed }).to_string()),
            false => print_line(found.to_string().trim_end()),
        }
        if let Some(page) = &self.html {
            found.save_page(page)?;
            say(&format!("wrote {}", visible_path(page)));
        }
        if let Some(fixed) = &fixed {
            let (copied, left_out) = (count(fixed.copied, "file"), fixed.left_out);
            say(&format!("copied {copied} to {}, without {left_out}", shell_word(&fixed.folder)));
        }
        match found.is_refused() {
            true => Ok(Done::Refused),
            false => Ok(Done::Ok),
        }
    }
}
