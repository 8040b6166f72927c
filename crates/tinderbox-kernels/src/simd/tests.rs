use super::*;

multiversion! {
    /// Each function of [`Simd`] on the first `count` numbers of two rows of sixteen.
    fn every_function(a: &[f32], b: &[f32], count: usize, out: &mut Vec<f32>) = {
        let mut put = |value: <S as Simd>::V| {
            let mut lanes = [7.0; 2 * LANES];
            // SAFETY: `count` is at most LANES, and there is room for twice as many.
            unsafe { S::store_up_to(lanes.as_mut_ptr(), value, count) };
            out.extend(lanes);
        };
        assert!(a.len() >= LANES && b.len() >= LANES);
        // SAFETY: both hold LANES numbers; this is compiled for the path that runs.
        unsafe {
            let (a, b) = (S::load_up_to(a.as_ptr(), count), S::load(b.as_ptr()));
            put(a);
            put(S::add(a, b));
            put(S::sub(a, b));
            put(S::mul(a, b));
            put(S::div(a, b));
            put(S::fma(a, b, a));
            put(S::max(a, b));
            put(S::min(a, b));
            put(S::relu(a));
            put(S::where_positive(a, b));
            put(S::exp2_whole(b));
        }
    }
}

#[test]
fn every_path_gives_the_bits_of_the_plain_one() {
    let mut a: [f32; LANES] = std::array::from_fn(|i| (i as f32 - 7.3) * 1.7);
    let b: [f32; LANES] = std::array::from_fn(|i| i as f32 * 3.0 - 20.0);
    (a[3], a[5]) = (f32::NAN, -0.0);
    for count in 1..=LANES {
        let bits = |path| {
            force_path(path);
            let mut out = Vec::new();
            every_function(&a, &b, count, &mut out);
            out.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        let plain = bits(Path::Plain);
        for path in paths() {
            let found = bits(path);
            for (at, (found, plain)) in found.iter().zip(&plain).enumerate() {
                let (found, plain) = (f32::from_bits(*found), f32::from_bits(*plain));
                let same = found.to_bits() == plain.to_bits() || found.is_nan() && plain.is_nan();
                assert!(same, "{path:?}, function {}, {found} {plain}", at / (2 * LANES));
            }
        }
    }
    force_path(paths()[0]);
}

multiversion! {
    fn turned(numbers: &mut [f32; LANES * LANES]) = {
        // SAFETY: the rows lie inside the square; this is compiled for the path that runs.
        unsafe {
            let mut rows = [S::zero(); LANES];
            for r in 0..LANES {
                rows[r] = S::load(numbers.as_ptr().add(r * LANES));
            }
            S::transpose(&mut rows);
            for r in 0..LANES {
                S::store(numbers.as_mut_ptr().add(r * LANES), rows[r]);
            }
        }
    }
}

#[test]
fn every_path_turns_a_square() {
    let square: [f32; LANES * LANES] = std::array::from_fn(|i| i as f32);
    for path in paths() {
        force_path(path);
        let mut found = square;
        turned(&mut found);
        for (i, value) in found.iter().enumerate() {
            assert_eq!(*value, square[i % LANES * LANES + i / LANES], "{path:?}");
        }
    }
    force_path(paths()[0]);
}
