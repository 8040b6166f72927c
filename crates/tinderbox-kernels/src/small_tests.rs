//! Each family of kernels once, on sizes that an interpreter can bear: what Miri runs.
//!
//! `cargo +nightly miri test -p tinderbox-kernels small_` with `MIRIFLAGS=-Zmiri-ignore-leaks`,
//! since the pool's threads never end. There is the plain path only.

use crate::{
    Conv,
    alloc::Pooled,
    conv::Finish,
    elementwise,
    gemm::{Packed, matmul, matmul_transposed},
    norm::{self, Relu},
    pool::for_each_chunk,
    testing::noise,
};

const CONV: Conv = Conv {
    batch: 2,
    height: 5,
    width: 4,
    in_channels: 3,
    out_channels: 5,
    kernel: [3, 3],
    stride: [1, 1],
    padding: [1, 1],
    dilation: [1, 1],
    groups: 1,
};

fn passes(conv: &Conv) {
    let [x, w, y] = conv.lens().map(|n| noise(n, n));
    let finish = Finish { add: Some(&y), relu: true, ..Finish::default() };
    assert!(conv.forward(&x, &w, finish).iter().all(|v| v.is_finite()));
    assert!(conv.input_gradient(&y, &w).iter().all(|v| v.is_finite()));
    assert!(conv.weight_gradient(&x, &y).iter().all(|v| v.is_finite()));
}

#[test]
fn small_convolutions_touch_what_is_theirs() {
    passes(&CONV);
    passes(&Conv { stride: [2, 3], ..CONV });
    passes(&Conv { groups: 2, dilation: [1, 2], in_channels: 2, out_channels: 4, ..CONV });
    passes(&Conv { kernel: [1, 1], padding: [0, 0], ..CONV });
    passes(&Conv { batch: 1, height: 3, width: 3, in_channels: 64, out_channels: 2, ..CONV });
}

/// Winograd's algorithms begin at 32 channels and 6 pixels.
#[test]
fn small_winograd_touches_what_is_its() {
    let channels = 32;
    let conv = Conv { batch: 1, height: 7, width: 6, ..CONV };
    passes(&Conv { in_channels: channels, out_channels: channels, ..conv });
}

#[test]
fn small_products_touch_what_is_theirs() {
    let (a, b) = (noise(1, 3 * 5), noise(2, 5 * 7));
    let c = matmul(&a, &Packed::from_rows(&b, 5, 7), Some(&noise(3, 7)));
    assert_eq!(c.len(), 21);
    assert_eq!(matmul_transposed(&noise(4, 6 * 3), &noise(5, 6 * 2), 3, 2).len(), 6);
}

#[test]
fn small_norms_and_sums_touch_what_is_theirs() {
    let (x, dy, channel) = (noise(1, 7 * 3), noise(2, 7 * 3), noise(3, 3));
    let statistics = norm::statistics(&x, 3);
    for relu in [Relu::None, Relu::Before, Relu::After] {
        let y = norm::normalize(&x, &statistics, &channel, &channel, 1e-5, relu);
        let g = norm::backward(&dy, &x, &statistics, &channel, &channel, 1e-5, relu);
        assert_eq!([y.len(), g.x.len(), g.weight.len()], [21, 21, 3]);
    }
    assert_eq!(elementwise::add(&x, &dy).len(), 21);
    assert_eq!(norm::channel_sums(&x, 3).len(), 3);
}

#[test]
fn small_loops_and_blocks_touch_what_is_theirs() {
    let mut out = vec![0.0; 40];
    for_each_chunk(&mut out, 7, |block, chunk| chunk.fill(block as f32));
    assert_eq!(out[39], 5.0);
    let pool = Pooled::new();
    let layout = std::alloc::Layout::from_size_align(40_000, 4).unwrap();
    // SAFETY: each block is freed once, by its layout.
    unsafe {
        use std::alloc::GlobalAlloc;
        for _ in 0..3 {
            let block = pool.alloc_zeroed(layout);
            block.add(39_999).write(1);
            pool.dealloc(block, layout);
        }
    }
}
