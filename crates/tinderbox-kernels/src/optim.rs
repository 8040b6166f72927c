//! A step of an optimizer: one pass over all parameters together.
//!
//! A model has many small parameters and some large ones. They are cut into blocks, and one loop
//! runs over the blocks of all. Each number is read once and written once. Products and sums are
//! rounded one by one, as in the formulas.

use crate::{parts::for_each_part, simd::multiversion};

/// Numbers of a parameter that one block of work is of.
const BLOCK: usize = 1 << 14;

/// What is done to a parameter and its gradient before the rule: `p = keep p`, or
/// `g = g + penalty p`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decay {
    /// 1 for none.
    pub keep: f32,
    /// 0 for none.
    pub penalty: f32,
}

/// How a gradient moves its parameter, with the factors of this step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// `m = kept[0] m + new[0] g`, `v = kept[1] v + new[1] g²`, `p = p - m / (√v / root + eps) rate`
    Adam { kept: [f32; 2], new: [f32; 2], root: f32, eps: f32, rate: f32 },
    /// `s = kept s + g`, or `s = g` in the first step; `p = p - s rate`
    Sgd { kept: Option<f32>, rate: f32 },
    /// `v = kept v + new g²`, `p = p - g / (√v + eps) rate`
    RmsProp { kept: f32, new: f32, eps: f32, rate: f32 },
}

/// A parameter in a step.
#[derive(Debug)]
pub struct Parameter<'a> {
    pub value: &'a mut [f32],
    pub gradient: &'a [f32],
    /// What the rule remembers: two for Adam, the first of these for the others.
    pub memory: [&'a mut [f32]; 2],
    pub rule: Rule,
    pub decay: Decay,
}

impl<'a> Parameter<'a> {
    fn check(&self) {
        let n = self.value.len();
        let seconds = if matches!(self.rule, Rule::Adam { .. }) { n } else { 0 };
        let [first, second] = &self.memory;
        assert_eq!(
            [self.gradient.len(), first.len(), second.len()],
            [n, n, seconds],
            "gradient and memory as long as the parameter"
        );
    }

    fn blocks(self) -> impl Iterator<Item = Parameter<'a>> {
        let Self { value, gradient, memory: [first, second], rule, decay } = self;
        let mut seconds = second.chunks_mut(BLOCK);
        let blocks = value.chunks_mut(BLOCK).zip(gradient.chunks(BLOCK));
        blocks.zip(first.chunks_mut(BLOCK)).map(move |((value, gradient), first)| {
            let memory = [first, seconds.next().unwrap_or_default()];
            Parameter { value, gradient, memory, rule, decay }
        })
    }

    fn step(self) {
        let Self { value, gradient, memory: [first, second], rule, decay } = self;
        match rule {
            Rule::Adam { kept, new, root, eps, rate } => {
                adam_block(value, gradient, first, second, kept, new, root, eps, rate, decay);
            }
            Rule::Sgd { kept, rate } => sgd_block(value, gradient, first, kept, rate, decay),
            Rule::RmsProp { kept, new, eps, rate } => {
                rms_prop_block(value, gradient, first, kept, new, eps, rate, decay);
            }
        }
    }
}

/// Moves all parameters, and brings what is remembered of them up to date.
///
/// # Panics
/// If the slices of a parameter are not of one length.
pub fn step(parameters: Vec<Parameter<'_>>) {
    parameters.iter().for_each(Parameter::check);
    for_each_part(parameters.into_iter().flat_map(Parameter::blocks), |_, block| block.step());
}

multiversion! {
    fn adam_block(value: &mut [f32], gradient: &[f32], m: &mut [f32], v: &mut [f32], kept: [f32; 2], new: [f32; 2], root: f32, eps: f32, rate: f32, decay: Decay) => adam_body
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "the letters of the formula")]
fn adam_body(
    value: &mut [f32],
    gradient: &[f32],
    m: &mut [f32],
    v: &mut [f32],
    kept: [f32; 2],
    new: [f32; 2],
    root: f32,
    eps: f32,
    rate: f32,
    decay: Decay,
) {
    let n = value.len();
    let (m, v) = (&mut m[..n], &mut v[..n]);
    each(value, gradient, decay, |i, p, g| {
        m[i] = m[i] * kept[0] + g * new[0];
        v[i] = v[i] * kept[1] + g * g * new[1];
        p - m[i] / (v[i].sqrt() / root + eps) * rate
    });
}

multiversion! {
    fn sgd_block(value: &mut [f32], gradient: &[f32], sum: &mut [f32], kept: Option<f32>, rate: f32, decay: Decay) => sgd_body
}

#[inline(always)]
fn sgd_body(
    value: &mut [f32],
    gradient: &[f32],
    sum: &mut [f32],
    kept: Option<f32>,
    rate: f32,
    decay: Decay,
) {
    let sum = &mut sum[..value.len()];
    match kept {
        Some(kept) => each(value, gradient, decay, |i, p, g| {
            sum[i] = sum[i] * kept + g;
            p - sum[i] * rate
        }),
        None => each(value, gradient, decay, |i, p, g| {
            sum[i] = g;
            p - g * rate
        }),
    }
}

multiversion! {
    fn rms_prop_block(value: &mut [f32], gradient: &[f32], square: &mut [f32], kept: f32, new: f32, eps: f32, rate: f32, decay: Decay) => rms_prop_body
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "the letters of the formula")]
fn rms_prop_body(
    value: &mut [f32],
    gradient: &[f32],
    square: &mut [f32],
    kept: f32,
    new: f32,
    eps: f32,
    rate: f32,
    decay: Decay,
) {
    let square = &mut square[..value.len()];
    each(value, gradient, decay, |i, p, g| {
        square[i] = square[i] * kept + g * g * new;
        p - g / (square[i].sqrt() + eps) * rate
    });
}

/// Decays each number or its gradient, then moves it.
#[inline(always)]
fn each(
    value: &mut [f32],
    gradient: &[f32],
    Decay { keep, penalty }: Decay,
    mut rule: impl FnMut(usize, f32, f32) -> f32,
) {
    let n = value.len();
    let gradient = &gradient[..n];
    match penalty == 0.0 {
        true => (0..n).for_each(|i| value[i] = rule(i, value[i] * keep, gradient[i])),
        false => (0..n).for_each(|i| {
            let p = value[i];
            value[i] = rule(i, p * keep, gradient[i] + p * penalty);
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{noise, on_every_path};

    const RULES: [Rule; 4] = [
        Rule::Adam { kept: [0.9, 0.99], new: [0.1, 0.01], root: 0.5, eps: 1e-5, rate: 0.1 },
        Rule::Sgd { kept: Some(0.9), rate: 0.1 },
        Rule::Sgd { kept: None, rate: 0.1 },
        Rule::RmsProp { kept: 0.9, new: 0.1, eps: 1e-5, rate: 0.1 },
    ];
    const DECAYS: [Decay; 3] = [
        Decay { keep: 1.0, penalty: 0.0 },
        Decay { keep: 0.9, penalty: 0.0 },
        Decay { keep: 1.0, penalty: 0.3 },
    ];

    /// The formulas, a number at a time: the parameter and what is remembered.
    fn by_formula(rule: Rule, decay: Decay, p: f32, g: f32, [m, v]: [f32; 2]) -> [f32; 3] {
        let (p, g) = match decay.penalty == 0.0 {
            true => (p * decay.keep, g),
            false => (p, g + p * decay.penalty),
        };
        match rule {
            Rule::Adam { kept, new, root, eps, rate } => {
                let (m, v) = (m * kept[0] + g * new[0], v * kept[1] + g * g * new[1]);
                [p - m / (v.sqrt() / root + eps) * rate, m, v]
            }
            Rule::Sgd { kept, rate } => {
                let sum = kept.map_or(g, |kept| m * kept + g);
                [p - sum * rate, sum, v]
            }
            Rule::RmsProp { kept, new, eps, rate } => {
                let square = m * kept + g * g * new;
                [p - g / (square.sqrt() + eps) * rate, square, v]
            }
        }
    }

    #[test]
    fn all_parameters_move_by_the_formulas() {
        let lens: Vec<usize> = (0..40).chain([BLOCK, 2 * BLOCK + 1]).collect();
        for (rule, decay) in RULES.iter().flat_map(|rule| DECAYS.map(|decay| (*rule, decay))) {
            let two = matches!(rule, Rule::Adam { .. });
            let start = |seed: usize| -> Vec<Vec<f32>> {
                lens.iter().map(|n| noise(seed, *n).iter().map(|x| x.abs()).collect()).collect()
            };
            let gradients: Vec<Vec<f32>> = lens.iter().map(|n| noise(4, *n)).collect();
            let found = on_every_path(|| {
                let [mut values, mut m, mut v] = [1, 2, 3].map(start);
                if !two {
                    v.iter_mut().for_each(Vec::clear);
                }
                let all = values.iter_mut().zip(&gradients).zip(m.iter_mut().zip(&mut v));
                let all = all.map(|((value, gradient), (m, v))| Parameter {
                    value,
                    gradient,
                    memory: [m, v],
                    rule,
                    decay,
                });
                step(all.collect());
                [values, m, v]
            });
            let [values, m, v] = [1, 2, 3].map(start);
            for (at, i) in lens.iter().enumerate().flat_map(|(at, n)| (0..*n).map(move |i| (at, i)))
            {
                let memory = [m[at][i], v[at][i]];
                let wanted = by_formula(rule, decay, values[at][i], gradients[at][i], memory);
                assert_eq!([found[0][at][i], found[1][at][i]], wanted[..2]);
                assert!(!two || found[2][at][i] == wanted[2]);
            }
        }
    }

    #[test]
    #[should_panic(expected = "gradient and memory as long as the parameter")]
    fn a_memory_that_is_missing_is_noticed() {
        let memory: [&mut [f32]; 2] = [&mut [0.0], &mut []];
        let (rule, decay) = (RULES[0], DECAYS[0]);
        step(vec![Parameter { value: &mut [1.0], gradient: &[1.0], memory, rule, decay }]);
    }
}
