//! The Tiramisu: a DenseNet that goes down and up again, for an answer to each pixel.
//!
//! Jégou et al., [The One Hundred Layers Tiramisu](https://arxiv.org/abs/1611.09326), 2017.

mod parts;

use burn::tensor::{Device, Tensor};
use tinderbox_ops::{concat, fork};

use self::parts::{Block, Down, Up, conv};
use super::parts::module_of_parts;
use crate::{Forward, Trace, layer::Conv2d};

/// Configures a [`Tiramisu`].
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tinderbox_model::{Forward, arch::TiramisuConfig};
///
/// let device = Device::flex();
/// let config = TiramisuConfig { down: vec![2, 2], up: vec![2, 2], ..TiramisuConfig::fc56(12) };
/// let y = config.init(&device).forward(Tensor::zeros([1, 3, 18, 22], &device));
/// assert_eq!(y.dims(), [1, 12, 18, 22]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TiramisuConfig {
    /// Layers of each dense block on the way down.
    pub down: Vec<usize>,
    /// Layers of the block at the bottom.
    pub bottleneck: usize,
    /// Layers of each dense block on the way up, as many blocks as there are down.
    pub up: Vec<usize>,
    /// New channels of each layer.
    pub growth: usize,
    /// Channels of the first convolution.
    pub first: usize,
    pub in_channels: usize,
    pub classes: usize,
    /// The probability of being dropped behind each layer.
    pub dropout: f64,
}

impl TiramisuConfig {
    /// FC-DenseNet56: 1.4 million parameters.
    pub fn fc56(classes: usize) -> Self {
        Self::of([4; 5], 4, 12, classes)
    }

    /// FC-DenseNet67: 3.5 million parameters.
    pub fn fc67(classes: usize) -> Self {
        Self::of([5; 5], 5, 16, classes)
    }

    /// FC-DenseNet103, the one of a hundred layers: 9.3 million parameters.
    pub fn fc103(classes: usize) -> Self {
        Self::of([4, 5, 7, 10, 12], 15, 16, classes)
    }

    /// The paper's, which goes up in the reverse order.
    fn of(down: [usize; 5], bottleneck: usize, growth: usize, classes: usize) -> Self {
        let up = down.iter().rev().copied().collect();
        let down = down.to_vec();
        Self { down, bottleneck, up, growth, first: 48, in_channels: 3, classes, dropout: 0.2 }
    }

    /// The network with fresh weights.
    ///
    /// # Panics
    /// If there are not as many blocks up as down, or a block without layers at the bottom.
    pub fn init(&self, device: &Device) -> Tiramisu {
        assert!(
            self.down.len() == self.up.len() && self.bottleneck > 0,
            "as many blocks up as down, not {} and {}, and layers at the bottom",
            self.up.len(),
            self.down.len()
        );
        let (growth, dropout) = (self.growth, self.dropout);
        let block = |inputs, layers, with_input| {
            Block::new([inputs, growth], layers, with_input, dropout, device)
        };
        let mut channels = self.first;
        let (mut down, mut td, mut skips) = (Vec::new(), Vec::new(), Vec::new());
        for &layers in &self.down {
            down.push(block(channels, layers, true));
            channels += layers * growth;
            skips.push(channels);
            td.push(Down::new(channels, dropout, device));
        }
        let bottleneck = block(channels, self.bottleneck, false);
        let mut new = self.bottleneck * growth;
        let (mut tu, mut up) = (Vec::new(), Vec::new());
        for (at, (&layers, skip)) in self.up.iter().zip(skips.into_iter().rev()).enumerate() {
            tu.push(Up::new(new, device));
            let last = at + 1 == self.up.len();
            channels = new + skip;
            up.push(block(channels, layers, last));
            new = layers * growth;
            channels += new;
        }
        Tiramisu {
            first: conv([self.in_channels, self.first], 3, device),
            down,
            td,
            bottleneck,
            tu,
            up,
            last: conv([channels, self.classes], 1, device),
        }
    }
}

/// A fully convolutional DenseNet. The skips are joined behind the maps that come up.
///
/// Shapes: `[batch, in_channels, height, width]` → `[batch, classes, height, width]`, of any size
/// that can be halved for each block
#[derive(Debug, Clone)]
pub struct Tiramisu {
    first: Conv2d,
    down: Vec<Block>,
    td: Vec<Down>,
    bottleneck: Block,
    tu: Vec<Up>,
    up: Vec<Block>,
    last: Conv2d,
}

module_of_parts!(Tiramisu {
    first: "firstconv",
    down: "down",
    td: "td",
    bottleneck: "bottleneck",
    tu: "tu",
    up: "up",
    last: "final"
} keeps {});

impl Forward for Tiramisu {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let mut x: Tensor<4> = trace.run("firstconv", &self.first, x);
        let mut skips = Vec::new();
        for (at, (block, down)) in self.down.iter().zip(&self.td).enumerate() {
            let at = at.to_string();
            let y = trace.within("down", |trace| trace.run(&at, block, x));
            let [y, skip] = fork(y);
            skips.push(skip);
            x = trace.within("td", |trace| trace.run(&at, down, y));
        }
        x = trace.run("bottleneck", &self.bottleneck, x);
        for (at, (up, block)) in self.tu.iter().zip(&self.up).enumerate() {
            let at = at.to_string();
            let skip = skips.pop().expect("one for each block");
            let [_, _, height, width] = skip.dims();
            let y: Tensor<4> = trace.within("tu", |trace| trace.run(&at, up, x));
            let y = concat(vec![parts::cropped(y, [height, width]), skip]);
            x = trace.within("up", |trace| trace.run(&at, block, y));
        }
        trace.run("final", &self.last, x)
    }
}
