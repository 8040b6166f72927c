//! Stage 5: batches for training, validation and prediction.

use std::{fmt, ops::Range, sync::Arc};

use crate::{
    Array, ArraySamples, BatchIter, Error, Inference, Labelled, Normalize, Result, Samples,
    TargetKind,
    check::{Check, Checked},
    items::{ImageKind, InputKind},
    loader::{Loader, Plan},
    picture::{Grid, Picture},
    samples::{Budget, Cache, LabelledSamples},
    transform::{Pipeline, Transforms},
};

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
    /// Bound on the prepared batches that wait, in bytes; one may always wait.
    pub queue_bytes: usize,
    /// Bound on decoded pictures that are kept between epochs, in bytes; 0 keeps none.
    pub cache_bytes: usize,
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
    Test,
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
        if transforms.moves_labels() && !self.train.labels.can_transform() {
            return Err(Error::LabelTransform { kind: self.target.list_name() });
        }
        let transformed = Transformed { labelled: self, transforms };
        transformed.try_first()?;
        Ok(transformed)
    }

    /// Batches without transforms.
    ///
    /// # Errors
    /// As [`Transformed::batches`].
    pub fn batches(self, options: BatchOptions) -> Result<DataBunch>
    where
        K: DescribeInput,
    {
        Transformed { labelled: self, transforms: Transforms::new() }.batches(options)
    }
}

/// An input kind that a saved model can describe, so that it opens new files as it opened those
/// it was trained on.
pub trait DescribeInput: InputKind {
    fn image_kind(&self) -> ImageKind;
}

impl DescribeInput for ImageKind {
    fn image_kind(&self) -> ImageKind {
        *self
    }
}

impl<K: InputKind> Transformed<K> {
    fn try_first(&self) -> Result<()> {
        use rand::SeedableRng;
        for (part, training) in [(&self.labelled.train, true), (&self.labelled.valid, false)] {
            if part.items.is_empty() {
                continue;
            }
            let pipeline = self.transforms.pipeline(training);
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
            // An unreadable first file says nothing about transforms; it is reported as such later.
            let Ok(pixels) = part.items.kind.open(&part.items.path(0)) else { continue };
            pipeline.draw(&mut rng).apply(pixels.to_image()).map_err(|error| match error {
                Error::Transform { .. } => error,
                other => Error::Transform { reason: other.to_string() },
            })?;
        }
        Ok(())
    }

    /// Makes batches of the items.
    ///
    /// # Errors
    /// [`Error::BatchSize`] for batches of nothing.
    pub fn batches(self, options: BatchOptions) -> Result<DataBunch>
    where
        K: DescribeInput,
    {
        let Self { labelled, transforms } = self;
        let Labelled { train, valid, test, target, mut warnings } = labelled;
        let budget = Budget::new(options.cache_bytes);
        let kind = train.items.kind.image_kind();
        let train_pipeline = Arc::new(transforms.pipeline(true));
        let valid_pipeline = Arc::new(transforms.pipeline(false));
        let moves_labels = transforms.moves_labels();
        let train_cache = Arc::new(Cache::new(train.items.len(), budget.clone()));
        let samples = |part: crate::label::LabelledPart<K>,
                       pipeline: &Arc<Pipeline>,
                       cache: Option<Arc<Cache>>| {
            let cache =
                cache.unwrap_or_else(|| Arc::new(Cache::new(part.items.len(), budget.clone())));
            Arc::new(LabelledSamples { part, pipeline: pipeline.clone(), cache, moves_labels })
                as Arc<dyn Samples>
        };
        let sets = Sets {
            fix: samples(train.clone(), &valid_pipeline, Some(train_cache.clone())),
            train: samples(train, &train_pipeline, Some(train_cache)),
            valid: samples(valid, &valid_pipeline, None),
            test: test.map(|part| samples(part, &valid_pipeline, None)),
        };
        if let Some(warning) = small_set(sets.train.len(), options.batch_size) {
            warnings.push(warning);
        }
        let inference = Inference::new(kind, (*valid_pipeline).clone(), target.clone());
        DataBunch::new(sets, target, options, inference, warnings)
    }
}

fn small_set(items: usize, batch_size: usize) -> Option<String> {
    (items < batch_size).then(|| {
        format!(
            "your training dataloader is empty: you have only {items} items in the training set and the batch size \
             is {batch_size}, you should lower it"
        )
    })
}

#[derive(Clone)]
struct Sets {
    train: Arc<dyn Samples>,
    valid: Arc<dyn Samples>,
    fix: Arc<dyn Samples>,
    test: Option<Arc<dyn Samples>>,
}

/// Batches of all sets, and what is known about them: what a learner trains on.
#[derive(Clone)]
pub struct DataBunch {
    sets: Sets,
    target: TargetKind,
    options: BatchOptions,
    normalize: Option<Arc<Normalize>>,
    inference: Inference,
    warnings: Vec<String>,
}

impl DataBunch {
    fn new(
        sets: Sets,
        target: TargetKind,
        options: BatchOptions,
        inference: Inference,
        warnings: Vec<String>,
    ) -> Result<Self> {
        if options.batch_size == 0 || options.valid_batch_size == Some(0) {
            return Err(Error::BatchSize);
        }
        Ok(Self { sets, target, options, normalize: None, inference, warnings })
    }

    /// Batches of arrays in memory: inputs and targets of the training and the validation set, one
    /// item a row.
    ///
    /// # Errors
    /// [`Error::Uneven`] if a set has not as many targets as inputs; [`Error::BatchSize`].
    pub fn from_arrays(
        train: (Array, Array),
        valid: (Array, Array),
        options: BatchOptions,
    ) -> Result<Self> {
        let train: Arc<dyn Samples> = Arc::new(ArraySamples::new(train.0, train.1)?);
        let valid = Arc::new(ArraySamples::new(valid.0, valid.1)?);
        Self::from_samples(train, valid, TargetKind::Array, options)
    }

    /// Batches of examples of any kind.
    ///
    /// # Errors
    /// [`Error::BatchSize`].
    pub fn from_samples(
        train: Arc<dyn Samples>,
        valid: Arc<dyn Samples>,
        target: TargetKind,
        options: BatchOptions,
    ) -> Result<Self> {
        let sets = Sets { fix: train.clone(), train, valid, test: None };
        let inference =
            Inference::new(ImageKind::default(), Transforms::new().pipeline(false), target.clone());
        Self::new(sets, target, options, inference, Vec::new())
    }

    /// Normalizes by the statistics of the first training batch, transformed as in training: a
    /// random one, which the seed repeats.
    ///
    /// # Errors
    /// [`Error::NormalizedTwice`], [`Error::NoSpread`], and those of reading the batch.
    pub fn normalize(self) -> Result<Self> {
        let batch = self.one_batch(Set::Train)?;
        let normalize = Normalize::of_batch(&batch.inputs)?;
        self.normalize_by(normalize)
    }

    /// Normalizes by given statistics.
    ///
    /// # Errors
    /// [`Error::NormalizedTwice`]; [`Error::Channels`] if they do not fit the images.
    pub fn normalize_by(mut self, normalize: Normalize) -> Result<Self> {
        if self.normalize.is_some() {
            return Err(Error::NormalizedTwice);
        }
        let set = if self.sets.train.is_empty() { Set::Valid } else { Set::Fix };
        if let Ok(batch) = self.one_batch(set) {
            normalize.check(batch.inputs.shape.get(1).copied().unwrap_or_default())?;
        }
        self.inference.normalize = Some(normalize.clone());
        self.normalize = Some(Arc::new(normalize));
        Ok(self)
    }

    /// The batches of a training epoch, in an order that follows from the seed and the epoch, from
    /// the batch numbered `first` on.
    pub fn train_batches(&self, epoch: usize, first: usize) -> BatchIter {
        let plan = Plan::training(&self.options, epoch, self.sets.train.len());
        self.loader(Set::Train, plan, epoch).batches_from(first)
    }

    /// The validation set's batches, in order.
    pub fn valid_batches(&self) -> BatchIter {
        self.batches(Set::Valid)
    }

    /// The training set's batches, in order, with the transforms of validation.
    pub fn fix_batches(&self) -> BatchIter {
        self.batches(Set::Fix)
    }

    /// Batches of a set; those of [`Set::Train`] are epoch 0's.
    pub fn batches(&self, set: Set) -> BatchIter {
        match set {
            Set::Train => self.train_batches(0, 0),
            set => {
                let plan = Plan::in_order(self.samples(set).len(), self.valid_batch_size());
                self.loader(set, plan, 0).batches_from(0)
            }
        }
    }

    fn loader(&self, set: Set, plan: Plan, epoch: usize) -> Loader {
        Loader {
            samples: self.samples(set),
            plan,
            seed: self.options.seed,
            epoch,
            normalize: self.normalize.clone(),
            workers: self.options.workers,
            queue_bytes: self.options.queue_bytes,
        }
    }

    fn samples(&self, set: Set) -> Arc<dyn Samples> {
        match set {
            Set::Train => self.sets.train.clone(),
            Set::Valid => self.sets.valid.clone(),
            Set::Fix => self.sets.fix.clone(),
            Set::Test => self.sets.test.clone().unwrap_or_else(|| self.sets.valid.pick(&[])),
        }
    }

    /// The first batch of a set.
    ///
    /// # Errors
    /// [`Error::NoTrainingItems`] if the set has no batch, and those of preparing it.
    pub fn one_batch(&self, set: Set) -> Result<Batch> {
        let one =
            Self { options: BatchOptions { workers: 0, ..self.options.clone() }, ..self.clone() };
        one.batches(set).next().ok_or(Error::NoTrainingItems)?
    }

    /// Reads every file once, so that unreadable ones are known before training; see
    /// [`Check`].
    ///
    /// # Errors
    /// [`Error::BadFiles`] with all of them if there are more than are allowed.
    pub fn check(mut self, check: &Check<'_>) -> Result<Checked> {
        let train = check.run(
            &*self.sets.train,
            self.options.workers,
            0,
            self.n_train() + self.n_valid(),
        )?;
        let valid = check.run(
            &*self.sets.valid,
            self.options.workers,
            self.n_train(),
            self.n_train() + self.n_valid(),
        )?;
        let checked = self.n_train() + self.n_valid();
        let bad: Vec<_> = train.bad.into_iter().chain(valid.bad).collect();
        if bad.len() > check.allowed {
            return Err(Error::BadFiles { files: bad, checked, allowed: check.allowed });
        }
        if !bad.is_empty() {
            self.sets.train = self.sets.train.pick(&train.good);
            self.sets.fix = self.sets.fix.pick(&train.good);
            self.sets.valid = self.sets.valid.pick(&valid.good);
        }
        Ok(Checked { data: self, left_out: bad })
    }

    /// A picture of the first items of a set with their labels: `rows` × `rows` of them, as the
    /// model sees them, but not normalized.
    ///
    /// # Errors
    /// Those of preparing the batch.
    pub fn show_batch(&self, rows: usize, set: Set) -> Result<Picture> {
        let batch = self.one_batch(set)?;
        let samples = self.samples(set);
        let mut inputs = batch.inputs;
        if let Some(normalize) = &self.normalize {
            normalize.invert(&mut inputs);
        }
        let mut grid = Grid::new(rows);
        for (row, &item) in batch.items.iter().enumerate().take(rows * rows) {
            grid = grid.cell(Picture::of_array(&inputs.row(row)), samples.label(item));
        }
        Ok(grid.draw())
    }

    /// How many batches an epoch trains on; the last partial one is dropped.
    pub fn n_train_batches(&self) -> usize {
        self.n_train() / self.options.batch_size
    }

    pub fn n_valid_batches(&self) -> usize {
        self.n_valid().div_ceil(self.valid_batch_size())
    }

    /// Batches of [`Set::Fix`].
    pub fn n_fix_batches(&self) -> usize {
        self.n_train().div_ceil(self.valid_batch_size())
    }

    pub fn n_train(&self) -> usize {
        self.sets.train.len()
    }

    pub fn n_valid(&self) -> usize {
        self.sets.valid.len()
    }

    /// The classes, in the order of their indexes.
    pub fn classes(&self) -> &[String] {
        self.target.classes()
    }

    pub fn target(&self) -> &TargetKind {
        &self.target
    }

    pub fn seed(&self) -> u64 {
        self.options.seed
    }

    pub fn batch_size(&self) -> usize {
        self.options.batch_size
    }

    fn valid_batch_size(&self) -> usize {
        self.options.valid_batch_size.unwrap_or(self.options.batch_size)
    }

    /// What an item of a set is called: its path, most often.
    ///
    /// # Panics
    /// If the set has no such item.
    pub fn name(&self, set: Set, index: usize) -> String {
        self.samples(set).name(index)
    }

    /// The label of an item of a set, for people.
    ///
    /// # Panics
    /// If the set has no such item.
    pub fn label(&self, set: Set, index: usize) -> String {
        self.samples(set).label(index)
    }

    pub fn normalization(&self) -> Option<&Normalize> {
        self.normalize.as_deref()
    }

    /// What is needed to prepare a new item as these were.
    pub fn inference(&self) -> Inference {
        self.inference.clone()
    }

    /// What a user may want to know before training.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl fmt::Debug for DataBunch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataBunch")
            .field("train", &self.n_train())
            .field("valid", &self.n_valid())
            .field("target", &self.target)
            .field("options", &self.options)
            .field("normalize", &self.normalize)
            .finish_non_exhaustive()
    }
}

/// The items of the batch numbered `index` among batches of `size`.
pub(crate) fn batch_range(index: usize, size: usize, items: usize) -> Range<usize> {
    index * size..((index + 1) * size).min(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(n: usize, options: BatchOptions) -> Result<DataBunch> {
        let set = |n: usize| {
            let inputs = Array::f32([n, 1, 1, 2], (0..2 * n).map(|v| v as f32).collect());
            (inputs, Array::i64([n], (0..n as i64).collect()))
        };
        DataBunch::from_arrays(set(n), set(3), options)
    }

    #[test]
    fn the_last_partial_training_batch_is_dropped() {
        let data = data(10, BatchOptions { batch_size: 4, ..BatchOptions::default() }).unwrap();
        assert_eq!((data.n_train_batches(), data.train_batches(0, 0).count()), (2, 2));
        assert_eq!((data.n_valid_batches(), data.valid_batches().count()), (1, 1));
        assert_eq!((data.n_fix_batches(), data.fix_batches().count()), (3, 3));
    }

    #[test]
    fn normalizing_twice_is_an_error() {
        let data = data(8, BatchOptions { batch_size: 4, ..BatchOptions::default() }).unwrap();
        let normalized = data.normalize().unwrap();
        let batch = normalized.one_batch(Set::Train).unwrap();
        let again = Normalize::of_batch(&batch.inputs).unwrap();
        assert!(again.mean[0].abs() < 1e-6 && (again.std[0] - 1.0).abs() < 1e-6);
        assert!(matches!(normalized.normalize(), Err(Error::NormalizedTwice)));
    }

    #[test]
    fn batches_of_nothing_are_refused() {
        assert!(matches!(
            data(8, BatchOptions { batch_size: 0, ..BatchOptions::default() }),
            Err(Error::BatchSize)
        ));
    }
}
