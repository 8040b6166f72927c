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

    /// Batches without transforms.
    ///
    /// # Errors
    /// As [`Transformed::batches`].
    pub fn batches(self, options: BatchOptions) -> Result<DataBunch> {
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

    /// Makes batches of the items.
    ///
    /// # Errors
    /// [`Error::BatchSize`] for batches of nothing.
    pub fn batches(self, options: BatchOptions) -> Result<DataBunch> {
        let Self { labelled, transforms } = self;
        let Labelled { train, valid, test, target, warnings } = labelled;
        let budget = Budget::new(options.cache_bytes);
        let input = train.items.kind.saved();
        let train_pipeline = Arc::new(transforms.pipeline(true));
        let valid_pipeline = Arc::new(transforms.pipeline(false));
        let inference = Inference::new(input, (*valid_pipeline).clone(), target.clone());
        let cache = |part: &LabelledPart<K>| {
            Arc::new(Cache::<K::Opened>::new(part.items.len(), budget.clone()))
        };
        let moves = transforms.moves_labels();
        let samples = |part, pipeline: &Arc<Pipeline>, cache, moves_labels| {
            let (pipeline, augment) = (pipeline.clone(), train_pipeline.clone());
            Arc::new(LabelledSamples::<K> { part, pipeline, augment, cache, moves_labels })
                as Arc<dyn Samples>
        };
        let (train_cache, valid_cache) = (cache(&train), cache(&valid));
        let sets = Sets {
            fix: samples(train.clone(), &valid_pipeline, train_cache.clone(), moves),
            train: samples(train, &train_pipeline, train_cache, moves),
            valid: samples(valid, &valid_pipeline, valid_cache, moves),
            test: test.map(|part| {
                let cache = cache(&part);
                samples(part, &valid_pipeline, cache, transforms.moves_test_labels())
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
        let facts = InputFacts { size: kind.size(&opened), drawn: Some(&drawn) };
        match self.labels.target(0, &facts) {
            Err(error @ Error::Transform { .. }) => Err(error),
            // So is an unreadable label.
            _ => Ok(()),
        }
    }
}
