//! What leaves this crate: numbers and a shape.

use crate::{Error, Result};

/// A row-major array of numbers. The learner makes tensors of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// How long each axis is.
    pub shape: Vec<usize>,
    /// As many as the shape says, the last axis running fastest.
    pub values: Values,
}

/// The numbers of an [`Array`].
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Pixels, regression targets, one-hot labels.
    F32(Vec<f32>),
    /// Class indexes, mask codes, token ids.
    I64(Vec<i64>),
}

impl Array {
    /// # Panics
    /// If the shape does not hold as many numbers as there are.
    pub fn f32(shape: impl Into<Vec<usize>>, values: Vec<f32>) -> Self {
        let shape = shape.into();
        assert_eq!(
            shape.iter().product::<usize>(),
            values.len(),
            "as many numbers as {shape:?} holds"
        );
        Self { shape, values: Values::F32(values) }
    }

    /// # Panics
    /// If the shape does not hold as many numbers as there are.
    pub fn i64(shape: impl Into<Vec<usize>>, values: Vec<i64>) -> Self {
        let shape = shape.into();
        assert_eq!(
            shape.iter().product::<usize>(),
            values.len(),
            "as many numbers as {shape:?} holds"
        );
        Self { shape, values: Values::I64(values) }
    }

    /// How many rows there are: the size of the first axis.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// The part of the array that belongs to `row` of the first axis, as an array of its own.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> Self {
        let shape = self.shape.get(1..).unwrap_or_default().to_vec();
        let len: usize = shape.iter().product();
        let range = row * len..(row + 1) * len;
        let values = match &self.values {
            Values::F32(values) => Values::F32(values[range].to_vec()),
            Values::I64(values) => Values::I64(values[range].to_vec()),
        };
        Self { shape, values }
    }

    /// How much memory the numbers take.
    pub fn bytes(&self) -> usize {
        match &self.values {
            Values::F32(values) => size_of_val(values.as_slice()),
            Values::I64(values) => size_of_val(values.as_slice()),
        }
    }

    /// [`stack`](Self::stack), which copies no numbers of a single array.
    pub(crate) fn stack_all(arrays: Vec<Self>) -> Result<Self> {
        match <[Self; 1]>::try_from(arrays) {
            Ok([Self { mut shape, values }]) => {
                shape.insert(0, 1);
                Ok(Self { shape, values })
            }
            Err(arrays) => Self::stack(&arrays),
        }
    }

    /// Stacks arrays of one shape along a new first axis.
    ///
    /// # Errors
    /// [`Error::Collate`] with the shapes if they differ.
    pub fn stack(arrays: &[Self]) -> Result<Self> {
        let collate =
            || Error::Collate { shapes: arrays.iter().map(|array| array.shape.clone()).collect() };
        let Some(first) = arrays.first() else { return Err(collate()) };
        let mut shape = vec![arrays.len()];
        shape.extend(&first.shape);
        let len: usize = shape.iter().product();
        let same = |array: &&Self| array.shape == first.shape;
        if !arrays.iter().all(|array| same(&array)) {
            return Err(collate());
        }
        let values = match &first.values {
            Values::F32(_) => {
                let mut all = Vec::with_capacity(len);
                for array in arrays {
                    let Values::F32(values) = &array.values else { return Err(collate()) };
                    all.extend_from_slice(values);
                }
                Values::F32(all)
            }
            Values::I64(_) => {
                let mut all = Vec::with_capacity(len);
                for array in arrays {
                    let Values::I64(values) = &array.values else { return Err(collate()) };
                    all.extend_from_slice(values);
                }
                Values::I64(all)
            }
        };
        Ok(Self { shape, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacking_adds_a_first_axis() {
        let rows = [Array::f32([2], vec![1.0, 2.0]), Array::f32([2], vec![3.0, 4.0])];
        let stacked = Array::stack(&rows).unwrap();
        assert_eq!(stacked, Array::f32([2, 2], vec![1.0, 2.0, 3.0, 4.0]));
        assert_eq!(stacked.row(1), rows[1]);
    }

    #[test]
    fn unequal_shapes_are_listed() {
        let rows = [Array::f32([2], vec![1.0, 2.0]), Array::f32([1], vec![3.0])];
        let error = Array::stack(&rows).unwrap_err();
        assert_eq!(error.to_string(), "items of different shapes cannot be one batch: [2], [1]");
    }
}
