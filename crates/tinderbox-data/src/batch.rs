//! Stage 5: batches for training, validation and prediction.

mod bunch;
mod sanity;

use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use bunch::DataBunch;

use crate::{
    Array, Error, Inference, Labelled, Result, Samples,
    items::InputKind,
    label::{InputFacts, LabelledPart},
    samples::{Budget, Cache, LabelledSamples},
    transform::{Pipeline, Transforms},
};
pub(crate) use bunch::Sets;

/// Inputs and targets of some items.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[batch, ...]`
    pub inputs: Array,
    /// `[batch, ...]`
    pub targets: Array,
    /// The items' indexes in their set.
    pub items: Vec<usize>,
}

/// How batches are made.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchOptions {
    /// Items in a training batch; 64, fastai's.
    pub batch_size: usize,
    /// Items in the other batches, if not as many.
    pub valid_batch_size: Option<usize>,
    /// Threads that prepare batches ahead; 0 prepares them where they are asked for.
    pub workers: usize,
    /// Seed of the order and of all transforms.
    pub seed: u64,
    /// Whether training items are shuffled, anew each epoch.
    pub shuffle: bool,
    /// Bound on the batches that are ready or being prepared, in bytes, the latter taken to be as
    /// large as the largest so far; the one that is asked for next is always prepared.
    pub queue_bytes: usize,
    /// Bound on opened items that are kept between epochs, in bytes; 0 keeps none.
    pub cache_bytes: usize,
    /// Whether the first training batch is *not* looked at for items that cannot be read or stacked,
    /// and for there being one. What is found is a warning, never an error.
    pub no_check: bool,
}

impl From<usize> for BatchOptions {
    /// Batches of this size, with defaults for everything else.
    fn from(batch_size: usize) -> Self {
        Self { batch_size, ..Self::default() }
    }
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self {
            batch_size: 64,
            valid_batch_size: None,
            workers: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(16)),
            seed: 0,
            shuffle: true,
            queue_bytes: 256 << 20,
            cache_bytes: 0,
            no_check: false,
        }
    }
}

/// Which items of which set a batch is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "DatasetType")]
pub enum Set {
    /// Shuffled, transformed at random, the last partial batch dropped.
    Train,
    /// In order, with the transforms of validation.
    Valid,
    /// The training items, in order, with the transforms of validation.
    Fix,
    /// The test items, in order, with the transforms of validation; often without labels.
    Test,
}

impl Set {
    /// In words: `training`, `validation`, `test`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train | Self::Fix => "training",
            Self::Valid => "validation",
            Self::Test => "test",
        }
    }
}

/// Labelled items with their transforms: all that batches need to be known.
#[derive(Debug)]
pub struct Transformed<K> {
    labelled: Labelled<K>,
    transforms: Transforms,
}

impl<K: InputKind> Labelled<K> {
    /// Says what happens to items when they are read, and tries it on the first of each set.
    ///
    /// # Errors
    /// [`Error::Transform`] if it fails, with the reason; [`Error::LabelTransform`] if labels are
    /// to move which cannot.
    #[doc(alias = "item_tfms")]
    pub fn transform(self, transforms: Transforms) -> Result<Transformed<K>> {
        let cannot = |part: &LabelledPart<K>, moves: bool| {
            moves && !part.labels.can_transform() && !part.items.is_empty()
        };
        if cannot(&self.train, transforms.moves_labels()) {
            return Err(Error::LabelTransform { kind: self.target.list_name() });
        }
        if self.test.as_ref().is_some_and(|test| cannot(test, transforms.moves_test_labels())) {
            return Err(Error::LabelTransform { kind: "EmptyLabelList" });
        }
        let transformed = Transformed { labelled: self, transforms };
        transformed.try_first()?;
        Ok(transformed)
    }

    /// Batches as a finished model was given them in validation: with its transforms and its
    /// normalization, masks moving with their images if they did. What is measured on them can be
    /// compared with what training measured, see
    /// [`Items::split_all_valid`](crate::Items::split_all_valid). Training items, if
    /// there are any, are prepared so too.
    ///
    /// # Errors
    /// [`Error::OtherTarget`] if the labels are not of the model's kind with its classes;
    /// [`Error::OtherInput`] if the items are not opened as the model's are; [`Error::Transform`] if
    /// the first item does not allow the transforms; [`Error::Channels`], [`Error::BatchSize`].
    pub fn batches_like(self, inference: &Inference, options: BatchOptions) -> Result<DataBunch> {
        let target = inference.target_like(self.target)?;
        inference.check_input(&self.valid.items.kind.saved())?;
        let pipeline = Arc::new(inference.transforms.clone());
        let moves = pipeline.moves_labels();
        for part in [&self.train, &self.valid].into_iter().filter(|part| !part.items.is_empty()) {
            part.try_first(&pipeline, moves)?;
        }
        let pipelines = Pipelines {
            train: pipeline.clone(),
            valid: pipeline,
            moves_labels: moves,
            moves_test_labels: moves,
        };
        let labelled = Self { target, ..self };
        let data = labelled.bunch(&pipelines, options, inference.unnormalized())?;
        match inference.normalization() {
            Some(normalize) => data.normalize_by(normalize.clone()),
            None => Ok(data),
        }
    }

    /// Batches without transforms.
    ///
    /// # Errors
    /// As [`Transformed::batches`].
    #[doc(alias = "databunch")]
    #[doc(alias = "dataloaders")]
    pub fn batches(self, options: impl Into<BatchOptions>) -> Result<DataBunch> {
        Transformed { labelled: self, transforms: Transforms::new() }.batches(options)
    }
}

impl<K: InputKind> Transformed<K> {
    fn try_first(&self) -> Result<()> {
        let Self { labelled: Labelled { train, valid, test, .. }, transforms } = self;
        let (labels, test_labels) = (transforms.moves_labels(), transforms.moves_test_labels());
        let parts = [(Some(train), true, labels), (Some(valid), false, labels)];
        for (part, training, labels) in
            parts.into_iter().chain([(test.as_ref(), false, test_labels)])
        {
            let pipeline = transforms.pipeline(training);
            pipeline.check_size()?;
            if let Some(part) = part.filter(|part| !part.items.is_empty()) {
                part.try_first(&pipeline, labels)?;
            }
        }
        Ok(())
    }

    /// Makes batches of the items: of this many, or as [`BatchOptions`] say.
    ///
    /// # Errors
    /// [`Error::BatchSize`] for batches of nothing.
    pub fn batches(self, options: impl Into<BatchOptions>) -> Result<DataBunch> {
        let Self { labelled, transforms } = self;
        let pipelines = Pipelines {
            train: Arc::new(transforms.pipeline(true)),
            valid: Arc::new(transforms.pipeline(false)),
            moves_labels: transforms.moves_labels(),
            moves_test_labels: transforms.moves_test_labels(),
        };
        let input = labelled.train.items.kind.saved();
        let target = labelled.target.clone();
        let inference = Inference::new(input, (*pipelines.valid).clone(), target);
        labelled.bunch(&pipelines, options.into(), inference)
    }
}

/// What happens to the items of each set.
struct Pipelines {
    train: Arc<Pipeline>,
    /// That of all sets that do not train.
    valid: Arc<Pipeline>,
    moves_labels: bool,
    moves_test_labels: bool,
}

impl<K: InputKind> Labelled<K> {
    fn bunch(
        self,
        pipelines: &Pipelines,
        options: BatchOptions,
        inference: Inference,
    ) -> Result<DataBunch> {
        let Self { train, valid, test, target, warnings } = self;
        let budget = Budget::new(options.cache_bytes);
        let cache = |part: &LabelledPart<K>| {
            Arc::new(Cache::<K::Opened>::new(part.items.len(), budget.clone()))
        };
        let moves = pipelines.moves_labels;
        let samples = |part, pipeline: &Arc<Pipeline>, cache, moves_labels| {
            let (pipeline, augment) = (pipeline.clone(), pipelines.train.clone());
            Arc::new(LabelledSamples::<K> { part, pipeline, augment, cache, moves_labels })
                as Arc<dyn Samples>
        };
        let (train_cache, valid_cache) = (cache(&train), cache(&valid));
        let sets = Sets {
            fix: samples(train.clone(), &pipelines.valid, train_cache.clone(), moves),
            train: samples(train, &pipelines.train, train_cache, moves),
            valid: samples(valid, &pipelines.valid, valid_cache, moves),
            test: test.map(|part| {
                let cache = cache(&part);
                samples(part, &pipelines.valid, cache, pipelines.moves_test_labels)
            }),
        };
        DataBunch::new(sets, target, options, inference, warnings)
    }
}

impl<K: InputKind> LabelledPart<K> {
    /// Transforms the first item, and its label if it moves.
    fn try_first(&self, pipeline: &Pipeline, moves_labels: bool) -> Result<()> {
        let kind = &self.items.kind;
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let drawn = pipeline.draw(&mut rng);
        // An unreadable first file says nothing about transforms; it is reported as such later.
        let Ok(opened) = kind.open(&self.items.path(0)) else { return Ok(()) };
        let reason = |error: Error| match error {
            Error::Transform { .. } => error,
            other => Error::Transform { reason: other.to_string() },
        };
        kind.input(&opened, &drawn, &mut rng).map_err(reason)?;
        if !moves_labels {
            return Ok(());
        }
        let (size, full_size) = (kind.size(&opened), kind.full_size(&opened));
        let (drawn, image) = (Some(&drawn), kind.image(&opened));
        let facts = InputFacts { size, full_size, drawn, image, ..InputFacts::default() };
        match self.labels.target(0, &facts) {
            Err(error @ Error::Transform { .. }) => Err(error),
            // So is an unreadable label.
            _ => Ok(()),
        }
    }
}
