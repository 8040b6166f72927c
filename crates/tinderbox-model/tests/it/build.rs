//! Models by how manifests write them.

use burn::tensor::Device;
use serde_json::Value;
use tinderbox_model::{
    BnDropLinConfig, ConvLayer, ConvLayerConfig, Layer, Merge, NormType, ResBlock, ResBlockConfig,
    Sequential, Shortcut,
    arch::{ArchSpec, DenseNetConfig, ResNetConfig, SimpleCnnConfig, VggConfig},
    init::Init,
    layer::{
        AdaptiveConcatPool2d, BatchNorm1dFlat, ConvKind, Flatten, Linear, PoolFlatten,
        PooledSelfAttention2d, SelfAttention, SigmoidRange, batchnorm_2d,
    },
};

use crate::common::device;

type Result<T> = std::result::Result<T, String>;

/// What `conv_layer` takes, besides its channels.
const CONV_KEYS: [&str; 11] = [
    "ks",
    "stride",
    "padding",
    "bias",
    "is_1d",
    "norm_type",
    "use_activ",
    "leaky",
    "transpose",
    "init",
    "self_attention",
];

/// The module of a case's config.
pub(crate) fn module(config: &Value) -> Result<Box<dyn Layer>> {
    let device = &device();
    let name = config["module"].as_str().ok_or("no module")?;
    Ok(match name {
        "conv_layer" => Box::new(conv_layer(config)?),
        "res_block" => Box::new(res_block(config)?),
        "ResBlock" => Box::new(ResBlock::new(only(config, &["nf"])?.size("nf")?, device)),
        "SequentialEx" => Box::new(shortcut(config)?),
        // Only its blocks are of that kind: the keys begin with their numbers.
        "SequentialEx_dense_stack" => Box::new(sequential(config)?),
        "SelfAttention" => {
            let channels = only(config, &["n_channels"])?.size("n_channels")?;
            Box::new(SelfAttention::new(channels, device))
        }
        "PooledSelfAttention2d" => {
            let channels = only(config, &["n_channels"])?.size("n_channels")?;
            Box::new(PooledSelfAttention2d::new(channels, device))
        }
        "AdaptiveConcatPool2d" => {
            let size = only(config, &["sz"])?.given_size("sz")?.unwrap_or(1);
            Box::new(AdaptiveConcatPool2d::new(size))
        }
        "PoolFlatten" => only(config, &[]).map(|_| Box::new(PoolFlatten))?,
        "Flatten" => Box::new(Flatten { full: only(config, &["full"])?.flag("full", false)? }),
        "SigmoidRange" => {
            let config = only(config, &["low", "high"])?;
            Box::new(SigmoidRange { low: config.number("low")?, high: config.number("high")? })
        }
        "BatchNorm1dFlat" => {
            Box::new(BatchNorm1dFlat::new(only(config, &["nf"])?.size("nf")?, device))
        }
        "bn_drop_lin" => Box::new(bn_drop_lin(config, device)?),
        "batchnorm_2d" => {
            let config = only(config, &["nf", "norm_type"])?;
            let zero = match config.norm_type()? {
                NormType::Batch => false,
                NormType::BatchZero => true,
                other => return Err(format!("a batch norm of type {other:?}")),
            };
            Box::new(batchnorm_2d(config.size("nf")?, zero, device))
        }
        other => return Err(format!("an unknown module, {other}")),
    })
}

/// The network of a case's config, for inputs and outputs of these shapes.
pub(crate) fn net(config: &Value, input: &[usize], classes: usize) -> Result<Sequential> {
    let name = config["net"].as_str().ok_or("no net")?;
    if let Some(list) = name.strip_prefix("seq[").and_then(|text| text.strip_suffix(']')) {
        return list.split(", ").try_fold(Sequential::new(), |layers, text| {
            push(layers, expression(text, &Value::Null)?)
        });
    }
    let arch = match name {
        "simple_cnn" => return simple_cnn(config),
        "mnist_basic" => "basic",
        "mnist_refactored" => "refactor",
        "mnist_resnetish" => "resnetish",
        other => return Err(format!("an unknown net, {other}")),
    };
    let spec = ArchSpec::new(arch, input[1], classes, [input[2], input[3]]);
    spec.and_then(|spec| spec.build(&device())).map_err(|error| error.to_string())
}

/// What a U-Net goes down of a torchvision network: a ResNet's stages, the children of a VGG's and a
/// DenseNet's `features`.
pub(crate) fn body(arch: &str) -> Result<Sequential> {
    let device = &device();
    let resnet = |config: ResNetConfig| config.init(device).cut("avgpool").expect("a child").0;
    Ok(match arch {
        "resnet18" => resnet(ResNetConfig::RESNET18),
        "resnet34" => resnet(ResNetConfig::RESNET34),
        "resnet50" => resnet(ResNetConfig::RESNET50),
        "vgg16_bn" => VggConfig::VGG16.features(device),
        "densenet121" => DenseNetConfig::DENSENET121.features(device),
        other => return Err(format!("an unknown body, {other}")),
    }
    .numbered())
}

fn simple_cnn(config: &Value) -> Result<Sequential> {
    only(config, &["net", "actns", "kernel_szs", "strides", "bn"])?;
    let list = |key: &str| -> Result<Option<Vec<usize>>> {
        let Some(sizes) = config[key].as_array() else { return Ok(None) };
        let sizes = sizes.iter().map(|size| size.as_u64().map(|size| size as usize));
        sizes.collect::<Option<_>>().map(Some).ok_or(format!("{key} is no list of sizes"))
    };
    let cnn = SimpleCnnConfig {
        kernels: list("kernel_szs")?,
        strides: list("strides")?,
        batch_norm: config["bn"].as_bool().unwrap_or(false),
        ..SimpleCnnConfig::new(list("actns")?.ok_or("no actns")?)
    };
    Ok(cnn.init(&device()))
}

pub(crate) fn conv_layer(config: &Value) -> Result<ConvLayer> {
    let options = only(config, &[&["ni", "nf"][..], &CONV_KEYS].concat())?;
    let channels = (options.size("ni")?, options.size("nf")?);
    Ok(options.conv(channels.0, channels.1)?.init(&device()))
}

fn res_block(config: &Value) -> Result<Shortcut> {
    let options = only(config, &[&["nf", "dense", "bottle"][..], &CONV_KEYS].concat())?;
    let channels = options.size("nf")?;
    let block = ResBlockConfig {
        dense: options.flag("dense", false)?,
        bottle: options.flag("bottle", false)?,
        layers: options.conv(channels, channels)?,
        ..ResBlockConfig::new(channels)
    };
    Ok(block.init(&device()))
}

fn bn_drop_lin(config: &Value, device: &Device) -> Result<Sequential> {
    let config = only(config, &["n_in", "n_out", "bn", "p", "actn"])?;
    let layers = BnDropLinConfig {
        norm: config.flag("bn", true)?,
        dropout: config.given_number("p")?.unwrap_or(0.0),
        activation: match &config.0["actn"] {
            Value::Null => false,
            Value::String(name) if name == "relu" => true,
            other => return Err(format!("an unknown activation, {other}")),
        },
        ..BnDropLinConfig::new(config.size("n_in")?, config.size("n_out")?)
    };
    Ok(layers.init(device))
}

/// A layer that a list of layers names.
enum Named {
    Conv(Box<ConvLayer>),
    Res(Shortcut),
    Pool(PoolFlatten),
    Flatten(Flatten),
    Linear(Linear),
    Merge(Merge),
}

fn sequential(config: &Value) -> Result<Sequential> {
    expressions(config)?.into_iter().try_fold(Sequential::new(), push)
}

fn push(layers: Sequential, layer: Named) -> Result<Sequential> {
    Ok(match layer {
        Named::Conv(layer) => layers.push(*layer),
        Named::Res(layer) => layers.push(layer),
        Named::Pool(layer) => layers.push(layer),
        Named::Flatten(layer) => layers.push(layer),
        Named::Linear(layer) => layers.push(layer),
        Named::Merge(_) => return Err("nothing to merge with".into()),
    })
}

fn shortcut(config: &Value) -> Result<Shortcut> {
    let layers = expressions(config)?.into_iter();
    Ok(layers.fold(Shortcut::new(), |layers, layer| match layer {
        Named::Conv(layer) => layers.push(*layer),
        Named::Res(layer) => layers.push(layer),
        Named::Pool(layer) => layers.push(layer),
        Named::Flatten(layer) => layers.push(layer),
        Named::Linear(layer) => layers.push(layer),
        Named::Merge(merge) => layers.merge(merge),
    }))
}

fn expressions(config: &Value) -> Result<Vec<Named>> {
    only(config, &["nf", "layers"])?;
    let list = config["layers"].as_array().ok_or("no layers")?;
    list.iter().map(|text| expression(text.as_str().unwrap_or_default(), &config["nf"])).collect()
}

/// Reads `conv_layer(4nf,nf,ks=1)`, `conv_layer(1,4,s2)`, `res_block(2nf,dense)`,
/// `MergeLayer(add)`.
fn expression(text: &str, nf: &Value) -> Result<Named> {
    let (name, arguments) =
        text.strip_suffix(')').and_then(|text| text.split_once('(')).unwrap_or((text, ""));
    let mut sizes = Vec::new();
    let mut options = serde_json::Map::new();
    for argument in arguments.split(',').filter(|argument| !argument.is_empty()) {
        if let Some(size) = size(argument, nf) {
            sizes.push(size);
        } else if let Some((key, value)) = argument.split_once('=') {
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            options.insert(key.to_owned(), value);
        } else if let Some(stride) = argument.strip_prefix('s').and_then(|s| s.parse::<u64>().ok())
        {
            options.insert("stride".into(), stride.into());
        } else {
            options.insert(argument.to_owned(), true.into());
        }
    }
    let device = &device();
    Ok(match (name, &sizes[..]) {
        ("conv_layer", &[ni, nf]) => {
            options.insert("ni".into(), ni.into());
            options.insert("nf".into(), nf.into());
            Named::Conv(Box::new(conv_layer(&options.into())?))
        }
        ("res_block", &[nf]) => {
            options.insert("nf".into(), nf.into());
            Named::Res(res_block(&options.into())?)
        }
        ("PoolFlatten", []) => Named::Pool(PoolFlatten),
        ("Flatten", []) => Named::Flatten(Flatten::default()),
        ("Linear", &[inputs, outputs]) => Named::Linear(Linear::new(inputs, outputs, device)),
        ("MergeLayer", []) => Named::Merge(match options.contains_key("dense") {
            true => Merge::Concat,
            false => Merge::Add,
        }),
        _ => return Err(format!("an unknown layer, {text}")),
    })
}

/// `8`, or `2nf` for twice the case's channels.
fn size(text: &str, nf: &Value) -> Option<usize> {
    let Some(factor) = text.strip_suffix("nf") else { return text.parse().ok() };
    let factor: usize = if factor.is_empty() { 1 } else { factor.parse().ok()? };
    Some(factor * nf.as_u64()? as usize)
}

/// A config whose keys are all known: a setting that is passed over would test something else.
struct Options<'a>(&'a Value);

fn only<'a>(config: &'a Value, known: &[&str]) -> Result<Options<'a>> {
    let keys = config.as_object().ok_or("a config is an object")?.keys();
    let kinds = ["module", "init_only"];
    match keys.map(String::as_str).find(|key| !known.contains(key) && !kinds.contains(key)) {
        Some(key) => Err(format!("an unknown setting, {key}")),
        None => Ok(Options(config)),
    }
}

impl Options<'_> {
    fn given_size(&self, key: &str) -> Result<Option<usize>> {
        match &self.0[key] {
            Value::Null => Ok(None),
            value => {
                value.as_u64().map(|size| Some(size as usize)).ok_or(format!("{key}: {value}"))
            }
        }
    }

    fn size(&self, key: &str) -> Result<usize> {
        self.given_size(key)?.ok_or(format!("no {key}"))
    }

    fn given_number(&self, key: &str) -> Result<Option<f64>> {
        match &self.0[key] {
            Value::Null => Ok(None),
            value => value.as_f64().map(Some).ok_or(format!("{key}: {value}")),
        }
    }

    fn number(&self, key: &str) -> Result<f64> {
        self.given_number(key)?.ok_or(format!("no {key}"))
    }

    fn flag(&self, key: &str, usual: bool) -> Result<bool> {
        match &self.0[key] {
            Value::Null => Ok(usual),
            value => value.as_bool().ok_or(format!("{key}: {value}")),
        }
    }

    fn norm_type(&self) -> Result<NormType> {
        Ok(match self.0.get("norm_type") {
            None => NormType::Batch,
            Some(Value::Null) => NormType::None,
            Some(Value::String(name)) => match name.as_str() {
                "batch" => NormType::Batch,
                "batch_zero" => NormType::BatchZero,
                "weight" => NormType::Weight,
                "spectral" => NormType::Spectral,
                other => return Err(format!("an unknown norm, {other}")),
            },
            Some(other) => return Err(format!("an unknown norm, {other}")),
        })
    }

    /// The options of a `conv_layer`.
    fn conv(&self, in_channels: usize, out_channels: usize) -> Result<ConvLayerConfig> {
        let usual = ConvLayerConfig::new(in_channels, out_channels);
        Ok(ConvLayerConfig {
            kernel: self.given_size("ks")?.unwrap_or(usual.kernel),
            stride: self.given_size("stride")?.unwrap_or(usual.stride),
            padding: self.given_size("padding")?,
            bias: self.0["bias"].as_bool(),
            norm: self.norm_type()?,
            activation: self.flag("use_activ", true)?,
            leaky: self.given_number("leaky")?,
            kind: match (self.flag("transpose", false)?, self.flag("is_1d", false)?) {
                (true, _) => ConvKind::ConvTranspose2d,
                (false, true) => ConvKind::Conv1d,
                (false, false) => ConvKind::Conv2d,
            },
            self_attention: self.flag("self_attention", false)?,
            init: match self.0.get("init") {
                None => Init::KaimingNormal,
                Some(Value::Null) => Init::Default,
                Some(other) => return Err(format!("an unknown init, {other}")),
            },
            ..usual
        })
    }
}
