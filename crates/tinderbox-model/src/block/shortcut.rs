//! Blocks whose input joins their output.

use burn::{
    module::{
        Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
    },
    tensor::{Device, Tensor},
};
use tinderbox_ops::{add, concat, fork};

use crate::{AnyTensor, Forward, Layer, Trace};

/// How a shortcut joins its block's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "dense")]
pub enum Merge {
    /// ResNet: add.
    Add,
    /// DenseNet: concatenate along the channels, what is new first.
    Concat,
}

impl Merge {
    /// Joins what came out of a block with what went in.
    pub fn join(self, y: Tensor<4>, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Add => add(y, x),
            Self::Concat => concat(vec![y, x]),
        }
    }
}

/// The place in a [`Shortcut`] where its input joins; the row that a summary shows for it.
#[derive(Module, Debug)]
pub struct MergeLayer {
    #[module(skip)]
    merge: Merge,
}

impl MergeLayer {
    pub(crate) fn new(merge: Merge) -> Self {
        Self { merge }
    }
}

impl Forward for MergeLayer {
    type Input = AnyTensor;
    type Output = AnyTensor;

    /// Outside a [`Shortcut`] there is nothing to join with.
    fn forward(&self, x: AnyTensor) -> AnyTensor {
        x
    }
}

/// Layers whose input joins in where a [`merge`](Self::merge) stands: fastai's `SequentialEx` with
/// `MergeLayer`s. The parts are named `layers.0`, `layers.1`, ...
///
/// A shortcut inside another joins its own input in; the outer one's is not touched.
///
/// # Shapes
/// `[batch, channels, height, width]`; what is added must be of the input's shape, what is
/// concatenated of its height and width.
///
/// # Example
/// A dense block, whose output has its input's channels last:
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tinderbox_model::{Forward, Merge, Shortcut, conv_layer};
///
/// let device = Device::flex();
/// let block = Shortcut::new()
///     .push(conv_layer(8, 4, &device))
///     .push(conv_layer(4, 4, &device))
///     .merge(Merge::Concat);
/// let y = block.forward(Tensor::zeros([1, 8, 28, 28], &device));
/// assert_eq!(y.dims(), [1, 12, 28, 28]);
/// ```
#[derive(Debug, Clone, Default)]
#[doc(alias = "SequentialEx")]
pub struct Shortcut {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Layer(Box<dyn Layer>),
    Merge(MergeLayer),
}

impl Shortcut {
    /// Without layers: what goes in comes out.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer.
    pub fn push(mut self, layer: impl Layer + 'static) -> Self {
        self.parts.push(Part::Layer(Box::new(layer)));
        self
    }

    /// Joins the block's input in here.
    pub fn merge(mut self, merge: Merge) -> Self {
        self.parts.push(Part::Merge(MergeLayer { merge }));
        self
    }

    fn each(self, mut change: impl FnMut(&str, Box<dyn Layer>) -> Box<dyn Layer>) -> Self {
        let parts = self.parts.into_iter().enumerate().map(|(at, part)| match part {
            Part::Layer(layer) => Part::Layer(change(&at.to_string(), layer)),
            merge @ Part::Merge(_) => merge,
        });
        Self { parts: parts.collect() }
    }

    fn layers(&self) -> impl Iterator<Item = (String, &Box<dyn Layer>)> {
        self.parts.iter().enumerate().filter_map(|(at, part)| match part {
            Part::Layer(layer) => Some((at.to_string(), layer)),
            Part::Merge(_) => None,
        })
    }
}

impl Forward for Shortcut {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let merges = self.parts.iter().filter(|part| matches!(part, Part::Merge(_))).count();
        trace.within("layers", |trace| {
            let (x, mut inputs) = shared(x, merges);
            let run = |y: Tensor<4>, (at, part): (usize, &Part)| match part {
                Part::Layer(layer) => trace.run(&at.to_string(), &**layer, y),
                Part::Merge(layer) => {
                    let name = at.to_string();
                    let x = inputs.pop().expect("one for each merge");
                    let y = trace.within(&name, |_| layer.merge.join(y, x));
                    if trace.is_watched() {
                        trace.show(&name, layer, &y.clone().into());
                    }
                    y
                }
            };
            self.parts.iter().enumerate().fold(x, run)
        })
    }
}

/// A map for a block's layers, and as many more of it for the shortcuts around them.
fn shared(x: Tensor<4>, shortcuts: usize) -> (Tensor<4>, Vec<Tensor<4>>) {
    (0..shortcuts).fold((x, Vec::new()), |(x, mut all), _| {
        let [x, shortcut] = fork(x);
        all.push(shortcut);
        (x, all)
    })
}

const CONTAINER: &str = "Struct:Shortcut";

/// By hand so that a merge keeps its place among the names; otherwise what `derive(Module)` writes.
impl Module for Shortcut {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        visitor.enter_module("layers", CONTAINER);
        for (at, part) in self.parts.iter().enumerate() {
            visitor.enter_module(&at.to_string(), CONTAINER);
            match part {
                Part::Layer(layer) => layer.visit(visitor),
                Part::Merge(layer) => layer.visit(visitor),
            }
            visitor.exit_module(&at.to_string(), CONTAINER);
        }
        visitor.exit_module("layers", CONTAINER);
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        mapper.enter_module("layers", CONTAINER);
        let layers = self.each(|name, layer| {
            mapper.enter_module(name, CONTAINER);
            let layer = layer.map(mapper);
            mapper.exit_module(name, CONTAINER);
            layer
        });
        mapper.exit_module("layers", CONTAINER);
        layers
    }

    fn collect_devices(&self, devices: Devices) -> Devices {
        self.layers().fold(devices, |devices, (_, layer)| layer.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        self.each(|_, layer| layer.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        self.each(|_, layer| layer.to_device(device))
    }

    fn train(self) -> Self {
        self.each(|_, layer| layer.train())
    }

    fn valid(&self) -> Self {
        self.clone().each(|_, layer| layer.valid())
    }

    fn materialize(self) -> Self {
        self.each(|_, layer| layer.materialize())
    }
}

impl ModuleDisplayDefault for Shortcut {
    fn content(&self, content: Content) -> Option<Content> {
        let content = content.set_top_level_type("Shortcut");
        self.layers().fold(content, |content, (name, layer)| content.add(&name, layer)).optional()
    }
}

impl ModuleDisplay for Shortcut {}
