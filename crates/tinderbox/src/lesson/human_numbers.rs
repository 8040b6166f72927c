//! The lesson's language models on human numbers: `one, two, three, …`, with the notebook's settings.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tinderbox_data::{
    DataBunch,
    text::{LmOptions, Profile, Tokenizing, VocabOptions, human_numbers, human_numbers_texts},
};

use super::{LessonError, Published};
use crate::{Error, Job, LanguageModel, Location, Result, Settings, Trained, Valid, train};

/// One of the notebook's models, with its settings and what it printed.
#[derive(Debug, PartialEq)]
pub struct HumanNumbersRun {
    /// Words that a batch's rows are long.
    pub bptt: usize,
    /// The share of the schedule in which the rate rises.
    pub pct_start: f64,
    pub published: Published,
}

/// What the notebook printed.
///
/// PyTorch's batch norms started from random weights at the time; today they start from ones, which
/// trains faster at small learning rates.
#[expect(clippy::unreadable_literal, reason = "digits as they were printed")]
pub const HUMAN_NUMBERS: [HumanNumbersRun; 6] = [
    HumanNumbersRun {
        bptt: 3,
        pct_start: 0.3,
        published: Published {
            model: "model0",
            heading: "Three words, written out",
            lr: 1e-4,
            parameters: 9190,
            epochs: &[
                [3.596286, 3.588869, 0.046645],
                [3.086100, 3.205763, 0.274816],
                [2.494411, 2.749365, 0.392004],
                [2.144753, 2.463537, 0.415671],
                [2.010915, 2.352887, 0.409237],
                [1.983992, 2.336967, 0.408778],
            ],
        },
    },
    HumanNumbersRun {
        bptt: 3,
        pct_start: 0.3,
        published: Published {
            model: "model1",
            heading: "Same thing with a loop",
            lr: 1e-4,
            parameters: 9190,
            epochs: &[
                [3.493525, 3.420231, 0.156250],
                [2.987600, 2.937893, 0.376149],
                [2.440199, 2.477995, 0.388787],
                [2.132837, 2.256569, 0.391774],
                [2.011305, 2.181337, 0.392923],
                [1.985913, 2.170874, 0.393153],
            ],
        },
    },
    HumanNumbersRun {
        bptt: 20,
        pct_start: 0.1,
        published: Published {
            model: "model2",
            heading: "Multi fully connected model",
            lr: 1e-4,
            parameters: 9190,
            epochs: &[
                [3.639285, 3.709278, 0.058949],
                [3.551151, 3.565677, 0.151776],
                [3.439908, 3.431850, 0.207741],
                [3.323083, 3.314237, 0.283949],
                [3.213422, 3.219906, 0.321662],
                [3.119673, 3.151162, 0.336790],
                [3.046645, 3.106630, 0.341690],
                [2.995379, 3.082552, 0.346662],
                [2.963800, 3.073327, 0.349645],
                [2.947312, 3.071951, 0.349787],
            ],
        },
    },
    HumanNumbersRun {
        bptt: 20,
        pct_start: 0.3,
        published: Published {
            model: "model3",
            heading: "Maintain state",
            lr: 3e-3,
            parameters: 9190,
            epochs: &[
                [3.598183, 3.556362, 0.050710],
                [3.274616, 2.975699, 0.401634],
                [2.624206, 2.036894, 0.467330],
                [2.022702, 1.956439, 0.316193],
                [1.681813, 1.934952, 0.336861],
                [1.453007, 1.948201, 0.351349],
                [1.276971, 2.005776, 0.368679],
                [1.138499, 2.081261, 0.360156],
                [1.029217, 2.145853, 0.360795],
                [0.939949, 2.215388, 0.372230],
                [0.865441, 2.240438, 0.401491],
                [0.805310, 2.195846, 0.409375],
                [0.755035, 2.324373, 0.422727],
                [0.713073, 2.305542, 0.449716],
                [0.677393, 2.350155, 0.446449],
                [0.645841, 2.418738, 0.446591],
                [0.621809, 2.456903, 0.446165],
                [0.605300, 2.541699, 0.443040],
                [0.594099, 2.539824, 0.443040],
                [0.587563, 2.551423, 0.442827],
            ],
        },
    },
    HumanNumbersRun {
        bptt: 20,
        pct_start: 0.3,
        published: Published {
            model: "model4",
            heading: "nn.RNN",
            lr: 3e-3,
            parameters: 13_350,
            epochs: &[
                [3.451432, 3.268344, 0.224148],
                [2.974938, 2.456569, 0.466051],
                [2.316732, 1.946969, 0.465625],
                [1.866151, 1.991952, 0.314702],
                [1.618516, 1.802403, 0.437216],
                [1.411517, 1.731107, 0.436293],
                [1.171916, 1.655979, 0.504048],
                [0.965887, 1.579963, 0.522088],
                [0.797046, 1.479819, 0.565057],
                [0.659378, 1.487831, 0.579048],
                [0.553282, 1.441922, 0.597798],
                [0.475167, 1.498148, 0.600781],
                [0.416131, 1.546984, 0.606463],
                [0.372395, 1.594261, 0.607386],
                [0.337093, 1.578321, 0.613352],
                [0.311385, 1.580973, 0.623366],
                [0.292869, 1.625745, 0.618253],
                [0.279486, 1.623960, 0.626065],
                [0.270054, 1.682090, 0.611719],
                [0.263857, 1.675676, 0.614702],
            ],
        },
    },
    HumanNumbersRun {
        bptt: 20,
        pct_start: 0.3,
        published: Published {
            model: "model5",
            heading: "2-layer GRU",
            lr: 1e-2,
            parameters: 54_950,
            epochs: &[
                [2.864854, 2.314943, 0.454545],
                [1.798988, 1.357116, 0.629688],
                [0.932729, 1.307463, 0.796733],
                [0.451969, 1.329699, 0.788636],
                [0.225787, 1.293570, 0.800142],
                [0.118085, 1.265926, 0.803338],
                [0.065306, 1.207096, 0.806960],
                [0.038098, 1.205361, 0.813920],
                [0.024069, 1.239411, 0.807813],
                [0.017078, 1.253409, 0.807102],
            ],
        },
    },
];

/// The lesson's data: 38 words, in batches of 64 rows.
///
/// # Errors
/// None that the texts could cause; [`Error::Data`] for rows of no words.
pub fn human_numbers_data(bptt: usize) -> Result<DataBunch> {
    let vocab = VocabOptions { profile: Profile::Lesson, ..VocabOptions::default() };
    let texts = human_numbers().label_for_lm_by(&Tokenizing::default(), &vocab)?;
    Ok(texts.batches(LmOptions { bptt, ..LmOptions::default() })?)
}

/// Settings of [`lesson_human_numbers`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HumanNumbers {
    /// `model0` to `model5`.
    pub model: String,
    pub out: PathBuf,
    pub seed: u64,
    /// The notebook's, if it is not given.
    pub epochs: Option<usize>,
}

impl HumanNumbers {
    /// The notebook's settings, and what it printed.
    ///
    /// # Errors
    /// [`LessonError::NotOfTheLesson`].
    pub fn settings(&self) -> Result<(Settings<LanguageModel>, &'static HumanNumbersRun)> {
        let find = |run: &&HumanNumbersRun| run.published.model == self.model;
        let Some(run) = HUMAN_NUMBERS.iter().find(find) else {
            let known = HUMAN_NUMBERS.iter().map(|run| run.published.model).collect();
            return Err(LessonError::NotOfTheLesson { model: self.model.clone(), known }.into());
        };
        let HumanNumbersRun { bptt, pct_start, published } = run;
        let mut settings = Settings::<LanguageModel>::new(self.out.join(TEXTS), &self.out);
        let common = &mut settings.common;
        common.valid = Some(Valid::Named("valid".into()));
        common.epochs = Some(self.epochs.unwrap_or(published.epochs.len()));
        common.lr = Some(published.lr);
        common.batch_size = Some(64);
        common.seed = Some(self.seed);
        let task = &mut settings.task;
        task.arch = Some(published.model.into());
        task.bptt = Some(*bptt);
        task.pct_start = Some(*pct_start);
        // The notebook's learner has no callback for it.
        task.reset_state = Some(false);
        Ok((settings, run))
    }
}

/// The folder of the texts in the run folder.
const TEXTS: &str = "texts";

/// Trains one of the lesson's language models on human numbers, with the notebook's settings. The
/// texts are made, and kept in the run folder.
///
/// # Errors
/// [`LessonError::NotOfTheLesson`]; as [`train`].
pub fn lesson_human_numbers(
    lesson: &HumanNumbers,
    job: &Job,
) -> Result<(Trained, &'static HumanNumbersRun)> {
    let (settings, run) = lesson.settings()?;
    write_texts(settings.common.data.as_ref().map_or(Path::new(TEXTS), Location::path))?;
    Ok((train(&settings, job)?, run))
}

/// Writes the texts of each set, unless they are there.
fn write_texts(folder: &Path) -> Result<()> {
    for (set, text) in ["train", "valid"].into_iter().zip(human_numbers_texts()) {
        let file = folder.join(set).join("numbers.txt");
        let write = |source| Error::Write { path: file.clone(), source };
        if !file.exists() {
            fs::create_dir_all(folder.join(set)).map_err(write)?;
            fs::write(&file, text).map_err(write)?;
        }
    }
    Ok(())
}
