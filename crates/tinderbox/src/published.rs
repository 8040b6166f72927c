//! What the lesson's notebooks printed.

use tinderbox_learn::{Recorder, cells};

/// One run of the notebook.
#[derive(Debug, PartialEq)]
pub struct Published {
    /// The architecture's name.
    pub model: &'static str,
    /// The notebook's heading.
    pub heading: &'static str,
    pub lr: f64,
    pub parameters: usize,
    /// Training loss, validation loss and accuracy of each epoch.
    pub epochs: &'static [[f64; 3]],
}

impl Published {
    /// The epochs of a fit beside those that the notebook printed, as a table.
    pub fn beside(&self, recorder: &Recorder) -> String {
        let mut text = String::from(
            "epoch  train_loss  valid_loss  accuracy    lesson: train_loss  valid_loss  accuracy\n",
        );
        for epoch in 0..recorder.n_epochs() {
            let ours = cells(epoch + 1, &recorder.epoch(epoch));
            let lesson = self.epochs.get(epoch).map(|[train, valid, accuracy]| {
                format!("{train:<18.6}  {valid:<10.6}  {accuracy:.6}")
            });
            let [number, train, valid, accuracy, ..] = &ours[..] else { continue };
            let line = format!("{number:<5}  {train:<10}  {valid:<10}  {accuracy:<10}  ");
            text.push_str((line + &lesson.unwrap_or_default()).trim_end());
            text.push('\n');
        }
        text
    }
}
