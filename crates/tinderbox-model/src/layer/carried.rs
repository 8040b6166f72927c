//! A state that goes on from batch to batch.

use std::cell::RefCell;

use burn::tensor::{Int, Tensor};

/// What a recurrent model keeps of a batch for the next one, in a `#[module(skip)]` field: tensors
/// of `[batch, size]`, one for each layer or two where there are cells.
///
/// It is no parameter, and a clone starts without it: a copy of the model sees other batches.
/// Nothing kept is differentiated any further, and all of it is free of autodiff, so that a model
/// that trains and its copy for evaluation can hand it to each other.
#[derive(Debug, Default)]
pub struct Carried(RefCell<Vec<Tensor<2>>>);

impl Carried {
    /// What the last batch left, if there was one; it is not there any more.
    pub fn take(&self) -> Option<Vec<Tensor<2>>> {
        let states = self.0.take();
        (!states.is_empty()).then_some(states)
    }

    /// [`take`](Self::take) for the batch `x`, whose first axis it is, and on its device. There is
    /// nothing for a batch of another size than the last one's.
    pub fn take_for<const D: usize>(&self, x: &Tensor<D>) -> Option<Vec<Tensor<2>>> {
        let (batch, device) = (x.dims()[0], x.device());
        let states = self.take()?;
        let fit = states.iter().all(|state| state.dims()[0] == batch);
        let there = |state: Tensor<2>| {
            let state = state.to_device(&device);
            if device.is_autodiff() { state.autodiff() } else { state }
        };
        fit.then(|| states.into_iter().map(there).collect())
    }

    /// Keeps this for the next batch.
    pub fn set(&self, states: Vec<Tensor<2>>) {
        self.0.replace(states.into_iter().map(Tensor::without_autodiff).collect());
    }

    /// What the next batch starts with; nothing if it starts anew.
    pub fn states(&self) -> Vec<Tensor<2>> {
        self.0.borrow().clone()
    }

    /// Lets the next batch start anew.
    pub fn reset(&self) {
        self.0.take();
    }

    /// Goes on with these rows of the batch in this order, each as often as it is named: what a
    /// beam search does with those that it follows.
    ///
    /// # Panics
    /// If a row is beyond the batch.
    pub fn select(&self, rows: &[usize]) {
        let rows: Vec<i64> = rows.iter().map(|row| *row as i64).collect();
        let select = |state: Tensor<2>| {
            let rows = Tensor::<1, Int>::from_data(&rows[..], &state.device());
            state.select(0, rows)
        };
        let states = self.0.take().into_iter().map(select).collect();
        self.0.replace(states);
    }
}

impl Clone for Carried {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn carried(device: &Device) -> Carried {
        let carried = Carried::default();
        carried.set(vec![Tensor::from_data([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], device)]);
        carried
    }

    fn numbers(states: Vec<Tensor<2>>) -> Vec<Vec<f32>> {
        states.into_iter().map(|state| state.into_data().try_to_vec().unwrap()).collect()
    }

    #[test]
    fn it_is_taken_once_and_a_clone_is_empty() {
        let carried = carried(&Device::flex());
        assert!(carried.clone().take().is_none());
        assert_eq!(numbers(carried.states()), [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]);
        assert!(carried.take().is_some() && carried.take().is_none());
    }

    #[test]
    fn rows_are_selected_in_order() {
        let carried = carried(&Device::flex());
        carried.select(&[2, 0, 2, 1]);
        assert_eq!(numbers(carried.states()), [[5.0, 6.0, 1.0, 2.0, 5.0, 6.0, 3.0, 4.0]]);
        carried.reset();
        carried.select(&[]);
        assert!(carried.states().is_empty());
    }

    #[test]
    fn it_goes_from_training_to_evaluation_and_back() {
        let devices = [Device::flex().autodiff(), Device::flex()];
        let carried = carried(&devices[0]);
        for device in [&devices[1], &devices[0]] {
            let states = carried.take_for(&Tensor::<3>::zeros([3, 1, 1], device)).unwrap();
            assert_eq!(states[0].is_autodiff(), device.is_autodiff());
            carried.set(states);
        }
    }

    #[test]
    fn a_batch_of_another_size_starts_anew() {
        let carried = carried(&Device::flex());
        assert!(carried.take_for(&Tensor::<3>::zeros([2, 1, 1], &Device::flex())).is_none());
    }
}
