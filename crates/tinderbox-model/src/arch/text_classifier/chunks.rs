//! Long texts in chunks.

use burn::{
    module::Module,
    tensor::{Bool, Int, Tensor},
};

use crate::arch::AwdLstm;

/// Reads texts chunk by chunk, and remembers the outputs of the last ones: fastai's
/// `MultiBatchEncoder`.
#[derive(Module, Debug)]
pub(super) struct ChunkedEncoder {
    pub(super) module: AwdLstm,
    pub(super) bptt: usize,
    pub(super) max_len: usize,
}

impl ChunkedEncoder {
    /// Outputs of the words that count, and which of these are padding.
    pub(super) fn encode(&self, x: Tensor<2, Int>) -> (Tensor<3>, Tensor<2, Bool>) {
        let [batch, length] = x.dims();
        assert!(length > 0, "a text of no words has no class");
        let first = first_kept(length, self.bptt, self.max_len);
        let mut kept = Vec::new();
        self.module.state().reset();
        for start in (0..length).step_by(self.bptt) {
            let chunk = x.clone().narrow(1, start, self.bptt.min(length - start));
            let y = self.module.encode(chunk, &self.module.masks(batch)).last();
            if start >= first {
                kept.push(y);
            }
        }
        self.module.state().reset();
        let padding =
            x.narrow(1, first, length - first).equal_elem(self.module.config.padding as i64);
        (Tensor::cat(kept, 1), padding)
    }
}

/// Where the first chunk starts whose outputs count. fastai asks for starts after
/// `length - max_len`, so a text of exactly `max_len` words loses its first chunk; unlike there,
/// the last chunk always counts.
fn first_kept(length: usize, bptt: usize, max_len: usize) -> usize {
    match length.checked_sub(max_len) {
        None => 0,
        Some(before) => {
            let last = (length - 1) / bptt * bptt;
            last.min((before / bptt + 1) * bptt)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_count_that_start_after_the_length_less_the_maximum() {
        for (length, bptt, max_len, first) in [
            (14, 4, 8, 8),
            (3, 4, 8, 0),
            (7, 4, 8, 0),
            (8, 4, 8, 4),
            (12, 4, 8, 8),
            (13, 4, 8, 8),
            // fastai keeps nothing of these.
            (4, 4, 4, 0),
            (9, 10, 3, 0),
            (9, 4, 0, 8),
        ] {
            assert_eq!(first_kept(length, bptt, max_len), first, "{length}, {bptt}, {max_len}");
        }
    }
}
