//! What a Tiramisu is made of.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use tinderbox_ops::{concat, fork};

use crate::{
    Forward, Trace,
    arch::parts::module_of_parts,
    block::conv_bn::bn_relu,
    init::Init,
    layer::{BatchNorm2d, Conv2d, Conv2dConfig, ConvTranspose2d, Dropout, MaxPool2d, ReLU},
};

/// A convolution that keeps the resolution, by the paper's start.
pub(super) fn conv(channels: [usize; 2], kernel: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new(channels, kernel)
        .padding(kernel / 2)
        .init_with(Init::KaimingUniform)
        .init(device)
}

/// Batch norm, ReLU, a convolution and dropout.
#[derive(Module, Debug)]
pub(super) struct NormConv {
    norm: BatchNorm2d,
    relu: ReLU,
    conv: Conv2d,
    drop: Dropout,
}

impl NormConv {
    fn new(channels: [usize; 2], kernel: usize, dropout: f64, device: &Device) -> Self {
        Self {
            norm: BatchNorm2d::new(channels[0], device),
            relu: ReLU,
            conv: conv(channels, kernel, device),
            drop: Dropout::new(dropout),
        }
    }
}

impl Forward for NormConv {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        if !trace.is_watched() {
            let y = bn_relu(("norm", &self.norm), x, trace);
            let y: Tensor<4> = trace.run("conv", &self.conv, y);
            // With the channels last, Burn's operations keep the memory order of the kernels.
            return self.drop.apply(y.permute([0, 2, 3, 1])).permute([0, 3, 1, 2]);
        }
        let y: Tensor<4> = trace.run("norm", &self.norm, x);
        let y: Tensor<4> = trace.run("relu", &self.relu, y);
        let y: Tensor<4> = trace.run("conv", &self.conv, y);
        trace.run("drop", &self.drop, y)
    }
}

/// Layers of which each sees the block's input and what all before it gave.
///
/// Shapes: `[batch, inputs, height, width]` → with the input, `inputs + layers * growth` channels,
/// else those that are new
#[derive(Module, Debug)]
pub(super) struct Block {
    layers: Vec<NormConv>,
    #[module(skip)]
    with_input: bool,
}

impl Block {
    pub(super) fn new(
        [inputs, growth]: [usize; 2],
        layers: usize,
        with_input: bool,
        dropout: f64,
        device: &Device,
    ) -> Self {
        let layer = |at| NormConv::new([inputs + at * growth, growth], 3, dropout, device);
        Self { layers: (0..layers).map(layer).collect(), with_input }
    }
}

impl Forward for Block {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let (mut all, mut new) = (x, Vec::new());
        for (at, layer) in self.layers.iter().enumerate() {
            let [x, seen] = fork(all);
            let y: Tensor<4> = trace.within("layers", |trace| trace.run(&at.to_string(), layer, x));
            let is_last = at + 1 == self.layers.len();
            let [y, kept] = if self.with_input { [y.clone(), y] } else { fork(y) };
            if !self.with_input {
                new.push(kept);
            }
            all = if is_last && !self.with_input { seen } else { concat(vec![seen, y]) };
        }
        if self.with_input || new.is_empty() { all } else { concat(new) }
    }
}

/// To half the size.
#[derive(Module, Debug)]
pub(super) struct Down {
    norm: BatchNorm2d,
    relu: ReLU,
    conv: Conv2d,
    drop: Dropout,
    pool: MaxPool2d,
}

impl Down {
    pub(super) fn new(channels: usize, dropout: f64, device: &Device) -> Self {
        let NormConv { norm, relu, conv, drop } =
            NormConv::new([channels, channels], 1, dropout, device);
        let pool = MaxPool2d { kernel: 2, stride: 2, padding: 0, ceil_mode: false };
        Self { norm, relu, conv, drop, pool }
    }
}

impl Forward for Down {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let y: Tensor<4> = match trace.is_watched() {
            true => {
                let y: Tensor<4> = trace.run("norm", &self.norm, x);
                let y: Tensor<4> = trace.run("relu", &self.relu, y);
                let y: Tensor<4> = trace.run("conv", &self.conv, y);
                trace.run("drop", &self.drop, y)
            }
            false => {
                let y = bn_relu(("norm", &self.norm), x, trace);
                let y: Tensor<4> = trace.run("conv", &self.conv, y);
                self.drop.apply(y.permute([0, 2, 3, 1])).permute([0, 3, 1, 2])
            }
        };
        trace.run("pool", &self.pool, y)
    }
}

/// To twice the size and a pixel more.
#[derive(Debug, Clone)]
pub(super) struct Up {
    conv: ConvTranspose2d,
}

module_of_parts!(Up { conv: "convT" } keeps {});

impl Up {
    pub(super) fn new(channels: usize, device: &Device) -> Self {
        let config =
            Conv2dConfig::new([channels, channels], 3).stride(2).init_with(Init::KaimingUniform);
        Self { conv: ConvTranspose2d::new(config, device) }
    }
}

impl Forward for Up {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        trace.run("convT", &self.conv, x)
    }
}

/// The middle of a map, the odd pixel off at the end.
pub(super) fn cropped(x: Tensor<4>, [height, width]: [usize; 2]) -> Tensor<4> {
    let [_, _, rows, columns] = x.dims();
    if [rows, columns] == [height, width] {
        return x;
    }
    let (top, left) = ((rows - height) / 2, (columns - width) / 2);
    // With the channels last, Burn's operations keep the memory order of the kernels.
    let x = x.permute([0, 2, 3, 1]);
    x.narrow(1, top, height).narrow(2, left, width).permute([0, 3, 1, 2])
}
