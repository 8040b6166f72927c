//! What a step does with its gates, number by number.
//!
//! All rows that these functions are given lie inside the layer's numbers, and no other thread has
//! those that they write.

use super::Rows;
use crate::{
    math,
    simd::{LANES, Simd, multiversion},
};

/// Calls `body` with each row, and with the column and the size of each vector in it.
#[inline(always)]
fn for_each_vector(rows: usize, hidden: usize, mut body: impl FnMut(usize, usize, usize)) {
    for row in 0..rows {
        for column in (0..hidden).step_by(LANES) {
            body(row, column, LANES.min(hidden - column));
        }
    }
}

impl Rows {
    /// The vector at this place.
    ///
    /// # Safety
    /// It lies inside.
    #[inline(always)]
    unsafe fn load<S: Simd>(self, [row, column, count]: [usize; 3]) -> S::V {
        // SAFETY: the caller's.
        unsafe { S::load_up_to(self.at(row, column), count) }
    }

    /// # Safety
    /// As [`load`](Self::load), and no other thread reads or writes it.
    #[inline(always)]
    unsafe fn store<S: Simd>(self, [row, column, count]: [usize; 3], value: S::V) {
        // SAFETY: the caller's.
        unsafe { S::store_up_to(self.at(row, column), value, count) }
    }
}

/// The slope of the logistic function, from its value.
///
/// # Safety
/// As [`Simd`]'s.
#[inline(always)]
unsafe fn sigmoid_slope<S: Simd>(y: S::V) -> S::V {
    // SAFETY: the caller's.
    unsafe { S::sub(y, S::mul(y, y)) }
}

/// The slope of the hyperbolic tangent, from its value.
///
/// # Safety
/// As [`Simd`]'s.
#[inline(always)]
unsafe fn tanh_slope<S: Simd>(y: S::V) -> S::V {
    // SAFETY: the caller's.
    unsafe { S::sub(S::splat(1.0), S::mul(y, y)) }
}

multiversion! {
    /// `to = from`
    pub(super) fn copy(from: Rows, to: Rows, rows: usize, hidden: usize) =
        for_each_vector(rows, hidden, |row, column, count| {
            let at = [row, column, count];
            // SAFETY: inside the rows; see the module.
            unsafe { to.store::<S>(at, from.load::<S>(at)) };
        })
}

multiversion! {
    /// `h = tanh(h)`
    pub(super) fn tanh(h: Rows, rows: usize, hidden: usize) =
        for_each_vector(rows, hidden, |row, column, count| {
            let at = [row, column, count];
            // SAFETY: inside the rows; see the module.
            unsafe { h.store::<S>(at, math::tanh::<S>(h.load::<S>(at))) };
        })
}

multiversion! {
    /// `h = relu(h)`
    pub(super) fn relu(h: Rows, rows: usize, hidden: usize) =
        for_each_vector(rows, hidden, |row, column, count| {
            let at = [row, column, count];
            // SAFETY: inside the rows; see the module.
            unsafe { h.store::<S>(at, S::relu(h.load::<S>(at))) };
        })
}

multiversion! {
    /// The gates' gradients, from the two parts of the output's.
    pub(super) fn tanh_backward(h: Rows, dh: [Rows; 2], d_gates: Rows, rows: usize, hidden: usize) =
        for_each_vector(rows, hidden, |row, column, count| {
            let at = [row, column, count];
            // SAFETY: inside the rows; see the module.
            unsafe {
                let d = S::add(dh[0].load::<S>(at), dh[1].load::<S>(at));
                d_gates.store::<S>(at, S::mul(d, tanh_slope::<S>(h.load::<S>(at))));
            }
        })
}

multiversion! {
    /// The gates' gradients, from the two parts of the output's.
    pub(super) fn relu_backward(h: Rows, dh: [Rows; 2], d_gates: Rows, rows: usize, hidden: usize) =
        relu_backward_body::<S>(h, dh, d_gates, rows, hidden)
}

#[inline(always)]
fn relu_backward_body<S: Simd>(h: Rows, dh: [Rows; 2], d_gates: Rows, rows: usize, hidden: usize) {
    for row in 0..rows {
        // SAFETY: inside the rows; see the module.
        let [h, a, b, to] = [h, dh[0], dh[1], d_gates]
            .map(|rows| unsafe { std::slice::from_raw_parts_mut(rows.at(row, 0), hidden) });
        for j in 0..hidden {
            to[j] = if h[j] <= 0.0 { 0.0 } else { a[j] + b[j] };
        }
    }
}

multiversion! {
    /// `gates` are what comes before the activation of `r`, `z` and `n`, the last without what it
    /// takes from the state, which is behind them; the activated ones take their place.
    pub(super) fn gru(gates: Rows, before: Rows, h: Rows, rows: usize, hidden: usize) =
        for_each_vector(rows, hidden, |row, column, count| {
            let at = [row, column, count];
            let gate = |gate: usize| gates.columns(gate * hidden);
            // SAFETY: inside the rows; see the module.
            unsafe {
                let r = math::sigmoid::<S>(gate(0).load::<S>(at));
                let z = math::sigmoid::<S>(gate(1).load::<S>(at));
                let from_state = gate(3).load::<S>(at);
                let n = math::tanh::<S>(S::fma(r, from_state, gate(2).load::<S>(at)));
                let y = S::fma(z, S::sub(before.load::<S>(at), n), n);
                gate(0).store::<S>(at, r);
                gate(1).store::<S>(at, z);
                gate(2).store::<S>(at, n);
                h.store::<S>(at, y);
            }
        })
}

multiversion! {
    /// The gates' gradients on the input's side and on the state's, and in `dh[0]` what goes to
    /// the output before past all gates.
    pub(super) fn gru_backward(
        gates: Rows,
        before: Rows,
        dh: [Rows; 2],
        d_gates: [Rows; 2],
        rows: usize,
        hidden: usize,
    ) = for_each_vector(rows, hidden, |row, column, count| {
        let at = [row, column, count];
        let gate = |gates: Rows, gate: usize| gates.columns(gate * hidden);
        // SAFETY: inside the rows; see the module.
        unsafe {
            let d = S::add(dh[0].load::<S>(at), dh[1].load::<S>(at));
            let r = gate(gates, 0).load::<S>(at);
            let z = gate(gates, 1).load::<S>(at);
            let n = gate(gates, 2).load::<S>(at);
            let from_state = gate(gates, 3).load::<S>(at);
            let dn = S::mul(S::mul(d, S::sub(S::splat(1.0), z)), tanh_slope::<S>(n));
            let dz = S::mul(S::mul(d, S::sub(before.load::<S>(at), n)), sigmoid_slope::<S>(z));
            let dr = S::mul(S::mul(dn, from_state), sigmoid_slope::<S>(r));
            for (side, dn) in d_gates.into_iter().zip([dn, S::mul(dn, r)]) {
                gate(side, 0).store::<S>(at, dr);
                gate(side, 1).store::<S>(at, dz);
                gate(side, 2).store::<S>(at, dn);
            }
            dh[0].store::<S>(at, S::mul(d, z));
        }
    })
}

multiversion! {
    /// `gates` are what comes before the activation of `i`, `f`, `g` and `o`; the activated ones
    /// take their place, and the cells come behind them.
    pub(super) fn lstm(gates: Rows, before: Rows, h: Rows, rows: usize, hidden: usize) =
        for_each_vector(rows, hidden, |row, column, count| {
            let at = [row, column, count];
            let gate = |gate: usize| gates.columns(gate * hidden);
            // SAFETY: inside the rows; see the module.
            unsafe {
                let i = math::sigmoid::<S>(gate(0).load::<S>(at));
                let f = math::sigmoid::<S>(gate(1).load::<S>(at));
                let g = math::tanh::<S>(gate(2).load::<S>(at));
                let o = math::sigmoid::<S>(gate(3).load::<S>(at));
                let c = S::fma(f, before.load::<S>(at), S::mul(i, g));
                for (at_gate, value) in [i, f, g, o, c].into_iter().enumerate() {
                    gate(at_gate).store::<S>(at, value);
                }
                h.store::<S>(at, S::mul(o, math::tanh::<S>(c)));
            }
        })
}

multiversion! {
    /// The gates' gradients; `dc` is that of the cells after the step and becomes that before it.
    pub(super) fn lstm_backward(
        gates: Rows,
        before: Rows,
        dh: [Rows; 2],
        dc: Rows,
        d_gates: Rows,
        rows: usize,
        hidden: usize,
    ) = for_each_vector(rows, hidden, |row, column, count| {
        let at = [row, column, count];
        let gate = |gates: Rows, gate: usize| gates.columns(gate * hidden);
        // SAFETY: inside the rows; see the module.
        unsafe {
            let d = S::add(dh[0].load::<S>(at), dh[1].load::<S>(at));
            let i = gate(gates, 0).load::<S>(at);
            let f = gate(gates, 1).load::<S>(at);
            let g = gate(gates, 2).load::<S>(at);
            let o = gate(gates, 3).load::<S>(at);
            let c = math::tanh::<S>(gate(gates, 4).load::<S>(at));
            let of_cell = S::fma(S::mul(d, o), tanh_slope::<S>(c), dc.load::<S>(at));
            let di = S::mul(S::mul(of_cell, g), sigmoid_slope::<S>(i));
            let df = S::mul(S::mul(of_cell, before.load::<S>(at)), sigmoid_slope::<S>(f));
            let dg = S::mul(S::mul(of_cell, i), tanh_slope::<S>(g));
            let d_o = S::mul(S::mul(d, c), sigmoid_slope::<S>(o));
            for (at_gate, value) in [di, df, dg, d_o].into_iter().enumerate() {
                gate(d_gates, at_gate).store::<S>(at, value);
            }
            dc.store::<S>(at, S::mul(of_cell, f));
        }
    })
}
