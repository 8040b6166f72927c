//! Rows into columns: how weights come into the panels that a product reads.

use super::PANEL;
use crate::simd::{LANES, Simd, multiversion};

/// Where the numbers of a panel lie before they are turned.
///
/// Lane `l` of the panel is a row of memory that starts at `l * lane`. In it are `runs` runs of
/// `len` numbers, each `run` behind the last. The numbers of a run are `taps.len()` for each of
/// some channels: number `q` of run `r` is of tap `q % taps.len()` and channel
/// `r + q / taps.len()`.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub lane: usize,
    pub lanes: usize,
    pub runs: usize,
    pub run: usize,
    pub len: usize,
    /// For each tap, the panel's row for its first channel; none where it is not wanted. The rows
    /// of the other channels follow.
    pub taps: &'a [Option<usize>],
}

impl Rows<'_> {
    /// Writes the panel, zeros in the lanes behind the last.
    ///
    /// # Panics
    /// If the numbers are not all in `from`, or the rows not in `panel`.
    pub(crate) fn turn(self, from: &[f32], panel: &mut [f32]) {
        if self.runs == 0 || self.len == 0 || self.lanes == 0 {
            return;
        }
        let last = (self.lanes - 1) * self.lane + (self.runs - 1) * self.run + self.len;
        assert!(self.lanes <= PANEL && from.len() >= last, "the rows lie in the numbers");
        let channels = (self.runs - 1) + self.len.div_ceil(self.taps.len());
        let most = self.taps.iter().flatten().max().map_or(0, |first| first + channels);
        assert!(panel.len() >= most * PANEL, "the panel has all rows");
        turn(self, from, panel);
    }
}

multiversion! {
    fn turn(rows: Rows<'_>, from: &[f32], panel: &mut [f32]) = turn_body::<S>(rows, from, panel)
}

#[inline(always)]
fn turn_body<S: Simd>(rows: Rows<'_>, from: &[f32], panel: &mut [f32]) {
    let Rows { lane, lanes, runs, run, len, taps } = rows;
    for half in [0, LANES] {
        let count = lanes.saturating_sub(half).min(LANES);
        for r in 0..runs {
            let (mut channel, mut tap) = (r, 0);
            for q in (0..len).step_by(LANES) {
                let width = (len - q).min(LANES);
                // SAFETY: `Rows::turn` checked that these numbers and rows are there; this is
                // compiled for the path that runs.
                unsafe {
                    let mut square = [S::zero(); LANES];
                    for l in 0..count {
                        let at = (half + l) * lane + r * run + q;
                        square[l] = S::load_up_to(from.as_ptr().add(at), width);
                    }
                    S::transpose(&mut square);
                    for row in square.iter().take(width) {
                        if let Some(first) = taps[tap] {
                            let to = panel.as_mut_ptr().add((first + channel) * PANEL + half);
                            S::store(to, *row);
                        }
                        tap += 1;
                        if tap == taps.len() {
                            (channel, tap) = (channel + 1, 0);
                        }
                    }
                }
            }
        }
    }
}
