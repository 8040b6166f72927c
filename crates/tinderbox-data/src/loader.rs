//! Batches prepared ahead of the training step, by threads.
//!
//! What a batch holds follows from the seed, the epoch and its number alone: each item has a
//! generator of its own, so the number of threads changes when a batch is ready, not what is in
//! it.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{Batch, BatchOptions, Error, Normalize, Result, Sample, Samples};

/// Which items come in which batch.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    order: Arc<[usize]>,
    batch_size: usize,
    batches: usize,
}

impl Plan {
    /// Whole batches of an epoch, in the set's own order or a random one.
    pub(crate) fn training(options: &BatchOptions, epoch: usize, samples: &dyn Samples) -> Self {
        let (items, batch_size) = (samples.len(), options.batch_size);
        let mut rng = generator(options.seed, epoch, Purpose::Order);
        let order = samples.order(options.shuffle, batch_size, &mut rng).unwrap_or_else(|| {
            let mut order: Vec<usize> = (0..items).collect();
            if options.shuffle {
                order.shuffle(&mut rng);
            }
            order
        });
        Self { order: order.into(), batch_size, batches: items / batch_size }
    }

    /// Whole batches of `n` items that are drawn with replacement, from each class as often.
    pub(crate) fn drawing(
        options: &BatchOptions,
        epoch: usize,
        classes: &[Vec<usize>],
        n: usize,
    ) -> Self {
        let mut rng = generator(options.seed, epoch, Purpose::Order);
        let draw = |_| {
            let class = &classes[rng.random_range(0..classes.len())];
            class[rng.random_range(0..class.len())]
        };
        let batch_size = options.batch_size;
        Self { order: (0..n).map(draw).collect(), batch_size, batches: n / batch_size }
    }

    /// One batch of these items.
    pub(crate) fn of(items: &[usize]) -> Self {
        Self { order: items.into(), batch_size: items.len(), batches: 1 }
    }

    pub(crate) fn items(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// All items, in the set's own order or the natural one.
    pub(crate) fn in_order(samples: &dyn Samples, batch_size: usize) -> Self {
        let items = samples.len();
        let order = samples.order(false, batch_size, &mut generator(0, 0, Purpose::Order));
        let order = order.unwrap_or_else(|| (0..items).collect());
        Self { order: order.into(), batch_size, batches: items.div_ceil(batch_size) }
    }
}

/// What a generator is for; each purpose has numbers of its own.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Order,
    Item(usize),
    Epoch,
}

/// The generator of one purpose in one epoch of a run.
fn generator(seed: u64, epoch: usize, purpose: Purpose) -> ChaCha8Rng {
    let (kind, index) = match purpose {
        Purpose::Order => (0u64, 0),
        Purpose::Item(index) => (1, index as u64),
        Purpose::Epoch => (2, 0),
    };
    let mut bytes = [0; 32];
    for (bytes, number) in bytes.chunks_exact_mut(8).zip([seed, epoch as u64, kind, index]) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    ChaCha8Rng::from_seed(bytes)
}

/// The generator of what is random about one item in one epoch of a run.
pub(crate) fn item_generator(seed: u64, epoch: usize, item: usize) -> ChaCha8Rng {
    generator(seed, epoch, Purpose::Item(item))
}

/// The generator of what is random about a set as a whole in one epoch of a run.
pub(crate) fn epoch_generator(seed: u64, epoch: usize) -> ChaCha8Rng {
    generator(seed, epoch, Purpose::Epoch)
}

/// All that is needed to prepare batches.
pub(crate) struct Loader {
    pub(crate) samples: Arc<dyn Samples>,
    pub(crate) plan: Plan,
    pub(crate) seed: u64,
    pub(crate) epoch: usize,
    pub(crate) normalize: Option<Arc<Normalize>>,
    pub(crate) workers: usize,
    pub(crate) queue_bytes: usize,
    /// Memory of the largest batch so far, of this and earlier epochs: what one that is being
    /// prepared is taken to need. 0 if none is known.
    pub(crate) largest: Arc<AtomicUsize>,
}

impl Loader {
    pub(crate) fn batches_from(self, first: usize) -> BatchIter {
        let workers = self.workers.min(self.plan.batches.saturating_sub(first));
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                to_prepare: first,
                to_take: first,
                ready: BTreeMap::new(),
                bytes: 0,
                preparing: 0,
                closed: false,
            }),
            room: Condvar::new(),
            prepared: Condvar::new(),
            loader: self,
        });
        let spawn = |_| {
            let shared = shared.clone();
            std::thread::spawn(move || shared.work())
        };
        let threads = (0..workers).map(spawn).collect();
        BatchIter { shared, threads, waited: Duration::ZERO }
    }

    /// The items of a batch.
    pub(crate) fn items(&self, index: usize) -> &[usize] {
        let Plan { order, batch_size, .. } = &self.plan;
        &order[index * batch_size..((index + 1) * batch_size).min(order.len())]
    }

    fn sample(&self, item: usize) -> Result<Sample> {
        self.samples.sample(item, &mut item_generator(self.seed, self.epoch, item))
    }

    /// An item as it is in its batch; a panic is an error.
    pub(crate) fn sample_safely(&self, item: usize) -> Result<Sample> {
        safely(|| self.sample(item))
    }

    fn prepare(&self, index: usize) -> Result<Batch> {
        let items = self.items(index);
        let samples = items.iter().map(|&item| self.sample(item)).collect::<Result<Vec<_>>>()?;
        let (mut inputs, mut targets) = self.samples.collate(samples)?;
        if let Some(normalize) = &self.normalize {
            normalize.apply_to(&mut inputs, &mut targets)?;
        }
        Ok(Batch { inputs, targets, items: items.to_vec() })
    }

    /// [`prepare`](Self::prepare), with a panic as an error: a thread that is gone would leave the
    /// training step waiting.
    fn prepare_safely(&self, index: usize) -> Result<Batch> {
        safely(|| self.prepare(index))
    }
}

/// Runs what may panic, and makes an error of it if it does.
pub(crate) fn safely<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Error::Worker { reason: text.unwrap_or_else(|| "for no reason given".into()) })
    })
}

struct Queue {
    /// The next batch that nobody prepares yet.
    to_prepare: usize,
    /// The next batch that is asked for.
    to_take: usize,
    ready: BTreeMap<usize, Result<Batch>>,
    /// Memory of the batches that are ready.
    bytes: usize,
    /// How many batches are being prepared.
    preparing: usize,
    closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    room: Condvar,
    prepared: Condvar,
    loader: Loader,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held; if something did, its numbers are still right.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(index) = self.next_to_prepare() {
            let batch = self.loader.prepare_safely(index);
            let mut queue = self.queue();
            queue.preparing -= 1;
            queue.bytes += bytes(&batch);
            let known = self.loader.largest.fetch_max(bytes(&batch), Ordering::Relaxed);
            queue.ready.insert(index, batch);
            drop(queue);
            self.prepared.notify_all();
            if known == 0 {
                // The others have waited for a first batch to be measured.
                self.room.notify_all();
            }
        }
    }

    /// The number of a batch to prepare, as soon as there is room for it.
    fn next_to_prepare(&self) -> Option<usize> {
        let mut queue = self.queue();
        loop {
            if queue.closed || queue.to_prepare >= self.loader.plan.batches {
                return None;
            }
            // The batch that is waited for is always prepared, however full the queue is.
            let each = self.loader.largest.load(Ordering::Relaxed);
            let expected = queue.bytes + (queue.preparing + 1) * each;
            let fits = each > 0 && expected <= self.loader.queue_bytes;
            if fits || queue.to_prepare == queue.to_take {
                queue.to_prepare += 1;
                queue.preparing += 1;
                return Some(queue.to_prepare - 1);
            }
            queue = self.room.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next batch, prepared here and now.
    fn prepare_next(&self) -> Option<Result<Batch>> {
        let mut queue = self.queue();
        let index = queue.to_take;
        queue.to_take += 1;
        drop(queue);
        (index < self.loader.plan.batches).then(|| self.loader.prepare_safely(index))
    }

    /// The next batch, as soon as a thread has prepared it.
    fn take(&self) -> Option<Result<Batch>> {
        let mut queue = self.queue();
        let index = queue.to_take;
        if index >= self.loader.plan.batches {
            return None;
        }
        loop {
            if let Some(batch) = queue.ready.remove(&index) {
                queue.to_take += 1;
                queue.bytes -= bytes(&batch);
                drop(queue);
                self.room.notify_all();
                return Some(batch);
            }
            queue = self.prepared.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn bytes(batch: &Result<Batch>) -> usize {
    batch.as_ref().map_or(0, |batch| batch.inputs.bytes() + batch.targets.bytes())
}

/// Batches, in order, prepared ahead. Dropping it stops the threads.
pub struct BatchIter {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    waited: Duration,
}

impl BatchIter {
    /// How long batches were waited for, all in all.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl Iterator for BatchIter {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = Instant::now();
        let batch = match self.threads.is_empty() {
            true => self.shared.prepare_next(),
            false => self.shared.take(),
        };
        self.waited += start.elapsed();
        batch
    }
}

impl Drop for BatchIter {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.room.notify_all();
        for thread in self.threads.drain(..) {
            // A thread's panic has been reported as its batch's error.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::RngCore;

    use super::*;
    use crate::{Array, DataBunch, Sample, TargetKind};

    /// Items that are random, slow now and then, and can panic.
    struct Random {
        panics_at: Option<usize>,
    }

    impl Samples for Random {
        fn len(&self) -> usize {
            50
        }

        fn sample(&self, index: usize, rng: &mut dyn RngCore) -> Result<Sample> {
            assert_ne!(self.panics_at, Some(index), "item {index} is evil");
            if index.is_multiple_of(7) {
                std::thread::sleep(Duration::from_millis(1));
            }
            let input = Array::f32([2], vec![rng.next_u32() as f32, index as f32]);
            Ok(Sample { input, target: Array::i64([], vec![index as i64]) })
        }

        fn name(&self, index: usize) -> String {
            index.to_string()
        }

        fn label(&self, index: usize) -> String {
            index.to_string()
        }

        fn check(&self, _: usize) -> Result<()> {
            Ok(())
        }

        fn pick(&self, _: &[usize]) -> Arc<dyn Samples> {
            unimplemented!("not asked for")
        }
    }

    fn data(workers: usize, queue_bytes: usize, panics_at: Option<usize>) -> DataBunch {
        let samples = Arc::new(Random { panics_at });
        let options = BatchOptions {
            batch_size: 4,
            workers,
            seed: 9,
            queue_bytes,
            ..BatchOptions::default()
        };
        DataBunch::from_samples(samples.clone(), samples, TargetKind::Array, options).unwrap()
    }

    fn batches(workers: usize, queue_bytes: usize, epoch: usize, first: usize) -> Vec<Batch> {
        data(workers, queue_bytes, None).train_batches(epoch, first).map(Result::unwrap).collect()
    }

    #[test]
    fn any_number_of_workers_gives_the_same_batches() {
        let alone = batches(0, 0, 3, 0);
        assert_eq!(alone.len(), 12);
        for workers in [1, 2, 3, 8] {
            for queue_bytes in [0, 100, 1 << 20] {
                assert_eq!(
                    batches(workers, queue_bytes, 3, 0),
                    alone,
                    "{workers} workers, {queue_bytes} bytes"
                );
            }
        }
    }

    #[test]
    fn starting_late_skips_and_changes_nothing() {
        let all = batches(2, 1 << 20, 1, 0);
        assert_eq!(batches(2, 1 << 20, 1, 5), all[5..]);
        assert_eq!(batches(0, 1 << 20, 1, 11), all[11..]);
        assert!(batches(2, 1 << 20, 1, 99).is_empty());
    }

    #[test]
    fn every_epoch_has_an_order_and_draws_of_its_own() {
        let (first, second) = (batches(0, 0, 0, 0), batches(0, 0, 1, 0));
        assert_ne!(first[0].items, second[0].items);
        let mut items: Vec<usize> = first.iter().flat_map(|batch| batch.items.clone()).collect();
        items.sort_unstable();
        items.dedup();
        assert_eq!(items.len(), 48, "each item at most once, two dropped");
    }

    #[test]
    fn a_panic_in_a_worker_is_an_error_of_its_batch() {
        let mut iter = data(2, 1 << 20, Some(5)).valid_batches();
        assert!(iter.next().unwrap().is_ok());
        let error = iter.next().unwrap().unwrap_err();
        assert!(error.to_string().contains("item 5 is evil"), "{error}");
    }

    /// Batches of one item of 4 kB each, counted when they are prepared.
    struct Counted(AtomicUsize);

    impl Samples for Counted {
        fn len(&self) -> usize {
            60
        }

        fn sample(&self, _: usize, _: &mut dyn RngCore) -> Result<Sample> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(Sample {
                input: Array::f32([1024], vec![0.0; 1024]),
                target: Array::i64([], vec![0]),
            })
        }

        fn name(&self, index: usize) -> String {
            index.to_string()
        }

        fn label(&self, index: usize) -> String {
            index.to_string()
        }

        fn check(&self, _: usize) -> Result<()> {
            Ok(())
        }

        fn pick(&self, _: &[usize]) -> Arc<dyn Samples> {
            unimplemented!("not asked for")
        }
    }

    #[test]
    fn no_more_is_prepared_than_the_bytes_allow() {
        let samples = Arc::new(Counted(AtomicUsize::new(0)));
        let options = BatchOptions {
            batch_size: 1,
            workers: 8,
            queue_bytes: 3 * 5000,
            no_check: true,
            ..BatchOptions::default()
        };
        let set: Arc<dyn Samples> = samples.clone();
        let data = DataBunch::from_samples(set.clone(), set, TargetKind::Array, options).unwrap();
        let mut batches = data.train_batches(0, 0);
        for taken in 0..10 {
            std::thread::sleep(Duration::from_millis(3));
            let prepared = samples.0.load(Ordering::SeqCst);
            assert!(prepared <= taken + 3, "{prepared} prepared, {taken} taken");
            batches.next().unwrap().unwrap();
        }
        assert_eq!(batches.count(), 50, "and none is lost for it");
    }

    #[test]
    fn leaving_early_stops_the_threads() {
        let mut iter = data(8, 0, None).train_batches(0, 0);
        iter.next();
        let start = Instant::now();
        drop(iter);
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}
