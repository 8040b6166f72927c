//! Texts of different lengths, read backwards.

use burn::tensor::{Int, Tensor};
use tinderbox_ops::embedding;

/// Turns each text around and leaves the padding behind it where it is.
pub(super) struct Reversal {
    /// Where each word comes from among those of the whole batch, `[batch, words]`.
    rows: Tensor<2, Int>,
}

impl Reversal {
    /// That of texts of ids, `[batch, words]`, filled up at the end.
    pub(super) fn of(x: &Tensor<2, Int>, padding: usize) -> Self {
        let ([batch, words], device) = (x.dims(), x.device());
        let lengths = x.clone().not_equal_elem(padding as i64).int().sum_dim(1); // [batch, 1]
        let lengths = lengths.expand([batch, words]);
        let along = |n: usize| Tensor::<1, Int>::arange(0..n as i64, &device);
        let at = along(words).unsqueeze_dim::<2>(0).expand([batch, words]);
        let back = lengths.clone() - at.clone() - 1;
        let is_padding = at.clone().greater_equal(lengths);
        let first = along(batch).unsqueeze_dim::<2>(1).expand([batch, words]) * words as i64;
        Self { rows: back.mask_where(is_padding, at) + first }
    }

    /// The texts turned around, and the other way.
    ///
    /// Shapes: `[batch, words, features]` in and out
    pub(super) fn apply(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, words, features] = x.dims();
        embedding(x.reshape([batch * words, features]), self.rows.clone())
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn each_text_is_turned_around_before_its_padding() {
        let device = Device::flex();
        let x = Tensor::<2, Int>::from_ints([[5, 6, 7, 8], [5, 6, 1, 1], [1, 1, 1, 1]], &device);
        let reversal = Reversal::of(&x, 1);
        let values = Tensor::<1, Int>::arange(0..12, &device).float().reshape([3, 4, 1]);
        let y = reversal.apply(values.clone());
        let found: Vec<f32> = y.clone().into_data().try_to_vec().unwrap();
        assert_eq!(found, [3., 2., 1., 0., 5., 4., 6., 7., 8., 9., 10., 11.]);
        assert_eq!(reversal.apply(y).into_data(), values.into_data());
    }
}
