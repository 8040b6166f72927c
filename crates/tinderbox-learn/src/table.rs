//! The epochs' numbers as text, the way the lesson prints them.

use std::{fmt, time::Duration};

use crate::callback::State;

/// The table of a fit: one row an epoch.
///
/// Epochs count from 1, whole numbers are plain, others have six decimals, and what is missing is
/// `#na#`. That is the lesson's; fastai itself counts from 0 and has a column with the time.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use tinderbox_learn::Table;
///
/// let mut table = Table::new(["accuracy"]);
/// table.row(0, &[Some(0.2231668), Some(0.2178594), Some(0.9305)]);
/// table.total = Some(Duration::from_secs(83));
/// assert_eq!(
///     table.to_string(),
///     "Total time: 01:23\n\
///      epoch  train_loss  valid_loss  accuracy\n\
///      1      0.223167    0.217859    0.930500\n"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
    /// How long the fit took; the line above the table.
    pub total: Option<Duration>,
}

impl Table {
    /// An empty table with columns for the losses and these metrics.
    pub fn new<N: Into<String>>(metrics: impl IntoIterator<Item = N>) -> Self {
        let first = ["epoch", "train_loss", "valid_loss"].map(String::from);
        let names = first.into_iter().chain(metrics.into_iter().map(Into::into)).collect();
        Self { names, rows: Vec::new(), total: None }
    }

    /// Adds an epoch, counted from 0: training loss, validation loss, metrics.
    pub fn row(&mut self, epoch: usize, values: &[Option<f64>]) {
        self.rows.push(cells(epoch + 1, values));
    }

    /// The line with the columns' names.
    pub fn header(&self) -> String {
        self.names.join("  ")
    }

    /// The line of the `index`th row: each cell as wide as its column's name.
    ///
    /// # Panics
    /// If there are not as many rows.
    pub fn line(&self, index: usize) -> String {
        let cells = self.names.iter().zip(&self.rows[index]);
        let cells = cells.map(|(name, cell)| format!("{cell:<width$}", width = name.len()));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows yet.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(total) = self.total {
            writeln!(f, "Total time: {}", minutes(total))?;
        }
        writeln!(f, "{}", self.header())?;
        (0..self.len()).try_for_each(|index| writeln!(f, "{}", self.line(index)))
    }
}

/// The cells of a row: a whole number as it is, others with six decimals.
pub fn cells(epoch: usize, values: &[Option<f64>]) -> Vec<String> {
    let cell = |value: &Option<f64>| match value {
        Some(value) if value.is_nan() => "nan".to_owned(),
        Some(value) => format!("{value:.6}"),
        None => "#na#".to_owned(),
    };
    std::iter::once(epoch.to_string()).chain(values.iter().map(cell)).collect()
}

/// A time as `mm:ss`, or `h:mm:ss` from an hour on.
pub fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// What the table shows of an epoch, at its end: training loss, validation loss, metrics.
pub(crate) fn epoch_values(state: &State) -> Vec<Option<f64>> {
    let metrics = state.metric_names.iter().map(|name| state.value(name));
    [state.smooth_loss, state.valid_loss].into_iter().chain(metrics).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_number_moves_only_its_own_row() {
        let mut table = Table::new(["mse"]);
        table.row(0, &[Some(1234.5), None, Some(0.5)]);
        table.row(11, &[Some(0.25), Some(f64::NAN), Some(1e-9)]);
        assert_eq!(table.header(), "epoch  train_loss  valid_loss  mse");
        assert_eq!(table.line(0), "1      1234.500000  #na#        0.500000");
        assert_eq!(table.line(1), "12     0.250000    nan         0.000000");
    }

    #[test]
    fn times_are_minutes_and_seconds() {
        assert_eq!(minutes(Duration::from_secs(62)), "01:02");
        assert_eq!(minutes(Duration::from_secs(3723)), "1:02:03");
    }
}
