//! Which text comes when.

use std::cmp::Reverse;

use rand::{RngCore, seq::SliceRandom};

/// This many batches are sorted together in training.
const BATCHES_TOGETHER: usize = 50;

/// The longest first; those of one length in their order.
pub(super) fn by_length(lengths: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|index| Reverse(lengths[*index]));
    order
}

/// At random, but batches are of texts of about one length. The batch with the longest is the
/// first: if there is not enough memory for it, one knows at once.
pub(super) fn sortish(lengths: &[usize], batch_size: usize, rng: &mut dyn RngCore) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.shuffle(rng);
    arranged(order, lengths, batch_size, |rest| rest.shuffle(rng))
}

/// The order that comes of a permutation; `shuffle` is given all batches but the first.
fn arranged(
    mut order: Vec<usize>,
    lengths: &[usize],
    batch_size: usize,
    shuffle: impl FnOnce(&mut [&[usize]]),
) -> Vec<usize> {
    for together in order.chunks_mut(batch_size * BATCHES_TOGETHER) {
        together.sort_by_key(|index| Reverse(lengths[*index]));
    }
    let mut batches: Vec<&[usize]> = order.chunks(batch_size).collect();
    // Of several, the first.
    let longest = (0..batches.len()).rev().max_by_key(|batch| lengths[batches[*batch][0]]);
    if let Some(longest) = longest {
        batches.swap(0, longest);
        shuffle(&mut batches[1..]);
    }
    batches.concat()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn the_longest_come_first() {
        assert_eq!(by_length(&[2, 5, 2, 9]), [3, 1, 0, 2]);
    }

    #[test]
    fn batches_are_of_like_lengths_and_the_longest_is_the_first() {
        let lengths: Vec<usize> = (0..1000).map(|n| n * 37 % 211).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let order = sortish(&lengths, 4, &mut rng);
        assert_eq!(lengths[order[0]], 210);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..1000));
        for batch in order.chunks(4) {
            assert!(batch.is_sorted_by_key(|index| Reverse(lengths[*index])));
        }
        assert_ne!(order, sortish(&lengths, 4, &mut rng));
        assert!(sortish(&[], 4, &mut rng).is_empty());
    }

    #[test]
    fn batches_are_made_of_the_permutation() {
        let lengths = [1, 9, 3, 7, 5];
        let order = arranged(vec![0, 1, 2, 3, 4], &lengths, 2, |rest| rest.reverse());
        assert_eq!(order, [1, 3, 0, 4, 2]);
    }
}
