//! The batches of all sets, and what is known about them.

use std::{
    fmt,
    path::Path,
    sync::{Arc, atomic::AtomicUsize},
};

use super::{Batch, BatchOptions, Set, sanity};
use crate::{
    Array, ArraySamples, BatchIter, Error, Fingerprint, Inference, Input, Normalize, Result,
    Samples, TargetKind, Values,
    check::{Check, Checked},
    error::BadFile,
    inference::SavedInput,
    loader::{Loader, Plan, epoch_generator, item_generator},
    picture::{Grid, Palette, Picture},
    text::TextInput,
    transform::{Size, Transforms, TtaView},
};

#[derive(Clone)]
pub(crate) struct Sets {
    pub(crate) train: Arc<dyn Samples>,
    pub(crate) valid: Arc<dyn Samples>,
    pub(crate) fix: Arc<dyn Samples>,
    pub(crate) test: Option<Arc<dyn Samples>>,
}

/// Batches of all sets, and what is known about them: what a learner trains on.
#[derive(Clone)]
#[doc(alias = "ImageDataBunch")]
#[doc(alias = "TextLMDataBunch")]
#[doc(alias = "TextClasDataBunch")]
#[doc(alias = "DataLoaders")]
#[doc(alias = "dls")]
pub struct DataBunch {
    sets: Sets,
    target: TargetKind,
    options: BatchOptions,
    normalize: Option<Arc<Normalize>>,
    /// The training items of each class, if all classes are to come as often.
    oversampled: Option<Arc<[Vec<usize>]>>,
    inference: Inference,
    warnings: Vec<String>,
    /// Of the training and the validation set, once they are checked.
    fingerprints: Option<[Arc<[Fingerprint]>; 2]>,
    /// What was found in the first batch.
    doubts: Vec<String>,
    /// In bytes, as far as it is known.
    largest_batch: Arc<AtomicUsize>,
}

impl DataBunch {
    pub(crate) fn new(
        sets: Sets,
        target: TargetKind,
        options: BatchOptions,
        inference: Inference,
        warnings: Vec<String>,
    ) -> Result<Self> {
        if options.batch_size == 0 || options.valid_batch_size == Some(0) {
            return Err(Error::BatchSize);
        }
        let mut data = Self {
            sets,
            target,
            options,
            normalize: None,
            oversampled: None,
            inference,
            warnings,
            fingerprints: None,
            doubts: Vec::new(),
            largest_batch: Arc::default(),
        };
        data.look_at_first_batch();
        Ok(data)
    }

    fn look_at_first_batch(&mut self) {
        self.doubts = match self.options.no_check || self.sets.train.is_empty() {
            true => Vec::new(),
            false => sanity::doubts(&self.train_loader(0)),
        };
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
        let transforms = Transforms::new().pipeline(false);
        let inference = Inference::new(SavedInput::Array, transforms, target.clone());
        Self::new(sets, target, options, inference, Vec::new())
    }

    /// Normalizes by the statistics of the first training batch, transformed as in training: a
    /// random one, which the seed repeats.
    ///
    /// # Errors
    /// [`Error::NormalizedTwice`], [`Error::NotImages`], [`Error::NoSpread`], and those of
    /// [`one_batch`](Self::one_batch).
    pub fn normalize(self) -> Result<Self> {
        if self.normalize.is_some() {
            return Err(Error::NormalizedTwice);
        }
        let batch = self.one_batch(Set::Train)?;
        let normalize = Normalize::of_batch(&batch.inputs)?;
        self.normalize_by(normalize)
    }

    /// Normalizes by given statistics.
    ///
    /// # Errors
    /// [`Error::NormalizedTwice`]; [`Error::Channels`] if they do not fit the images, and
    /// [`Error::NotImages`] if there are none.
    pub fn normalize_by(mut self, normalize: Normalize) -> Result<Self> {
        if self.normalize.is_some() {
            return Err(Error::NormalizedTwice);
        }
        let set = if self.sets.train.is_empty() { Set::Valid } else { Set::Fix };
        // A batch that cannot be read says nothing about statistics.
        if let Ok(mut batch) = self.one_batch(set) {
            normalize.apply_to(&mut batch.inputs, &mut batch.targets)?;
        }
        self.inference.normalize = Some(normalize.clone());
        self.normalize = Some(Arc::new(normalize));
        Ok(self)
    }

    /// The same items at another size, in batches of another size: progressive resizing. What was
    /// decoded stays in memory, and the images are normalized as before.
    ///
    /// # Errors
    /// [`Error::NotImages`] if there is nothing to resize; [`Error::BatchSize`]; [`Error::Transform`]
    /// for a size that is none.
    ///
    /// # Example
    /// ```
    /// # use tinderbox_data::{DataBunch, Result};
    /// # fn example(small: DataBunch) -> Result<()> {
    /// let large = small.at_size(256, 8)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn at_size(&self, size: impl Into<Size>, batch_size: usize) -> Result<Self> {
        let size = size.into();
        if batch_size == 0 {
            return Err(Error::BatchSize);
        }
        let resized = |samples: &Arc<dyn Samples>| {
            samples.at_size(size).ok_or(Error::NotImages { shape: Vec::new() })
        };
        let Sets { train, valid, fix, test } = &self.sets;
        let sets = Sets {
            train: resized(train)?,
            valid: resized(valid)?,
            fix: resized(fix)?,
            test: test.as_ref().map(resized).transpose()?,
        };
        let mut inference = self.inference.clone();
        inference.transforms = inference.transforms.at_size(size);
        inference.transforms.check_size()?;
        let options = BatchOptions { batch_size, ..self.options.clone() };
        Ok(Self { sets, options, inference, largest_batch: Arc::default(), ..self.clone() })
    }

    /// Draws training items so that all classes come as often as the largest one does, with
    /// replacement: fastai's `OverSamplingCallback`. An epoch then has as many items as the largest
    /// class, times the number of classes.
    ///
    /// # Errors
    /// [`Error::NotClasses`] if items do not have one class each; [`Error::EmptyClass`] if a class
    /// has no training items.
    #[doc(alias = "OverSamplingCallback")]
    pub fn oversample(mut self) -> Result<Self> {
        let TargetKind::Category { classes } = &self.target else {
            return Err(Error::NotClasses { kind: self.target.list_name() });
        };
        let mut items = vec![Vec::new(); classes.len()];
        for index in 0..self.n_train() {
            let class = self.class_index(&self.label(Set::Train, index));
            items[class.expect("a label of a class is its name")].push(index);
        }
        if let Some(class) = items.iter().position(Vec::is_empty) {
            return Err(Error::EmptyClass { class: classes[class].clone() });
        }
        self.oversampled = Some(items.into());
        Ok(self)
    }

    /// How many items an epoch draws.
    fn n_drawn(&self) -> usize {
        match &self.oversampled {
            Some(classes) => classes.len() * classes.iter().map(Vec::len).max().unwrap_or(0),
            None => self.n_train(),
        }
    }

    /// The batches of a training epoch, in an order that follows from the seed and the epoch, from
    /// the batch numbered `first` on.
    pub fn train_batches(&self, epoch: usize, first: usize) -> BatchIter {
        self.train_loader(epoch).batches_from(first)
    }

    /// The validation set's batches, in order.
    pub fn valid_batches(&self) -> BatchIter {
        self.batches(Set::Valid)
    }

    /// The training set's batches, in order, with the transforms of validation.
    pub fn fix_batches(&self) -> BatchIter {
        self.batches(Set::Fix)
    }

    /// The validation set's items one by one, in order.
    pub fn single_batches(&self) -> BatchIter {
        self.loader(Set::Valid, 1).batches_from(0)
    }

    /// A batch of one new item from a file, prepared as the validation set is; its target is 0.
    ///
    /// # Errors
    /// As [`Inference::input`].
    pub fn one_item(&self, path: impl AsRef<Path>) -> Result<Batch> {
        let path = path.as_ref();
        self.inference.batch(vec![self.inference.input(Input::File(path))?])
    }

    /// Batches of a set; those of [`Set::Train`] are epoch 0's.
    pub fn batches(&self, set: Set) -> BatchIter {
        match set {
            Set::Train => self.train_batches(0, 0),
            set => self.loader(set, self.valid_batch_size()).batches_from(0),
        }
    }

    /// A set's batches as test-time augmentation sees them, in order; nothing if its items are no
    /// images.
    pub fn batches_seen_as(&self, set: Set, view: &TtaView) -> Option<BatchIter> {
        let samples = self.samples(set).seen_as(view)?;
        let plan = Plan::in_order(&*samples, self.valid_batch_size());
        Some(self.loader_of(samples, plan, 0).batches_from(0))
    }

    fn train_loader(&self, epoch: usize) -> Loader {
        let samples = self.sets.train.clone();
        let samples = match self.options.shuffle {
            true => {
                samples.epoch(&mut epoch_generator(self.options.seed, epoch)).unwrap_or(samples)
            }
            false => samples,
        };
        let plan = match &self.oversampled {
            Some(classes) => Plan::drawing(&self.options, epoch, classes, self.n_drawn()),
            None => Plan::training(&self.options, epoch, &*samples),
        };
        self.loader_of(samples, plan, epoch)
    }

    fn loader(&self, set: Set, batch_size: usize) -> Loader {
        let samples = self.samples(set);
        let plan = Plan::in_order(&*samples, batch_size);
        self.loader_of(samples, plan, 0)
    }

    fn loader_of(&self, samples: Arc<dyn Samples>, plan: Plan, epoch: usize) -> Loader {
        Loader {
            samples,
            plan,
            seed: self.options.seed,
            epoch,
            normalize: self.normalize.clone(),
            workers: self.options.workers,
            queue_bytes: self.options.queue_bytes,
            largest: self.largest_batch.clone(),
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
    /// [`Error::NoBatch`] if the set has none, and those of preparing it.
    pub fn one_batch(&self, set: Set) -> Result<Batch> {
        let one =
            Self { options: BatchOptions { workers: 0, ..self.options.clone() }, ..self.clone() };
        one.batches(set).next().ok_or_else(|| Error::NoBatch {
            set: set.name(),
            items: self.samples(set).len(),
            batch_size: match set {
                Set::Train => self.batch_size(),
                _ => self.valid_batch_size(),
            },
        })?
    }

    /// Some items of a set, in this order, as one batch.
    ///
    /// # Errors
    /// [`Error::NoBatch`] if none are named or the set does not have them all, and those of
    /// preparing them.
    pub fn items(&self, set: Set, indexes: &[usize]) -> Result<Batch> {
        let samples = self.samples(set);
        let items = samples.len();
        let none = Error::NoBatch { set: set.name(), items, batch_size: indexes.len().max(1) };
        if indexes.is_empty() || indexes.iter().any(|index| *index >= items) {
            return Err(none);
        }
        let one = Loader { workers: 0, ..self.loader_of(samples, Plan::of(indexes), 0) };
        one.batches_from(0).next().ok_or(none)?
    }

    /// A batch as it was before it was normalized: pixels in `0.0..=1.0` again.
    pub fn denormalized(&self, mut batch: Batch) -> Batch {
        let Some(normalize) = &self.normalize else { return batch };
        if normalize.inputs {
            normalize.invert(&mut batch.inputs);
        }
        if normalize.targets {
            normalize.invert(&mut batch.targets);
        }
        batch
    }

    /// Reads every file once, so that unreadable ones are known before training; see [`Check`].
    ///
    /// # Errors
    /// [`Error::BadFiles`] with all of them if there are more than are allowed, or if they are all
    /// that there is to train on.
    ///
    /// # Example
    /// ```
    /// use tinderbox_data::{BatchOptions, ImageItems, check::Check};
    /// # use tinderbox_data::digits::{DigitsConfig, write_digits};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let digits = tempfile::tempdir()?;
    /// # let digits = digits.path();
    /// # write_digits(digits, &DigitsConfig { train_per_class: 2, test_per_class: 1, seed: 1 })?;
    /// std::fs::write(digits.join("training/7/broken.png"), "not a picture")?;
    /// let data = ImageItems::from_folder(digits)?
    ///     .split_by_folder("training", "testing")?
    ///     .label_from_folder()?
    ///     .batches(BatchOptions { batch_size: 4, ..BatchOptions::default() })?;
    /// assert!(data.clone().check(&Check::default()).is_err());
    ///
    /// let checked = data.check(&Check { allowed: 1, progress: None })?;
    /// assert_eq!(checked.left_out.len(), 1);
    /// assert_eq!(checked.data.n_train(), 20);
    /// # Ok(())
    /// # }
    /// ```
    pub fn check(mut self, check: &Check<'_>) -> Result<Checked> {
        let workers = self.options.workers;
        let all = self.n_train() + self.n_valid() + self.n_test();
        let train = check.run(&*self.sets.train, workers, 0, all);
        let valid = check.run(&*self.sets.valid, workers, self.n_train(), all);
        let test = check.run(&*self.samples(Set::Test), workers, all - self.n_test(), all);
        self.fingerprints = Some([train.fingerprints.into(), valid.fingerprints.into()]);
        let bad = train.bad.into_iter().chain(valid.bad).chain(test.bad);
        let mut bad: Vec<BadFile> = bad.collect();
        bad.sort_by(|a, b| a.path.cmp(&b.path));
        // With nothing left to train on, what is wrong with the files is what matters.
        let left = all - bad.len();
        let nothing_left = !bad.is_empty() && (left == 0 || train.good.is_empty());
        if bad.len() > check.allowed || nothing_left && self.n_train() > 0 {
            return Err(Error::BadFiles { files: bad, checked: all, allowed: check.allowed });
        }
        if !bad.is_empty() {
            self.sets.train = self.sets.train.pick(&train.good);
            self.sets.fix = self.sets.fix.pick(&train.good);
            self.sets.valid = self.sets.valid.pick(&valid.good);
            self.sets.test = self.sets.test.map(|set| set.pick(&test.good));
            if self.oversampled.take().is_some() {
                self = self.oversample()?;
            }
            self.look_at_first_batch();
        }
        Ok(Checked { data: self, left_out: bad })
    }

    /// Of masks, which classes those of a set have, in the order of the codes; known once the data
    /// was [checked](Self::check).
    pub fn classes_seen(&self, set: Set) -> Option<Vec<bool>> {
        self.samples(set).seen()
    }

    /// An image of the first items of a set with their labels, as the model sees them, but not
    /// normalized: `rows` × `rows` of them; with masks, `rows` rows of two, each mask over its image,
    /// and what the colors mean.
    ///
    /// One channel is shown as gray, 0 as black.
    ///
    /// # Errors
    /// [`Error::NotImages`] if the inputs are none, and those of [`one_batch`](Self::one_batch).
    ///
    /// # Panics
    /// If there are no rows.
    pub fn show_batch(&self, rows: usize, set: Set) -> Result<Picture> {
        let Batch { inputs, targets, items } = self.denormalized(self.one_batch(set)?);
        if !matches!((&inputs.shape[..], &inputs.values), ([_, 1 | 3, _, _], Values::F32(_))) {
            return Err(Error::NotImages { shape: inputs.shape });
        }
        // A mask that was not resized with its image cannot lie over it.
        let masks = matches!(self.target, TargetKind::Mask { .. })
            && targets.shape.len() == 4
            && targets.shape[2..] == inputs.shape[2..];
        let columns = if masks { rows.min(2) } else { rows };
        let palette = Palette::of(self.classes());
        let grid = Grid::new(columns);
        let mut grid = if masks { grid.cells_of(180) } else { grid };
        for (row, &item) in items.iter().enumerate().take(rows * columns) {
            let mut picture = Picture::of_array(&inputs.row(row));
            if masks {
                picture.overlay(&targets.row(row), &palette);
            }
            // A mask has no name of its own that says more.
            let caption = match masks {
                true => file_name(&self.name(set, item)),
                false => self.label(set, item),
            };
            grid = grid.cell(picture, caption);
        }
        let drawn = grid.draw();
        Ok(if masks { drawn.above(&palette.legend(drawn.width())) } else { drawn })
    }

    /// One item of a set as the model sees it, not normalized.
    ///
    /// # Errors
    /// [`Error::NotImages`] if it is no image, and those of preparing it.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn picture(&self, set: Set, index: usize) -> Result<Picture> {
        let mut rng = item_generator(self.options.seed, 0, index);
        let input = self.samples(set).sample(index, &mut rng)?.input;
        match (&input.shape[..], &input.values) {
            ([1 | 3, _, _], Values::F32(_)) => Ok(Picture::of_array(&input)),
            _ => Err(Error::NotImages { shape: input.shape }),
        }
    }

    /// One item as the first `rows` × `rows` epochs see it, not normalized: what the random
    /// transforms do to it.
    ///
    /// # Errors
    /// [`Error::NotImages`] if it is no image, and those of preparing it.
    ///
    /// # Panics
    /// If there is no such item, or there are no rows.
    pub fn show_item(&self, set: Set, index: usize, rows: usize) -> Result<Picture> {
        let (samples, mut grid) = (self.samples(set), Grid::new(rows));
        for epoch in 0..rows * rows {
            let mut rng = item_generator(self.options.seed, epoch, index);
            let input = samples.sample(index, &mut rng)?.input;
            if !matches!((&input.shape[..], &input.values), ([1 | 3, _, _], Values::F32(_))) {
                return Err(Error::NotImages { shape: input.shape });
            }
            grid = grid.cell(Picture::of_array(&input), samples.label(index));
        }
        Ok(grid.draw())
    }

    /// How many batches an epoch trains on; the last partial one is dropped.
    pub fn n_train_batches(&self) -> usize {
        self.n_drawn() / self.options.batch_size
    }

    /// Batches of [`Set::Valid`]; the last may be smaller.
    pub fn n_valid_batches(&self) -> usize {
        self.n_valid().div_ceil(self.valid_batch_size())
    }

    /// Batches of [`Set::Fix`].
    pub fn n_fix_batches(&self) -> usize {
        self.n_train().div_ceil(self.valid_batch_size())
    }

    /// Items of the training set.
    pub fn n_train(&self) -> usize {
        self.sets.train.len()
    }

    /// Items of the validation set.
    pub fn n_valid(&self) -> usize {
        self.sets.valid.len()
    }

    /// None if there is no test set.
    pub fn n_test(&self) -> usize {
        self.sets.test.as_ref().map_or(0, |test| test.len())
    }

    /// What the items are called where they are counted, in the plural: images, texts, rows.
    pub fn unit(&self) -> &'static str {
        self.sets.train.unit()
    }

    /// The classes, in the order of their indexes.
    pub fn classes(&self) -> &[String] {
        self.target.classes()
    }

    /// The index of a class, by its name.
    pub fn class_index(&self, class: &str) -> Option<usize> {
        self.target.class_index(class)
    }

    /// How many outputs a model needs: fastai's `c`.
    #[doc(alias = "num_classes")]
    pub fn c(&self) -> usize {
        self.target.c()
    }

    /// What is predicted, and by which loss.
    pub fn target(&self) -> &TargetKind {
        &self.target
    }

    /// What everything random comes from.
    pub fn seed(&self) -> u64 {
        self.options.seed
    }

    /// Items in a training batch.
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

    /// What follows from the bytes of an item, so that a change of it is noticed. It was read as the
    /// data was [checked](Self::check), if it was; else it is read now.
    ///
    /// # Panics
    /// If the set has no such item.
    pub fn fingerprint(&self, set: Set, index: usize) -> Fingerprint {
        match (&self.fingerprints, set) {
            (Some([train, _]), Set::Train | Set::Fix) => train[index],
            (Some([_, valid]), Set::Valid) => valid[index],
            _ => self.samples(set).fingerprint(index),
        }
    }

    /// How batches are normalized, if they are.
    pub fn normalization(&self) -> Option<&Normalize> {
        self.normalize.as_deref()
    }

    /// What is needed to prepare a new item as these were.
    pub fn inference(&self) -> Inference {
        self.inference.clone()
    }

    /// The tokenizer and the vocabulary of data that is text.
    ///
    /// # Errors
    /// [`Error::NotFromText`] if it is something else.
    pub fn text_input(&self) -> Result<&TextInput> {
        self.inference.text_input()
    }

    /// What a user may want to know before training.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.warnings.iter().chain(&self.doubts).map(String::as_str)
    }
}

/// The last part of a path.
fn file_name(path: &str) -> String {
    let name = Path::new(path).file_name();
    name.map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned())
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
    fn some_items_are_a_batch() {
        let data = data(10, BatchOptions { batch_size: 4, ..BatchOptions::default() }).unwrap();
        let batch = data.items(Set::Train, &[7, 2]).unwrap();
        assert_eq!((batch.items, batch.targets), (vec![7, 2], Array::i64([2], vec![7, 2])));
        assert_eq!(batch.inputs.values, Values::F32(vec![14.0, 15.0, 4.0, 5.0]));
        for none in [&[][..], &[1, 10]] {
            let error = data.items(Set::Train, none).unwrap_err();
            assert!(matches!(error, Error::NoBatch { items: 10, .. }), "{error}");
        }
    }

    #[test]
    fn images_come_at_another_size_in_other_batches() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        for item in 0..6 {
            let file = folder.path().join(format!("a/{item}.png"));
            Picture::filled(40, 30, [40 * item; 3]).save(file).unwrap();
        }
        let small = crate::ImageItems::from_folder(folder.path()).unwrap();
        let small = small.split_by_rand_pct(0.34, 1).unwrap().label_from_folder().unwrap();
        let small = small.transform(Transforms::new().size(16)).unwrap();
        let small =
            small.batches(BatchOptions { batch_size: 4, workers: 0, ..BatchOptions::default() });
        let small = small.unwrap().normalize_by(Normalize::imagenet()).unwrap();
        let large = small.at_size([24, 32], 2).unwrap();
        let shape = |data: &DataBunch, set| data.one_batch(set).unwrap().inputs.shape;
        assert_eq!(shape(&small, Set::Train), [4, 3, 16, 16]);
        assert_eq!(shape(&large, Set::Train), [2, 3, 24, 32]);
        assert_eq!(shape(&large, Set::Valid), [2, 3, 24, 32]);
        assert_eq!((large.n_train_batches(), large.normalization()), (2, small.normalization()));
        let input = large.inference().input(Input::File(&folder.path().join("a/0.png"))).unwrap();
        assert_eq!(input.shape, [3, 24, 32]);
        assert!(matches!(small.at_size(0, 2), Err(Error::Transform { .. })));
        assert!(matches!(small.at_size(16, 0), Err(Error::BatchSize)));
        let arrays = data(8, BatchOptions { batch_size: 4, ..BatchOptions::default() }).unwrap();
        assert!(matches!(arrays.at_size(16, 4), Err(Error::NotImages { .. })));
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
    fn oversampled_classes_come_as_often_as_the_largest() {
        let folder = tempfile::tempdir().unwrap();
        for (class, n) in [("rare", 2), ("usual", 10)] {
            let folder = folder.path().join(class);
            std::fs::create_dir(&folder).unwrap();
            for item in 0..n {
                Picture::filled(8, 8, [item; 3]).save(folder.join(format!("{item}.png"))).unwrap();
            }
        }
        let options = BatchOptions { batch_size: 4, workers: 0, ..BatchOptions::default() };
        let data = crate::ImageItems::from_folder(folder.path()).unwrap();
        let data = data.split_by_rand_pct(0.0, 1).unwrap().label_from_folder().unwrap();
        let data = data.batches(options).unwrap();
        assert_eq!(data.n_train_batches(), 3);
        let data = data.oversample().unwrap();
        assert_eq!((data.n_train(), data.n_train_batches()), (12, 5));
        let mut drawn = [0; 2];
        let mut orders = Vec::new();
        for epoch in 0..40 {
            let batches: Vec<Batch> =
                data.train_batches(epoch, 0).collect::<Result<Vec<_>>>().unwrap();
            assert_eq!(batches.len(), 5);
            let items: Vec<usize> = batches.iter().flat_map(|batch| batch.items.clone()).collect();
            for item in &items {
                drawn[data.class_index(&data.label(Set::Train, *item)).unwrap()] += 1;
            }
            orders.push(items);
        }
        let share = f64::from(drawn[0]) / 800.0;
        assert!((share - 0.5).abs() < 0.06, "{share}");
        assert!(orders[0] != orders[1], "each epoch draws anew");
    }

    #[test]
    fn what_has_no_classes_is_not_oversampled() {
        let data = data(8, BatchOptions { batch_size: 4, ..BatchOptions::default() }).unwrap();
        let error = data.oversample().unwrap_err();
        assert!(matches!(error, Error::NotClasses { .. }), "{error}");
    }

    #[test]
    fn batches_of_nothing_are_refused() {
        assert!(matches!(
            data(8, BatchOptions { batch_size: 0, ..BatchOptions::default() }),
            Err(Error::BatchSize)
        ));
    }
}
