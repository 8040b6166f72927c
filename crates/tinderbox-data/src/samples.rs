//! One set's examples, prepared one by one.

use std::{
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use rand::RngCore;

use crate::{
    Array, Error, Fingerprint, Image, Labels, Result, Values, hash_of_file,
    items::InputKind,
    label::{InputFacts, LabelledPart},
    transform::{Drawn, Pipeline, Size, TtaView},
};

/// An input and its target, ready for a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub input: Array,
    pub target: Array,
}

/// The examples of one set. Images with labels are one implementation; whatever else is trained
/// on is another.
pub trait Samples: Send + Sync {
    /// How many examples there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Prepares an example. All that is random comes from `rng`, which is seeded for this item of
    /// this epoch.
    ///
    /// # Errors
    /// If the item cannot be read or transformed.
    fn sample(&self, index: usize, rng: &mut dyn RngCore) -> Result<Sample>;

    /// What the item is called in messages: its path, most often.
    fn name(&self, index: usize) -> String;

    /// The target for people.
    fn label(&self, index: usize) -> String;

    /// Reads an item as far as it takes to know that it can be read.
    ///
    /// # Errors
    /// If it cannot.
    fn check(&self, index: usize) -> Result<()>;

    /// Of masks, which classes those that were [checked](Self::check) have.
    fn seen(&self) -> Option<Vec<bool>> {
        None
    }

    /// What follows from the bytes of an item, so that a change of it is noticed; nothing for items
    /// that have none.
    fn fingerprint(&self, _index: usize) -> Fingerprint {
        Fingerprint::default()
    }

    /// The examples at these indexes, as a set of their own.
    fn pick(&self, indexes: &[usize]) -> Arc<dyn Samples>;

    /// The examples as one training epoch sees them, if that is not the same each time: a language
    /// model's texts are put in a new order.
    fn epoch(&self, _rng: &mut dyn RngCore) -> Option<Arc<dyn Samples>> {
        None
    }

    /// The examples as test-time augmentation sees them; only images can be seen so.
    fn seen_as(&self, _view: &TtaView) -> Option<Arc<dyn Samples>> {
        None
    }

    /// The examples at another size; only images can be resized.
    fn at_size(&self, _size: Size) -> Option<Arc<dyn Samples>> {
        None
    }

    /// An order of its own, as indexes: instead of a random one in training, and of the natural one
    /// else. Consecutive examples make a batch.
    fn order(
        &self,
        _training: bool,
        _batch_size: usize,
        _rng: &mut dyn RngCore,
    ) -> Option<Vec<usize>> {
        None
    }

    /// Makes inputs and targets of a batch of examples.
    ///
    /// # Errors
    /// [`Error::Collate`] if their shapes do not go together.
    fn collate(&self, samples: Vec<Sample>) -> Result<(Array, Array)> {
        let (inputs, targets): (Vec<Array>, Vec<Array>) =
            samples.into_iter().map(|sample| (sample.input, sample.target)).unzip();
        Ok((Array::stack(&inputs)?, Array::stack(&targets)?))
    }

    /// What examples are called where they are counted, in the plural.
    fn unit(&self) -> &'static str {
        "rows"
    }
}

/// Examples from arrays in memory, one a row.
#[derive(Debug, Clone)]
pub struct ArraySamples {
    inputs: Array,
    targets: Array,
}

impl ArraySamples {
    /// # Errors
    /// [`Error::Uneven`] if there are not as many targets as inputs.
    pub fn new(inputs: Array, targets: Array) -> Result<Self> {
        match inputs.rows() == targets.rows() {
            true => Ok(Self { inputs, targets }),
            false => Err(Error::Uneven { inputs: inputs.rows(), targets: targets.rows() }),
        }
    }
}

impl Samples for ArraySamples {
    fn len(&self) -> usize {
        self.inputs.rows()
    }

    fn sample(&self, index: usize, _: &mut dyn RngCore) -> Result<Sample> {
        Ok(Sample { input: self.inputs.row(index), target: self.targets.row(index) })
    }

    fn name(&self, index: usize) -> String {
        format!("row {index}")
    }

    fn label(&self, index: usize) -> String {
        match self.targets.row(index).values {
            Values::I64(values) => format!("{values:?}"),
            Values::F32(values) => format!("{values:?}"),
        }
    }

    fn check(&self, _: usize) -> Result<()> {
        Ok(())
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Samples> {
        let pick = |array: &Array| {
            let rows: Vec<Array> = indexes.iter().map(|&index| array.row(index)).collect();
            Array::stack(&rows).unwrap_or_else(|_| Array {
                shape: std::iter::once(0).chain(array.shape[1..].iter().copied()).collect(),
                values: Values::F32(Vec::new()),
            })
        };
        Arc::new(Self { inputs: pick(&self.inputs), targets: pick(&self.targets) })
    }
}

/// Opened items of one set, kept between epochs within a bound of bytes shared by all sets.
pub(crate) struct Cache<T> {
    slots: Vec<OnceLock<Arc<T>>>,
    budget: Arc<Budget>,
}

/// What is left of the bytes that caches may hold.
#[derive(Debug)]
pub(crate) struct Budget(AtomicUsize);

impl Budget {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(bytes)))
    }

    /// Takes this many bytes, if there are as many.
    fn take(&self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    fn give(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl<T> Cache<T> {
    pub(crate) fn new(items: usize, budget: Arc<Budget>) -> Self {
        Self { slots: (0..items).map(|_| OnceLock::new()).collect(), budget }
    }

    /// The item as it is kept, or as `open` gives it with the bytes it takes.
    fn get(&self, index: usize, open: impl FnOnce() -> Result<(T, usize)>) -> Result<Arc<T>> {
        let slot = &self.slots[index];
        if let Some(opened) = slot.get() {
            return Ok(opened.clone());
        }
        let (opened, bytes) = open()?;
        let opened = Arc::new(opened);
        if self.budget.take(bytes) && slot.set(opened.clone()).is_err() {
            // Another worker opened the same item in the meantime; it is kept once.
            self.budget.give(bytes);
        }
        Ok(opened)
    }

    fn pick(&self, indexes: &[usize]) -> Self {
        let copy = |&index: &usize| self.slots[index].clone();
        Self { slots: indexes.iter().map(copy).collect(), budget: self.budget.clone() }
    }
}

/// Items with labels, read and transformed.
pub(crate) struct LabelledSamples<K: InputKind> {
    pub(crate) part: LabelledPart<K>,
    pub(crate) pipeline: Arc<Pipeline>,
    /// The transforms of training, whichever set this is.
    pub(crate) augment: Arc<Pipeline>,
    pub(crate) cache: Arc<Cache<K::Opened>>,
    pub(crate) moves_labels: bool,
}

impl<K: InputKind> LabelledSamples<K> {
    fn path(&self, index: usize) -> PathBuf {
        self.part.items.path(index)
    }

    fn opened(&self, index: usize) -> Result<Arc<K::Opened>> {
        let kind = &self.part.items.kind;
        self.cache.get(index, || {
            let opened = kind.open(&self.path(index))?;
            let bytes = kind.bytes(&opened);
            Ok((opened, bytes))
        })
    }

    fn target(
        &self,
        index: usize,
        opened: &K::Opened,
        drawn: Option<&Drawn<'_>>,
        label: Option<&Image>,
    ) -> Result<Array> {
        let (kind, path) = (&self.part.items.kind, self.path(index));
        let (size, full_size) = (kind.size(opened), kind.full_size(opened));
        let image = kind.image(opened);
        let facts = InputFacts { size, full_size, drawn, path: Some(&path), image, label };
        self.part.labels.target(index, &facts)
    }
}

impl<K: InputKind> Samples for LabelledSamples<K> {
    fn len(&self) -> usize {
        self.part.items.len()
    }

    fn sample(&self, index: usize, rng: &mut dyn RngCore) -> Result<Sample> {
        let drawn = self.pipeline.draw(rng);
        let opened = self.opened(index)?;
        let named = |error: Error| error.of_item(self.name(index));
        let kind = &self.part.items.kind;
        let (input, label) = kind.input_and_label(&opened, &drawn, rng).map_err(named)?;
        let drawn = self.moves_labels.then_some(&drawn);
        let target = self.target(index, &opened, drawn, label.as_ref()).map_err(named)?;
        Ok(Sample { input, target })
    }

    fn name(&self, index: usize) -> String {
        self.path(index).display().to_string()
    }

    fn label(&self, index: usize) -> String {
        self.part.labels.text(index)
    }

    fn check(&self, index: usize) -> Result<()> {
        let opened = self.opened(index)?;
        let kind = &self.part.items.kind;
        let size = kind.size(&opened);
        if let Some(size) = size {
            self.pipeline.check_item(size)?;
        }
        // A label that is a file must be readable too; others cost nothing.
        let path = self.path(index);
        let image = kind.image(&opened);
        let facts = InputFacts { size, path: Some(&path), image, ..InputFacts::default() };
        self.part.labels.check(index, &facts)
    }

    fn seen(&self) -> Option<Vec<bool>> {
        self.part.labels.seen()
    }

    fn fingerprint(&self, index: usize) -> Fingerprint {
        let label = self.part.labels.file(index).and_then(hash_of_file);
        Fingerprint { input: hash_of_file(self.path(index)), label }
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Samples> {
        let labels: Arc<dyn Labels> = self.part.labels.pick(indexes);
        Arc::new(Self {
            part: LabelledPart { items: self.part.items.pick(indexes), labels },
            pipeline: self.pipeline.clone(),
            augment: self.augment.clone(),
            cache: Arc::new(self.cache.pick(indexes)),
            moves_labels: self.moves_labels,
        })
    }

    fn seen_as(&self, view: &TtaView) -> Option<Arc<dyn Samples>> {
        Some(Arc::new(Self {
            part: self.part.clone(),
            pipeline: Arc::new(self.augment.seen_as(view)),
            augment: self.augment.clone(),
            cache: self.cache.clone(),
            moves_labels: self.moves_labels,
        }))
    }

    fn at_size(&self, size: Size) -> Option<Arc<dyn Samples>> {
        Some(Arc::new(Self {
            part: self.part.clone(),
            pipeline: Arc::new(self.pipeline.at_size(size)),
            augment: Arc::new(self.augment.at_size(size)),
            cache: self.cache.clone(),
            moves_labels: self.moves_labels,
        }))
    }

    fn unit(&self) -> &'static str {
        self.part.items.kind.unit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_must_have_as_many_rows() {
        let error = ArraySamples::new(Array::f32([2], vec![0.0; 2]), Array::i64([3], vec![0; 3]))
            .unwrap_err();
        assert_eq!(error.to_string(), "2 inputs but 3 targets");
    }

    #[test]
    fn a_cache_holds_no_more_than_its_bytes() {
        let cache = Cache::new(3, Budget::new(5));
        let mut opened = 0;
        for index in [0, 1, 2, 0, 1, 2] {
            let open = || {
                opened += 1;
                Ok(("picture", 2))
            };
            cache.get(index, open).unwrap();
        }
        assert_eq!(opened, 4, "two of three fit into five bytes");
    }
}
