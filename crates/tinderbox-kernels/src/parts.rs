//! Loops over parts that are not all of one slice.

use std::sync::{Mutex, PoisonError};

use crate::pool::for_each;

/// Calls `body` with each part and its number, on several threads, in no particular order.
///
/// A part is what one thread works on alone: some slices, a slice of each of two outputs. It is
/// for loops that [`for_each_chunk`](crate::pool::for_each_chunk) does not fit.
pub(crate) fn for_each_part<T: Send>(
    parts: impl IntoIterator<Item = T>,
    body: impl Fn(usize, T) + Sync,
) {
    // Nobody waits for a lock: each is taken once.
    let parts: Vec<Mutex<Option<T>>> =
        parts.into_iter().map(|part| Mutex::new(Some(part))).collect();
    for_each(parts.len(), |at| {
        let part = parts[at].lock().unwrap_or_else(PoisonError::into_inner).take();
        body(at, part.expect("each block runs once"));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_worked_on_once() {
        let (mut numbers, mut bytes) = (vec![0.0; 10], vec![0u8; 10]);
        for_each_part(numbers.chunks_mut(4).zip(bytes.chunks_mut(4)), |at, (numbers, bytes)| {
            numbers.fill(at as f32);
            bytes.fill(at as u8 + 1);
        });
        assert_eq!(numbers, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0]);
        assert_eq!(bytes, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3]);
    }
}
