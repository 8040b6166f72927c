//! One set's examples, prepared one by one.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rand::RngCore;

use crate::{
    Array, Error, Labels, Result, image::Pixels, items::InputKind, label::LabelledPart,
    transform::Pipeline,
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
    fn len(&self) -> usize;

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

    /// The examples at these indexes, as a set of their own.
    fn pick(&self, indexes: &[usize]) -> Arc<dyn Samples>;
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
            crate::Values::I64(values) => format!("{values:?}"),
            crate::Values::F32(values) => format!("{values:?}"),
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
                values: crate::Values::F32(Vec::new()),
            })
        };
        Arc::new(Self { inputs: pick(&self.inputs), targets: pick(&self.targets) })
    }
}

/// Decoded pictures of one set, kept between epochs within a bound of bytes shared by all sets.
#[derive(Debug)]
pub(crate) struct Cache {
    slots: Vec<std::sync::OnceLock<Arc<Pixels>>>,
    budget: Arc<Budget>,
}

/// What is left of the bytes that caches may hold.
#[derive(Debug)]
pub(crate) struct Budget(AtomicUsize);

impl Budget {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(bytes)))
    }

    /// Takes so many bytes, if there are as many.
    fn take(&self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

impl Cache {
    pub(crate) fn new(items: usize, budget: Arc<Budget>) -> Self {
        Self { slots: (0..items).map(|_| std::sync::OnceLock::new()).collect(), budget }
    }

    fn get(&self, index: usize, open: impl FnOnce() -> Result<Pixels>) -> Result<Arc<Pixels>> {
        let slot = &self.slots[index];
        if let Some(pixels) = slot.get() {
            return Ok(pixels.clone());
        }
        let pixels = Arc::new(open()?);
        if self.budget.take(pixels.bytes.len()) {
            // Two workers may decode the same picture at once; both have the same pixels.
            let _ = slot.set(pixels.clone());
        }
        Ok(pixels)
    }

    fn pick(&self, indexes: &[usize]) -> Self {
        let copy = |&index: &usize| self.slots[index].clone();
        Self { slots: indexes.iter().map(copy).collect(), budget: self.budget.clone() }
    }
}

/// Items with labels, read and transformed.
#[derive(Debug)]
pub(crate) struct LabelledSamples<K> {
    pub(crate) part: LabelledPart<K>,
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) moves_labels: bool,
}

impl<K: InputKind> LabelledSamples<K> {
    fn path(&self, index: usize) -> PathBuf {
        self.part.items.path(index)
    }

    fn pixels(&self, index: usize) -> Result<Arc<Pixels>> {
        self.cache.get(index, || self.part.items.kind.open(&self.path(index)))
    }
}

impl<K: InputKind> Samples for LabelledSamples<K> {
    fn len(&self) -> usize {
        self.part.items.len()
    }

    fn sample(&self, index: usize, rng: &mut dyn RngCore) -> Result<Sample> {
        let drawn = self.pipeline.draw(rng);
        let image = self.pixels(index)?.to_image();
        let input = drawn.apply(image)?.into_array();
        let target = self.part.labels.target(index, self.moves_labels.then_some(&drawn))?;
        Ok(Sample { input, target })
    }

    fn name(&self, index: usize) -> String {
        self.path(index).display().to_string()
    }

    fn label(&self, index: usize) -> String {
        self.part.labels.text(index)
    }

    fn check(&self, index: usize) -> Result<()> {
        self.pixels(index)?;
        // A label that is a file must be readable too; others cost nothing.
        self.part.labels.target(index, None).map(drop)
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Samples> {
        let labels: Arc<dyn Labels> = self.part.labels.pick(indexes);
        Arc::new(Self {
            part: LabelledPart { items: self.part.items.pick(indexes), labels },
            pipeline: self.pipeline.clone(),
            cache: Arc::new(self.cache.pick(indexes)),
            moves_labels: self.moves_labels,
        })
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
                Ok(Pixels { height: 1, width: 2, channels: 1, bytes: vec![0; 2] })
            };
            cache.get(index, open).unwrap();
        }
        assert_eq!(opened, 4, "two of three fit into five bytes");
    }
}
