//! The networks of golden cases, by how their manifests write them.

use burn::tensor::Device;
use tinderbox_golden::Array;
use tinderbox_model::{
    ConvLayerConfig, Sequential,
    layer::{Linear, PoolFlatten},
    res_block,
    weights::StateDict,
};

/// Builds `seq[conv_layer(1,4,s2), res_block(4), PoolFlatten, Linear(6,3)]`.
pub(crate) fn build(text: &str) -> Result<Sequential, String> {
    let inside = text.strip_prefix("seq[").and_then(|text| text.strip_suffix(']'));
    let inside = inside.ok_or_else(|| format!("{text} is not a list of layers"))?;
    inside.split(", ").try_fold(Sequential::new(), add)
}

fn add(layers: Sequential, layer: &str) -> Result<Sequential, String> {
    let device = Device::flex().autodiff();
    let (name, arguments) =
        layer.strip_suffix(')').and_then(|l| l.split_once('(')).unwrap_or((layer, ""));
    let stride = arguments.split(',').find_map(|a| a.strip_prefix('s')?.parse().ok()).unwrap_or(1);
    let sizes: Vec<usize> = arguments.split(',').filter_map(|a| a.parse().ok()).collect();
    Ok(match (name, &sizes[..]) {
        ("conv_layer", &[i, o]) => {
            layers.push(ConvLayerConfig::new(i, o).stride(stride).init(&device))
        }
        ("res_block", &[channels]) => layers.push(res_block(channels, &device)),
        ("PoolFlatten", []) => layers.push(PoolFlatten),
        ("Linear", &[i, o]) => layers.push(Linear::new(i, o, &device)),
        _ => return Err(format!("an unknown layer, {layer}")),
    })
}

/// A case's weights.
pub(crate) fn state(arrays: &[(String, Array)]) -> StateDict {
    let mut state = StateDict::default();
    for (name, array) in arrays {
        state.insert(name.clone(), array.shape.clone(), array.f32().to_vec());
    }
    state
}
