//! The U-Net itself.

use burn::{
    module::{
        Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
    },
    tensor::{Device, Tensor},
};
use tinderbox_ops::{concat, fork, resize_nearest};

use crate::{
    AnyTensor, Forward, Layer, Sequential, Trace,
    block::{MergeLayer, UnetBlock},
};

/// Down a body and up again, to an answer for each pixel: fastai's `DynamicUnet`. The parts are
/// named `layers.0`, the body, `layers.1`, ….
///
/// Images of another size than it was built for go through too, if the body takes them.
///
/// Shapes: `[batch, channels, height, width]` → `[batch, classes, height, width]`
#[derive(Debug, Clone)]
pub struct DynamicUnet {
    pub(super) parts: Vec<Part>,
    /// The body's children whose outputs the blocks take, in the blocks' order.
    pub(super) taps: Vec<usize>,
    pub(super) detach_skips: bool,
    /// Whether the image is added to what comes out.
    pub(super) residual: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Part {
    Encoder(Sequential),
    Layer(Box<dyn Layer>),
    Block(Box<UnetBlock>),
    Resize(ToImage),
    Merge(MergeLayer),
}

/// As many of the nearest pixels as the image has: fastai's `Lambda`, and the row that a summary
/// shows for it.
#[derive(Module, Debug)]
pub(super) struct ToImage;

impl Forward for ToImage {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    /// Outside a [`DynamicUnet`] there is no image.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        x
    }

    fn class_name(&self) -> Option<&'static str> {
        Some("Lambda")
    }
}

impl DynamicUnet {
    /// The body.
    pub fn encoder(&self) -> &Sequential {
        let Some(Part::Encoder(encoder)) = self.parts.first() else {
            unreachable!("the first part is the body")
        };
        encoder
    }

    /// The types of its parts, in order.
    pub fn layers(&self) -> impl Iterator<Item = &'static str> {
        self.parts.iter().map(|part| match part {
            Part::Encoder(layer) => layer.name(),
            Part::Layer(layer) => layer.name(),
            Part::Block(_) => "UnetBlock",
            Part::Resize(layer) => layer.name(),
            Part::Merge(layer) => layer.name(),
        })
    }

    /// The way down: what comes out, and what the blocks take.
    fn down(&self, image: Tensor<4>, trace: &mut Trace<'_>) -> (Tensor<4>, Vec<Tensor<4>>) {
        let (x, skips) = self.encoder().forward_tapped(image.into(), &self.taps, trace);
        let skip = |skip: AnyTensor| {
            let skip: Tensor<4> = skip.expect_for("DynamicUnet");
            if self.detach_skips { skip.detach() } else { skip }
        };
        (x.expect_for("DynamicUnet"), skips.into_iter().map(skip).collect())
    }
}

impl Forward for DynamicUnet {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, image: Tensor<4>) -> Tensor<4> {
        self.forward_traced(image, &mut Trace::off())
    }

    fn forward_traced(&self, image: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        let [_, _, height, width] = image.dims();
        let size = [height, width];
        let [image, beside] = fork(image);
        let mut skips = Vec::new().into_iter();
        let mut run = |x: Tensor<4>, (at, part): (usize, &Part), trace: &mut Trace<'_>| {
            let name = at.to_string();
            match part {
                Part::Encoder(_) => {
                    let (x, found) = trace.within(&name, |trace| self.down(x, trace));
                    skips = found.into_iter();
                    x
                }
                Part::Layer(layer) => trace.run(&name, &**layer, x),
                Part::Block(block) => {
                    let skip = skips.next().expect("one for each block");
                    trace.within(&name, |trace| block.forward_traced(x, skip, trace))
                }
                Part::Resize(layer) => shown(trace, &name, layer, to_size(x, size)),
                Part::Merge(layer) => {
                    let (x, image) = (to_size(x, size), beside.clone());
                    let y = trace.within(&name, |_| concat(vec![x, image]));
                    shown(trace, &name, layer, y)
                }
            }
        };
        let y = trace.within("layers", |trace| {
            self.parts.iter().enumerate().fold(image, |x, part| run(x, part, trace))
        });
        match self.residual {
            true => y + beside,
            false => y,
        }
    }
}

fn to_size(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    if x.dims()[2..] == size { x } else { resize_nearest(x, size) }
}

/// What the model computed itself, as the output of `layer`.
fn shown(trace: &mut Trace<'_>, name: &str, layer: &dyn Layer, y: Tensor<4>) -> Tensor<4> {
    if trace.is_watched() {
        trace.show(name, layer, &y.clone().into());
    }
    y
}

const CONTAINER: &str = "Struct:DynamicUnet";

/// By hand so that a part's path is its position; otherwise what `derive(Module)` writes.
impl Module for DynamicUnet {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        visitor.enter_module("layers", CONTAINER);
        for (at, part) in self.parts.iter().enumerate() {
            visitor.enter_module(&at.to_string(), CONTAINER);
            match part {
                Part::Encoder(layer) => layer.visit(visitor),
                Part::Layer(layer) => layer.visit(visitor),
                Part::Block(block) => block.visit(visitor),
                Part::Resize(layer) => layer.visit(visitor),
                Part::Merge(layer) => layer.visit(visitor),
            }
            visitor.exit_module(&at.to_string(), CONTAINER);
        }
        visitor.exit_module("layers", CONTAINER);
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        mapper.enter_module("layers", CONTAINER);
        let model = self.each(|at, part| {
            mapper.enter_module(&at.to_string(), CONTAINER);
            let part = match part {
                Part::Encoder(layer) => Part::Encoder(layer.map(mapper)),
                Part::Layer(layer) => Part::Layer(layer.map(mapper)),
                Part::Block(block) => Part::Block(Box::new(block.map(mapper))),
                part @ (Part::Resize(_) | Part::Merge(_)) => part,
            };
            mapper.exit_module(&at.to_string(), CONTAINER);
            part
        });
        mapper.exit_module("layers", CONTAINER);
        model
    }

    fn collect_devices(&self, devices: Devices) -> Devices {
        self.parts.iter().fold(devices, |devices, part| match part {
            Part::Encoder(layer) => layer.collect_devices(devices),
            Part::Layer(layer) => layer.collect_devices(devices),
            Part::Block(block) => block.collect_devices(devices),
            Part::Resize(_) | Part::Merge(_) => devices,
        })
    }

    fn fork(self, device: &Device) -> Self {
        self.each(|_, part| part.change(|l| l.fork(device), |l| l.fork(device), |b| b.fork(device)))
    }

    fn to_device(self, device: &Device) -> Self {
        self.each(|_, part| {
            part.change(
                |layers| layers.to_device(device),
                |layer| layer.to_device(device),
                |block| block.to_device(device),
            )
        })
    }

    fn train(self) -> Self {
        self.each(|_, part| part.change(Module::train, Module::train, Module::train))
    }

    fn valid(&self) -> Self {
        self.clone().each(|_, part| part.change(|l| l.valid(), |l| l.valid(), |b| b.valid()))
    }

    fn materialize(self) -> Self {
        self.each(|_, part| {
            part.change(Module::materialize, Module::materialize, Module::materialize)
        })
    }
}

impl DynamicUnet {
    fn each(self, mut change: impl FnMut(usize, Part) -> Part) -> Self {
        let parts = self.parts.into_iter().enumerate();
        Self { parts: parts.map(|(at, part)| change(at, part)).collect(), ..self }
    }
}

impl Part {
    pub(super) fn layer(layer: impl Layer + 'static) -> Self {
        Self::Layer(Box::new(layer))
    }

    /// The part with what has parameters changed.
    fn change(
        self,
        encoder: impl FnOnce(Sequential) -> Sequential,
        layer: impl FnOnce(Box<dyn Layer>) -> Box<dyn Layer>,
        block: impl FnOnce(UnetBlock) -> UnetBlock,
    ) -> Self {
        match self {
            Self::Encoder(layers) => Self::Encoder(encoder(layers)),
            Self::Layer(one) => Self::Layer(layer(one)),
            Self::Block(one) => Self::Block(Box::new(block(*one))),
            part @ (Self::Resize(_) | Self::Merge(_)) => part,
        }
    }
}

impl ModuleDisplayDefault for DynamicUnet {
    fn content(&self, content: Content) -> Option<Content> {
        let content = content.set_top_level_type("DynamicUnet");
        let parts = self.parts.iter().enumerate();
        parts
            .fold(content, |content, (at, part)| match part {
                Part::Encoder(layer) => content.add(&at.to_string(), layer),
                Part::Layer(layer) => content.add(&at.to_string(), layer),
                Part::Block(block) => content.add(&at.to_string(), &**block),
                Part::Resize(_) | Part::Merge(_) => content,
            })
            .optional()
    }
}

impl ModuleDisplay for DynamicUnet {}
