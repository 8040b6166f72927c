//! [`Sequential`]: named layers, applied in order.

mod neighbors;

use burn::{
    module::{
        Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
    },
    tensor::Device,
};
use tinderbox_ops::fork;

use self::neighbors::{Child, run_first};
use crate::{AnyTensor, Forward, Layer, Trace};

/// Layers applied one after the other.
///
/// A child's name is its part of the parameter path, so naming the children as another library
/// does makes that library's weights load: `conv1`, `bn1`, `layer1`, ... for a torchvision ResNet.
///
/// A convolution, the batch norm and the ReLU beside it run as one where nobody looks at what goes
/// from one to the other. That changes no name, and no number but by rounding.
#[derive(Debug, Clone, Default)]
#[doc(alias = "SequentialEx")]
#[doc(alias = "nn.Sequential")]
pub struct Sequential {
    children: Vec<Child>,
}

impl Sequential {
    /// Without layers: what goes in comes out.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer named by its position.
    pub fn push(self, layer: impl Layer + 'static) -> Self {
        let name = self.children.len().to_string();
        self.named(name, layer)
    }

    /// Adds a layer under a name of its own.
    pub fn named(mut self, name: impl Into<String>, layer: impl Layer + 'static) -> Self {
        self.children.push((name.into(), Box::new(layer)));
        self
    }

    /// How many layers there are, not counting those inside others.
    pub fn len(&self) -> usize {
        self.children.len()
    }

    /// Whether there are no layers.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// The layers with their names, in order.
    #[doc(alias = "flatten_model")]
    pub fn children(&self) -> impl Iterator<Item = (&str, &dyn Layer)> {
        self.children.iter().map(|(name, layer)| (name.as_str(), &**layer))
    }

    /// Where the child called `name` is.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.children.iter().position(|(child, _)| child == name)
    }

    /// The same layers named by their positions, as PyTorch names those of a plain `Sequential`.
    pub fn numbered(self) -> Self {
        let children = self.children.into_iter().enumerate();
        Self { children: children.map(|(at, (_, layer))| (at.to_string(), layer)).collect() }
    }

    /// Splits in two before the child called `name`; both parts keep their names.
    pub fn cut(mut self, name: &str) -> Option<(Self, Self)> {
        let at = self.position(name)?;
        let tail = Self { children: self.children.split_off(at) };
        Some((self, tail))
    }

    /// Runs the layers and also returns the outputs of the children at `taps`, in that order.
    pub fn forward_tapped(
        &self,
        x: AnyTensor,
        taps: &[usize],
        trace: &mut Trace<'_>,
    ) -> (AnyTensor, Vec<AnyTensor>) {
        let mut tapped = vec![None; taps.len()];
        let mut x = x;
        let mut at = 0;
        while at < self.children.len() {
            // What is tapped is the last of those that run as one.
            let next_tap = taps.iter().filter(|tap| **tap >= at).min();
            let n = self.children.len();
            let end = next_tap.map_or(n, |tap| n.min(tap + 1));
            let (y, ran) = run_first(&self.children[at..end], x, trace);
            (x, at) = (y, at + ran);
            for (slot, _) in tapped.iter_mut().zip(taps).filter(|(_, tap)| **tap + 1 == at) {
                let [rest, tap] = shared(x);
                (x, *slot) = (rest, Some(tap));
            }
        }
        let tapped =
            tapped.into_iter().map(|t| t.expect("a tap is the index of a child")).collect();
        (x, tapped)
    }
}

/// A tensor for the next layer and for whoever taps. The gradients of a map are added in the memory
/// order of the kernels.
fn shared(x: AnyTensor) -> [AnyTensor; 2] {
    match x {
        AnyTensor::Float4(x) => fork(x).map(AnyTensor::from),
        x => [x.clone(), x],
    }
}

impl Forward for Sequential {
    type Input = AnyTensor;
    type Output = AnyTensor;

    fn forward(&self, x: AnyTensor) -> AnyTensor {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: AnyTensor, trace: &mut Trace<'_>) -> AnyTensor {
        self.forward_tapped(x, &[], trace).0
    }
}

impl<L: Layer + 'static> FromIterator<L> for Sequential {
    fn from_iter<I: IntoIterator<Item = L>>(layers: I) -> Self {
        layers.into_iter().fold(Self::new(), Self::push)
    }
}

/// By hand only so that a child's path is its name; otherwise what `derive(Module)` writes.
impl Module for Sequential {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        for (name, layer) in &self.children {
            visitor.enter_module(name, "Sequential");
            layer.visit(visitor);
            visitor.exit_module(name, "Sequential");
        }
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        self.each(|name, layer| {
            mapper.enter_module(name, "Sequential");
            let layer = layer.map(mapper);
            mapper.exit_module(name, "Sequential");
            layer
        })
    }

    fn collect_devices(&self, devices: Devices) -> Devices {
        self.children.iter().fold(devices, |devices, (_, layer)| layer.collect_devices(devices))
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

impl Sequential {
    fn each(self, mut change: impl FnMut(&str, Box<dyn Layer>) -> Box<dyn Layer>) -> Self {
        let children = self
            .children
            .into_iter()
            .map(|(name, layer)| {
                let layer = change(&name, layer);
                (name, layer)
            })
            .collect();
        Self { children }
    }
}

impl ModuleDisplayDefault for Sequential {
    fn content(&self, content: Content) -> Option<Content> {
        self.children
            .iter()
            .fold(content.set_top_level_type("Sequential"), |content, (name, layer)| {
                content.add(name, layer)
            })
            .optional()
    }
}

impl ModuleDisplay for Sequential {}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;
    use crate::{
        groups::{parameters, parts},
        layer::{Linear, ReLU},
    };

    fn model() -> Sequential {
        let device = Device::flex();
        let block = Sequential::new().push(Linear::new(3, 4, &device)).push(ReLU);
        Sequential::new().named("body", block).named("fc", Linear::new(4, 2, &device))
    }

    fn paths(model: &Sequential) -> Vec<String> {
        parameters(model).into_iter().map(|parameter| parameter.path).collect()
    }

    #[test]
    fn a_childs_name_is_its_part_of_the_path() {
        assert_eq!(paths(&model()), ["body.0.weight", "body.0.bias", "fc.weight", "fc.bias"]);
        assert_eq!(paths(&model().numbered()), ["0.0.weight", "0.0.bias", "1.weight", "1.bias"]);
        // A layer without parameters is a part too.
        assert!(parts(&model()).contains(&"body.1".to_owned()));
    }

    #[test]
    fn both_parts_of_a_cut_keep_their_names() {
        let (body, head) = model().cut("fc").unwrap();
        assert_eq!(paths(&body), ["body.0.weight", "body.0.bias"]);
        assert_eq!(paths(&head), ["fc.weight", "fc.bias"]);
        assert_eq!((body.len(), head.position("fc"), head.position("body")), (1, Some(0), None));
        assert!(model().cut("layer4").is_none());
    }

    #[test]
    fn taps_come_in_the_order_that_is_asked_for() {
        let x = Tensor::<2>::zeros([5, 3], &Device::flex());
        let (y, taps) = model().forward_tapped(x.into(), &[1, 0, 1], &mut Trace::off());
        assert_eq!(y.dims(), [5, 2]);
        let dims: Vec<_> = taps.iter().map(AnyTensor::dims).collect();
        assert_eq!(dims, [[5, 2], [5, 4], [5, 2]]);
    }
}
