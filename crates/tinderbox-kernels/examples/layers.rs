#[global_allocator]
static ALLOCATOR: tinderbox_kernels::Pooled = tinderbox_kernels::Pooled::new();
use std::time::Instant;
use tinderbox_kernels::{Conv, conv::Finish};
fn best(mut f: impl FnMut()) -> f64 {
    f();
    let mut b = f64::MAX;
    let t0 = Instant::now();
    let mut n = 0;
    while n < 5 || (t0.elapsed().as_secs_f64() < 0.15) {
        let t = Instant::now();
        f();
        b = b.min(t.elapsed().as_secs_f64());
        n += 1;
    }
    b
}
fn main() {
    let list = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
    if std::env::args().nth(2).as_deref() == Some("exact") {
        tinderbox_kernels::conv::set_exact(true);
    }
    let mut total = 0.0;
    for line in list.lines() {
        let v: Vec<usize> = line.split_whitespace().map(|s| s.parse().unwrap()).collect();
        let [n, c, h, w, k, ks, s, p] = v[..8] else { panic!() };
        let conv = Conv {
            batch: n,
            height: h,
            width: w,
            in_channels: c,
            out_channels: k,
            kernel: [ks; 2],
            stride: [s; 2],
            padding: [p; 2],
            dilation: [1; 2],
            groups: 1,
        };
        let [x, wt, y] =
            conv.lens().map(|n| (0..n).map(|i| (i % 17) as f32 * 0.1 - 0.8).collect::<Vec<f32>>());
        let g = 2.0 * conv.multiplications() as f64 / 1e9;
        let f = best(|| {
            conv.forward(&x, &wt, Finish::default());
        });
        let bd = best(|| {
            conv.input_gradient(&y, &wt);
        });
        let bw = best(|| {
            conv.weight_gradient(&x, &y);
        });
        total += f + bd + bw;
        println!(
            "{line:40} ms {:7.3} {:7.3} {:7.3}  GF {:5.0} {:5.0} {:5.0}",
            f * 1e3,
            bd * 1e3,
            bw * 1e3,
            g / f,
            g / bd,
            g / bw
        );
    }
    println!("total {:.2} ms", total * 1e3);
}
