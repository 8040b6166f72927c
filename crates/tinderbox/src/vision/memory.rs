//! Training steps, and whether there is memory for them.

use sysinfo::System;
use tinderbox_learn::{Learner, StepMemory, callback::GradientAccumulation};

use crate::{Error, Result};

/// A learner whose steps are of so many batches each.
///
/// # Errors
/// [`Error::BatchMemory`] with the size of the batch that fits, before a step that the system would
/// end the program for.
pub(super) fn with_steps_of(batches: usize, learner: Learner) -> Result<Learner> {
    match available() {
        // Some systems do not say.
        0 => {}
        available => check(learner.step_memory()?, learner.data().batch_size(), available)?,
    }
    Ok(match batches {
        ..=1 => learner,
        _ => learner.callback(GradientAccumulation::of_means(batches)),
    })
}

/// Bytes that this program may still take: the machine's, or those of the container it is in.
fn available() -> u64 {
    let mut system = System::new();
    system.refresh_memory();
    let free = system.available_memory();
    system.cgroup_limits().map_or(free, |limits| free.min(limits.free_memory))
}

fn check(memory: StepMemory, batch_size: usize, available: u64) -> Result<()> {
    let needed = memory.of(batch_size);
    if needed <= available {
        return Ok(());
    }
    // Batch norms need two pictures.
    let fits = Some(memory.largest_batch(available)).filter(|fits| *fits >= 2);
    Err(Error::BatchMemory { batch_size, needed, available, fits: fits.unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_does_not_fit_is_told_with_one_that_does() {
        let memory = StepMemory { fixed: 1 << 30, per_item: 1 << 26 };
        assert!(check(memory, 16, 2 << 30).is_ok());
        let error = check(memory, 64, 2 << 30).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a training step of 64 pictures takes about 5.4 GB, and 2.1 GB of memory are free"
        );
        let hint = "`--batch-size 16` fits; with `--accumulate 4` a step is of as many pictures";
        assert_eq!(error.hint().unwrap(), hint);
        let hint = |batch| check(memory, batch, 2 << 30).unwrap_err().hint().unwrap();
        assert!(hint(40).starts_with("`--batch-size 14` fits; with `--accumulate 3`"));
        let error = check(memory, 4, 1 << 30).unwrap_err();
        assert!(error.hint().unwrap().starts_with("smaller pictures (`--size`)"));
    }

    #[test]
    fn this_system_says_how_much_is_free() {
        assert!(available() > 1 << 20);
    }
}
