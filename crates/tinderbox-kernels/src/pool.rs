//! A fork-join pool: one loop at a time, divided among threads that wait nearby.
//!
//! A training step has a few hundred loops of some tens of microseconds. Threads that went to
//! sleep after each would spend as long waking up, so they look for the next loop for a moment
//! before they park. The caller takes part.

use std::{
    cell::{Cell, UnsafeCell},
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    thread::Thread,
};

/// How often a thread looks for the next loop before it parks: about 100 µs.
const SPINS: u32 = 4000;

/// Set while a loop is open; the other bits count the threads inside it.
const OPEN: u32 = 1 << 31;

/// How many threads loops are divided among, the caller included.
static THREADS: OnceLock<usize> = OnceLock::new();

type Body<'a> = &'a (dyn Fn(usize) + Sync);

struct Pool {
    /// Counts the loops; a change tells the workers of a new one.
    epoch: AtomicU64,
    gate: AtomicU32,
    /// The next block that nobody has taken.
    next: AtomicUsize,
    job: UnsafeCell<Option<(Body<'static>, usize)>>,
    /// Held by the one loop that runs.
    lock: Mutex<()>,
    panicked: AtomicBool,
    workers: OnceLock<Vec<Worker>>,
}

struct Worker {
    thread: Thread,
    parked: std::sync::Arc<AtomicBool>,
}

// SAFETY: `job` is written only while the lock is held and the gate is shut, and read only between
// entering the gate and leaving it; everything else is atomic.
unsafe impl Sync for Pool {}

static POOL: Pool = Pool {
    epoch: AtomicU64::new(0),
    gate: AtomicU32::new(0),
    next: AtomicUsize::new(0),
    job: UnsafeCell::new(None),
    lock: Mutex::new(()),
    panicked: AtomicBool::new(false),
    workers: OnceLock::new(),
};

thread_local! {
    /// Whether this thread is inside a loop: one within it runs on this thread alone.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Sets how many threads loops are divided among. Only the first call counts, and only before the
/// first loop; says whether it was that.
pub fn set_threads(threads: usize) -> bool {
    THREADS.set(threads.max(1)).is_ok()
}

/// How many threads loops are divided among: as many as there are cores, unless it was set.
///
/// Two threads on one core would wait for the same arithmetic units.
pub fn threads() -> usize {
    *THREADS.get_or_init(|| {
        let allowed = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        physical_cores().map_or(allowed, |cores| cores.min(allowed))
    })
}

/// How many cores the machine has, where the system says which of its processors share one:
/// Linux does.
fn physical_cores() -> Option<usize> {
    let cpus = std::fs::read_dir("/sys/devices/system/cpu").ok()?.flatten();
    let siblings = |cpu: std::fs::DirEntry| {
        std::fs::read_to_string(cpu.path().join("topology/thread_siblings_list")).ok()
    };
    let cores: std::collections::BTreeSet<String> = cpus.filter_map(siblings).collect();
    (!cores.is_empty()).then_some(cores.len())
}

/// Runs `body` for every block in `0..blocks`, on several threads, in no particular order.
///
/// Blocks must not depend on each other. A loop within a block, or beside another one, runs on its
/// own thread alone.
///
/// # Panics
/// If `body` does, after all threads have left it.
pub fn for_each(blocks: usize, body: impl Fn(usize) + Sync) {
    let alone = blocks <= 1 || threads() == 1 || INSIDE.get();
    let guard = match alone {
        true => None,
        // Whoever held it panicked outside of it: nothing it guards is half done.
        false => match POOL.lock.try_lock() {
            Ok(guard) => Some(guard),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => {
                Some(PoisonError::into_inner(poisoned))
            }
            Err(std::sync::TryLockError::WouldBlock) => None,
        },
    };
    let Some(_guard) = guard else {
        (0..blocks).for_each(body);
        return;
    };
    let workers = POOL.workers.get_or_init(start_workers);
    let body: Body<'_> = &body;
    // SAFETY: no thread uses `body` after this function: it waits for the gate to be empty.
    let body: Body<'static> = unsafe { std::mem::transmute::<Body<'_>, Body<'static>>(body) };
    // SAFETY: the lock is held and the gate is shut, so nobody else reads or writes the job.
    unsafe { *POOL.job.get() = Some((body, blocks)) };
    POOL.panicked.store(false, Ordering::Relaxed);
    POOL.next.store(0, Ordering::Relaxed);
    POOL.gate.store(OPEN, Ordering::Release);
    POOL.epoch.fetch_add(1, Ordering::SeqCst);
    for worker in workers {
        if worker.parked.swap(false, Ordering::SeqCst) {
            worker.thread.unpark();
        }
    }
    let result = catch_unwind(AssertUnwindSafe(|| take_blocks(body, blocks)));
    POOL.gate.fetch_and(!OPEN, Ordering::AcqRel);
    while POOL.gate.load(Ordering::Acquire) != 0 {
        std::hint::spin_loop();
    }
    if let Err(panic) = result {
        resume_unwind(panic);
    }
    assert!(!POOL.panicked.load(Ordering::Relaxed), "a kernel panicked on another thread");
}

/// Runs blocks until there are none left.
fn take_blocks(body: Body<'_>, blocks: usize) {
    INSIDE.set(true);
    let leave = Leave;
    loop {
        let block = POOL.next.fetch_add(1, Ordering::Relaxed);
        if block >= blocks {
            break;
        }
        body(block);
    }
    drop(leave);
}

/// Says that the thread is outside again, also when it unwinds.
struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}

fn start_workers() -> Vec<Worker> {
    let start = |_| {
        let parked = std::sync::Arc::new(AtomicBool::new(false));
        let mine = parked.clone();
        let handle = std::thread::Builder::new()
            .name("tinderbox-kernels".into())
            .spawn(move || work(&mine))
            .expect("a thread can be started");
        Worker { thread: handle.thread().clone(), parked }
    };
    (1..threads()).map(start).collect()
}

fn work(parked: &AtomicBool) -> ! {
    let mut seen = 0;
    loop {
        seen = wait_for_loop(seen, parked);
        if !enter() {
            continue;
        }
        // SAFETY: the gate was open when this thread entered, and it stays inside until it leaves
        // below, so the job is not written meanwhile.
        let job = unsafe { *POOL.job.get() };
        let (body, blocks) = job.expect("an open gate has a job");
        if catch_unwind(AssertUnwindSafe(|| take_blocks(body, blocks))).is_err() {
            POOL.panicked.store(true, Ordering::Relaxed);
        }
        POOL.gate.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Waits until the count of loops is not `seen` any more, and returns it.
fn wait_for_loop(seen: u64, parked: &AtomicBool) -> u64 {
    let mut spins = 0;
    loop {
        let epoch = POOL.epoch.load(Ordering::Acquire);
        if epoch != seen {
            return epoch;
        }
        std::hint::spin_loop();
        spins += 1;
        if spins > SPINS {
            parked.store(true, Ordering::SeqCst);
            if POOL.epoch.load(Ordering::SeqCst) == seen {
                std::thread::park();
            }
            parked.store(false, Ordering::SeqCst);
            spins = 0;
        }
    }
}

/// Counts this thread in, if the gate is open.
fn enter() -> bool {
    let inside = |gate: u32| (gate & OPEN != 0).then_some(gate + 1);
    POOL.gate.fetch_update(Ordering::AcqRel, Ordering::Acquire, inside).is_ok()
}

/// Calls `body` with each block's number and its part of `out`: `size` elements, fewer in the last.
///
/// # Panics
/// If `size` is 0.
pub fn for_each_chunk(out: &mut [f32], size: usize, body: impl Fn(usize, &mut [f32]) + Sync) {
    assert!(size > 0, "chunks of nothing");
    let (len, start) = (out.len(), Shared::new(out.as_mut_ptr()));
    for_each(len.div_ceil(size), |block| {
        let from = block * size;
        let length = size.min(len - from);
        // SAFETY: blocks are disjoint parts of `out`, which is borrowed for the whole loop.
        let chunk = unsafe { start.slice(from, length) };
        body(block, chunk);
    });
}

/// A pointer that threads may share; they write to disjoint places.
#[derive(Clone, Copy)]
pub(crate) struct Shared(*mut f32);

// SAFETY: whoever reads or writes through it says why no other thread does so there.
unsafe impl Sync for Shared {}

impl Shared {
    pub(crate) fn new(start: *mut f32) -> Self {
        Self(start)
    }

    /// Where the number with this index lies.
    #[inline(always)]
    pub(crate) fn at(self, index: usize) -> *mut f32 {
        self.0.wrapping_add(index)
    }

    /// This much memory from an index on, whatever is in it.
    ///
    /// # Safety
    /// It lies inside what is allocated, and nobody else reads or writes it meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn slice_uninit<'a>(
        self,
        from: usize,
        len: usize,
    ) -> &'a mut [MaybeUninit<f32>] {
        // SAFETY: the caller's.
        unsafe { std::slice::from_raw_parts_mut(self.at(from).cast(), len) }
    }

    /// This many numbers from an index on.
    ///
    /// # Safety
    /// They lie inside the memory, hold numbers, and nobody else reads or writes them meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn slice<'a>(self, from: usize, len: usize) -> &'a mut [f32] {
        // SAFETY: the caller's.
        unsafe { std::slice::from_raw_parts_mut(self.at(from), len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_runs_once() {
        for blocks in [0, 1, 2, 7, 1000] {
            let counts: Vec<AtomicUsize> = (0..blocks).map(|_| AtomicUsize::new(0)).collect();
            for_each(blocks, |block| _ = counts[block].fetch_add(1, Ordering::Relaxed));
            assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
        }
    }

    #[test]
    fn there_is_no_thread_that_has_no_core() {
        let allowed = std::thread::available_parallelism().unwrap().get();
        assert!((1..=allowed).contains(&threads()));
    }

    #[test]
    fn chunks_cover_everything() {
        let mut out = vec![0.0; 10];
        for_each_chunk(&mut out, 4, |block, chunk| chunk.fill(block as f32));
        assert_eq!(out, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0]);
    }

    #[test]
    fn a_loop_within_a_loop_runs() {
        let total = AtomicUsize::new(0);
        for_each(4, |_| for_each(4, |_| _ = total.fetch_add(1, Ordering::Relaxed)));
        assert_eq!(total.load(Ordering::Relaxed), 16);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        for _ in 0..3 {
            let result = catch_unwind(|| for_each(64, |block| assert!(block != 33, "block 33")));
            assert!(result.is_err());
            every_block_runs_once();
        }
    }

    #[test]
    fn many_callers_at_once_are_all_served() {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..200).for_each(|_| every_block_runs_once()));
            }
        });
    }
}
