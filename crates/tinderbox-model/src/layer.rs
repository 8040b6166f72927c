//! What a layer is: [`Forward`] to write one, [`Layer`] to hold any of them.

use std::fmt::{Debug, Display};

use burn::{
    module::{Devices, Module},
    nn::{
        BatchNorm, Dropout, Linear, PixelShuffle, Relu,
        conv::{Conv2d, ConvTranspose2d},
        pool::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d},
    },
    tensor::{Device, Tensor},
};

use crate::{
    AnyTensor, Trace,
    erase::{AsMapper, AsVisitor, ErasedMapper, ErasedVisitor},
};

/// A forward pass from one input to one output. All that a model or layer of your own needs,
/// besides `#[derive(Module, Debug)]`.
pub trait Forward {
    type Input: TryFrom<AnyTensor, Error: Display>;
    type Output: Into<AnyTensor>;

    fn forward(&self, input: Self::Input) -> Self::Output;

    /// [`forward`](Self::forward), running the layers inside through `trace` so that summaries and
    /// statistics see them. Worth writing for a container; a layer without it is seen as one.
    fn forward_traced(&self, input: Self::Input, _trace: &mut Trace<'_>) -> Self::Output {
        self.forward(input)
    }
}

/// Any Burn module with a [`Forward`], behind one object-safe trait.
///
/// Never implemented by hand.
pub trait Layer: Debug + Send {
    fn forward_any(&self, x: AnyTensor, trace: &mut Trace<'_>) -> AnyTensor;
    /// The type's short name: `Conv2d`.
    fn name(&self) -> &'static str;
    fn param_count(&self) -> usize;
    fn as_any(&self) -> &dyn std::any::Any;

    fn clone_boxed(&self) -> Box<dyn Layer>;
    fn visit_erased(&self, visitor: &mut dyn ErasedVisitor);
    fn map_erased(self: Box<Self>, mapper: &mut dyn ErasedMapper) -> Box<dyn Layer>;
    fn collect_devices_erased(&self, devices: Devices) -> Devices;
    fn change(self: Box<Self>, change: Change<'_>) -> Box<dyn Layer>;
}

/// The whole-module changes that Burn's `Module` has a method for.
pub enum Change<'a> {
    Fork(&'a Device),
    ToDevice(&'a Device),
    Train,
    Valid,
    Materialize,
}

impl<M: Module + Forward + 'static> Layer for M {
    fn forward_any(&self, x: AnyTensor, trace: &mut Trace<'_>) -> AnyTensor {
        let input = x
            .try_into()
            .unwrap_or_else(|mismatch| panic!("{} ({}): {mismatch}", trace.path(), self.name()));
        self.forward_traced(input, trace).into()
    }

    fn name(&self) -> &'static str {
        let full = std::any::type_name::<M>();
        let path = full.split('<').next().unwrap_or(full);
        path.rsplit("::").next().unwrap_or(path)
    }

    fn param_count(&self) -> usize {
        Module::num_params(self)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn clone_boxed(&self) -> Box<dyn Layer> {
        Box::new(self.clone())
    }

    fn visit_erased(&self, visitor: &mut dyn ErasedVisitor) {
        self.visit(&mut AsVisitor(visitor));
    }

    fn map_erased(self: Box<Self>, mapper: &mut dyn ErasedMapper) -> Box<dyn Layer> {
        Box::new((*self).map(&mut AsMapper(mapper)))
    }

    fn collect_devices_erased(&self, devices: Devices) -> Devices {
        self.collect_devices(devices)
    }

    fn change(self: Box<Self>, change: Change<'_>) -> Box<dyn Layer> {
        Box::new(match change {
            Change::Fork(device) => self.fork(device),
            Change::ToDevice(device) => self.to_device(device),
            Change::Train => self.train(),
            Change::Valid => self.valid(),
            Change::Materialize => self.materialize(),
        })
    }
}

/// Burn layers of one rank.
macro_rules! forward {
    ($($layer:ty: $input:ty => $output:ty;)+) => {$(
        impl Forward for $layer {
            type Input = $input;
            type Output = $output;

            fn forward(&self, input: $input) -> $output {
                <$layer>::forward(self, input)
            }
        }
    )+};
}

/// Burn layers of any rank that keep it.
macro_rules! forward_any_rank {
    ($($layer:ty),+ $(,)?) => {$(
        impl Forward for $layer {
            type Input = AnyTensor;
            type Output = AnyTensor;

            fn forward(&self, input: AnyTensor) -> AnyTensor {
                match input {
                    AnyTensor::Float2(x) => <$layer>::forward(self, x).into(),
                    AnyTensor::Float3(x) => <$layer>::forward(self, x).into(),
                    AnyTensor::Float4(x) => <$layer>::forward(self, x).into(),
                    other => panic!("{}: not for a {} tensor", self.name(), other.kind()),
                }
            }
        }
    )+};
}

forward! {
    AdaptiveAvgPool2d: Tensor<4> => Tensor<4>;
    AvgPool2d: Tensor<4> => Tensor<4>;
    Conv2d: Tensor<4> => Tensor<4>;
    ConvTranspose2d: Tensor<4> => Tensor<4>;
    MaxPool2d: Tensor<4> => Tensor<4>;
    PixelShuffle: Tensor<4> => Tensor<4>;
}
forward_any_rank!(BatchNorm, Dropout, Linear, Relu);
