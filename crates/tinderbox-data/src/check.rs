//! Reading every file once before training, so that a broken one does not end it at night.

use std::sync::{
    Mutex, OnceLock, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use crate::{DataBunch, Error, Fingerprint, Samples, error::BadFile, loader::safely};

/// How files are checked.
#[derive(Default)]
pub struct Check<'a> {
    /// This many unreadable files are left out; one more is an error.
    pub allowed: usize,
    /// Told now and then how many of how many files are checked.
    pub progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
}

/// Data whose files could all be read, and what was left out for that.
#[derive(Debug)]
pub struct Checked {
    /// The data without them.
    pub data: DataBunch,
    /// The files that could not be read.
    pub left_out: Vec<BadFile>,
}

/// What became of a set's items: the indexes of those that can be read, and the others.
pub(crate) struct Verdict {
    pub(crate) good: Vec<usize>,
    pub(crate) bad: Vec<BadFile>,
    /// Of the good ones.
    pub(crate) fingerprints: Vec<Fingerprint>,
}

impl Check<'_> {
    /// Checks a set's items on several threads; the cache keeps what they decode.
    pub(crate) fn run(
        &self,
        samples: &dyn Samples,
        workers: usize,
        before: usize,
        all: usize,
    ) -> Verdict {
        /// Between two reports of progress.
        const STEP: usize = 256;
        let next = AtomicUsize::new(0);
        let bad = Mutex::new(Vec::new());
        let fingerprints: Vec<OnceLock<Fingerprint>> =
            (0..samples.len()).map(|_| OnceLock::new()).collect();
        let work = || loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= samples.len() {
                return;
            }
            match safely(|| samples.check(index)) {
                // Here, because what was read a moment ago need not come from the disk again.
                Ok(()) => drop(fingerprints[index].set(samples.fingerprint(index))),
                Err(error) => {
                    bad.lock().unwrap_or_else(PoisonError::into_inner).push((index, error));
                }
            }
            if let Some(progress) =
                self.progress.filter(|_| (before + index + 1).is_multiple_of(STEP))
            {
                progress(before + index + 1, all);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..workers.max(1) {
                scope.spawn(work);
            }
            work();
        });
        if let Some(progress) = self.progress {
            progress(before + samples.len(), all);
        }
        let mut bad = bad.into_inner().unwrap_or_else(PoisonError::into_inner);
        bad.sort_unstable_by_key(|(index, _)| *index);
        let mut good: Vec<usize> = (0..samples.len()).collect();
        good.retain(|index| bad.binary_search_by_key(index, |(index, _)| *index).is_err());
        let named = |(index, error): (usize, Error)| BadFile::new(samples.name(index), &error);
        let fingerprints = good.iter().filter_map(|index| fingerprints[*index].get().copied());
        let fingerprints = fingerprints.collect();
        Verdict { good, bad: bad.into_iter().map(named).collect(), fingerprints }
    }
}
