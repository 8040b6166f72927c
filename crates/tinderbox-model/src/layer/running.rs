//! State that a forward pass changes and training does not.

use std::sync::{Mutex, MutexGuard};

use burn::{
    module::{
        Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
        Param, ParamId,
    },
    tensor::{Device, Tensor},
};

/// A tensor that a layer follows while it runs: a running mean, a spectral vector.
///
/// In place of Burn's `RunningState`, which shares its value among clones and applies an update
/// only when the next one comes. Here an update is there at once, so a checkpoint has the last
/// one, and a clone is a copy: a snapshot of a model stays what it was. A model runs on one thread
/// at a time: of two updates at once, one would be lost.
///
/// In the model's tree it is a parameter that requires no gradient, so it is saved, loaded and
/// moved like one.
#[derive(Debug)]
pub struct Running<const D: usize> {
    id: ParamId,
    value: Mutex<Tensor<D>>,
}

impl<const D: usize> Running<D> {
    /// Starts with this value.
    pub fn new(value: Tensor<D>) -> Self {
        Self::with_id(ParamId::new(), value)
    }

    fn with_id(id: ParamId, value: Tensor<D>) -> Self {
        Self { id, value: Mutex::new(value.set_require_grad(false)) }
    }

    /// What it is now.
    pub fn val(&self) -> Tensor<D> {
        self.lock().clone()
    }

    /// Replaces the value, which is not differentiated any further.
    pub fn set(&self, value: Tensor<D>) {
        *self.lock() = value.detach();
    }

    /// The lock guards one assignment, so a thread that panicked left it whole.
    fn lock(&self) -> MutexGuard<'_, Tensor<D>> {
        self.value.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn with(&self, change: impl FnOnce(Tensor<D>) -> Tensor<D>) -> Self {
        Self::with_id(self.id, change(self.val()))
    }
}

impl<const D: usize> Clone for Running<D> {
    fn clone(&self) -> Self {
        self.with(|value| value)
    }
}

impl<const D: usize> Module for Running<D> {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        visitor.visit_float(&Param::initialized(self.id, self.val()));
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let (id, value, _) = mapper.map_float(Param::initialized(self.id, self.val())).consume();
        Self::with_id(id, value)
    }

    fn collect_devices(&self, mut devices: Devices) -> Devices {
        let device = self.lock().device();
        if !devices.contains(&device) {
            devices.push(device);
        }
        devices
    }

    fn fork(self, device: &Device) -> Self {
        self.with(|value| value.to_device(device).detach())
    }

    fn to_device(self, device: &Device) -> Self {
        self.with(|value| value.to_device(device))
    }

    fn train(self) -> Self {
        self.with(Tensor::from_inner)
    }

    fn valid(&self) -> Self {
        self.with(Tensor::without_autodiff)
    }

    fn materialize(self) -> Self {
        self
    }
}

impl<const D: usize> ModuleDisplayDefault for Running<D> {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&format!("running {:?}", self.lock().dims())).optional()
    }
}

impl<const D: usize> ModuleDisplay for Running<D> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(running: &Running<1>) -> f32 {
        running.val().into_scalar()
    }

    #[test]
    fn an_update_is_there_at_once_and_a_clone_is_a_copy() {
        let device = Device::flex().autodiff();
        let running = Running::new(Tensor::from_data([1.0], &device));
        let copy = running.clone();
        running.set(Tensor::from_data([2.0], &device));
        assert_eq!([number(&running), number(&copy)], [2.0, 1.0]);
        // From autodiff and back: the way of a snapshot.
        let inner = running.valid();
        running.set(Tensor::from_data([3.0], &device));
        assert_eq!([number(&inner), number(&inner.train())], [2.0, 2.0]);
    }

    #[test]
    fn it_never_requires_a_gradient() {
        let device = Device::flex().autodiff();
        let running = Running::new(Tensor::<1>::zeros([1], &device)).set_require_grad(true);
        assert!(!running.val().is_require_grad());
    }
}
