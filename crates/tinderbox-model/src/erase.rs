//! Carries Burn's generic `Module::visit` and `Module::map` over a trait object.
//!
//! Burn's visitors have one method generic in the tensor's rank, so they are not object-safe.
//! Here a parameter crosses the boundary as `dyn Any`: [`AsVisitor`] hides its rank on the way in,
//! [`ErasedVisitor`] finds it again on the way out. This is the only place that knows.

use std::any::Any;

use burn::{
    module::{
        Flag, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor, Param,
    },
    tensor::{Bool, Device, Int, Tensor},
};

use crate::layer::{Change, Layer};

/// [`ModuleVisitor`] without generics.
pub trait ErasedVisitor {
    fn enter(&mut self, name: &str, container: &str);
    fn exit(&mut self, name: &str, container: &str);
    fn param(&mut self, param: &dyn Any);
    fn flag(&mut self, flag: &Param<Flag>);
}

/// [`ModuleMapper`] without generics.
pub trait ErasedMapper {
    fn enter(&mut self, name: &str, container: &str);
    fn exit(&mut self, name: &str, container: &str);
    fn param(&mut self, param: Box<dyn Any>) -> Box<dyn Any>;
    fn flag(&mut self, flag: Param<Flag>) -> Param<Flag>;
}

/// Tries ranks 1 to 6, the ranks Burn's own layers use.
macro_rules! for_rank {
    ($rank:ident => $body:expr) => {
        for_rank!(@ $rank => $body; 1 2 3 4 5 6)
    };
    (@ $rank:ident => $body:expr; $($n:literal)+) => {
        $({ const $rank: usize = $n; $body })+
    };
}

impl<V: ModuleVisitor> ErasedVisitor for V {
    fn enter(&mut self, name: &str, container: &str) {
        self.enter_module(name, container);
    }

    fn exit(&mut self, name: &str, container: &str) {
        self.exit_module(name, container);
    }

    fn param(&mut self, param: &dyn Any) {
        for_rank!(D => {
            if let Some(param) = param.downcast_ref::<Param<Tensor<D>>>() {
                return self.visit_float(param);
            }
            if let Some(param) = param.downcast_ref::<Param<Tensor<D, Int>>>() {
                return self.visit_int(param);
            }
            if let Some(param) = param.downcast_ref::<Param<Tensor<D, Bool>>>() {
                return self.visit_bool(param);
            }
        });
        unreachable!("a parameter of rank 7 or more");
    }

    fn flag(&mut self, flag: &Param<Flag>) {
        self.visit_flag(flag);
    }
}

impl<M: ModuleMapper> ErasedMapper for M {
    fn enter(&mut self, name: &str, container: &str) {
        self.enter_module(name, container);
    }

    fn exit(&mut self, name: &str, container: &str) {
        self.exit_module(name, container);
    }

    fn param(&mut self, param: Box<dyn Any>) -> Box<dyn Any> {
        let mut param = param;
        for_rank!(D => {
            param = match param.downcast::<Param<Tensor<D>>>() {
                Ok(param) => return Box::new(self.map_float(*param)),
                Err(other) => other,
            };
            param = match param.downcast::<Param<Tensor<D, Int>>>() {
                Ok(param) => return Box::new(self.map_int(*param)),
                Err(other) => other,
            };
            param = match param.downcast::<Param<Tensor<D, Bool>>>() {
                Ok(param) => return Box::new(self.map_bool(*param)),
                Err(other) => other,
            };
        });
        drop(param);
        unreachable!("a parameter of rank 7 or more");
    }

    fn flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        self.map_flag(flag)
    }
}

/// An erased visitor as a Burn visitor.
pub(crate) struct AsVisitor<'a>(pub &'a mut dyn ErasedVisitor);

impl ModuleVisitor for AsVisitor<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.param(param);
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.0.param(param);
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.0.param(param);
    }

    fn visit_flag(&mut self, flag: &Param<Flag>) {
        self.0.flag(flag);
    }

    fn enter_module(&mut self, name: &str, container: &str) {
        self.0.enter(name, container);
    }

    fn exit_module(&mut self, name: &str, container: &str) {
        self.0.exit(name, container);
    }
}

/// An erased mapper as a Burn mapper.
pub(crate) struct AsMapper<'a>(pub &'a mut dyn ErasedMapper);

/// The mapper gives back what it got: a parameter of the same rank and kind.
fn same<T: 'static>(param: Box<dyn Any>) -> T {
    *param.downcast().expect("a mapper keeps a parameter's rank and kind")
}

impl ModuleMapper for AsMapper<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        same(self.0.param(Box::new(param)))
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        same(self.0.param(Box::new(param)))
    }

    fn map_bool<const D: usize>(
        &mut self,
        param: Param<Tensor<D, Bool>>,
    ) -> Param<Tensor<D, Bool>> {
        same(self.0.param(Box::new(param)))
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        self.0.flag(flag)
    }

    fn enter_module(&mut self, name: &str, container: &str) {
        self.0.enter(name, container);
    }

    fn exit_module(&mut self, name: &str, container: &str) {
        self.0.exit(name, container);
    }
}

impl Clone for Box<dyn Layer> {
    fn clone(&self) -> Self {
        (**self).clone_boxed()
    }
}

impl Module for Box<dyn Layer> {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        (**self).visit_erased(visitor);
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        self.map_erased(mapper)
    }

    fn collect_devices(&self, devices: burn::module::Devices) -> burn::module::Devices {
        (**self).collect_devices_erased(devices)
    }

    fn fork(self, device: &Device) -> Self {
        self.change(Change::Fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        self.change(Change::ToDevice(device))
    }

    fn train(self) -> Self {
        self.change(Change::Train)
    }

    fn valid(&self) -> Self {
        self.clone().change(Change::Valid)
    }

    fn materialize(self) -> Self {
        self.change(Change::Materialize)
    }
}

impl ModuleDisplayDefault for Box<dyn Layer> {
    fn content(&self, content: burn::module::Content) -> Option<burn::module::Content> {
        content.set_top_level_type((**self).name()).optional()
    }
}

impl ModuleDisplay for Box<dyn Layer> {}
