//! What layers give, seen from outside: what PyTorch's hooks are used for.

use burn::{
    module::Module,
    tensor::{Device, Distribution, Tensor},
};

use crate::{
    AnyTensor, Layer, Mode, Sequential, Trace,
    groups::{is_under, parameters},
    set_mode,
};

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
    let x = Tensor::<4>::random(
        [1, channels, height, width],
        Distribution::Uniform(-1.0, 1.0),
        &device,
    );
    eval.forward_any(x.into(), &mut Trace::new(&mut observe));
    sizes
}

/// The channels that the last child gives: 64 pixels are tried first, then twice as many, up to
/// 2048.
///
/// Returns nothing for a model that takes none of these.
pub fn num_features(model: &Sequential, channels: usize, device: &Device) -> Option<usize> {
    let sizes = std::iter::successors(Some(64usize), |size| Some(2 * size))
        .take_while(|size| *size <= 2048);
    sizes.into_iter().find_map(|size| {
        let run = std::panic::AssertUnwindSafe(|| model_sizes(model, channels, [size; 2], device));
        crate::quiet::catch(run).ok()?.last()?.get(1).copied()
    })
}

/// Mean and unbiased standard deviation of what a layer gave.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivationStats {
    pub path: String,
    pub layer: &'static str,
    pub mean: f32,
    pub std: f32,
}

/// Runs the model as it is and measures every innermost layer that has parameters, in the order in
/// which they stand in the model.
pub fn activation_stats(model: &dyn Layer, x: AnyTensor) -> Vec<ActivationStats> {
    let parameters = parameters(model);
    let mut found: Vec<ActivationStats> = Vec::new();
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
        found.push(ActivationStats {
            path,
            layer: step.layer.name(),
            mean,
            std: (squares / (n - 1.0)).sqrt(),
        });
    };
    model.forward_any(x, &mut Trace::new(&mut observe));
    found.sort_by_key(|stats| parameters.iter().position(|p| is_under(&p.path, &stats.path)));
    found
}
