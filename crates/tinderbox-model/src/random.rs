//! Random numbers that follow from a seed, whatever else the process does.
//!
//! The generator of a device is one for the whole process: two trainings at the same time would
//! take numbers from each other, and each kind of device has others. Within [`seeded`] all that
//! this crate draws comes from a generator of the thread's own, on the host, and is the same on
//! every device.

use std::cell::{Cell, RefCell};

use burn::tensor::{Device, Distribution, Tensor, TensorData};
use rand_burn::{SeedableRng, rngs::StdRng};

thread_local! {
    static GENERATOR: RefCell<Option<StdRng>> = const { RefCell::new(None) };
    static BLANK: Cell<bool> = const { Cell::new(false) };
}

/// Runs `run`, in which [`tensor`] draws nothing: all of a tensor is one zero, whatever its shape, so
/// that a model takes no memory before its weights are loaded, and none if they are not its own.
///
/// It holds on this thread. Whatever held before holds again afterwards, also after a panic.
pub fn blank<T>(run: impl FnOnce() -> T) -> T {
    struct Before(bool);

    impl Drop for Before {
        fn drop(&mut self) {
            BLANK.set(self.0);
        }
    }

    let _before = Before(BLANK.replace(true));
    run()
}

/// Runs `run`, in which [`tensor`] draws what Burn's CPU device would after `device.seed(seed)`.
///
/// It holds on this thread. Whatever held before holds again afterwards, also after a panic.
///
/// # Example
/// ```
/// use burn::tensor::Device;
/// use tinderbox_model::{layer::Linear, random};
///
/// let device = Device::flex();
/// let start = || Linear::new(4, 3, &device).weight.val().into_data();
/// assert_eq!(random::seeded(7, start), random::seeded(7, start));
/// ```
pub fn seeded<T>(seed: u64, run: impl FnOnce() -> T) -> T {
    struct Before(Option<StdRng>);

    impl Drop for Before {
        fn drop(&mut self) {
            GENERATOR.replace(self.0.take());
        }
    }

    let _before = Before(GENERATOR.replace(Some(StdRng::seed_from_u64(seed))));
    run()
}

/// Random numbers: those of the seed within [`seeded`], elsewhere the device's.
///
/// A layer that draws in its forward pass draws from here, so that a fit that goes on from a
/// checkpoint sees the same numbers.
pub fn tensor<const D: usize>(
    shape: [usize; D],
    distribution: Distribution,
    device: &Device,
) -> Tensor<D> {
    if BLANK.get() {
        return Tensor::<D>::zeros([1; D], device).expand(shape);
    }
    let drawn = GENERATOR.with_borrow_mut(|generator| {
        let generator = generator.as_mut()?;
        Some(TensorData::random::<f32, _, _>(shape, distribution, generator))
    });
    match drawn {
        Some(data) => Tensor::from_data(data, device),
        None => Tensor::random(shape, distribution, device),
    }
}

#[cfg(test)]
mod tests {
    use std::{panic, thread};

    use super::*;

    const DISTRIBUTIONS: [Distribution; 4] = [
        Distribution::Default,
        Distribution::Uniform(-0.5, 2.0),
        Distribution::Normal(1.0, 3.0),
        Distribution::Bernoulli(0.3),
    ];

    fn values(tensor: Tensor<2>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    fn draw() -> Vec<f32> {
        let device = Device::flex();
        DISTRIBUTIONS.iter().flat_map(|of| values(tensor([5, 7], *of, &device))).collect()
    }

    #[test]
    fn a_blank_tensor_takes_no_memory() {
        let device = Device::flex();
        // Four petabytes.
        let dims = blank(|| tensor([1 << 25, 1 << 25], DISTRIBUTIONS[0], &device).dims());
        assert_eq!(dims, [1 << 25, 1 << 25]);
        let sum = |draw: Vec<f32>| draw.iter().map(|value| value.abs()).sum::<f32>();
        assert_eq!(sum(blank(draw)), 0.0);
        assert!(sum(draw()) > 0.0);
    }

    /// Other tests draw from the same device, which may come between its seed and its numbers:
    /// then it is asked again.
    #[test]
    fn the_numbers_are_those_of_the_cpu_device() {
        let device = Device::flex();
        let ours = seeded(11, draw);
        let device_gives_ours = || {
            device.seed(11);
            let random = |of: &Distribution| values(Tensor::random([5, 7], *of, &device));
            DISTRIBUTIONS.iter().flat_map(random).collect::<Vec<f32>>() == ours
        };
        assert!((0..1000).any(|_| device_gives_ours()));
        let falls_back = || {
            device.seed(11);
            draw() == ours
        };
        assert!((0..1000).any(|_| falls_back()), "without a seed they are the device's");
    }

    #[test]
    fn threads_do_not_disturb_each_other() {
        let many = || seeded(3, || (0..50).map(|_| draw()).collect::<Vec<_>>());
        let alone = many();
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(many)).collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap() == alone));
    }

    #[test]
    fn a_scope_within_another_leaves_it_as_it_was() {
        let two = seeded(1, || [draw(), draw()]);
        let around_others = seeded(1, || {
            let first = draw();
            seeded(2, draw);
            panic::catch_unwind(|| seeded(2, || panic!("within"))).unwrap_err();
            [first, draw()]
        });
        assert_eq!(around_others, two);
    }
}
