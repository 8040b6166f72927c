//! The lesson's super-resolution with a feature loss, beside what the notebook printed.

mod published;

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
        published: &published::STAGE_1A,
    },
    Stage {
        name: "1b",
        small: 96,
        size: 128,
        batch_size: 32,
        frozen: false,
        lr: 1e-3,
        pct_start: 0.9,
        published: &published::STAGE_1B,
    },
    Stage {
        name: "2a",
        small: 256,
        size: 256,
        batch_size: 12,
        frozen: true,
        lr: 1e-3,
        pct_start: 0.9,
        published: &published::STAGE_2A,
    },
    Stage {
        name: "2b",
        small: 256,
        size: 256,
        batch_size: 12,
        frozen: false,
        lr: 1e-4,
        pct_start: 0.3,
        published: &published::STAGE_2B,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_parts_add_up_to_the_loss() {
        for stage in SuperresStage::ALL {
            for [_, valid, parts @ ..] in stage.published() {
                assert!((parts.iter().sum::<f64>() - valid).abs() < 3e-6, "{stage}: {valid}");
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
