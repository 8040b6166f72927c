//! Golden: the dynamic U-Net and what it is made of.

use std::collections::BTreeMap;

use burn::{module::Module, tensor::Tensor};
use serde_json::{Value, json};
use tinderbox_golden::{Array, Case, Data, Group, Report, fill};
use tinderbox_model::{
    AnyTensor, Forward, Layer, Mode, NormType, Sequential, Step, Trace,
    arch::{Blur, DynamicUnet, UnetConfig},
    block::{BasicBlock, PixelShuffleConfig, UnetBlock, UnetBlockConfig, UnetLayers, Upsampling},
    groups::{Kind, parameters, parts},
    init::icnr,
    layer::{BatchNorm2d, Conv2dConfig, MaxPool2d, ReLU},
    set_mode,
    weights::{StateDict, Strict, Weight, load_state_dict, state_dict},
};

use crate::{
    build,
    common::{device, differentiated, filled, gradient, gradients, host, state, tensor},
    layers,
    train::{AdamW, StepOf},
};

type Result<T> = std::result::Result<T, String>;

/// Refuses settings that it does not know: one that is passed over would test something else.
fn only(config: &Value, known: &[&str]) -> Result<()> {
    let keys = config.as_object().ok_or("a config is an object")?.keys();
    match keys.map(String::as_str).find(|key| !known.contains(key)) {
        Some(key) => Err(format!("an unknown setting, {key}")),
        None => Ok(()),
    }
}

fn size(config: &Value, key: &str) -> Result<usize> {
    config[key].as_u64().map(|size| size as usize).ok_or(format!("no {key}"))
}

fn norm(config: &Value) -> Result<NormType> {
    Ok(match config["norm_type"].as_str() {
        None => NormType::None,
        Some("batch") => NormType::Batch,
        Some("weight") => NormType::Weight,
        Some("spectral") => NormType::Spectral,
        Some(other) => return Err(format!("an unknown norm, {other}")),
    })
}

#[test]
fn pixel_shuffle_icnr() {
    let group = Group::open("pixel_shuffle_icnr");
    let mut report = Report::new(group.name());
    for case in group.cases() {
        let result = match case.config()["kind"].as_str() {
            Some("icnr") => kernels(case),
            Some("forward") => shuffle(case.config()).and_then(|m| layers::check(case, m)),
            other => Err(format!("an unknown kind, {other:?}")),
        };
        report.case(case.id(), result);
    }
    report.finish();
}

fn kernels(case: Case<'_>) -> Result<()> {
    only(case.config(), &["kind", "out_channels", "in_channels", "scale", "ks"])?;
    let AnyTensor::Float4(small) = tensor(&case.input("k")) else {
        return Err("no kernels".into());
    };
    let all = icnr(small, size(case.config(), "scale")?);
    case.check("w", &all.dims(), &host(all.into()))
}

fn shuffle(config: &Value) -> Result<Box<dyn Layer>> {
    only(config, &["kind", "ni", "nf", "scale", "blur", "norm_type", "leaky"])?;
    let inputs = size(config, "ni")?;
    let outputs = size(config, "nf").unwrap_or(inputs);
    let usual = PixelShuffleConfig::new(inputs, outputs);
    let block = PixelShuffleConfig {
        scale: size(config, "scale").unwrap_or(usual.scale),
        blur: config["blur"].as_bool().unwrap_or(usual.blur),
        norm: norm(config)?,
        leaky: config["leaky"].as_f64(),
        ..usual
    };
    Ok(Box::new(block.init(&device())))
}

#[test]
fn unet_block() {
    let group = Group::open("unet_block");
    let mut report = Report::new(group.name());
    for case in group.cases() {
        report.case(case.id(), block(case));
    }
    report.finish();
}

/// A block as a model: it takes two maps, so that it is no layer by itself.
#[derive(Module, Debug)]
struct WithSkip {
    block: UnetBlock,
}

impl Forward for WithSkip {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.block.forward(x.clone(), x)
    }
}

fn block(case: Case<'_>) -> Result<()> {
    let config = case.config();
    let known = ["up_in_c", "x_in_c", "match", "norm_type", "final_div", "blur", "self_attention"];
    only(config, &known)?;
    let layers =
        UnetLayers { upsampling: Upsampling::PixelShuffle, norm: norm(config)?, leaky: None };
    let block = UnetBlockConfig {
        in_channels: size(config, "up_in_c")?,
        skip_channels: size(config, "x_in_c")?,
        last: config["final_div"] == false,
        blur: config["blur"] == true,
        self_attention: config["self_attention"] == true,
        layers,
    };
    let start = state(&case.state()).renamed(|name| format!("block.{name}"));
    let model = Box::new(WithSkip { block: block.init(&device()) });
    let (model, _) =
        load_state_dict(model, &start, Strict::Yes).map_err(|error| error.to_string())?;
    let [up, skip] = ["up", "skip"].map(|name| differentiated(tensor(&case.input(name))));
    let run = |model: &dyn Layer, trace: &mut Trace<'_>| -> Result<Tensor<4>> {
        let model: &WithSkip = model.as_any().downcast_ref().ok_or("another model")?;
        let [up, skip] = [&up, &skip].map(|map| map.clone().expect_for("test"));
        Ok(model.block.forward_traced(up, skip, trace))
    };
    let check = |name: &str, y: &Tensor<4>| case.check(name, &y.dims(), &host(y.clone().into()));
    let model = set_mode(model, Mode::Eval);
    check("eval_y", &run(&*model, &mut Trace::off())?)?;
    let (model, other) = (set_mode(model.clone(), Mode::Train), set_mode(model, Mode::Train));
    // Watched, it gives the same.
    let mut observe = |_: Step<'_>| {};
    check("train_y", &run(&*other, &mut Trace::new(&mut observe))?)?;
    let y = run(&*model, &mut Trace::off())?;
    check("train_y", &y)?;
    let cot: Tensor<4> = tensor(&case.input("cot")).expect_for("test");
    let found = (y * cot).sum().backward();
    let (of_model, after) = (gradients(&*model, &found), state_dict(&*model));
    for name in case.expected_names() {
        let weight = match name.split_once('.') {
            None => continue,
            Some(("grad_in", "up")) => gradient(&up, &found),
            Some(("grad_in", "skip")) => gradient(&skip, &found),
            Some(("grad", key)) => of_model.get(&format!("block.{key}")).cloned(),
            Some(("after", key)) => after.get(&format!("block.{key}")).cloned(),
            _ => return Err(format!("an unknown output, {name}")),
        };
        compare(case, name, weight.as_ref())?;
    }
    Ok(())
}

fn compare(case: Case<'_>, name: &str, weight: Option<&Weight>) -> Result<()> {
    let weight = weight.ok_or(format!("there is no {name}"))?;
    case.check(name, &weight.shape, &weight.values)
}

#[test]
fn dynamic_unet() {
    run("dynamic_unet");
}

#[test]
fn dynamic_unet_resnet() {
    run("dynamic_unet_resnet");
}

fn run(group: &str) {
    let group = Group::open(group);
    let mut report = Report::new(group.name());
    for case in group.cases() {
        report.case(case.id(), unet(case.config()).and_then(|model| check(case, model)));
    }
    report.finish();
}

fn unet(config: &Value) -> Result<DynamicUnet> {
    let known = [
        "body",
        "n_classes",
        "img_size",
        "batch",
        "norm_type",
        "lesson_blur",
        "skip_detach",
        "blur",
        "blur_final",
        "self_attention",
        "last_cross",
        "bottle",
        "y_range",
        "widths",
    ];
    only(config, &known)?;
    let sizes = |key: &str| -> Option<Vec<usize>> {
        let sizes = config[key].as_array()?.iter();
        sizes.map(|size| size.as_u64().map(|size| size as usize)).collect()
    };
    let flag = |key: &str| config[key].as_bool().ok_or(format!("no {key}"));
    let image = sizes("img_size").and_then(|size| size.try_into().ok()).ok_or("no img_size")?;
    let unet = UnetConfig {
        blur: match (flag("lesson_blur")?, flag("blur")?, flag("blur_final")?) {
            (true, ..) => Blur::Always,
            (_, true, true) => Blur::Blocks,
            (_, true, false) => Blur::BlocksButLast,
            (_, false, _) => Blur::Never,
        },
        self_attention: flag("self_attention")?,
        y_range: config["y_range"].as_array().and_then(|range| {
            range.iter().map(Value::as_f64).collect::<Option<Vec<_>>>()?.try_into().ok()
        }),
        last_cross: flag("last_cross")?,
        bottle: flag("bottle")?,
        norm: norm(config)?,
        detach_skips: flag("skip_detach")?,
        ..UnetConfig::new(size(config, "n_classes")?, image)
    };
    let body = match config["body"].as_str() {
        Some("tiny") => tiny(sizes("widths").and_then(|w| w.try_into().ok()).ok_or("no widths")?),
        Some(name) => build::body(name)?,
        None => return Err("no body".into()),
    };
    unet.init(body, &device()).map_err(|error| error.to_string())
}

/// The manifests' small body.
fn tiny(widths: [usize; 4]) -> Sequential {
    let device = &device();
    let stem = Conv2dConfig::new([3, widths[0]], 3).stride(2).padding(1).bias(false);
    let layers = Sequential::new()
        .push(stem.init(device))
        .push(BatchNorm2d::new(widths[0], device))
        .push(ReLU)
        .push(MaxPool2d { kernel: 3, stride: 2, padding: 1, ceil_mode: false });
    widths.windows(2).enumerate().fold(layers, |layers, (at, widths)| {
        let stride = if at == 0 { 1 } else { 2 };
        let block = BasicBlock::new(widths[0], widths[1], stride, device);
        layers.push(Sequential::new().push(block))
    })
}

fn check(case: Case<'_>, model: DynamicUnet) -> Result<()> {
    facts(case.values(), &model)?;
    let start = state(&case.state());
    let model: Box<dyn Layer> = Box::new(model);
    numbers(case, model.clone(), &start).or_else(|why| {
        let near = near_zero(case, model.clone(), &start);
        let mut nudged = near.iter().map(|unit| on_the_other_side(&start, unit));
        match nudged.any(|weights| numbers(case, model.clone(), &weights).is_ok()) {
            true => Ok(()),
            false => Err(why),
        }
    })
}

/// A unit in front of a ReLU that is zero but for rounding.
struct Unit {
    value: f32,
    /// Of its convolution.
    bias: String,
    channel: usize,
}

/// The units of which rounding decides whether they have a gradient, which it may have decided
/// otherwise in the reference: the nearest to zero first, beside what else is in their map.
fn near_zero(case: Case<'_>, model: Box<dyn Layer>, start: &StateDict) -> Vec<Unit> {
    let Ok((model, _)) = load_state_dict(model, start, Strict::Yes) else { return Vec::new() };
    let mut found: Vec<(f32, Unit)> = Vec::new();
    let mut observe = |step: Step<'_>| {
        let bias = format!("{}.bias", step.path.join("."));
        let AnyTensor::Float4(map) = step.output else { return };
        if step.layer.name() != "Conv2d" || start.get(&bias).is_none() {
            return;
        }
        let [_, channels, height, width] = map.dims();
        let values = host(map.clone().into());
        let largest = values.iter().fold(0f32, |max, value| max.max(value.abs()));
        let near = values.iter().enumerate().filter(|(_, value)| value.abs() < 2e-6 * largest);
        found.extend(near.map(|(at, value)| {
            let channel = at / (height * width) % channels;
            (value.abs() / largest, Unit { value: *value, bias: bias.clone(), channel })
        }));
    };
    let x = tensor(&case.input("x"));
    set_mode(model, Mode::Train).forward_any(x, &mut Trace::new(&mut observe));
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found.into_iter().map(|(_, unit)| unit).collect()
}

/// The weights with which a unit is as far on the other side of its ReLU: if that was all, every
/// number is the reference's then.
fn on_the_other_side(start: &StateDict, unit: &Unit) -> StateDict {
    let mut weights = start.clone();
    let bias = start.get(&unit.bias).unwrap();
    let mut values = bias.values.clone();
    values[unit.channel] -= 2.0 * unit.value;
    weights.insert(unit.bias.clone(), bias.shape.clone(), values);
    weights
}

/// In evaluation, in training, backward, and after a step.
fn numbers(case: Case<'_>, model: Box<dyn Layer>, start: &StateDict) -> Result<()> {
    let (model, _) =
        load_state_dict(model, start, Strict::Yes).map_err(|error| error.to_string())?;
    let x = tensor(&case.input("x"));

    let model = set_mode(model, Mode::Eval);
    let y = forward(&*model, x.clone());
    case.check("eval_y", &y.dims(), &host(y.into()))?;

    let model = set_mode(model, Mode::Train);
    let x = differentiated(x);
    let y = forward(&*model, x.clone());
    case.check("train_y", &y.dims(), &host(y.clone().into()))?;
    let cot: Tensor<4> = tensor(&case.input("cot")).expect_for("test");
    let loss = (y * cot).sum();
    case.check("loss", &[1], &host(loss.clone().into()))?;
    let found = loss.backward();
    let of_model = gradients(&*model, &found);
    let mut of_step = Vec::new();
    for name in case.expected_names() {
        let weight = match name.split_once('.') {
            None => continue,
            Some(("grad_in", "x")) => gradient(&x, &found),
            Some(("grad", key)) => of_model.get(key).cloned(),
            Some(("after", key)) => {
                of_step.push((name, key));
                continue;
            }
            _ => return Err(format!("an unknown output, {name}")),
        };
        compare(case, name, weight.as_ref())?;
    }
    // Only from the right gradients, as it takes longest.
    let step = StepOf { lr: 1e-3, betas: [0.9, 0.99], decay: 1e-2, scale: 1.0 };
    let after = state_dict(&*AdamW::default().step(model, &found, &step));
    of_step.into_iter().try_for_each(|(name, key)| compare(case, name, after.get(key)))
}

fn forward(model: &dyn Layer, x: AnyTensor) -> Tensor<4> {
    model.forward_any(x, &mut Trace::off()).expect_for("test")
}

/// The parts' types by fastai's names, and how many numbers each learns.
fn facts(values: &Value, model: &DynamicUnet) -> Result<()> {
    let name = |ours: &'static str| match ours {
        "Shortcut" => "SequentialEx",
        "ConvLayer" => "Sequential",
        ours => ours,
    };
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for parameter in parameters(model).into_iter().filter(|p| p.kind != Kind::Buffer) {
        let part = parameter.path.split('.').nth(1).and_then(|part| part.parse().ok());
        *counts.entry(part.ok_or("no part")?).or_default() +=
            parameter.shape.iter().product::<usize>();
    }
    let names: Vec<&str> = model.layers().map(name).collect();
    let by_layer: Vec<usize> =
        (0..names.len()).map(|at| counts.get(&at).copied().unwrap_or(0)).collect();
    let found = json!({
        "layers": names,
        "n_params": by_layer.iter().sum::<usize>(),
        "n_params_by_layer": by_layer,
    });
    match found == *values {
        true => Ok(()),
        false => Err(format!("{found}, expected {values}")),
    }
}

/// Whatever makes the maps larger, one of the image's size comes out, and gradients reach
/// everything.
#[test]
fn every_way_up_trains() {
    for upsampling in [
        Upsampling::PixelShuffle,
        Upsampling::Transposed,
        Upsampling::Nearest,
        Upsampling::Bilinear,
    ] {
        for size in [[32, 48], [37, 45]] {
            let config = UnetConfig { upsampling, bottle: true, ..UnetConfig::new(3, size) };
            let model = config.init(tiny([8, 8, 12, 16]), &device()).unwrap();
            let x = Tensor::<4>::ones([2, 3, size[0], size[1]], &device());
            let y = forward(&model, x.into());
            assert_eq!(y.dims(), [2, 3, size[0], size[1]], "{upsampling:?}");
            let found = gradients(&model, &y.square().sum().backward());
            let learned = parameters(&model).into_iter().filter(|p| p.kind != Kind::Buffer);
            for parameter in learned {
                assert!(found.contains_key(&parameter.path), "{upsampling:?}: {}", parameter.path);
            }
        }
    }
}

/// A model for one size takes others: it goes by the image.
#[test]
fn images_of_other_sizes_go_through() {
    for built in [[32, 48], [37, 45]] {
        let model = UnetConfig::new(3, built).init(tiny([8, 8, 12, 16]), &device()).unwrap();
        for size in [[32, 48], [40, 56], [33, 51]] {
            let x = Tensor::<4>::zeros([2, 3, size[0], size[1]], &device());
            assert_eq!(forward(&model, x.into()).dims(), [2, 3, size[0], size[1]]);
        }
    }
}

#[test]
fn watching_a_unet_changes_nothing() {
    let config = UnetConfig { self_attention: true, ..UnetConfig::new(3, [32, 48]) };
    let model = config.init(tiny([8, 8, 12, 16]), &device()).unwrap();
    let model = set_mode(filled(model), Mode::Eval);
    let shape = vec![2, 3, 32, 48];
    let data = Data::F32(fill::floats(0, "x", "x", &shape));
    let x = tensor(&Array { shape, data });
    let parts = parts(&*model);
    let mut strange = Vec::new();
    let mut observe = |step: Step<'_>| {
        let path = step.path.join(".");
        if !parts.contains(&path) {
            strange.push(path);
        }
    };
    let watched: Tensor<4> =
        model.forward_any(x.clone(), &mut Trace::new(&mut observe)).expect_for("test");
    assert!(strange.is_empty(), "no parts of the model: {strange:?}");
    for (a, b) in host(watched.into()).iter().zip(host(forward(&*model, x).into())) {
        assert!((a - b).abs() <= 1e-4 * a.abs().max(1.0), "{a} and {b}");
    }
}

#[test]
fn a_body_that_cannot_be_gone_up_is_refused() {
    let config = UnetConfig::new(3, [8, 8]);
    let error = config.init(Sequential::new().push(ReLU), &device()).unwrap_err();
    let message = "the body cannot process images of 8×8 pixels: it has no weights";
    assert_eq!(error.to_string(), message);
    assert_eq!(error.hint().unwrap(), "are the images large enough for it?");
    let conv = Conv2dConfig::new([3, 4], 3).padding(1).init(&device());
    let error = config.init(Sequential::new().push(conv), &device()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the body never downsamples images of 8×8 pixels, so a U-Net cannot be built on it"
    );
    assert!(error.hint().unwrap().ends_with("`body.opened()`"));
}
