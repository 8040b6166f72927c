//! What training a segmenter will do: the user's settings, completed by a look at the data.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tinderbox_data::{ImageItems, ImageKind};
use tinderbox_learn::{
    Bundle,
    optim::Rule,
    schedule::{LearningRate, OneCycle},
};
use tinderbox_model::arch::{BodySpec, ModelSpec, UnetConfig, UnetSpec, find};

use super::{
    SegmenterSettings,
    pairs::{MaskName, Pairs},
};
use crate::{
    Choice, Error, Event, Phase, Planned, Result, RunPlan, Task, Watch,
    choices::{ASKED, Choices, Chosen, chosen},
    run::absolute,
    vision::{
        Split, Valid,
        plan::{
            CACHE_BYTES, CHECKPOINT_EVERY, FIFTH, KNOWN_SPLITS, SEED, WEIGHT_DECAY, accumulate,
            default_workers, exact_conv, of_split, one,
        },
        survey::Survey,
    },
    weights::{Pretrained, WeightsFile},
};

/// A run, complete: nothing in it is left to be decided. It is saved with the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmenterPlan {
    /// The folders, absolute.
    pub images: PathBuf,
    pub masks: PathBuf,
    pub mask_name: MaskName,
    /// The classes, in the order of their codes.
    pub classes: Vec<String>,
    /// The code whose pixels are not counted: of a class, or of pixels that have none and are not
    /// learned either.
    pub void: Option<Void>,
    pub split: Split,
    pub model: UnetSpec,
    /// The body's pretrained weights.
    pub weights: Option<WeightsFile>,
    /// The run whose weights this one starts with.
    pub from: Option<PathBuf>,
    pub batch_size: usize,
    /// Batches whose gradients make a step together.
    #[serde(default = "one")]
    pub accumulate: usize,
    pub phases: Vec<Phase>,
    pub optimizer: Rule,
    pub weight_decay: f64,
    pub seed: u64,
    pub workers: usize,
    pub skip_bad: usize,
    pub checkpoint_every: usize,
    pub cache_bytes: usize,
    /// Whether convolutions form their sums as the definition says.
    pub exact_conv: bool,
    /// How each of these came about, for people.
    pub choices: Vec<Choice>,
    /// What of the folders is not used, which their owner may not have meant.
    pub doubts: Vec<String>,
}

/// What is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Void {
    /// A class by its code, which is learned as any other.
    Class(u16),
    /// A code without a class: 255, most often.
    NoClass(u16),
}

impl Void {
    /// The code.
    pub fn code(self) -> u16 {
        match self {
            Self::Class(code) | Self::NoClass(code) => code,
        }
    }
}

impl RunPlan for SegmenterPlan {
    const TASK: Task = Task::Segmenter;
}

impl SegmenterPlan {
    /// Tells what will be done.
    pub(in crate::vision) fn tell(&self, watch: &Watch) {
        let plan = serde_json::to_value(self).expect("a plan is plain data");
        let Self { images, choices, .. } = self;
        watch(&Event::Planned(Planned { data: images, choices, plan }));
    }

    /// Completes `settings` by a look at the folders, and at the run that this one starts from.
    ///
    /// # Errors
    /// [`Error::NoMasks`], [`Error::Unmasked`], [`Error::NoCodes`], [`Error::Codes`],
    /// [`Error::NoVoid`]; [`Error::OutIsData`]; [`Error::BatchSize`] for too few pictures; an
    /// unknown architecture.
    pub(super) fn new(
        settings: &SegmenterSettings,
        from: Option<&Bundle>,
        watch: &Watch,
    ) -> Result<Self> {
        let mut choices = Choices::default();
        let (images, masks) = (absolute(&settings.images)?, absolute(&settings.masks)?);
        for folder in [&images, &masks] {
            // What is only looked at has no run folder.
            if !settings.out.as_os_str().is_empty() && absolute(&settings.out)? == *folder {
                return Err(Error::OutIsData { folder: folder.clone() });
            }
        }
        let pairs = Pairs::find(&images, &masks, None)?;
        choices.note(
            "masks",
            chosen((), pairs.name.describe(), format!("{} pictures have one", pairs.masks.len())),
        );
        let skip_bad = settings.skip_bad.unwrap_or(0);
        check_unmasked(&pairs, skip_bad)?;
        let (file, classes) = classes(settings, &images, &masks)?;
        choices.note("classes", chosen((), shown_classes(&classes), file.display().to_string()));
        let void = void(settings.void.as_deref(), &classes)?;
        if let Some(void) = void {
            let shown = match void {
                Void::Class(code) => classes[usize::from(code)].clone(),
                Void::NoClass(code) => format!("pixels of {code}"),
            };
            let because = if settings.void.is_some() { ASKED } else { "accuracy leaves it out" };
            choices.note("void", chosen((), shown, because));
        }

        let kind = ImageKind::default();
        let items = ImageItems::new(&images, pairs.masks.keys().cloned().collect(), kind);
        let survey = Survey::of(&items)?;
        let split = choices.note("validation", split(&settings.valid, &survey)?);
        let n_train = survey.files().filter(|file| trains(&split, file)).count();
        let n_train = match split {
            Split::Random { share } => n_train - (share * n_train as f64) as usize,
            _ => n_train,
        };
        let size = choices.note("size", size(settings.size, &survey));
        choices.note("augmentation", chosen((), AUGMENTED, "a street, a cell, a face stays one"));
        let model = choices.note("network", model(settings, from, classes.len(), size)?);
        let batch_size =
            choices.note("batch size", batch_size(settings.batch_size, n_train, size)?);
        let accumulate = accumulate(settings.accumulate, &mut choices);
        let pretrained = settings.pretrained.clone().unwrap_or(Pretrained::No);
        let weights = match from {
            Some(_) => None,
            None => pretrained.file(find(&model.body.arch)?, watch)?,
        };
        choices.note("weights", weights_text(weights.as_ref(), settings.from.as_deref()));
        let knows = weights.is_some() || from.is_some();
        let phases = phases(settings, knows, &mut choices, n_train / batch_size);
        if settings.exact_conv {
            choices.0.push(exact_conv());
        }
        Ok(Self {
            doubts: doubts(&pairs),
            mask_name: pairs.name,
            images,
            masks,
            classes,
            void,
            split,
            model,
            weights,
            from: settings.from.as_deref().map(absolute).transpose()?,
            batch_size,
            accumulate,
            phases,
            optimizer: Rule::default(),
            weight_decay: WEIGHT_DECAY,
            seed: settings.seed.unwrap_or(SEED),
            workers: settings.workers.unwrap_or_else(default_workers),
            skip_bad,
            checkpoint_every: settings.checkpoint_every.unwrap_or(CHECKPOINT_EVERY),
            cache_bytes: settings.cache_bytes.unwrap_or(CACHE_BYTES),
            exact_conv: settings.exact_conv,
            choices: choices.0,
        })
    }

    /// Height and width that the model sees.
    pub fn size(&self) -> [usize; 2] {
        self.model.unet.size
    }

    /// Which mask is which picture's, by the plan's naming.
    pub(super) fn pairs(&self) -> Result<Pairs> {
        let pairs = Pairs::find(&self.images, &self.masks, Some(&self.mask_name))?;
        check_unmasked(&pairs, self.skip_bad)?;
        Ok(pairs)
    }
}

fn check_unmasked(pairs: &Pairs, allowed: usize) -> Result<()> {
    const NAMED: usize = 5;
    match pairs.unmasked.len() {
        n if n > allowed => {
            let images = pairs.unmasked.iter().take(NAMED).cloned().collect();
            Err(Error::Unmasked { images, n })
        }
        _ => Ok(()),
    }
}

fn doubts(pairs: &Pairs) -> Vec<String> {
    let several = |files: &[PathBuf], what: &str, whats: &str| {
        let first = files.first()?.display();
        Some(match files.len() {
            1 => format!("left out: {first}, {what}"),
            n => format!("left out: {n} {whats}, such as {first}"),
        })
    };
    let unmasked = several(&pairs.unmasked, "a picture without a mask", "pictures without a mask");
    let orphans = several(&pairs.orphans, "a mask without a picture", "masks without a picture");
    unmasked.into_iter().chain(orphans).collect()
}

/// The file of classes and what it says.
fn classes(
    settings: &SegmenterSettings,
    images: &Path,
    masks: &Path,
) -> Result<(PathBuf, Vec<String>)> {
    const NAME: &str = "codes.txt";
    let near = [masks, images].into_iter().flat_map(|folder| [Some(folder), folder.parent()]);
    let found = || near.flatten().map(|folder| folder.join(NAME)).find(|file| file.is_file());
    let file = match &settings.codes {
        Some(file) => file.clone(),
        None => found().ok_or_else(|| Error::NoCodes { masks: masks.to_owned() })?,
    };
    let text =
        fs::read_to_string(&file).map_err(|source| Error::Read { path: file.clone(), source })?;
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let classes: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let mut seen = BTreeSet::new();
    let found = match (classes.len(), classes.iter().find(|class| !seen.insert(*class))) {
        (0, _) => "no classes".to_owned(),
        (1, _) => "one class only".to_owned(),
        (_, Some(twice)) => format!("`{twice}` twice"),
        (n, _) if n > MAX_CLASSES => format!("{n} classes, and a mask has room for {MAX_CLASSES}"),
        _ => return Ok((file, classes)),
    };
    Err(Error::Codes { file, found })
}

/// Codes are bytes.
const MAX_CLASSES: usize = 256;

fn shown_classes(classes: &[String]) -> String {
    const SHOWN: usize = 12;
    let named = classes.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match classes.len() {
        n @ ..=SHOWN => format!("{n}: {named}"),
        n => format!("{n}: {named}, …"),
    }
}

/// What is not counted: what was asked for, or the class that is called so.
pub(super) fn void(asked: Option<&str>, classes: &[String]) -> Result<Option<Void>> {
    const USUAL: [&str; 4] = ["void", "unlabelled", "unlabeled", "ignore"];
    let class = |name: &str| {
        let code = classes.iter().position(|class| class.eq_ignore_ascii_case(name))?;
        Some(Void::Class(code as u16))
    };
    let Some(name) = asked else { return Ok(USUAL.into_iter().find_map(class)) };
    let number = || match name.parse::<u16>() {
        Ok(code) if usize::from(code) < classes.len() => Some(Void::Class(code)),
        Ok(code) => Some(Void::NoClass(code)),
        Err(_) => None,
    };
    match class(name).or_else(number) {
        Some(void) => Ok(Some(void)),
        None => Err(Error::NoVoid { class: name.to_owned(), classes: classes.to_vec() }),
    }
}

fn trains(split: &Split, file: &Path) -> bool {
    match split {
        Split::Folders { train, .. } => file.starts_with(train),
        Split::Random { .. } => true,
        Split::Names { .. } => !split.is_named(file),
    }
}

fn split(asked: &Valid, survey: &Survey) -> Result<Chosen<Split>> {
    let random = |share| Split::Random { share };
    Ok(match asked {
        Valid::Share(share) => of_split(random(*share), ASKED),
        Valid::List(file) => of_split(Split::named_in(file, survey.files())?, ASKED),
        Valid::Folder(valid) => {
            let train = survey.other_folder(valid)?;
            of_split(Split::Folders { train, valid: valid.clone() }, ASKED)
        }
        Valid::Auto => {
            let has = |(train, valid): &&(&str, &str)| {
                survey.has_folder(train) && survey.has_folder(valid)
            };
            let known = KNOWN_SPLITS.iter().find(has);
            let list = survey.root.parent().map(|folder| folder.join("valid.txt"));
            let list = list.filter(|file| file.is_file());
            match (known, list) {
                (Some((train, valid)), _) => of_split(
                    Split::Folders { train: (*train).into(), valid: (*valid).into() },
                    format!("the data has the folders {train}/ and {valid}/"),
                ),
                (None, Some(file)) => of_split(
                    Split::named_in(&file, survey.files())?,
                    "the file lies beside the data",
                ),
                (None, None) => {
                    of_split(random(FIFTH), "nothing in the data says which; choose with `--valid`")
                }
            }
        }
    })
}

/// Pictures of about so many pixels train on a CPU in reasonable time.
const PIXELS: f64 = 180.0 * 240.0;

fn size(asked: Option<[usize; 2]>, survey: &Survey) -> Chosen<[usize; 2]> {
    let shown = |[height, width]: [usize; 2]| format!("{height}×{width} px");
    if let Some(size) = asked {
        return chosen(size, shown(size), ASKED);
    }
    let because = "trains on a CPU; go on at more pixels with `--from` and `--size`";
    match survey.one_size() {
        Some(size) => {
            let all = (size[0] * size[1]) as f64;
            let by = (PIXELS / all).sqrt().min(1.0);
            let size = size.map(|side| ((side as f64 * by).round() as usize).max(LEAST_SIDE));
            chosen(size, shown(size), because)
        }
        None => {
            let side = (PIXELS.sqrt() as usize).min(survey.shorter_side()).max(LEAST_SIDE);
            let because =
                format!("the pictures have several sizes, and are squished to one; it {because}");
            chosen([side; 2], shown([side; 2]), because)
        }
    }
}

/// fastai's `get_transforms`.
const AUGMENTED: &str = "mirrored, warped, turned, zoomed, lit";

/// What the bodies take.
const LEAST_SIDE: usize = 32;

fn model(
    settings: &SegmenterSettings,
    from: Option<&Bundle>,
    classes: usize,
    size: [usize; 2],
) -> Result<Chosen<UnetSpec>> {
    if let Some(bundle) = from {
        let ModelSpec::Unet(spec) = &bundle.manifest.arch else {
            return Err(Error::NotASegmenter { what: bundle.manifest.inference.describe() });
        };
        let unet = UnetConfig { size, ..spec.unet.clone() };
        let spec = UnetSpec { unet, ..spec.clone() };
        return Ok(chosen(spec.clone(), describe(&spec), "that of the run it starts from"));
    }
    let named = settings.pretrained.as_ref().and_then(Pretrained::arch);
    let (name, because) = match (&settings.arch, named) {
        (Some(name), _) => (name.as_str(), ASKED),
        (None, Some(name)) => (name, "the file of weights is called so"),
        (None, None) => ("resnet34", "the lesson's"),
    };
    let body = BodySpec { until: settings.until.clone(), ..BodySpec::new(find(name)?.name)? };
    let spec =
        UnetSpec { body, unet: UnetConfig { bottle: true, ..UnetConfig::new(classes, size) } };
    Ok(chosen(spec.clone(), describe(&spec), because))
}

fn describe(spec: &UnetSpec) -> String {
    match &spec.body.until {
        None => format!("U-Net on {}", spec.body.arch),
        Some(child) => format!("U-Net on {} until {child}", spec.body.arch),
    }
}

/// The lesson's, for pictures of [`PIXELS`]; fewer for larger ones, whose maps take more memory.
fn batch_size(
    asked: Option<usize>,
    n_train: usize,
    [height, width]: [usize; 2],
) -> Result<Chosen<usize>> {
    if n_train < 2 || asked.is_some_and(|size| !(2..=n_train).contains(&size)) {
        return Err(Error::BatchSize { batch_size: asked, n_train, of: "picture" });
    }
    if let Some(size) = asked {
        return Ok(chosen(size, size.to_string(), ASKED));
    }
    let fits = (8.0 * PIXELS / (height * width) as f64) as usize;
    let size = fits.clamp(2, 8).min((n_train / 8).max(2)).min(n_train);
    Ok(chosen(size, size.to_string(), format!("for {n_train} training pictures of this size")))
}

/// The lesson's rate.
const LR: f64 = 2e-3;
/// That of its run at full size, which goes on from one that is trained.
const LR_FROM: f64 = 1e-3;
/// About so many steps of training are planned for in each fit.
const STEPS: usize = 450;

fn phases(
    settings: &SegmenterSettings,
    pretrained: bool,
    choices: &mut Choices,
    per_epoch: usize,
) -> Vec<Phase> {
    let usual = STEPS.div_ceil(per_epoch.max(1)).clamp(3, 10);
    let epochs = settings.epochs.unwrap_or(usual);
    let unfrozen = settings.unfreeze_epochs.unwrap_or(match pretrained {
        true => usual + usual / 5,
        false => 0,
    });
    let because =
        if settings.epochs.is_some() { ASKED.into() } else { format!("{per_epoch} steps each") };
    let shown = match (pretrained, unfrozen) {
        (true, 1..) => format!("{epochs} of the way up, then {unfrozen} of everything"),
        (true, 0) => format!("{epochs} of the way up"),
        (false, unfrozen) => format!("{} of everything", epochs + unfrozen),
    };
    choices.note("epochs", chosen((), shown, because));
    let usual_lr = if settings.from.is_some() { LR_FROM } else { LR };
    let lr = settings.lr.unwrap_or(usual_lr);
    let because = if settings.lr.is_some() { ASKED } else { "the lesson's" };
    choices.note("learning rate", chosen((), lr.to_string(), because));
    let cycle = |lr_max, pct_start| OneCycle { lr_max, pct_start, ..OneCycle::default() };
    if !pretrained {
        return vec![Phase::whole(epochs + unfrozen, cycle(LearningRate::One(lr), 0.8))];
    }
    let head = Phase {
        name: "the way up".into(),
        freeze_to: -1,
        epochs,
        schedule: cycle(LearningRate::Slice(lr), 0.8),
    };
    // What is trained already is only finished.
    let all = match settings.from.is_some() {
        true => cycle(LearningRate::Range(lr / 1000.0, lr / 10.0), 0.3),
        false => cycle(LearningRate::Range(lr / 100.0, lr), 0.8),
    };
    let all = Phase::whole(unfrozen, all);
    [head, all].into_iter().filter(|phase| phase.epochs > 0).collect()
}

fn weights_text(weights: Option<&WeightsFile>, from: Option<&Path>) -> Chosen<()> {
    match (weights, from) {
        (_, Some(run)) => chosen((), run.display().to_string(), ASKED),
        (Some(file), None) => chosen((), file.path.display().to_string(), ASKED),
        (None, None) => chosen((), "fresh", "a pretrained body learns more: `--pretrained auto`"),
    }
}
