//! Arrays of the fixtures as tensors, and back.

use burn::tensor::{Device, Int, Tensor, TensorData};
use tinderbox_golden::{Array, Data};
use tinderbox_model::AnyTensor;

/// An array as a tensor of its rank and kind.
pub(crate) fn any(array: &Array, device: &Device) -> AnyTensor {
    match &array.data {
        Data::F32(values) => floats(values.clone(), &array.shape, device),
        Data::I64(values) => {
            let data = TensorData::new(values.clone(), array.shape.clone());
            match array.shape.len() {
                1 => Tensor::<1, Int>::from_data(data, device).into(),
                2 => Tensor::<2, Int>::from_data(data, device).into(),
                3 => Tensor::<3, Int>::from_data(data, device).into(),
                4 => Tensor::<4, Int>::from_data(data, device).into(),
                rank => panic!("no test needs a rank-{rank} int tensor"),
            }
        }
        Data::Bool(_) => panic!("no test needs a tensor of booleans"),
    }
}

/// Floats as a tensor of the rank that `shape` has.
pub(crate) fn floats(values: Vec<f32>, shape: &[usize], device: &Device) -> AnyTensor {
    let data = TensorData::new(values, shape.to_vec());
    match shape.len() {
        1 => Tensor::<1>::from_data(data, device).into(),
        2 => Tensor::<2>::from_data(data, device).into(),
        3 => Tensor::<3>::from_data(data, device).into(),
        4 => Tensor::<4>::from_data(data, device).into(),
        rank => panic!("no test needs a rank-{rank} float tensor"),
    }
}

/// All elements, row by row.
pub(crate) fn values(tensor: AnyTensor) -> Vec<f32> {
    tensor.into_flat().try_into_vec_as().expect("floats are readable")
}
