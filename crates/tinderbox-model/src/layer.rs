//! What a layer is: [`Forward`] to write one, [`Layer`] to hold any of them.

mod activation;
mod aside;
mod attention;
mod carried;
mod conv;
mod dropout;
mod embedding;
mod flatten;
mod linear;
mod mode;
mod norm;
mod pool;
mod recurrent;
mod reshape;
mod running;
mod shuffle;
mod spectral_norm;
mod stack;
mod weight_norm;

use std::fmt::{Debug, Display};

use burn::{
    module::{Devices, Module},
    tensor::{Device, Tensor},
};

pub use activation::{LeakyReLU, ReLU, ReLU6, Rectifier, SigmoidRange, Tanh};
pub(crate) use aside::Aside;
pub use attention::{PooledSelfAttention2d, SelfAttention};
pub use carried::Carried;
pub use conv::{Conv1d, Conv2d, Conv2dConfig, ConvKind, ConvTranspose2d, conv2d, conv2d_trans};
pub(crate) use conv::{Convolution, as_convolution};
pub use dropout::{Dropout, Dropout2d};
pub use embedding::Embedding;
pub use flatten::{AvgFlatten, Flatten};
pub use linear::Linear;
pub use mode::{Mode, set_mode};
pub use norm::{BatchNorm1d, BatchNorm1dFlat, BatchNorm2d, batchnorm_2d};
pub use pool::{
    AdaptiveAvgPool2d, AdaptiveConcatPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d, PoolFlatten,
};
pub use recurrent::{Gru, Lstm, LstmState, Nonlinearity, Rnn};
pub use reshape::{ResizeBatch, View};
pub use running::Running;
pub use shuffle::{Interpolation, PixelShuffle, ReplicationPad2d, Upsample};
pub use spectral_norm::{SpectralNormConv, SpectralNormLinear};
pub use stack::Recurrent;
pub(crate) use stack::{flat, pairs};
pub use weight_norm::{WeightNormConv, WeightNormLinear};

use crate::{
    AnyTensor, Trace,
    erase::{AsMapper, AsVisitor, ErasedMapper, ErasedVisitor},
};

/// A forward pass from one input to one output. All that a model or layer of your own needs,
/// besides `#[derive(Module, Debug)]`.
pub trait Forward {
    /// What it takes: a tensor of a rank and kind, or [`AnyTensor`].
    type Input: TryFrom<AnyTensor, Error: Display>;
    /// What it gives, likewise.
    type Output: Into<AnyTensor>;

    /// The pass.
    fn forward(&self, input: Self::Input) -> Self::Output;

    /// [`forward`](Self::forward), running the layers inside through `trace` so that summaries and
    /// statistics see them. Worth writing for a container; a layer without it is seen as one.
    fn forward_traced(&self, input: Self::Input, _trace: &mut Trace<'_>) -> Self::Output {
        self.forward(input)
    }

    /// What summaries call it, if not by its type's name.
    fn class_name(&self) -> Option<&'static str> {
        None
    }

    /// What a recurrent model keeps of a batch for the next one. Who trains hands it from the
    /// model to its copy for evaluation and back, saves it with the run, and resets it.
    ///
    /// A model answers for itself alone: a container like [`Sequential`](crate::Sequential) does
    /// not answer for what is in it.
    fn carried(&self) -> Option<&Carried> {
        None
    }

    /// What the last pass in training wants added to the loss that is differentiated, but not to
    /// the one that is shown. It is given once.
    ///
    /// A container does not answer for what is in it.
    fn penalty(&self) -> Option<Tensor<1>> {
        None
    }
}

/// Any Burn module with a [`Forward`], behind one object-safe trait.
///
/// Never implemented by hand.
pub trait Layer: Debug + Send {
    /// The pass on a tensor of which the caller knows nothing.
    ///
    /// # Panics
    /// If `x` is not of the rank and kind that the layer takes, with its path.
    fn forward_any(&self, x: AnyTensor, trace: &mut Trace<'_>) -> AnyTensor;
    /// The type's short name: `Conv2d`.
    fn name(&self) -> &'static str;
    /// For inspection: `layer.as_any().downcast_ref::<Linear>()`. Nothing steers a pass by it.
    fn as_any(&self) -> &dyn std::any::Any;
    /// [`Forward::carried`].
    fn carried(&self) -> Option<&Carried>;
    /// [`Forward::penalty`].
    fn penalty(&self) -> Option<Tensor<1>>;

    #[doc(hidden)]
    fn clone_boxed(&self) -> Box<dyn Layer>;
    #[doc(hidden)]
    fn visit_erased(&self, visitor: &mut dyn ErasedVisitor);
    #[doc(hidden)]
    fn map_erased(self: Box<Self>, mapper: &mut dyn ErasedMapper) -> Box<dyn Layer>;
    #[doc(hidden)]
    fn collect_devices_erased(&self, devices: Devices) -> Devices;
    #[doc(hidden)]
    fn change(self: Box<Self>, change: Change<'_>) -> Box<dyn Layer>;
}

/// The whole-module changes that Burn's `Module` has a method for.
#[doc(hidden)]
pub enum Change<'a> {
    Fork(&'a Device),
    ToDevice(&'a Device),
    Train,
    Valid,
    Materialize,
}

impl<M: Module + Forward + 'static> Layer for M {
    fn forward_any(&self, x: AnyTensor, trace: &mut Trace<'_>) -> AnyTensor {
        let input = x.try_into().unwrap_or_else(|mismatch| match trace.path() {
            path if path.is_empty() => panic!("{}: {mismatch}", self.name()),
            path => panic!("{path}: {}: {mismatch}", self.name()),
        });
        self.forward_traced(input, trace).into()
    }

    fn name(&self) -> &'static str {
        self.class_name().unwrap_or_else(|| {
            let full = std::any::type_name::<M>();
            let path = full.split('<').next().unwrap_or(full);
            path.rsplit("::").next().unwrap_or(path)
        })
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn carried(&self) -> Option<&Carried> {
        Forward::carried(self)
    }

    fn penalty(&self) -> Option<Tensor<1>> {
        Forward::penalty(self)
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

/// Layers of any rank that keep it.
macro_rules! forward_any_rank {
    ($layer:ty, $self:ident, $x:ident => $body:expr) => {
        impl $crate::Forward for $layer {
            type Input = $crate::AnyTensor;
            type Output = $crate::AnyTensor;

            fn forward(&self, input: $crate::AnyTensor) -> $crate::AnyTensor {
                let $self = self;
                match input {
                    $crate::AnyTensor::Float1($x) => $body.into(),
                    $crate::AnyTensor::Float2($x) => $body.into(),
                    $crate::AnyTensor::Float3($x) => $body.into(),
                    $crate::AnyTensor::Float4($x) => $body.into(),
                    other => {
                        panic!("{}: not for a {} tensor", $crate::Layer::name(self), other.kind())
                    }
                }
            }
        }
    };
}

pub(crate) use forward_any_rank;
