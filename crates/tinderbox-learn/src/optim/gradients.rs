//! The gradients of a step.

use burn::{
    module::{ModuleVisitor, Param},
    tensor::{Gradients as Graph, Tensor},
};
use tinderbox_model::Layer;

/// The gradient of each of a model's parameters, in the model's order.
#[derive(Debug, Clone, Default)]
pub struct Gradients {
    values: Vec<Option<Tensor<1>>>,
}

impl Gradients {
    /// Flat gradients in the order of the model's floating-point parameters, running statistics
    /// included; nothing for those without.
    pub fn new(values: Vec<Option<Tensor<1>>>) -> Self {
        Self { values }
    }

    /// Takes those of the model's parameters out of what a backward pass left.
    pub fn of(model: &dyn Layer, graph: Graph) -> Self {
        let mut collect = Collect { graph, values: Vec::new() };
        model.visit_erased(&mut collect);
        Self::new(collect.values)
    }

    /// The gradients that are there.
    pub fn iter(&self) -> impl Iterator<Item = &Tensor<1>> {
        self.values.iter().flatten()
    }

    /// Those that are there, each with its parameter's number.
    pub(crate) fn indexed(&self) -> impl Iterator<Item = (usize, &Tensor<1>)> {
        self.values.iter().enumerate().filter_map(|(at, value)| Some((at, value.as_ref()?)))
    }

    /// The length of all of them together, as one vector.
    pub fn norm(&self) -> f64 {
        let squares: Vec<Tensor<1>> = self.iter().map(|g| g.clone().square().sum()).collect();
        match squares.is_empty() {
            true => 0.0,
            false => f64::from(Tensor::cat(squares, 0).sum().into_scalar::<f32>()).sqrt(),
        }
    }

    /// Multiplies all of them.
    pub fn scale(&mut self, factor: f64) {
        for gradient in &mut self.values {
            *gradient = gradient.take().map(|gradient| gradient * factor);
        }
    }

    /// Adds those of another batch.
    pub(crate) fn add(&mut self, other: Self) {
        for (mine, other) in self.values.iter_mut().zip(other.values) {
            *mine = match (mine.take(), other) {
                (Some(mine), Some(other)) => Some(mine + other),
                (mine, other) => mine.or(other),
            };
        }
    }

    /// The gradient of parameter `at`, which nobody needs afterwards.
    pub(super) fn take(&mut self, at: usize) -> Option<Tensor<1>> {
        self.values.get_mut(at)?.take()
    }
}

struct Collect {
    graph: Graph,
    values: Vec<Option<Tensor<1>>>,
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = match param.is_require_grad() {
            true => param.base().grad_remove(&mut self.graph),
            false => None,
        };
        self.values.push(gradient.map(|gradient| gradient.reshape([-1])));
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn gradients(values: [Option<[f32; 2]>; 3]) -> Gradients {
        let tensor = |values| Tensor::from_data(values, &Device::flex());
        Gradients::new(values.into_iter().map(|values| values.map(tensor)).collect())
    }

    fn values(gradients: &Gradients) -> Vec<f32> {
        gradients.iter().flat_map(|g| g.clone().try_into_vec_as::<f32>().unwrap()).collect()
    }

    #[test]
    fn the_norm_is_over_all_together() {
        let mut gradients = gradients([Some([1.0, 2.0]), None, Some([2.0, 4.0])]);
        assert_eq!(gradients.norm(), 5.0);
        gradients.scale(0.5);
        assert_eq!(values(&gradients), [0.5, 1.0, 1.0, 2.0]);
        assert_eq!(Gradients::default().norm(), 0.0);
    }

    #[test]
    fn those_of_two_batches_add_up() {
        let mut sum = gradients([Some([1.0, 2.0]), None, None]);
        sum.add(gradients([Some([1.0, 1.0]), Some([3.0, 3.0]), None]));
        assert_eq!(values(&sum), [2.0, 3.0, 3.0, 3.0]);
    }
}
