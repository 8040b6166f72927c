//! The fits that a training consists of.

use serde::{Deserialize, Serialize};
use tinderbox_data::DataBunch;
use tinderbox_learn::schedule::OneCycle;

use crate::Result;

/// One of the fits that a training consists of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// For people: `the new head`.
    pub name: String,
    /// The first parameter group that is trained, counted from the end if it is negative.
    pub freeze_to: isize,
    pub epochs: usize,
    pub schedule: OneCycle,
    /// What it trains on, if not on images and batches of the run's size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<AtSize>,
}

/// Images of another size, in batches of another size: progressive resizing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtSize {
    /// Height and width, in pixels.
    pub size: [usize; 2],
    pub batch_size: usize,
}

impl Phase {
    /// A fit of everything.
    pub fn whole(epochs: usize, schedule: OneCycle) -> Self {
        Self { name: "the whole network".into(), freeze_to: 0, epochs, schedule, at: None }
    }

    /// A fit of the last group alone, which is called `name`.
    pub fn head(name: &str, epochs: usize, schedule: OneCycle) -> Self {
        Self { name: name.into(), freeze_to: -1, epochs, schedule, at: None }
    }

    /// How many times as many pixels its images have as those of another size; 1 if it has no size of
    /// its own.
    pub(crate) fn area(&self, size: [usize; 2]) -> f64 {
        let pixels = |[height, width]: [usize; 2]| (height * width).max(1) as f64;
        self.at.map_or(1.0, |at| pixels(at.size) / pixels(size))
    }

    /// The run's data as this fit sees it.
    pub(crate) fn of_data(&self, data: &DataBunch) -> Result<DataBunch> {
        Ok(match self.at {
            Some(AtSize { size, batch_size }) => data.at_size(size, batch_size)?,
            None => data.clone(),
        })
    }

    /// Those that have epochs.
    pub(crate) fn some(phases: impl IntoIterator<Item = Self>) -> Vec<Self> {
        phases.into_iter().filter(|phase| phase.epochs > 0).collect()
    }
}

/// `1 step`, `2 steps`.
pub(crate) fn steps(n: usize) -> String {
    counted(n, "step")
}

/// `1 layer`, `2 layers`.
pub(crate) fn layers(n: usize) -> String {
    counted(n, "layer")
}

fn counted(n: usize, of: &str) -> String {
    format!("{n} {of}{}", if n == 1 { "" } else { "s" })
}
