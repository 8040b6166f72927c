//! Vectors for words and categories.

use burn::{
    module::{Module, Param},
    tensor::{Device, Distribution, Int, Tensor, TensorData, module},
};

use crate::Forward;

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
        let values: Tensor<2> = Tensor::random([n, size], Distribution::Normal(0.0, 1.0), device);
        let values: Vec<f32> =
            values.into_data().convert::<f32>().try_to_vec().expect("just converted");
        let values: Vec<f32> = values.into_iter().map(|value| value % 2.0 * 0.01).collect();
        let weight = Tensor::from_data(TensorData::new(values, [n, size]), device);
        Self { weight: Param::from_tensor(weight) }
    }
}

impl Forward for Embedding {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        module::embedding(self.weight.val(), x)
    }
}
