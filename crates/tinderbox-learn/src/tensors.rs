//! Between the data crate's arrays and tensors.

use burn::tensor::{Device, Int, Tensor, TensorData};
use tinderbox_data::{Array, Values};
use tinderbox_model::AnyTensor;

use crate::{Error, Result};

/// The array as a tensor on `device`; the numbers are moved, not copied.
///
/// # Errors
/// [`Error::Rank`] for a rank that no layer takes.
pub(crate) fn tensor(array: Array, device: &Device) -> Result<AnyTensor> {
    let Array { shape, values } = array;
    let rank = shape.len();
    let whole = matches!(values, Values::I64(_));
    let data = match values {
        Values::F32(values) => TensorData::new(values, shape.clone()),
        Values::I64(values) => TensorData::new(values, shape.clone()),
    };
    Ok(match (rank, whole) {
        (1, false) => Tensor::<1>::from_data(data, device).into(),
        (2, false) => Tensor::<2>::from_data(data, device).into(),
        (3, false) => Tensor::<3>::from_data(data, device).into(),
        (4, false) => Tensor::<4>::from_data(data, device).into(),
        (1, true) => Tensor::<1, Int>::from_data(data, device).into(),
        (2, true) => Tensor::<2, Int>::from_data(data, device).into(),
        (3, true) => Tensor::<3, Int>::from_data(data, device).into(),
        (4, true) => Tensor::<4, Int>::from_data(data, device).into(),
        _ => return Err(Error::Rank { shape }),
    })
}

macro_rules! concatenate {
    ($($variant:ident),+ $(,)?) => {
        /// Batches one after the other.
        ///
        /// # Panics
        /// If there are none, or they are of different ranks: they are of one loader.
        pub(crate) fn concatenate(batches: Vec<AnyTensor>) -> AnyTensor {
            match batches.first().expect("at least one batch") {
                $(AnyTensor::$variant(_) => {
                    let batches = batches.into_iter().map(|batch| match batch {
                        AnyTensor::$variant(tensor) => tensor,
                        other => panic!("batches of different kinds, one is {}", other.kind()),
                    });
                    Tensor::cat(batches.collect(), 0).into()
                })+
            }
        }
    };
}

concatenate!(Float1, Float2, Float3, Float4, Int1, Int2, Int3, Int4);

/// All elements on the host, row by row, whole numbers as floats.
pub(crate) fn host(tensor: AnyTensor) -> Vec<f32> {
    tensor.into_flat().try_into_vec_as().expect("floats of any kind are readable as f32")
}

/// Whether no element is NaN or infinite: a sum of such ones is neither finite.
pub(crate) fn is_finite(tensor: &AnyTensor) -> bool {
    scalar(tensor.clone().into_flat().abs().sum()).is_finite()
}

/// The one number of a loss.
pub(crate) fn scalar(loss: Tensor<1>) -> f64 {
    f64::from(loss.into_scalar::<f32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_keep_rank_and_kind() {
        let device = Device::flex();
        let floats = Array { shape: vec![1, 2], values: Values::F32(vec![0.5, 1.5]) };
        let floats = tensor(floats, &device).unwrap();
        assert_eq!((floats.kind(), host(floats)), ("rank-2 float", vec![0.5, 1.5]));
        let classes = Array { shape: vec![2], values: Values::I64(vec![3, 4]) };
        let classes = tensor(classes, &device).unwrap();
        let both = concatenate(vec![classes.clone(), classes]);
        assert_eq!((both.kind(), host(both)), ("rank-1 int", vec![3.0, 4.0, 3.0, 4.0]));
    }

    #[test]
    fn a_rank_that_no_layer_takes_is_refused() {
        let array = Array { shape: vec![1; 5], values: Values::F32(vec![0.0]) };
        let error = tensor(array, &Device::flex()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a batch of shape [1, 1, 1, 1, 1]: models take between 1 and 4 axes"
        );
    }
}
