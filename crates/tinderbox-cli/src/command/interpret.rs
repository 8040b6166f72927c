use std::{iter, path::PathBuf};

use clap::{Args, ValueHint};
use tinderbox::{
    ClassResult, InterpretError, InterpretSettings, Interpreted, RunFolder,
    data::{shell_word, visible},
    model::watch::LayerActivation,
};

use crate::{
    exit::Done,
    given::{Of, Sources},
    terminal::{Style, job, print_data, print_line, say},
};

/// Show where a model is wrong: confused classes, largest losses
///
/// Predicts the validation set of the run and prints the precision and recall of
/// each class, the most confused classes, and the files with the largest losses.
/// Plots the confusion matrix, sample results, and the images with the largest
/// losses.
///
/// Examples:
///   tinderbox interpret runs/photos --top-losses 25 --heat
///   tinderbox interpret runs/streets --confusion
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Interpret {
    /// Run folder
    #[arg(value_hint = ValueHint::DirPath)]
    run: PathBuf,

    /// Number of largest losses to show
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=400))]
    top_losses: u32,

    /// Print the confusion matrix as well; for segmentation, it counts pixels
    #[arg(long)]
    confusion: bool,

    /// List pairs of classes that were confused at least this often
    #[arg(long, value_name = "N", default_value_t = 2)]
    min: u64,

    /// Highlight the regions behind the predicted class in the images with the largest
    /// losses (Grad-CAM); for image classifiers
    #[arg(long)]
    heat: bool,

    /// Print the mean and standard deviation of each layer's output for one batch
    #[arg(long)]
    activations: bool,

    /// Folder for the plots [default: interpretation/ in the run folder]
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,

    /// Overwrite existing files in the folder that `--out` names
    #[arg(long, visible_alias = "overwrite", requires = "out")]
    force: bool,

    #[command(flatten)]
    moved: Of<Sources>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Interpret {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        if self.run.is_file() {
            let run = self.run.parent().filter(|folder| RunFolder::new(folder).task().is_ok());
            let (file, run) = (self.run.clone(), run.map(PathBuf::from));
            return Err(tinderbox::Error::from(InterpretError::NotARun { file, run }).into());
        }
        let asked = self.moved.given.of_run(&self.run, None)?;
        let settings = InterpretSettings {
            moved: asked.settings,
            overwrite: self.force,
            out: self.out.clone(),
            top_losses: self.top_losses as usize,
            confusion: self.confusion,
            min_confused: self.min,
            heat: self.heat,
            activations: self.activations,
            ..InterpretSettings::new(&self.run)
        };
        let found = asked.task.interpret(&settings, &job(Style::Text)?)?;
        if self.json {
            print_data(&serde_json::to_string(&found)?);
            return Ok(Done::Ok);
        }
        print_table(&found);
        say("");
        for picture in &found.pictures {
            say(&format!("wrote {}", shell_word(picture)));
        }
        Ok(Done::Ok)
    }
}

/// How right a model is about each class.
pub(super) fn print_classes(classes: &[ClassResult]) {
    let names = classes.iter().map(|class| visible(&class.class).chars().count());
    let width = names.max().unwrap_or(0).max("class".len());
    let share = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
    print_line(&format!("{:<width$}  {:>9}  precision  recall  iou", "class", "n"));
    for ClassResult { class, n, precision, recall, iou } in classes {
        let [precision, recall, iou] = [precision, recall, iou].map(|value| share(*value));
        let class = visible(class);
        print_line(&format!("{class:<width$}  {n:>9}  {precision:<9}  {recall:<6}  {iou}"));
    }
}

/// The counts with the classes above and before them.
fn print_confusion(classes: &[&str], counts: &[Vec<u64>]) {
    let names = || classes.iter().map(|class| visible(class).into_owned());
    let head = iter::once(String::new()).chain(names()).collect();
    let rows = names().zip(counts).map(|(class, row)| {
        iter::once(class).chain(row.iter().map(u64::to_string)).collect::<Vec<_>>()
    });
    let table: Vec<Vec<String>> = iter::once(head).chain(rows).collect();
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..=classes.len()).filter_map(width).collect();
    for row in &table {
        let cells =
            row.iter().zip(&widths).skip(1).map(|(cell, width)| format!("  {cell:>width$}"));
        print_line(&format!("{:<width$}{}", row[0], cells.collect::<String>(), width = widths[0]));
    }
}

fn print_table(found: &Interpreted) {
    const CONFUSED: usize = 12;
    if !found.classes.is_empty() {
        print_classes(&found.classes);
    }
    if let Some(accuracy) = found.accuracy {
        print_line(&format!("\naccuracy: {:.2} %", accuracy * 100.0));
    }
    if !found.most_confused.is_empty() {
        print_line("\nmost confused (actual, predicted: count):");
    }
    for (actual, predicted, n) in found.most_confused.iter().take(CONFUSED) {
        let (actual, predicted) = (visible(actual), visible(predicted));
        print_line(&format!("  {actual}, {predicted}: {n}"));
    }
    if !found.confusion.is_empty() {
        let classes: Vec<&str> = found.classes.iter().map(|class| class.class.as_str()).collect();
        print_line("\nconfusion matrix (rows actual, columns predicted):");
        print_confusion(&classes, &found.confusion);
    }
    print_line("\nlargest losses:");
    for (file, loss) in &found.top_losses {
        // A loss may be -0.
        print_line(&format!("  {:.3}  {}", loss + 0.0, visible(file)));
    }
    if !found.activations.is_empty() {
        print_line("\nmean and standard deviation of layer outputs:");
    }
    for LayerActivation { path, layer, mean, std } in &found.activations {
        print_line(&format!("  {mean:>9.4}  {std:>8.4}  {path} {layer}"));
    }
}
