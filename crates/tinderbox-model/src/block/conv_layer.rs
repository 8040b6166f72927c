//! fastai's `conv_layer`, from which everything else is built.

use burn::{
    module::{
        Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
    },
    tensor::{Device, Tensor},
};
use serde::{Deserialize, Serialize};

use super::conv_bn::conv_relu_bn;
use crate::{
    AnyTensor, Forward, Layer, Sequential, Trace,
    init::Init,
    layer::{
        BatchNorm1d, BatchNorm2d, Conv1d, Conv2d, Conv2dConfig, ConvKind, ConvTranspose2d,
        LeakyReLU, ReLU, SelfAttention, SpectralNormConv, WeightNormConv,
    },
};

/// What normalizes a [`conv_layer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormType {
    /// Nothing; the convolution has a bias.
    None,
    /// Batch norm after the activation.
    #[default]
    Batch,
    /// As [`Batch`](Self::Batch): fastai means it to start at zero, but its `conv_layer` does not.
    /// For a start at zero see [`zero_init`](ConvLayerConfig::zero_init).
    BatchZero,
    /// Weight norm of the convolution.
    Weight,
    /// Spectral norm of the convolution.
    Spectral,
}

impl NormType {
    fn is_batch(self) -> bool {
        matches!(self, Self::Batch | Self::BatchZero)
    }
}

/// Configures a [`conv_layer`](Self::init): convolution, activation, batch norm.
///
/// # Example
/// The last layer of a generator, and a layer of a critic:
///
/// ```
/// use tinderbox_model::{ConvLayerConfig, NormType, layer::ConvKind};
///
/// let last = ConvLayerConfig {
///     kind: ConvKind::ConvTranspose2d,
///     padding: Some(1),
///     ..ConvLayerConfig::new(64, 3).kernel(4).stride(2).norm(NormType::None).activation(false)
/// };
/// let critic = ConvLayerConfig {
///     leaky: Some(0.2),
///     ..ConvLayerConfig::new(3, 64).kernel(4).stride(2).norm(NormType::Spectral)
/// };
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConvLayerConfig {
    pub in_channels: usize,
    pub out_channels: usize,
    /// 3 unless it is set.
    pub kernel: usize,
    pub stride: usize,
    /// Unless it is set, what keeps the resolution, or 0 for a transposed convolution.
    pub padding: Option<usize>,
    /// Unless it is set, only where no batch norm follows, which has one of its own.
    pub bias: Option<bool>,
    pub norm: NormType,
    /// Off for the layer that makes a model's output.
    pub activation: bool,
    /// The slope of what is negative; a plain ReLU if there is none.
    pub leaky: Option<f64>,
    /// Over pixels, along one axis, or transposed: fastai's `is_1d` and `transpose`.
    pub kind: ConvKind,
    /// Lets every position look at every other at the end; for at least 8 output channels.
    pub self_attention: bool,
    /// Starts batch norm's weight at 0, so that a residual block starts as the identity.
    pub zero_init: bool,
    pub init: Init,
}

impl ConvLayerConfig {
    /// fastai's defaults: 3×3, every pixel, batch norm, ReLU.
    pub fn new(in_channels: usize, out_channels: usize) -> Self {
        Self {
            in_channels,
            out_channels,
            kernel: 3,
            stride: 1,
            padding: None,
            bias: None,
            norm: NormType::Batch,
            activation: true,
            leaky: None,
            kind: ConvKind::Conv2d,
            self_attention: false,
            zero_init: false,
            init: Init::KaimingNormal,
        }
    }

    /// A kernel of this side, in pixels.
    pub fn kernel(self, kernel: usize) -> Self {
        Self { kernel, ..self }
    }

    /// Pixels from one output to the next.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// What normalizes it.
    pub fn norm(self, norm: NormType) -> Self {
        Self { norm, ..self }
    }

    /// Whether an activation follows the convolution.
    pub fn activation(self, activation: bool) -> Self {
        Self { activation, ..self }
    }

    /// The layers, in fastai's order: the batch norm follows the activation.
    pub fn init(&self, device: &Device) -> ConvLayer {
        let padding = match (self.padding, self.kind) {
            (Some(padding), _) => padding,
            (None, ConvKind::ConvTranspose2d) => 0,
            (None, ConvKind::Conv2d | ConvKind::Conv1d) => (self.kernel - 1) / 2,
        };
        let bias = self.bias.unwrap_or(!self.norm.is_batch());
        let conv = Conv2dConfig::new([self.in_channels, self.out_channels], self.kernel)
            .stride(self.stride)
            .padding(padding)
            .bias(bias)
            .init_with(self.init);
        let plain = self.kind == ConvKind::Conv2d && self.norm.is_batch();
        match plain && self.leaky.is_none() && !self.self_attention {
            true => ConvLayer::Fused(Box::new(Fused {
                conv: conv.init(device),
                relu: self.activation.then_some(ReLU),
                norm: self.batch_norm(device),
            })),
            false => ConvLayer::Layers(self.layers(conv, device)),
        }
    }

    fn layers(&self, conv: Conv2dConfig, device: &Device) -> Sequential {
        let layers = Sequential::new();
        let layers = match (self.norm, self.kind) {
            (NormType::Weight, ConvKind::Conv2d) => {
                layers.push(WeightNormConv::conv2d(conv, device))
            }
            (NormType::Weight, ConvKind::Conv1d) => {
                layers.push(WeightNormConv::conv1d(conv, device))
            }
            (NormType::Weight, ConvKind::ConvTranspose2d) => {
                layers.push(WeightNormConv::conv_transpose2d(conv, device))
            }
            (NormType::Spectral, ConvKind::Conv2d) => {
                layers.push(SpectralNormConv::conv2d(conv, device))
            }
            (NormType::Spectral, ConvKind::Conv1d) => {
                layers.push(SpectralNormConv::conv1d(conv, device))
            }
            (NormType::Spectral, ConvKind::ConvTranspose2d) => {
                layers.push(SpectralNormConv::conv_transpose2d(conv, device))
            }
            (_, ConvKind::Conv2d) => layers.push(conv.init(device)),
            (_, ConvKind::Conv1d) => layers.push(Conv1d::new(conv, device)),
            (_, ConvKind::ConvTranspose2d) => layers.push(ConvTranspose2d::new(conv, device)),
        };
        let layers = match (self.activation, self.leaky) {
            (false, _) => layers,
            (true, None) => layers.push(ReLU),
            (true, Some(slope)) => layers.push(LeakyReLU { slope }),
        };
        let layers = match (self.norm.is_batch(), self.kind) {
            (false, _) => layers,
            (true, ConvKind::Conv1d) => {
                let norm = BatchNorm1d::new(self.out_channels, device);
                layers.push(if self.zero_init { norm.with_zero_weight() } else { norm })
            }
            (true, _) => layers.push(self.batch_norm(device)),
        };
        match self.self_attention {
            true => layers.push(SelfAttention::new(self.out_channels, device)),
            false => layers,
        }
    }

    fn batch_norm(&self, device: &Device) -> BatchNorm2d {
        let norm = BatchNorm2d::new(self.out_channels, device);
        if self.zero_init { norm.with_zero_weight() } else { norm }
    }
}

/// [`ConvLayerConfig`] at its defaults: a 3×3 convolution that keeps the resolution, ReLU, batch
/// norm.
pub fn conv_layer(in_channels: usize, out_channels: usize, device: &Device) -> ConvLayer {
    ConvLayerConfig::new(in_channels, out_channels).init(device)
}

/// A convolution with what follows it, named by position: `0` the convolution, then the activation
/// and the norm, as far as they are there.
#[derive(Debug, Clone)]
pub enum ConvLayer {
    /// Convolution, ReLU or nothing, batch norm: one operation if nobody watches.
    Fused(Box<Fused>),
    /// Everything else, layer by layer.
    Layers(Sequential),
}

/// The layers of [`ConvLayer::Fused`].
#[derive(Debug, Clone)]
pub struct Fused {
    pub conv: Conv2d,
    pub relu: Option<ReLU>,
    pub norm: BatchNorm2d,
}

impl ConvLayer {
    /// The layers with their names, in order.
    pub fn children(&self) -> Vec<(&str, &dyn Layer)> {
        match self {
            Self::Fused(fused) => match &**fused {
                Fused { conv, relu: Some(relu), norm } => {
                    vec![("0", conv), ("1", relu), ("2", norm)]
                }
                Fused { conv, relu: None, norm } => vec![("0", conv), ("1", norm)],
            },
            Self::Layers(layers) => layers.children().collect(),
        }
    }
}

impl Fused {
    fn norm_name(&self) -> &'static str {
        if self.relu.is_some() { "2" } else { "1" }
    }

    /// The same numbers as the layers one by one, up to rounding.
    fn at_once(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let Self { conv, relu, norm } = self;
        conv_relu_bn(("0", conv), relu.is_some(), (self.norm_name(), norm), x, trace)
    }
}

impl Forward for ConvLayer {
    type Input = AnyTensor;
    type Output = AnyTensor;

    fn forward(&self, x: AnyTensor) -> AnyTensor {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: AnyTensor, trace: &mut Trace<'_>) -> AnyTensor {
        match (self, x) {
            (Self::Fused(fused), AnyTensor::Float4(x)) if !trace.is_watched() => {
                fused.at_once(x, trace).into()
            }
            // A list runs as one what can.
            (Self::Layers(layers), x) => layers.forward_traced(x, trace),
            (Self::Fused(_), x) => {
                self.children().into_iter().fold(x, |x, (name, layer)| trace.run(name, layer, x))
            }
        }
    }
}

const CONTAINER: &str = "Struct:ConvLayer";

/// By hand so that children are named by their positions; otherwise what `derive(Module)` writes.
impl Module for ConvLayer {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        for (name, layer) in self.children() {
            visitor.enter_module(name, CONTAINER);
            layer.visit_erased(visitor);
            visitor.exit_module(name, CONTAINER);
        }
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        match self {
            Self::Layers(layers) => Self::Layers(layers.map(mapper)),
            Self::Fused(fused) => {
                let name = fused.norm_name();
                let Fused { conv, relu, norm } = *fused;
                mapper.enter_module("0", CONTAINER);
                let conv = conv.map(mapper);
                mapper.exit_module("0", CONTAINER);
                mapper.enter_module(name, CONTAINER);
                let norm = norm.map(mapper);
                mapper.exit_module(name, CONTAINER);
                Self::Fused(Box::new(Fused { conv, relu, norm }))
            }
        }
    }

    fn collect_devices(&self, devices: Devices) -> Devices {
        match self {
            Self::Layers(layers) => layers.collect_devices(devices),
            Self::Fused(fused) => fused.norm.collect_devices(fused.conv.collect_devices(devices)),
        }
    }

    fn fork(self, device: &Device) -> Self {
        self.each(|layers| layers.fork(device), |conv| conv.fork(device), |norm| norm.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        self.each(
            |layers| layers.to_device(device),
            |conv| conv.to_device(device),
            |norm| norm.to_device(device),
        )
    }

    fn train(self) -> Self {
        self.each(Module::train, Module::train, Module::train)
    }

    fn valid(&self) -> Self {
        self.clone().each(|layers| layers.valid(), |conv| conv.valid(), |norm| norm.valid())
    }

    fn materialize(self) -> Self {
        self.each(Module::materialize, Module::materialize, Module::materialize)
    }
}

impl ConvLayer {
    fn each(
        self,
        layers: impl FnOnce(Sequential) -> Sequential,
        conv: impl FnOnce(Conv2d) -> Conv2d,
        norm: impl FnOnce(BatchNorm2d) -> BatchNorm2d,
    ) -> Self {
        match self {
            Self::Layers(parts) => Self::Layers(layers(parts)),
            Self::Fused(parts) => {
                let Fused { conv: plain, relu, norm: batch_norm } = *parts;
                let (conv, norm) = (conv(plain), norm(batch_norm));
                Self::Fused(Box::new(Fused { conv, relu, norm }))
            }
        }
    }
}

impl ModuleDisplayDefault for ConvLayer {
    fn content(&self, content: Content) -> Option<Content> {
        match self {
            Self::Layers(layers) => layers.content(content),
            Self::Fused(fused) => {
                let content = content.set_top_level_type("ConvLayer");
                content.add("0", &fused.conv).add(fused.norm_name(), &fused.norm).optional()
            }
        }
    }
}

impl ModuleDisplay for ConvLayer {}
