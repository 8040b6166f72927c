//! Ids and class numbers as the kernels take them.

use burn::tensor::DType;
use burn_flex::FlexTensor;

/// Whole numbers in the order of the axes.
pub(crate) fn whole_numbers(tensor: &FlexTensor) -> Vec<i64> {
    let tensor = tensor.to_contiguous();
    match tensor.dtype() {
        DType::I64 => tensor.as_slice::<i64>().expect("just made contiguous").to_vec(),
        DType::I32 => {
            let values = tensor.as_slice::<i32>().expect("just made contiguous");
            values.iter().map(|value| i64::from(*value)).collect()
        }
        _ => tensor.into_data().iter::<i64>().collect(),
    }
}
