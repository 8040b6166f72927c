//! What a network that does not train computes once: folded and packed weights.

use std::sync::{Arc, Mutex, PoisonError};

use burn::{
    backend::Flex,
    tensor::{Bytes, Tensor},
};
use tinderbox_kernels::{Conv, conv::Weights};

use crate::{BatchNorm, NormRelu};

/// Weights as the kernels read them, for each way in which they were needed.
#[derive(Debug, Clone, Default)]
pub(crate) struct PreparedWeights(Arc<Mutex<Vec<Arc<Weights>>>>);

impl PreparedWeights {
    /// Those for a convolution, made of `weights` the first time.
    pub(crate) fn of(&self, conv: &Conv, weights: &[f32]) -> Arc<Weights> {
        // Whoever panicked left whole entries behind.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = all.iter().find(|weights| weights.fit(conv)) {
            return found.clone();
        }
        let made = Arc::new(conv.prepare(weights));
        all.push(made.clone());
        made
    }
}

/// A convolution with the batch norm behind it folded into its weights, as long as the tensors
/// that it was made of are the same. A clone starts empty.
///
/// A layer keeps one beside its parameters, see [`conv_norm_eval`](crate::conv_norm_eval).
#[derive(Debug, Default)]
pub struct Folded(Mutex<Option<Entry>>);

impl Clone for Folded {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[derive(Debug)]
struct Entry {
    /// The memory of the tensors. It is held so that no other tensor can come to lie there.
    of: Vec<Memory>,
    parts: FoldedParts,
}

/// A folded convolution.
#[derive(Debug, Clone)]
pub(crate) struct FoldedParts {
    pub weight: Tensor<4>,
    pub bias: Tensor<1>,
    /// What the output is multiplied by and what is added then, where a ReLU stands before the
    /// batch norm, so that it cannot go into the weights.
    pub scale: Option<(Tensor<1>, Tensor<1>)>,
    pub prepared: PreparedWeights,
}

impl FoldedParts {
    fn new(weight: &Tensor<4>, norm: &BatchNorm, bias: Option<&Tensor<1>>, relu: NormRelu) -> Self {
        let (gain, shift) = norm.gain_and_shift();
        let channels = gain.dims()[0];
        let prepared = PreparedWeights::default();
        if relu == NormRelu::Before {
            let bias = bias.cloned().unwrap_or_else(|| shift.zeros_like());
            return Self { weight: weight.clone(), bias, scale: Some((gain, shift)), prepared };
        }
        let bias = match bias {
            Some(bias) => shift + bias.clone() * gain.clone(),
            None => shift,
        };
        let weight = weight.clone() * gain.reshape([channels, 1, 1, 1]);
        Self { weight, bias, scale: None, prepared }
    }
}

impl Folded {
    /// The parts for these tensors, from the last time if they are the same. Only on the CPU can
    /// one tell.
    pub(crate) fn of(
        &self,
        weight: &Tensor<4>,
        norm: &BatchNorm,
        bias: Option<&Tensor<1>>,
        relu: NormRelu,
    ) -> FoldedParts {
        let others = [&norm.weight, &norm.bias, &norm.running_mean, &norm.running_var];
        let others = others.into_iter().chain(bias).map(memory);
        let key: Option<Vec<Memory>> = std::iter::once(memory(weight)).chain(others).collect();
        // Whoever panicked left a whole entry behind, or none.
        let mut entry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(key), Some(Entry { of, parts })) = (&key, &*entry)
            && of.len() == key.len()
            && of.iter().zip(key).all(|(a, b)| a.is(b))
        {
            return parts.clone();
        }
        let parts = FoldedParts::new(weight, norm, bias, relu);
        *entry = key.map(|of| Entry { of, parts: parts.clone() });
        parts
    }
}

/// Where a tensor's numbers lie, if that is the CPU's memory and they begin there.
pub(crate) fn memory<const D: usize>(tensor: &Tensor<D>) -> Option<Memory> {
    let tensor = tensor.clone().without_autodiff().try_into_primitive::<Flex>().ok()?;
    (tensor.layout().start_offset() == 0).then(|| Memory(tensor.data_arc()))
}

/// Where numbers lie. While it is held, no others come to lie there.
#[derive(Debug)]
pub(crate) struct Memory(Arc<Bytes>);

impl Memory {
    /// Whether the others are these.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
