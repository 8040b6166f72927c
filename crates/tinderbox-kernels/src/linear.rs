//! Linear layers on rows of numbers.

use crate::gemm::{Packed, matmul, matmul_transposed};

pub use crate::gemm::column_sums as bias_gradient;

/// A layer's sizes: numbers of a row in and out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear {
    pub inputs: usize,
    pub outputs: usize,
}

impl Linear {
    /// `x · weightᵀ + bias` for `x` of `[rows, inputs]` and `weight` of `[outputs, inputs]`.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn forward(&self, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
        matmul(x, &Packed::from_columns(weight, self.inputs, self.outputs), bias)
    }

    /// The gradient of `x`, from that of the output: `dy · weight`.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn input_gradient(&self, dy: &[f32], weight: &[f32]) -> Vec<f32> {
        matmul(dy, &Packed::from_rows(weight, self.outputs, self.inputs), None)
    }

    /// The gradient of the weights, from that of the output: `dyᵀ · x`.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn weight_gradient(&self, x: &[f32], dy: &[f32]) -> Vec<f32> {
        matmul_transposed(dy, x, self.outputs, self.inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_layer_can_be_checked_by_eye() {
        let layer = Linear { inputs: 2, outputs: 3 };
        let weight = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let y = layer.forward(&[1.0, 10.0], &weight, Some(&[0.5, 0.0, 0.0]));
        assert_eq!(y, [21.5, 43.0, 65.0]);
        assert_eq!(layer.forward(&[1.0, 10.0], &weight, None), [21.0, 43.0, 65.0]);
        let dy = [1.0, 0.0, 2.0];
        assert_eq!(layer.input_gradient(&dy, &weight), [11.0, 14.0]);
        assert_eq!(layer.weight_gradient(&[1.0, 10.0], &dy), [1.0, 10.0, 0.0, 0.0, 2.0, 20.0]);
        assert_eq!(bias_gradient(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3), [5.0, 7.0, 9.0]);
    }
}
