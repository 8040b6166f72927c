//! Vectors for words and categories.

use burn::{
    module::{Module, Param},
    tensor::{Device, Distribution, Int, Tensor, TensorData},
};
use tinderbox_ops::embedding;

use crate::{Forward, random};

/// A vector for each of `n` ids.
///
/// Shapes: `[batch, length]` → `[batch, length, size]`
#[derive(Module, Debug)]
pub struct Embedding {
    /// `[n, size]`
    pub weight: Param<Tensor<2>>,
}

impl Embedding {
    /// fastai's start: normal numbers within two standard deviations, times 0.01. What lies
    /// outside is folded back as C's `fmod` does.
    pub fn new(n: usize, size: usize, device: &Device) -> Self {
        let values: Tensor<2> = random::tensor([n, size], Distribution::Normal(0.0, 1.0), device);
        let values: Vec<f32> =
            values.into_data().convert::<f32>().try_to_vec().expect("just converted");
        let values: Vec<f32> = values.into_iter().map(|value| value % 2.0 * 0.01).collect();
        let weight = Tensor::from_data(TensorData::new(values, [n, size]), device);
        Self { weight: Param::from_tensor(weight) }
    }

    /// PyTorch's start: normal numbers.
    pub fn normal(n: usize, size: usize, device: &Device) -> Self {
        let values = random::tensor([n, size], Distribution::Normal(0.0, 1.0), device);
        Self { weight: Param::from_tensor(values) }
    }
}

impl Forward for Embedding {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        embedding(self.weight.val(), x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_looked_up() {
        let device = Device::flex();
        let weight = Tensor::<2>::from_floats([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], &device);
        let layer = Embedding { weight: Param::from_tensor(weight) };
        let y = layer.forward(Tensor::from_ints([[2, 0], [1, 2]], &device));
        assert_eq!(y.dims(), [2, 2, 2]);
        let y: Vec<f32> = y.into_data().try_to_vec().unwrap();
        assert_eq!(y, [5.0, 6.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}
