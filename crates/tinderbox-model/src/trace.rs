//! Watching a forward pass: what PyTorch does with hooks, as an explicit argument.

use std::fmt::Display;

use burn::tensor::Tensor;

use crate::{AnyTensor, Layer};

/// One layer's output, as the observer of a [`Trace`] sees it.
pub struct Step<'a> {
    /// Where the layer sits: `["layer1", "0", "conv1"]`.
    pub path: &'a [String],
    pub layer: &'a dyn Layer,
    pub output: &'a AnyTensor,
}

/// Passed down a forward pass; containers run their children through it.
///
/// # Example
/// What a layer gave, which a hook would keep elsewhere:
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tinderbox_model::{Layer, Step, Trace, arch::resnetish};
///
/// let device = Device::flex();
/// let model = resnetish(1, 10, &device);
/// let mut features = None;
/// let mut keep = |step: Step<'_>| {
///     if step.path == ["2", "1"] {
///         features = Some(step.output.clone());
///     }
/// };
/// let x = Tensor::<4>::zeros([2, 1, 28, 28], &device);
/// model.forward_any(x.into(), &mut Trace::new(&mut keep));
/// assert_eq!(features.map(|map| map.dims()), Some(vec![2, 32, 4, 4]));
/// ```
#[derive(Default)]
#[doc(alias = "hook_output")]
#[doc(alias = "hook_outputs")]
#[doc(alias = "Hook")]
#[doc(alias = "HookCallback")]
pub struct Trace<'a> {
    path: Vec<String>,
    observer: Option<&'a mut dyn FnMut(Step<'_>)>,
    /// Where differentiation begins, and what came there.
    cut: Option<(&'a str, &'a mut Option<Tensor<4>>)>,
}

impl<'a> Trace<'a> {
    /// A trace nobody watches: it still knows where it is, for error messages.
    pub fn off() -> Self {
        Self::default()
    }

    /// Calls `observer` with every layer's output, children before their container.
    pub fn new(observer: &'a mut dyn FnMut(Step<'_>)) -> Self {
        Self { observer: Some(observer), ..Self::default() }
    }

    /// Begins differentiation at the layer whose [path](Self::path) is `at`, as Grad-CAM does: what
    /// comes after it sees a copy of its map that has a gradient, and that is left in `map`.
    pub fn cut(at: &'a str, map: &'a mut Option<Tensor<4>>) -> Self {
        Self { cut: Some((at, map)), ..Self::default() }
    }

    /// Where the forward pass is: `layer1.0.conv1`, or nothing in the outermost model.
    pub fn path(&self) -> String {
        self.path.join(".")
    }

    /// Whether somebody watches: a container may take a shortcut through its layers if not.
    pub fn is_watched(&self) -> bool {
        self.observer.is_some() || self.cut.is_some()
    }

    /// The output of the layer where the pass is, or a copy of it where it is cut.
    fn cut_here(&mut self, output: AnyTensor) -> AnyTensor {
        match (&mut self.cut, output) {
            (Some((at, map)), AnyTensor::Float4(output)) if self.path.join(".") == *at => {
                map.insert(output.detach().require_grad()).clone().into()
            }
            (_, output) => output,
        }
    }

    /// Shows `output` as that of `layer`, the child called `name`, which the container has run
    /// itself.
    pub fn show(&mut self, name: &str, layer: &dyn Layer, output: &AnyTensor) {
        self.within(name, |trace| {
            if let Some(observer) = &mut trace.observer {
                observer(Step { path: &trace.path, layer, output });
            }
        });
    }

    /// Runs `layer` as the child called `name` of the current container.
    ///
    /// # Panics
    /// If the layer does not take what `x` is, or does not give a `T`.
    pub fn run<T: TryFrom<AnyTensor, Error: Display>>(
        &mut self,
        name: &str,
        layer: &dyn Layer,
        x: impl Into<AnyTensor>,
    ) -> T {
        self.within(name, |trace| {
            let output = layer.forward_any(x.into(), trace);
            let output = trace.cut_here(output);
            if let Some(observer) = &mut trace.observer {
                observer(Step { path: &trace.path, layer, output: &output });
            }
            output
        })
        .expect_for(name)
    }

    /// Runs `part` as the part called `name` of the current container: for a container's own
    /// fields that are not layers themselves.
    pub fn within<R>(&mut self, name: &str, part: impl FnOnce(&mut Self) -> R) -> R {
        self.path.push(name.to_owned());
        let result = part(self);
        self.path.pop();
        result
    }
}
