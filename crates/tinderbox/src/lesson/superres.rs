//! The lesson's super-resolution with a feature loss, beside what the notebook printed.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use tinderbox_data::{
    ImageItems,
    damage::{Crappifier, WriteOptions, write_damaged},
};

use crate::{
    Enhance, Error, Event, ImageSize, Job, Location, LossName, Result, RunFolder, Settings,
    Trained, Valid, resume, train, weights::Pretrained,
};

/// A stage of the notebook: a one-cycle fit of ten epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuperresStage {
    /// The decoder alone, from 96 pixels to 128.
    A1,
    /// Everything.
    B1,
    /// The decoder alone, from 256 pixels to 256.
    A2,
    /// Everything.
    B2,
}

impl SuperresStage {
    /// All of them, in the order in which they follow each other.
    pub const ALL: [Self; 4] = [Self::A1, Self::B1, Self::A2, Self::B2];

    fn facts(self) -> &'static Stage {
        &STAGES[self as usize]
    }

    /// The stage whose weights it begins with.
    fn before(self) -> Option<Self> {
        (self as usize).checked_sub(1).map(|at| Self::ALL[at])
    }

    /// Training loss, validation loss and the seven parts of it in each epoch, as they were printed.
    pub fn published(self) -> &'static [[f64; 9]; 10] {
        self.facts().published
    }
}

impl FromStr for SuperresStage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|stage| stage.to_string() == text);
        found.ok_or_else(|| "expected 1a, 1b, 2a or 2b".to_owned())
    }
}

impl fmt::Display for SuperresStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.facts().name)
    }
}

/// The settings of a stage.
struct Stage {
    name: &'static str,
    /// Shorter side of the bad images, in pixels.
    small: usize,
    size: usize,
    batch_size: usize,
    /// Whether the body stands still.
    frozen: bool,
    lr: f64,
    pct_start: f64,
    published: &'static [[f64; 9]; 10],
}

const STAGES: [Stage; 4] = [
    Stage {
        name: "1a",
        small: 96,
        size: 128,
        batch_size: 32,
        frozen: true,
        lr: 1e-2,
        pct_start: 0.9,
        published: &STAGE_1A,
    },
    Stage {
        name: "1b",
        small: 96,
        size: 128,
        batch_size: 32,
        frozen: false,
        lr: 1e-3,
        pct_start: 0.9,
        published: &STAGE_1B,
    },
    Stage {
        name: "2a",
        small: 256,
        size: 256,
        batch_size: 12,
        frozen: true,
        lr: 1e-3,
        pct_start: 0.9,
        published: &STAGE_2A,
    },
    Stage {
        name: "2b",
        small: 256,
        size: 256,
        batch_size: 12,
        frozen: false,
        lr: 1e-4,
        pct_start: 0.3,
        published: &STAGE_2B,
    },
];

/// The notebook's epochs of each stage.
const EPOCHS: usize = 10;

/// The lesson's super-resolution.
#[derive(Debug, Clone)]
pub struct Superres {
    /// Folder of photographs.
    pub data: PathBuf,
    /// Folder for the bad images, and for the run of each stage: `small-96`, `1a` and so on.
    pub out: PathBuf,
    pub stages: Vec<SuperresStage>,
    /// Settings other than the notebook's: architecture, weights, feature network, epochs, batch size.
    pub settings: Settings<Enhance>,
}

/// Trains the stages one after the other, each from the weights of the one before, after making the bad
/// images where they are not there yet. What was trained before is not trained again, and what was
/// interrupted goes on.
///
/// Returns the runs that were trained or found, with their stages.
///
/// # Errors
/// As [`train`]; what keeps bad images from being made.
pub fn lesson_superres(lesson: &Superres, job: &Job) -> Result<Vec<(SuperresStage, Trained)>> {
    let mut done = Vec::new();
    for stage in &lesson.stages {
        let Stage { small, .. } = stage.facts();
        let inputs = lesson.out.join(format!("small-{small}"));
        make_small(&lesson.data, &inputs, *small, job)?;
        job.tell(Event::Note { text: format!("stage {stage}") });
        let run = RunFolder::new(lesson.out.join(stage.to_string()));
        let trained = match run.plan_file().is_file() {
            true => {
                let mut settings = Settings::<Enhance>::default();
                settings.common.out = Some(Location::from(run.root()));
                resume(&settings, job)?
            }
            false => train(&lesson.settings_of(*stage, &inputs), job)?,
        };
        let is_stopped = trained.is_stopped();
        done.push((*stage, trained));
        if is_stopped {
            break;
        }
    }
    Ok(done)
}

impl Superres {
    fn settings_of(&self, stage: SuperresStage, inputs: &Path) -> Settings<Enhance> {
        let Stage { size, batch_size, frozen, lr, pct_start, .. } = *stage.facts();
        let mut settings = self.settings.clone();
        let (common, task) = (&mut settings.common, &mut settings.task);
        common.out = Some(Location::from(self.out.join(stage.to_string())));
        common.data = None;
        common.valid.get_or_insert(Valid::Share(0.1));
        common.epochs.get_or_insert(EPOCHS);
        common.lr.get_or_insert(lr);
        common.batch_size.get_or_insert(batch_size);
        (task.inputs, task.targets) =
            (Some(Location::from(inputs)), Some(Location::from(&self.data)));
        task.image.size.get_or_insert(ImageSize([size; 2]));
        task.loss.get_or_insert(LossName::Feature);
        task.pct_start.get_or_insert(pct_start);
        match stage.before() {
            None => {
                task.image.arch.get_or_insert_with(|| "resnet34".into());
                task.image.pretrained.get_or_insert(Pretrained::Auto);
            }
            Some(before) => {
                let from = Location::from(self.out.join(before.to_string()));
                task.image.from = Some(from);
                (task.image.arch, task.image.pretrained, task.image.until) = (None, None, None);
            }
        }
        // Without a pretrained body there is nothing to freeze.
        let fresh = stage.before().is_none() && task.image.pretrained == Some(Pretrained::No);
        task.image.unfreeze_epochs = (frozen && !fresh).then_some(0);
        settings
    }
}

/// The notebook's small images, if they are not there.
fn make_small(photos: &Path, out: &Path, side: usize, job: &Job) -> Result<()> {
    if out.is_dir() {
        return Ok(());
    }
    job.tell(Event::Note { text: format!("making {}", out.display()) });
    let damage: Crappifier = format!("side {side}, jpeg 60").parse()?;
    let photos = ImageItems::from_folder(photos)?;
    let parent = out.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(parent).map_err(|source| Error::Write { path: parent.into(), source })?;
    let progress = |done, total| job.tell(Event::Checking { done, total });
    let options = WriteOptions { progress: Some(&progress), ..WriteOptions::default() };
    let written = write_damaged(&photos, out, &damage, &options)?;
    if !written.failed.is_empty() {
        job.tell(Event::left_out(&written.failed));
    }
    Ok(())
}

/// The epochs of a run beside those that the notebook printed, as a table: the losses and the parts.
pub fn superres_beside(stage: SuperresStage, trained: &Trained) -> String {
    let recorder = &trained.recorder;
    let mut text = String::from(
        "epoch  train_loss  valid_loss  lesson: train_loss  valid_loss  pixel     features  styles\n",
    );
    for (at, [train, valid, pixel, features @ ..]) in stage.published().iter().enumerate() {
        let value = |value: Option<&Option<f64>>| {
            value
                .copied()
                .flatten()
                .map_or_else(|| "#na#".to_owned(), |value| format!("{value:.6}"))
        };
        let ours = recorder.epoch(at).into_iter().take(2).collect::<Vec<_>>();
        let (ours_train, ours_valid) = (value(ours.first()), value(ours.get(1)));
        let (feat, gram): (f64, f64) = (features[..3].iter().sum(), features[3..].iter().sum());
        let line = format!(
            "{:<5}  {ours_train:<10}  {ours_valid:<10}  {train:<18.6}  {valid:<10.6}  {pixel:<8.6}  {feat:<8.6}  {gram:.6}\n",
            at + 1,
        );
        text.push_str(&line);
    }
    text
}

const STAGE_1A: [[f64; 9]; 10] = [
    [3.873667, 3.759143, 0.144560, 0.229806, 0.314573, 0.226204, 0.552578, 1.201812, 1.089610],
    [3.756051, 3.650393, 0.145068, 0.228509, 0.308807, 0.218000, 0.534508, 1.164112, 1.051389],
    [3.688726, 3.628370, 0.157359, 0.226753, 0.304955, 0.215417, 0.522482, 1.157941, 1.043464],
    [3.628276, 3.524132, 0.145285, 0.225455, 0.300169, 0.211110, 0.497361, 1.124274, 1.020478],
    [3.586930, 3.422895, 0.145161, 0.224946, 0.294471, 0.205117, 0.472445, 1.089540, 0.991215],
    [3.528042, 3.394804, 0.142262, 0.220709, 0.289961, 0.201980, 0.478097, 1.083557, 0.978238],
    [3.522416, 3.361185, 0.139654, 0.220379, 0.288046, 0.200114, 0.471151, 1.069787, 0.972054],
    [3.469142, 3.338554, 0.142112, 0.219271, 0.287442, 0.199255, 0.462878, 1.059909, 0.967688],
    [3.418641, 3.318710, 0.146493, 0.219915, 0.284979, 0.197340, 0.455503, 1.055662, 0.958817],
    [3.356641, 3.187186, 0.135588, 0.215685, 0.277398, 0.189562, 0.432491, 1.018626, 0.917836],
];

const STAGE_1B: [[f64; 9]; 10] = [
    [3.303951, 3.179916, 0.135630, 0.216009, 0.277359, 0.189097, 0.430012, 1.016279, 0.915531],
    [3.308164, 3.174482, 0.135740, 0.215970, 0.277178, 0.188737, 0.428630, 1.015094, 0.913132],
    [3.294504, 3.169184, 0.135216, 0.215401, 0.276744, 0.188395, 0.428544, 1.013393, 0.911491],
    [3.282376, 3.160698, 0.134830, 0.215049, 0.275767, 0.187716, 0.427314, 1.010877, 0.909144],
    [3.301212, 3.168623, 0.135134, 0.215388, 0.276196, 0.188382, 0.427277, 1.013294, 0.912951],
    [3.299340, 3.159537, 0.135039, 0.214692, 0.275285, 0.187554, 0.427840, 1.011199, 0.907929],
    [3.291041, 3.159207, 0.134602, 0.214618, 0.275053, 0.187660, 0.428083, 1.011112, 0.908080],
    [3.285271, 3.147745, 0.134923, 0.214514, 0.274702, 0.187147, 0.423032, 1.007289, 0.906138],
    [3.279353, 3.138624, 0.136035, 0.213191, 0.273899, 0.186854, 0.420070, 1.002823, 0.905753],
    [3.261495, 3.124737, 0.135016, 0.213681, 0.273402, 0.185922, 0.416460, 0.999504, 0.900752],
];

const STAGE_2A: [[f64; 9]; 10] = [
    [2.249253, 2.214517, 0.164514, 0.260366, 0.294164, 0.155227, 0.385168, 0.579109, 0.375967],
    [2.205854, 2.194439, 0.165290, 0.260485, 0.293195, 0.154746, 0.374004, 0.573164, 0.373555],
    [2.184805, 2.165699, 0.165945, 0.260999, 0.291515, 0.153438, 0.361207, 0.562997, 0.369598],
    [2.145655, 2.159977, 0.167295, 0.260605, 0.290226, 0.152415, 0.359476, 0.563301, 0.366659],
    [2.141847, 2.134954, 0.168590, 0.260219, 0.288206, 0.151237, 0.348900, 0.554701, 0.363101],
    [2.145108, 2.128984, 0.164906, 0.259023, 0.286386, 0.150245, 0.352594, 0.555004, 0.360826],
    [2.115003, 2.125632, 0.169696, 0.259949, 0.286435, 0.150898, 0.344849, 0.552517, 0.361287],
    [2.109859, 2.111335, 0.166503, 0.258512, 0.283750, 0.148191, 0.347635, 0.549907, 0.356835],
    [2.092685, 2.097898, 0.169842, 0.259169, 0.284757, 0.148156, 0.333462, 0.546337, 0.356175],
    [2.061421, 2.080940, 0.167636, 0.257998, 0.282682, 0.147471, 0.330893, 0.540319, 0.353941],
];

const STAGE_2B: [[f64; 9]; 10] = [
    [2.061799, 2.078714, 0.167578, 0.257674, 0.282523, 0.147208, 0.330824, 0.539797, 0.353109],
    [2.063589, 2.077507, 0.167022, 0.257501, 0.282275, 0.146879, 0.331494, 0.539560, 0.352776],
    [2.057191, 2.074605, 0.167656, 0.257041, 0.282204, 0.146925, 0.330117, 0.538417, 0.352247],
    [2.050781, 2.073395, 0.166610, 0.256625, 0.281680, 0.146585, 0.331580, 0.538651, 0.351665],
    [2.054705, 2.068747, 0.167527, 0.257295, 0.281612, 0.146392, 0.327932, 0.536814, 0.351174],
    [2.052745, 2.067573, 0.167166, 0.256741, 0.281354, 0.146101, 0.328510, 0.537147, 0.350554],
    [2.051863, 2.067076, 0.167222, 0.257276, 0.281607, 0.146188, 0.327575, 0.536701, 0.350506],
    [2.046788, 2.064326, 0.167110, 0.257002, 0.281313, 0.146055, 0.326947, 0.535760, 0.350139],
    [2.054460, 2.065581, 0.167222, 0.257077, 0.281246, 0.146016, 0.327586, 0.536377, 0.350057],
    [2.052605, 2.064459, 0.166879, 0.256835, 0.281252, 0.146135, 0.327505, 0.535734, 0.350118],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_parts_add_up_to_the_loss() {
        for stage in SuperresStage::ALL {
            for [_, valid, parts @ ..] in stage.published() {
                assert!((parts.iter().sum::<f64>() - valid).abs() < 2e-6, "{stage}: {valid}");
            }
            assert_eq!(stage.to_string().parse(), Ok(stage));
        }
        assert!("3a".parse::<SuperresStage>().is_err());
    }

    #[test]
    fn a_stage_begins_where_the_one_before_ended() {
        let lesson = Superres {
            data: "photos".into(),
            out: "out".into(),
            stages: Vec::new(),
            settings: Settings::default(),
        };
        let of = |stage| lesson.settings_of(stage, Path::new("small"));
        let first = of(SuperresStage::A1);
        assert_eq!(first.task.image.arch.as_deref(), Some("resnet34"));
        assert_eq!(
            (first.task.image.unfreeze_epochs, first.common.batch_size),
            (Some(0), Some(32))
        );
        let last = of(SuperresStage::B2);
        assert_eq!(last.task.image.from, Some(Location::from("out/2a")));
        assert_eq!((last.task.image.arch, last.task.image.unfreeze_epochs), (None, None));
        assert_eq!((last.common.lr, last.task.pct_start), (Some(1e-4), Some(0.3)));
    }
}
