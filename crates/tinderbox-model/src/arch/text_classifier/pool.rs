//! The outputs of a text's words, as one row.

use burn::tensor::{Bool, Tensor};

/// The last step, the largest numbers and the means of a text, without its padding.
///
/// # Shapes
/// - `y`: `[batch, words, features]`
/// - `padding`: `[batch, words]`, true for what does not count
/// - returns `[batch, 3 * features]`; maxima and means of a text without words are 0
pub fn masked_concat_pool(y: Tensor<3>, padding: Tensor<2, Bool>) -> Tensor<2> {
    let [batch, words, features] = y.dims();
    let last = y.clone().narrow(1, words - 1, 1).reshape([batch, features]);
    let counts = padding.clone().bool_not().float().sum_dim(1); // [batch, 1]
    let empty = counts.clone().equal_elem(0.0).expand([batch, features]);
    let padding = padding.unsqueeze_dim::<3>(2).expand([batch, words, features]);
    let sums = y.clone().mask_fill(padding.clone(), 0.0).sum_dim(1).reshape([batch, features]);
    let means = sums / counts.clamp_min(1.0);
    let maxima = y.mask_fill(padding, f32::NEG_INFINITY).max_dim(1).reshape([batch, features]);
    let maxima = maxima.mask_fill(empty, 0.0);
    Tensor::cat(vec![last, maxima, means], 1)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn padding_is_left_out() {
        let device = Device::flex();
        let y = Tensor::<3>::from_floats([[[9.0], [-3.0], [-1.0]], [[9.0], [9.0], [9.0]]], &device);
        let padding = [[true, false, false], [true, true, true]];
        let pooled = masked_concat_pool(y, Tensor::from_data(padding, &device));
        let found: Vec<f32> = pooled.into_data().try_to_vec().unwrap();
        assert_eq!(found, [-1.0, -1.0, -2.0, 9.0, 0.0, 0.0]);
    }
}
