//! The settings of image-to-image training that are inferred from the images.

use std::path::PathBuf;

use tinderbox_data::{
    ConvertMode, ImageKind, Normalize, TargetKind, damage::Crappifier, image::ImageInfo,
};
use tinderbox_learn::{
    Bundle,
    schedule::{LearningRate, OneCycle},
};
use tinderbox_model::{
    NormType,
    arch::{Blur, BodySpec, ModelSpec, UnetConfig, UnetSpec, find},
};

use super::{
    Bad, DamageSetting, Enhance, EnhanceLoss, Found, ImagePairs, LossName, TrainingView, loss,
};
use crate::{
    AtSize, Decided, ImageSize, Job, Location, Phase, Result, Settings, Sources, Task,
    images::{ImageSettings, pixels, unet_on},
    open_model,
    plan::{ASKED, Choices, FitPlan, Start, Take, batch_size, phases::steps, survey::Survey},
    settings::unused,
    validate::other_model,
    weights::Pretrained,
};

pub(super) fn decide(
    ask: &Settings<Enhance>,
    data: &Sources,
    choices: &mut Choices,
    job: &Job,
) -> Result<(Decided<Enhance>, Found)> {
    let (common, image) = (&ask.common, &ask.task.image);
    if ask.task.inputs.is_some() {
        unused("data", common.data.as_ref(), "`--inputs` and `--targets` are the data")?;
    }
    let from = image.from.as_ref().map(|run| open_model(run.path())).transpose()?;
    if from.is_some() {
        image.check_from()?;
    }
    let found = Found::of(data)?;
    found.check(data, image.skip_bad.unwrap_or(0))?;
    let items = found.images(data, image.kind())?;
    let bad = bad(ask, data, &found, from.as_ref(), choices)?;
    let survey = Survey::of(&items);
    let split = survey.split(common.valid.as_ref(), items.len(), choices)?;
    let n_train = survey.n_train(&split);
    let sizes = sizes(ask, &survey, choices)?;
    let view = match bad.scale() {
        1 => TrainingView::Zoomed,
        _ => TrainingView::Native,
    };
    let shown = match (view, &bad) {
        (TrainingView::Native, _) => "parts at full resolution, flips, right angles",
        (TrainingView::Zoomed, Bad::Damage(_)) => {
            "flips, warps, rotations, zooms up to 2, lighting"
        }
        (TrainingView::Zoomed, Bad::Pairs { .. }) => "flips, zooms up to 2, lighting",
    };
    choices.tell("augmentation", shown, "the same for input and target");
    let (model, start) = match (&image.from, &from) {
        (Some(run), Some(from)) => continued(run, from, sizes[0], choices)?,
        _ => fresh(ask, sizes[0], choices, job)?,
    };
    choices.keep("from", &image.from);
    let loss = pick_loss(ask, &bad, choices, job)?;
    let batch_size = pick_batch_size(common.batch_size, n_train, sizes[0], choices)?;
    let exact_conv = choices.quiet("exact_conv", image.exact_conv, false);
    let phases = phases(ask, &start, &sizes, batch_size, n_train, choices);
    choices.keep("max_pixels", &image.max_pixels);
    let bits = image.bits(&survey, from.as_ref(), choices);
    let of_run = from.as_ref().and_then(|from| from.manifest.inference.normalization());
    let normalize = of_run.cloned().unwrap_or(Normalize::imagenet().and_targets());
    let enlarge = match &bad {
        Bad::Pairs { scale } => *scale,
        // They are made smaller and larger again.
        Bad::Damage(_) => 1,
    };
    let kind = ImageKind { bits, enlarge, ..image.kind() };
    let fit =
        FitPlan { exact_conv, weight_decay: WEIGHT_DECAY, ..FitPlan::new(phases, batch_size) };
    let task = Enhance { bad, split, model, view, loss, normalize, kind };
    Ok((Decided { task, start, fit }, found))
}

/// The lesson's.
const WEIGHT_DECAY: f64 = 1e-3;

/// What is repaired: what was asked for, what the run to start from repairs, or the lesson's.
fn bad(
    ask: &Settings<Enhance>,
    data: &Sources,
    found: &Found,
    from: Option<&Bundle>,
    choices: &mut Choices,
) -> Result<Bad> {
    let asked = ask.task.damage.as_ref();
    if let Found::Pairs(pairs) = found {
        const REASON: &str =
            "the inputs are bad already (of the words, `enhance` alone makes no damage)";
        unused("damage", asked, REASON)?;
        unused("scale", ask.task.scale.as_ref(), REASON)?;
        choices.keep("damage", &None::<DamageSetting>);
        choices.keep("scale", &None::<usize>);
        pairs.doubts().into_iter().for_each(|doubt| choices.warn(doubt));
        let scale = scale_of_pairs(data, pairs)?;
        let n = pairs.targets.len();
        choices.tell("pairs", n.to_string(), "inputs have a target of the same name");
        if scale > 1 {
            let because = format!("the targets are {scale} times as large as the inputs");
            choices.tell("scale", scale.to_string(), because);
        }
        return Ok(Bad::Pairs { scale });
    }
    let of_run = from.and_then(|from| match from.manifest.inference.target() {
        TargetKind::Image { damage, .. } => damage.clone(),
        _ => None,
    });
    let (damage, because) = match (asked, of_run) {
        (Some(DamageSetting(damage)), _) => (damage.clone(), ASKED),
        (None, Some(damage)) => (damage, "as in the run to start from"),
        (None, None) => (Crappifier::restore(), "the lesson's; choose with `--damage`"),
    };
    let damage = match (ask.task.scale, damage.scale()) {
        (Some(scale), of_damage) if scale != of_damage => {
            let in_vain = match of_damage {
                1 => Some("this damage does not change the size of images"),
                _ if damage.only_shrinks() => None,
                _ => Some("`--damage` says how many times smaller images are made"),
            };
            if let Some(reason) = in_vain {
                unused("scale", Some(&scale), reason)?;
            }
            Crappifier::super_resolve(scale)
        }
        _ => damage,
    };
    choices.keep("damage", &DamageSetting(damage.clone()));
    choices.keep("scale", &Some(damage.scale()).filter(|scale| *scale > 1).or(ask.task.scale));
    choices.tell("damage", damage.describe(), because);
    Ok(Bad::Damage(damage))
}

/// How many times larger targets are than their inputs, if it is a whole number for all that are
/// looked at; else 1.
fn scale_of_pairs(data: &Sources, pairs: &ImagePairs) -> Result<usize> {
    const LOOKED_AT: usize = 20;
    let (inputs, targets) = (data.need("inputs")?, data.need("targets")?);
    let every = pairs.targets.len().div_ceil(LOOKED_AT);
    let scale = |(input, target): (&PathBuf, &PathBuf)| {
        // Broken files are found, and reported by name, before training.
        let [a, b] = [inputs.join(input), targets.join(target)].map(|file| ImageInfo::read(&file));
        let ([h, w], [rows, columns]) = (a.ok()?.size(), b.ok()?.size());
        let scale = rows / h.max(1);
        Some(if scale > 1 && rows == scale * h && columns == scale * w { scale } else { 1 })
    };
    let mut scales = pairs.targets.iter().step_by(every.max(1)).filter_map(scale);
    let first = scales.next().unwrap_or(1);
    Ok(if scales.all(|scale| scale == first) { first } else { 1 })
}

/// The lesson's first size; what a CPU trains in minutes.
const SIDE: usize = 128;

/// What the bodies halve the size of an image to.
const MULTIPLE: usize = 32;

fn sizes(
    ask: &Settings<Enhance>,
    survey: &Survey,
    choices: &mut Choices,
) -> Result<Vec<[usize; 2]>> {
    let asked = ask.task.sizes.as_ref();
    choices.keep("sizes", &ask.task.sizes);
    if let Some(sizes) = asked {
        unused("size", ask.task.image.size.as_ref(), "`--sizes` names the sizes")?;
        choices.keep("size", &None::<ImageSize>);
        choices.tell("sizes", sizes.to_string(), ASKED);
        return Ok(sizes.0.iter().map(|size| size.0).collect());
    }
    let usual = || {
        let side = SIDE.min(survey.shorter_side() / MULTIPLE * MULTIPLE).max(MULTIPLE);
        let because = "trains on a CPU; a model that is trained at one size works at any";
        (ImageSize([side; 2]), because.to_owned())
    };
    let size = choices.pick_shown("size", ask.task.image.size, usual, |size| pixels(size.0));
    Ok(vec![size.0])
}

/// The U-Net of a run to start from.
fn continued(
    run: &Location,
    from: &Bundle,
    size: [usize; 2],
    choices: &mut Choices,
) -> Result<(UnetSpec, Start)> {
    let (ModelSpec::Unet(spec), true) = (&from.manifest.arch, Enhance::knows(from)) else {
        return Err(other_model(from, Enhance::ABOUT.noun));
    };
    choices.keep("arch", &None::<String>);
    choices.keep("until", &None::<String>);
    choices.keep("pretrained", &None::<Pretrained>);
    choices.keep("self_attention", &spec.unet.self_attention);
    choices.tell(
        "network",
        unet_on(&spec.body.arch, spec.body.until.as_deref()),
        "as in the run to start from",
    );
    choices.tell("from", run.to_string(), "all of its weights");
    let unet = UnetConfig { size, ..spec.unet.clone() };
    let start = Start::Run { path: run.path().to_owned(), take: Take::All };
    Ok((UnetSpec { unet, ..spec.clone() }, start))
}

/// The body if nothing else is said: half the time of the lesson's ResNet-34.
const ARCH: &str = "resnet18";

/// A U-Net on a pretrained body, if there are weights for one.
fn fresh(
    ask: &Settings<Enhance>,
    size: [usize; 2],
    choices: &mut Choices,
    job: &Job,
) -> Result<(UnetSpec, Start)> {
    let image: &ImageSettings = &ask.task.image;
    let until = image.until.clone();
    choices.keep("until", &until);
    let show = |name: &String| unet_on(name, until.as_deref());
    let (arch, file) = image.arch_and_weights(
        &[ARCH, "resnet34"],
        (ARCH, "fast enough for a CPU"),
        show,
        choices,
        job,
    )?;
    let body = BodySpec { until: until.clone(), ..BodySpec::new(find(&arch)?.name)? };
    let self_attention = choices.quiet("self_attention", ask.task.self_attention, false);
    let unet = UnetConfig {
        blur: Blur::Always,
        norm: NormType::Weight,
        self_attention,
        // What has to change about an image is less than all of it.
        residual: true,
        ..UnetConfig::new(ConvertMode::Rgb.channels(), size)
    };
    Ok((UnetSpec { body, unet }, file.map_or(Start::Fresh, Start::Pretrained)))
}

/// The lesson's for restoration is the mean squared error; for super-resolution the mean absolute error,
/// which blurs less; for colors one that does not make everything nearly gray.
fn pick_loss(
    ask: &Settings<Enhance>,
    bad: &Bad,
    choices: &mut Choices,
    job: &Job,
) -> Result<EnhanceLoss> {
    let usual = || match bad {
        bad if bad.scale() > 1 => {
            (LossName::L1, "usual for super-resolution; blurs less than mse".to_owned())
        }
        Bad::Damage(damage) if damage.is_gray() => {
            (LossName::Color, "colors fade less than with mse".to_owned())
        }
        _ => (LossName::Mse, "the lesson's".to_owned()),
    };
    let loss = match choices.pick("loss", ask.task.loss, usual) {
        LossName::Feature => {
            let asked = ask.task.feature_net.as_deref();
            return Ok(EnhanceLoss::Feature(loss::feature_net(asked, choices, job)?));
        }
        LossName::Mse => EnhanceLoss::Mse,
        LossName::L1 => EnhanceLoss::L1,
        LossName::Charbonnier => EnhanceLoss::Charbonnier,
        LossName::Ssim => EnhanceLoss::Ssim,
        LossName::MsSsim => EnhanceLoss::MsSsim,
        LossName::Color => EnhanceLoss::Color,
    };
    let net = ask.task.feature_net.as_ref();
    unused("feature_net", net, "only `--loss feature` compares features")?;
    choices.keep("feature_net", &None::<String>);
    Ok(loss)
}

/// Few images at once: nothing on the way up is normalized by batches, and more steps help more than
/// larger ones. Fewer still for fewer or larger images.
fn pick_batch_size(
    asked: Option<usize>,
    n_train: usize,
    size: [usize; 2],
    choices: &mut Choices,
) -> Result<usize> {
    batch_size::check(asked, n_train, "image")?;
    Ok(choices.pick("batch_size", asked, || {
        let fits = scaled(8, [SIDE; 2], size);
        let size = fits.min((n_train / 8).max(2)).min(n_train);
        (size, format!("for {n_train} training images of this size"))
    }))
}

/// A batch of as many pixels at another size; two images at least.
fn scaled(batch_size: usize, from: [usize; 2], to: [usize; 2]) -> usize {
    let area = |[height, width]: [usize; 2]| (height * width) as f64;
    ((batch_size as f64 * area(from) / area(to)) as usize).clamp(2, batch_size.max(2))
}

/// The rates of the decoder alone, and of a whole network that starts from scratch.
const LRS: [f64; 2] = [2e-3, 1e-3];
/// About this many steps train the decoder alone, and this many the whole network.
const STEPS: [usize; 2] = [200, 1200];

/// At the first size the decoder alone, then everything; the same at each further size at a tenth of
/// the rates.
fn phases(
    ask: &Settings<Enhance>,
    start: &Start,
    sizes: &[[usize; 2]],
    batch: usize,
    n_train: usize,
    choices: &mut Choices,
) -> Vec<Phase> {
    let goes_on = matches!(start, Start::Run { .. });
    // Whatever begins with a trained body may train the rest alone first.
    let is_pretrained = matches!(start, Start::Pretrained(_))
        || goes_on && ask.task.image.unfreeze_epochs.is_some();
    let per_epoch = n_train / batch;
    let usual = STEPS.map(|steps| steps.div_ceil(per_epoch.max(1)).clamp(2, 40));
    let because = || format!("{} per epoch", steps(per_epoch));
    let whole = if is_pretrained { "the decoder" } else { "the whole network" };
    let epochs = choices.pick_shown(
        "epochs",
        ask.common.epochs,
        || (usual[usize::from(!is_pretrained)], because()),
        |epochs| format!("{epochs} for {whole}"),
    );
    let unfrozen = choices.pick_shown(
        "unfreeze_epochs",
        ask.task.image.unfreeze_epochs,
        || match is_pretrained {
            true => (usual[1], because()),
            false => (0, String::new()),
        },
        |epochs| match epochs {
            0 => "none".to_owned(),
            _ => format!("then {epochs} for the whole network"),
        },
    );
    let lr = choices.pick("lr", ask.common.lr, || match (is_pretrained, goes_on) {
        (true, _) => (LRS[0], "for the decoder; a third of it for the whole network".to_owned()),
        (false, true) => (
            LRS[1] / 10.0,
            "a tenth of the usual rate, as the network is already trained".to_owned(),
        ),
        (false, false) => (LRS[1], "usual for a U-Net".to_owned()),
    });
    let asked = ask.task.pct_start;
    choices.keep("pct_start", &asked);
    let cycle = |lr_max, pct_start| {
        let pct_start = asked.unwrap_or(pct_start);
        OneCycle { lr_max, pct_start, ..OneCycle::default() }
    };
    let mut phases = Vec::new();
    for (at, size) in sizes.iter().enumerate() {
        // What is trained already is only finished.
        let lr = if at == 0 { lr } else { lr / 10.0 };
        let pct_start = if at == 0 { 0.8 } else { 0.3 };
        let mut of_size = match is_pretrained {
            true => vec![
                Phase::head("the decoder", epochs, cycle(LearningRate::Slice(lr), pct_start)),
                Phase::whole(unfrozen, cycle(LearningRate::Range(lr / 300.0, lr / 3.0), pct_start)),
            ],
            false if goes_on => {
                vec![Phase::whole(epochs, cycle(LearningRate::Range(lr / 100.0, lr), 0.3))]
            }
            false => vec![Phase::whole(epochs, cycle(LearningRate::One(lr), 0.3))],
        };
        if at > 0 {
            let batch_size = scaled(batch, sizes[0], *size);
            for phase in &mut of_size {
                phase.at = Some(AtSize { size: *size, batch_size });
                phase.name = format!("{} at {}", phase.name, pixels(*size));
            }
        }
        phases.extend(of_size);
    }
    Phase::some(phases)
}
