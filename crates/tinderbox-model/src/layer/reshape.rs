//! The same numbers in another shape.

use burn::{module::Module, tensor::Tensor};

use crate::{AnyTensor, Forward, Layer};

/// Gives what comes in another shape, batch and all: fastai's `View`. Of floats, up to rank 4.
#[derive(Module, Debug)]
pub struct View {
    #[module(skip)]
    pub shape: Vec<usize>,
}

impl Forward for View {
    type Input = AnyTensor;
    type Output = AnyTensor;

    fn forward(&self, x: AnyTensor) -> AnyTensor {
        reshape(self, x, &self.shape)
    }
}

/// Gives each item of the batch another shape: fastai's `ResizeBatch`. Of floats, up to rank 4.
///
/// Shapes: `[batch, ..]` → `[batch, shape..]`
#[derive(Module, Debug)]
pub struct ResizeBatch {
    #[module(skip)]
    pub shape: Vec<usize>,
}

impl Forward for ResizeBatch {
    type Input = AnyTensor;
    type Output = AnyTensor;

    fn forward(&self, x: AnyTensor) -> AnyTensor {
        let shape: Vec<usize> = x.dims()[..1].iter().chain(&self.shape).copied().collect();
        reshape(self, x, &shape)
    }
}

/// # Panics
/// If the new shape does not hold as many numbers, with both.
fn reshape(layer: &dyn Layer, x: AnyTensor, shape: &[usize]) -> AnyTensor {
    let dims = x.dims();
    assert!(
        dims.iter().product::<usize>() == shape.iter().product::<usize>(),
        "{}: {dims:?} does not hold as many numbers as {shape:?}",
        layer.name()
    );
    let flat: Tensor<1> = match x {
        AnyTensor::Float1(x) => x,
        AnyTensor::Float2(x) => x.reshape([-1]),
        AnyTensor::Float3(x) => x.reshape([-1]),
        AnyTensor::Float4(x) => x.reshape([-1]),
        other => panic!("{}: not for a {} tensor", layer.name(), other.kind()),
    };
    match shape.len() {
        1 => flat.into(),
        2 => of_rank::<2>(flat, shape).into(),
        3 => of_rank::<3>(flat, shape).into(),
        4 => of_rank::<4>(flat, shape).into(),
        _ => panic!("{}: a shape of 1 to 4 axes, not {shape:?}", layer.name()),
    }
}

fn of_rank<const D: usize>(flat: Tensor<1>, shape: &[usize]) -> Tensor<D> {
    flat.reshape(<[usize; D]>::try_from(shape).expect("the rank was matched"))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::try_forward;

    #[test]
    fn shapes_change_and_numbers_stay() {
        let x = AnyTensor::from(Tensor::<2>::ones([2, 12], &Device::flex()));
        let resize = ResizeBatch { shape: vec![3, 2, 2] };
        assert_eq!(resize.forward(x.clone()).dims(), [2, 3, 2, 2]);
        let view = View { shape: vec![4, 6] };
        assert_eq!(view.forward(resize.forward(x.clone())).dims(), [4, 6]);
        let error = try_forward(&ResizeBatch { shape: vec![5] }, x).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ResizeBatch: [2, 12] does not hold as many numbers as [2, 5]"
        );
    }
}
