//! The networks of golden cases, by how their manifests write them.

use burn::tensor::Device;
use serde_json::Value;
use tinderbox_golden::Array;
use tinderbox_model::{
    ConvLayerConfig, Sequential,
    arch::{Blur, DynamicUnet, UnetConfig},
    block::BasicBlock,
    layer::{BatchNorm2d, Conv2dConfig, Linear, MaxPool2d, PoolFlatten, ReLU},
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

/// The small U-Net of a manifest: its body has a stem and one residual block a stage.
pub(crate) fn unet(config: &Value) -> Result<DynamicUnet, String> {
    let device = Device::flex().autodiff();
    let numbers = |key: &str| -> Vec<usize> {
        let numbers = config[key].as_array().into_iter().flatten().filter_map(Value::as_u64);
        numbers.map(|number| number as usize).collect()
    };
    let flag = |key: &str| config[key].as_bool().unwrap_or(false);
    let (widths, size) = (numbers("widths"), numbers("img_size"));
    let [height, width] = size[..] else { return Err("no img_size".into()) };
    let stem = *widths.first().ok_or("no widths")?;
    let layers = Sequential::new()
        .push(Conv2dConfig::new([3, stem], 3).stride(2).padding(1).bias(false).init(&device))
        .push(BatchNorm2d::new(stem, &device))
        .push(ReLU)
        .push(MaxPool2d { kernel: 3, stride: 2, padding: 1, ceil_mode: false });
    let body = widths.windows(2).enumerate().fold(layers, |layers, (at, widths)| {
        let stride = if at == 0 { 1 } else { 2 };
        layers.push(Sequential::new().push(BasicBlock::new(widths[0], widths[1], stride, &device)))
    });
    let classes = config["n_classes"].as_u64().ok_or("no n_classes")? as usize;
    let unet = UnetConfig {
        blur: if flag("lesson_blur") { Blur::Always } else { Blur::Never },
        bottle: flag("bottle"),
        ..UnetConfig::new(classes, [height, width])
    };
    unet.init(body, &device).map_err(|error| error.to_string())
}
