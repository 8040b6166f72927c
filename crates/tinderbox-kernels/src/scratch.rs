//! Memory for intermediate results, and vectors that are written before they are read.

use std::{
    cell::RefCell,
    ops::{Deref, DerefMut},
};

use crate::pool::Shared;

/// Floats that a cache line holds.
const LINE: usize = 16;

thread_local! {
    /// What this thread used before and does not use now.
    static SPARE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Floats at the start of a cache line, of any values until they are written. When it is dropped,
/// later ones on the thread use its memory again, which costs less than fresh pages.
#[derive(Debug)]
pub(crate) struct Scratch {
    values: Vec<f32>,
    start: usize,
    len: usize,
}

impl Scratch {
    pub(crate) fn new(len: usize) -> Self {
        let enough = len + LINE;
        let values = SPARE.with_borrow_mut(|all| {
            let sizes = || all.iter().map(Vec::len).enumerate();
            let fitting = sizes().filter(|(_, size)| *size >= enough).min_by_key(|(_, size)| *size);
            match (fitting, sizes().max_by_key(|(_, size)| *size)) {
                (Some((at, _)), _) => Some(all.swap_remove(at)),
                // What is too small makes room, so that there are never more than were used at
                // once.
                (None, Some((largest, _))) => {
                    all.swap_remove(largest);
                    None
                }
                (None, None) => None,
            }
        });
        let values = values.unwrap_or_else(|| vec![0.0; enough]);
        let start = values.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        Self { values, start, len }
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[self.start..][..self.len]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.start..][..self.len]
    }
}

impl Clone for Scratch {
    fn clone(&self) -> Self {
        let mut copy = Self::new(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        // A thread that ends has no list any more.
        let _ = SPARE.try_with(|all| all.borrow_mut().push(values));
    }
}

/// Calls `body` with `len` floats of any values, at the start of a cache line.
///
/// The memory is used again by later calls on the thread.
pub(crate) fn with_scratch<R>(len: usize, body: impl FnOnce(&mut [f32]) -> R) -> R {
    body(&mut Scratch::new(len))
}

/// A vector whose elements are written by `write`, which is given where they lie.
///
/// # Safety
/// `write` writes all `len` of them, and reads none before.
pub(crate) unsafe fn written(len: usize, write: impl FnOnce(Shared)) -> Vec<f32> {
    let mut values = Vec::with_capacity(len);
    // What was forgotten shows in tests.
    #[cfg(debug_assertions)]
    values.resize(len, f32::NAN);
    write(Shared::new(values.as_mut_ptr()));
    // SAFETY: that many are allocated, and the caller's promise is that they are written.
    unsafe { values.set_len(len) };
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again() {
        // A thread of its own, whose list nobody else uses.
        std::thread::spawn(|| {
            let large = [10, 1000].map(|len| Scratch::new(len).as_ptr())[1];
            // The small one made room.
            assert_eq!(Scratch::new(1000).as_ptr(), large);
            assert_eq!(Scratch::new(5).as_ptr(), large);
            let both = [Scratch::new(1000), Scratch::new(10)];
            assert_eq!(both[0].as_ptr(), large);
            drop(both);
            assert_ne!(Scratch::new(10).as_ptr(), large);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn scratch_within_scratch_is_other_memory() {
        with_scratch(100, |outer| {
            outer.fill(1.0);
            with_scratch(50, |inner| inner.fill(2.0));
            assert!(outer.iter().all(|value| *value == 1.0));
            assert_eq!(outer.as_ptr() as usize % 64, 0);
        });
        with_scratch(0, |nothing| assert!(nothing.is_empty()));
    }
}
