//! Whether there is memory for a training step.

use sysinfo::System;
use tinderbox_learn::{Learner, StepMemory};

use crate::{Hinted, Result};

/// A batch that the system would end the program for.
#[derive(Debug, thiserror::Error)]
#[error(
    "a training step with {batch_size} {unit} needs about {}, but only {} of memory is free",
    gigabytes(*needed), gigabytes(*available)
)]
pub struct MemoryError {
    pub batch_size: usize,
    /// What there are so many of: `images`.
    pub unit: &'static str,
    /// In bytes.
    pub needed: u64,
    /// In bytes.
    pub available: u64,
    /// The largest batch that there is room for; 0 if there is none for two items.
    pub fits: usize,
}

impl Hinted for MemoryError {
    fn hint(&self) -> Option<String> {
        Some(match self.fits {
            0 => format!("use smaller {} or a smaller network (`--arch`)", self.unit),
            fits => {
                let (fits, batches) = even_parts(self.batch_size, fits);
                format!(
                    "`--batch-size {fits}` fits; with `--accumulate {batches}`, a step still has as many {}",
                    self.unit
                )
            }
        })
    }
}

/// For people, in units of 10⁹ bytes.
pub(crate) fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// The smallest number of batches that fit and together hold `batch_size`, and the size of each.
fn even_parts(batch_size: usize, fits: usize) -> (usize, usize) {
    let batches = batch_size.div_ceil(fits);
    (batch_size.div_ceil(batches), batches)
}

/// What a step takes, if there is room for it.
///
/// # Errors
/// [`MemoryError`] with the size of the batch that fits.
pub(crate) fn check(learner: &Learner) -> Result<StepMemory> {
    let memory = learner.step_memory()?;
    // It was shown one item, and would go on from there.
    if let Some(carried) = learner.model().carried() {
        carried.reset();
    }
    check_batch(&memory, learner.data().batch_size(), learner)?;
    Ok(memory)
}

/// Whether there is room for a step of a batch.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_batch(memory: &StepMemory, batch_size: usize, learner: &Learner) -> Result<()> {
    match available() {
        // Some systems do not say.
        0 => Ok(()),
        available => check_room(*memory, batch_size, learner.data().unit(), available),
    }
}

/// Bytes that this program may still take: the machine's, or those of the container it is in.
pub(crate) fn available() -> u64 {
    let mut system = System::new();
    system.refresh_memory();
    let free = system.available_memory();
    system.cgroup_limits().map_or(free, |limits| free.min(limits.free_memory))
}

fn check_room(
    memory: StepMemory,
    batch_size: usize,
    unit: &'static str,
    available: u64,
) -> Result<()> {
    let needed = memory.of(batch_size);
    if needed <= available {
        return Ok(());
    }
    // Batch norms need two items.
    let fits = Some(memory.largest_batch(available)).filter(|fits| *fits >= 2);
    Err(MemoryError { batch_size, unit, needed, available, fits: fits.unwrap_or(0) }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_does_not_fit_is_told_with_one_that_does() {
        let memory = StepMemory { fixed: 1 << 30, per_item: 1 << 26 };
        let check = |batch, available| check_room(memory, batch, "images", available);
        assert!(check(16, 2 << 30).is_ok());
        let error = check(64, 2 << 30).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a training step with 64 images needs about 5.4 GB, but only 2.1 GB of memory is free"
        );
        let hint = "`--batch-size 16` fits; with `--accumulate 4`, a step still has as many images";
        assert_eq!(error.hint().unwrap(), hint);
        let hint = |batch| check(batch, 2 << 30).unwrap_err().hint().unwrap();
        assert!(hint(40).starts_with("`--batch-size 14` fits; with `--accumulate 3`"));
        let error = check(4, 1 << 30).unwrap_err();
        assert!(error.hint().unwrap().starts_with("use smaller images"));
    }

    #[test]
    fn this_system_says_how_much_is_free() {
        assert!(available() > 1 << 20);
    }
}
