//! What layers give, seen from outside: what PyTorch's hooks are used for.

use burn::{
    module::Module,
    tensor::{Device, Distribution, Tensor, activation::relu},
};
use serde::Serialize;

use crate::{
    AnyTensor, Layer, Mode, Sequential, Trace, catch_panic,
    groups::{is_under, parameters, parts},
    random, set_mode,
};

/// The channels that a model takes, by its first weight; nothing for a model without one.
pub fn in_channels(model: &dyn Layer) -> Option<usize> {
    let is_weight =
        |path: &str| matches!(path.rsplit('.').next(), Some("weight" | "weight_orig" | "weight_v"));
    let parameters = parameters(model);
    let first = parameters.iter().find(|p| is_weight(&p.path) && p.shape.len() > 1)?;
    Some(first.shape[1])
}

/// The output's shape of each child, for one random image of `channels` and this size, in
/// evaluation mode.
///
/// # Panics
/// If the model does not take such an image.
pub fn model_sizes(
    model: &Sequential,
    channels: usize,
    [height, width]: [usize; 2],
    device: &Device,
) -> Vec<Vec<usize>> {
    let device = device.clone().inner();
    let names: Vec<String> = model.children().map(|(name, _)| name.to_owned()).collect();
    let eval = set_mode(Box::new(model.clone().valid()), Mode::Eval);
    let mut sizes = vec![Vec::new(); names.len()];
    let mut observe = |step: crate::Step<'_>| {
        if let [child] = step.path
            && let Some(at) = names.iter().position(|name| name == child)
        {
            sizes[at] = step.output.dims();
        }
    };
    let noise = Distribution::Uniform(-1.0, 1.0);
    let x: Tensor<4> = random::tensor([1, channels, height, width], noise, &device);
    eval.forward_any(x.into(), &mut Trace::new(&mut observe));
    sizes
}

/// The children after which the map becomes smaller, by the sizes that [`model_sizes`] gives: where
/// a U-Net takes its features from.
pub fn size_changes(sizes: &[Vec<usize>]) -> Vec<usize> {
    let is_change = |at: &usize| sizes[*at].get(3) != sizes[at + 1].get(3);
    (0..sizes.len().saturating_sub(1)).filter(is_change).collect()
}

/// The channels that the last child gives: 64 pixels are tried first, then twice as many, up to
/// 2048.
///
/// Returns nothing for a model that takes none of these.
#[doc(alias = "num_features_model")]
pub fn num_features(model: &Sequential, channels: usize, device: &Device) -> Option<usize> {
    let sizes = std::iter::successors(Some(64usize), |size| Some(2 * size))
        .take_while(|size| *size <= 2048);
    sizes.into_iter().find_map(|size| {
        let sizes = catch_panic(|| model_sizes(model, channels, [size; 2], device)).ok()?;
        sizes.last()?.get(1).copied()
    })
}

/// Mean and spread of what a layer gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerActivation {
    /// Where it sits: `0.layer1.0.conv1`.
    pub path: String,
    /// PyTorch's name of its kind.
    pub layer: &'static str,
    pub mean: f32,
    /// Standard deviation, unbiased.
    pub std: f32,
}

/// Runs the model as it is and measures every innermost layer that has parameters, in the order in
/// which they stand in the model.
#[doc(alias = "ActivationStats")]
pub fn activation_stats(model: &dyn Layer, x: AnyTensor) -> Vec<LayerActivation> {
    let parameters = parameters(model);
    let mut found: Vec<LayerActivation> = Vec::new();
    let mut observe = |step: crate::Step<'_>| {
        let path = step.path.join(".");
        // Children come before their container, so one that is there already is inside this one.
        if found.iter().any(|inner| is_under(&inner.path, &path))
            || !parameters.iter().any(|p| is_under(&p.path, &path))
        {
            return;
        }
        let values = step.output.clone().into_flat();
        let n = values.dims()[0] as f32;
        let mean: f32 = values.clone().mean().into_scalar();
        let squares: f32 = (values - mean).square().sum().into_scalar();
        found.push(LayerActivation {
            path,
            layer: step.layer.name(),
            mean,
            std: (squares / (n - 1.0)).sqrt(),
        });
    };
    model.forward_any(x, &mut Trace::new(&mut observe));
    let parts = parts(model);
    found.sort_by_cached_key(|stats| parts.iter().position(|part| *part == stats.path));
    found
}

/// Fewer cells than this say nothing about where.
const CAM_CELLS: usize = 16;

/// Whether something of this shape is a map with enough cells to say something about where.
pub fn has_cells(shape: &[usize]) -> bool {
    matches!(shape, [_, _, height, width] if height * width >= CAM_CELLS)
}

/// Where an image of a batch of one gets its score for `class` from: the features that `body`
/// gives, each weighted by how much `head`'s score grows with it, where that is positive.
///
/// Both run as they are; put them in evaluation mode first. The image is on a device with autodiff.
///
/// Returns `[height, width]` of the body's map, or nothing if that has fewer than 16 cells.
///
/// # Panics
/// If the body gives no map or the head no scores with such a class.
///
/// # Reference
/// Selvaraju et al., [Grad-CAM](https://arxiv.org/abs/1610.02391), 2016.
pub fn grad_cam(
    body: &dyn Layer,
    head: &dyn Layer,
    x: Tensor<4>,
    class: usize,
) -> Option<Tensor<2>> {
    let features: Tensor<4> = body.forward_any(x.into(), &mut Trace::off()).expect_for("grad_cam");
    if !has_cells(&features.dims()) {
        return None;
    }
    let features = features.detach().require_grad();
    let scores: Tensor<2> =
        head.forward_any(features.clone().into(), &mut Trace::off()).expect_for("grad_cam");
    class_activation(features, scores, class)
}

/// What places of a map say for a class, `[height, width]`: each channel weighted by how much the
/// class's score grows with it, where the sum is positive. Nothing if the score does not depend on
/// the map.
///
/// # Shapes
/// - `map`: `[1, channels, height, width]`, with a gradient
/// - `scores`: `[1, classes]`, which come from it
pub fn class_activation(map: Tensor<4>, scores: Tensor<2>, class: usize) -> Option<Tensor<2>> {
    let [_, _, height, width] = map.dims();
    let gradients = scores.narrow(1, class, 1).sum().backward();
    let weights = map.grad(&gradients)?.mean_dim(2).mean_dim(3); // [1, channels, 1, 1]
    Some(relu((map.inner() * weights).sum_dim(1)).reshape([height, width]))
}
