//! Channels of several maps side by side.

use std::ops::Range;

use crate::pool::for_each_chunk;

/// Numbers that one block of work is of.
const BLOCK: usize = 1 << 14;

/// The pixels of all parts, each part's channels behind the last one's. A part comes with the
/// number of its channels.
///
/// # Panics
/// If the slices are not of as many pixels.
pub fn concat(parts: &[(&[f32], usize)], out: &mut [f32]) {
    let channels: usize = parts.iter().map(|(_, channels)| channels).sum();
    let pixels = out.len() / channels.max(1);
    let lens = parts.iter().map(|(part, channels)| part.len() == pixels * channels);
    assert!(lens.fold(out.len() == pixels * channels, |all, fits| all && fits), "as many pixels");
    let rows = (BLOCK / channels.max(1)).max(1);
    for_each_chunk(out, (rows * channels).max(1), |block, out| {
        let mut first = 0;
        for (part, n) in parts.iter().filter(|(_, n)| *n > 0) {
            let part = part[block * rows * n..].chunks_exact(*n);
            for (out, part) in out.chunks_exact_mut(channels).zip(part) {
                out[first..first + n].copy_from_slice(part);
            }
            first += n;
        }
    });
}

/// Some channels of each pixel of a map with `channels`.
///
/// # Panics
/// If the slices are not of as many pixels.
pub fn take_channels(x: &[f32], channels: usize, taken: Range<usize>, out: &mut [f32]) {
    let n = taken.len();
    assert_eq!(x.len() * n, out.len() * channels, "as many pixels");
    let rows = (BLOCK / channels.max(1)).max(1);
    for_each_chunk(out, (rows * n).max(1), |block, out| {
        let x = x[block * rows * channels..].chunks_exact(channels);
        for (out, x) in out.chunks_exact_mut(n).zip(x) {
            out.copy_from_slice(&x[taken.clone()]);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    #[test]
    fn what_was_joined_comes_apart_again() {
        for pixels in [1, 2, 7, 3000] {
            for channels in [vec![1, 1], vec![3, 8], vec![8, 1, 17], vec![5, 16, 2, 9]] {
                let parts: Vec<Vec<f32>> =
                    channels.iter().enumerate().map(|(at, n)| noise(at, pixels * n)).collect();
                let total: usize = channels.iter().sum();
                let mut joined = vec![0.0; pixels * total];
                let pairs: Vec<(&[f32], usize)> =
                    parts.iter().map(Vec::as_slice).zip(channels.iter().copied()).collect();
                concat(&pairs, &mut joined);
                let mut first = 0;
                for (part, n) in parts.iter().zip(&channels) {
                    let mut out = vec![0.0; part.len()];
                    take_channels(&joined, total, first..first + n, &mut out);
                    assert_eq!(out, *part);
                    let last = (pixels - 1) * total + first;
                    assert_eq!(joined[last..last + n], part[(pixels - 1) * n..]);
                    first += n;
                }
            }
        }
    }
}
