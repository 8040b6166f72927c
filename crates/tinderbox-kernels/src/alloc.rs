//! A global allocator that keeps large blocks of memory for the next who asks.
//!
//! A training step asks for the same maps again and again. The system's allocator hands large
//! blocks back at once, and each new one comes page by page, zeroed, at the first touch: on small
//! networks that takes as long as the arithmetic.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    ptr::null_mut,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Smaller blocks are the system allocator's, which is good at them.
const LARGE: usize = 1 << 15;
/// Sizes between two powers of two.
const STEPS: usize = 8;
/// Sizes that there are.
const SIZES: usize = STEPS * 24;
/// Where blocks begin: at a cache line.
const ALIGN: usize = 64;

/// The allocator. It never holds more than was in use at one moment before, up to an eighth for
/// rounding.
///
/// # Example
/// A program takes it with one line:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: tinderbox_kernels::Pooled = tinderbox_kernels::Pooled::new();
/// # fn main() { assert_eq!(vec![1u8; 1 << 20].len(), 1 << 20); }
/// ```
#[derive(Debug)]
pub struct Pooled {
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    /// For each size, the first of a list of free blocks; each block holds where the next one is.
    free: [*mut u8; SIZES],
    /// Bytes of all free blocks.
    free_bytes: usize,
    /// Bytes of all blocks in use, and the most there were.
    used: usize,
    most: usize,
}

// SAFETY: the free blocks are nobody's but the list's.
unsafe impl Send for Kept {}

impl Default for Pooled {
    fn default() -> Self {
        Self::new()
    }
}

/// The number of a size, and the bytes of its blocks.
fn size_class(bytes: usize) -> (usize, usize) {
    let power = bytes.ilog2();
    let step = 1 << (power - STEPS.ilog2());
    let rounded = bytes.next_multiple_of(step);
    let power = rounded.ilog2();
    let at =
        (power - LARGE.ilog2()) as usize * STEPS + (rounded >> (power - STEPS.ilog2())) - STEPS;
    (at, rounded)
}

fn is_large(layout: &Layout) -> bool {
    (LARGE..1 << 38).contains(&layout.size()) && layout.align() <= ALIGN
}

// Blocks begin at cache lines.
#[allow(clippy::cast_ptr_alignment)]
impl Pooled {
    /// With nothing in it.
    pub const fn new() -> Self {
        let free = [null_mut(); SIZES];
        Self { kept: Mutex::new(Kept { free, free_bytes: 0, used: 0, most: 0 }) }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Nothing panics while it is held.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block of this size; whether it is fresh, and of zeros then if that is asked for.
    fn take(&self, bytes: usize, zeroed: bool) -> (*mut u8, bool) {
        let (at, bytes) = size_class(bytes);
        let mut kept = self.lock();
        kept.used += bytes;
        kept.most = kept.most.max(kept.used);
        let first = kept.free[at];
        if !first.is_null() {
            // SAFETY: a free block holds where the next one is.
            kept.free[at] = unsafe { first.cast::<*mut u8>().read() };
            kept.free_bytes -= bytes;
            return (first, false);
        }
        let bound = kept.most;
        kept.shrink(bound);
        drop(kept);
        // SAFETY: the size is not 0, and the alignment a power of two.
        let block = unsafe {
            let layout = Layout::from_size_align_unchecked(bytes, ALIGN);
            if zeroed { System.alloc_zeroed(layout) } else { System.alloc(layout) }
        };
        match block.is_null() {
            true => self.lock().used -= bytes,
            false => prefer_large_pages(block, bytes),
        }
        (block, true)
    }

    fn give(&self, block: *mut u8, bytes: usize) {
        let (at, bytes) = size_class(bytes);
        let mut kept = self.lock();
        kept.used -= bytes;
        // SAFETY: the block is free now, and larger than a pointer.
        unsafe { block.cast::<*mut u8>().write(kept.free[at]) };
        kept.free[at] = block;
        kept.free_bytes += bytes;
    }
}

// As above.
#[allow(clippy::cast_ptr_alignment)]
impl Kept {
    /// Hands free blocks back, the largest first, until all that is held is no more than `most`.
    fn shrink(&mut self, most: usize) {
        for at in (0..SIZES).rev() {
            while self.used + self.free_bytes > most && !self.free[at].is_null() {
                let block = self.free[at];
                let bytes = (STEPS + at % STEPS) << (LARGE.ilog2() as usize - 3 + at / STEPS);
                // SAFETY: a free block of this size holds where the next one is; nobody has it.
                unsafe {
                    self.free[at] = block.cast::<*mut u8>().read();
                    System.dealloc(block, Layout::from_size_align_unchecked(bytes, ALIGN));
                }
                self.free_bytes -= bytes;
            }
        }
    }
}

// SAFETY: a block is of its size's class, at least as large as asked for and aligned to a cache
// line; it is in one list or in use. All else is the system's allocator.
unsafe impl GlobalAlloc for Pooled {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match is_large(&layout) {
            true => self.take(layout.size(), false).0,
            // SAFETY: the caller's.
            false => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !is_large(&layout) {
            // SAFETY: the caller's.
            return unsafe { System.alloc_zeroed(layout) };
        }
        let (block, fresh) = self.take(layout.size(), true);
        if !fresh {
            // SAFETY: the block is at least as large, and nobody else's.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match is_large(&layout) {
            true => self.give(block, layout.size()),
            // SAFETY: the caller's; it came from there.
            false => unsafe { System.dealloc(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's: the size is valid for this alignment.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (is_large(&layout), is_large(&new)) {
            // SAFETY: the caller's; it came from there and stays there.
            (false, false) => unsafe { System.realloc(block, layout, size) },
            (true, true) if size_class(layout.size()) == size_class(size) => block,
            _ => {
                // SAFETY: the caller's; both blocks hold the smaller of the two sizes.
                unsafe {
                    let moved = self.alloc(new);
                    if !moved.is_null() {
                        moved.copy_from_nonoverlapping(block, layout.size().min(size));
                        self.dealloc(block, layout);
                    }
                    moved
                }
            }
        }
    }
}

/// Tells the system that fresh memory is used as a whole, where it wants to be
/// asked: its first use then costs one interruption for 2 MB in place of 512.
fn prefer_large_pages(start: *mut u8, bytes: usize) {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        use std::ffi::{c_int, c_void};

        unsafe extern "C" {
            fn madvise(start: *mut c_void, len: usize, advice: c_int) -> c_int;
        }
        /// `MADV_HUGEPAGE` of Linux.
        const LARGE_PAGES: c_int = 14;
        const PAGE: usize = 4096;
        /// Below a few large pages there is nothing to gain.
        const ENOUGH: usize = 4 << 20;

        let skipped = start.align_offset(PAGE);
        if bytes >= ENOUGH && skipped < PAGE {
            let first = start.wrapping_byte_add(skipped).cast();
            // SAFETY: whole pages inside an allocation of ours; the advice changes no contents,
            // and a system that does not know it says no.
            unsafe { madvise(first, (bytes - skipped) / PAGE * PAGE, LARGE_PAGES) };
        }
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = (start, bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, 4).unwrap()
    }

    #[test]
    fn sizes_are_rounded_by_an_eighth_at_most_and_told_apart() {
        let mut last = (0, LARGE);
        for bytes in (LARGE..LARGE * 20).step_by(999) {
            let (at, rounded) = size_class(bytes);
            assert!(rounded >= bytes && rounded <= bytes + bytes / 8, "{bytes} {rounded}");
            assert_eq!(rounded, (STEPS + at % STEPS) << (12 + at / STEPS), "{bytes}");
            assert!(at >= last.0 && (at > last.0) == (rounded > last.1));
            last = (at, rounded);
        }
    }

    #[test]
    fn a_block_that_was_freed_is_used_again() {
        let pool = Pooled::new();
        // SAFETY: each block is freed once, by its layout, and written inside.
        unsafe {
            let a = pool.alloc(layout(100_000));
            a.write_bytes(7, 100_000);
            pool.dealloc(a, layout(100_000));
            let b = pool.alloc_zeroed(layout(100_001));
            assert_eq!(a, b);
            assert!((0..100_001).all(|i| b.add(i).read() == 0));
            let c = pool.realloc(b, layout(100_001), 100_010);
            assert_eq!(b, c);
            c.add(100_009).write(5);
            let d = pool.realloc(c, layout(100_010), 300_000);
            assert_eq!(d.add(100_009).read(), 5);
            let e = pool.realloc(d, layout(300_000), 1000);
            pool.dealloc(e, layout(1000));
        }
        let kept = pool.lock();
        assert_eq!(kept.used, 0);
        assert!(kept.free_bytes > 0);
    }

    #[test]
    fn it_never_holds_more_than_was_in_use_at_once() {
        let pool = Pooled::new();
        // SAFETY: each block is freed once, by its layout.
        unsafe {
            let blocks: Vec<_> = (0..10).map(|_| pool.alloc(layout(1 << 20))).collect();
            for block in blocks {
                pool.dealloc(block, layout(1 << 20));
            }
            assert_eq!(pool.lock().free_bytes, 10 << 20);
            // Of another size: what is kept makes room.
            let other = pool.alloc(layout(6 << 20));
            assert_eq!(pool.lock().free_bytes, 4 << 20);
            pool.dealloc(other, layout(6 << 20));
        }
        let mut kept = pool.lock();
        assert_eq!((kept.most, kept.free_bytes), (10 << 20, 10 << 20));
        kept.shrink(0);
        assert_eq!(kept.free_bytes, 0);
    }
}
