//! A small problem and a model for it.

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Device, Tensor, TensorData},
};
use tinderbox_data::{Array, BatchOptions, DataBunch, Values};
use tinderbox_learn::{
    Learner, StopHandle,
    callback::{Answer, Callback, Changes, State},
    loss::CrossEntropyFlat,
    metric::accuracy,
};
use tinderbox_model::{
    Sequential,
    layer::{BatchNorm1d, Dropout, Linear, ReLU},
};

/// What a test may change about the data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Problem {
    pub(crate) train: usize,
    pub(crate) valid: usize,
    pub(crate) batch_size: usize,
    pub(crate) shuffle: bool,
    pub(crate) seed: u64,
}

impl Default for Problem {
    fn default() -> Self {
        Self { train: 26, valid: 11, batch_size: 5, shuffle: true, seed: 42 }
    }
}

/// Three classes of points in four dimensions, which a small network can learn.
pub(crate) fn data(problem: Problem) -> DataBunch {
    let set = |items: usize, from: usize| {
        let numbers = (0..items * 4).map(|i| noise(from + i)).collect::<Vec<f32>>();
        let class = |row: &[f32]| match (row[0] + row[1], row[2]) {
            (sum, _) if sum > 0.3 => 0,
            (_, x) if x > 0.0 => 1,
            _ => 2,
        };
        let classes = numbers.chunks_exact(4).map(class).collect();
        let inputs = Array { shape: vec![items, 4], values: Values::F32(numbers) };
        (inputs, Array { shape: vec![items], values: Values::I64(classes) })
    };
    let options = BatchOptions {
        batch_size: problem.batch_size,
        shuffle: problem.shuffle,
        seed: problem.seed,
        ..BatchOptions::default()
    };
    DataBunch::from_arrays(set(problem.train, 0), set(problem.valid, 1_000_000), options).unwrap()
}

/// A number in `-1.0..1.0` for each index.
pub(crate) fn noise(index: usize) -> f32 {
    let z = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z >> 40) as f64 / f64::from(1 << 23) - 1.0) as f32
}

/// A network with everything that has state: dropout, batch norm, weights.
pub(crate) fn model() -> Sequential {
    let device = Device::flex().autodiff();
    let model = Sequential::new()
        .named("body", Linear::new(4, 8, &device))
        .named("relu", ReLU)
        .named("norm", BatchNorm1d::new(8, &device))
        .named("dropout", Dropout::new(0.25))
        .named("head", Linear::new(8, 3, &device));
    model.map(&mut Fill(7))
}

pub(crate) fn learner(problem: Problem) -> Learner {
    Learner::new(data(problem), model(), CrossEntropyFlat::default()).metrics(accuracy)
}

/// Asks the fit to stop after a batch, counted from 1.
pub(crate) struct StopAfter(pub(crate) usize, pub(crate) StopHandle);

impl Callback for StopAfter {
    fn name(&self) -> &'static str {
        "stop_after"
    }

    fn batch_end(&mut self, state: &State) -> Answer {
        if state.training == Some(true) && state.iteration + 1 == self.0 {
            self.1.stop();
        }
        Ok(Changes::none())
    }
}

/// The same weights every time, whatever else uses random numbers.
struct Fill(usize);

impl ModuleMapper for Fill {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let trainable = param.is_require_grad();
        let (id, value, mapper) = param.consume();
        let shape = value.dims();
        self.0 += 1000;
        let n = shape.iter().product::<usize>();
        let value = match trainable {
            true => {
                let start = if D == 1 { 0.5 } else { 0.0 };
                let values: Vec<f32> = (0..n).map(|i| start + 0.7 * noise(self.0 + i)).collect();
                Tensor::from_data(TensorData::new(values, shape), &value.device()).require_grad()
            }
            false => value,
        };
        Param::from_mapped_value(id, value, mapper)
    }
}

/// Everything that a fit leaves behind, for comparison to the bit.
pub(crate) fn bits(learner: &Learner) -> Vec<(String, Vec<u32>)> {
    let weights = learner.state_dict();
    let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect();
    weights.iter().map(|(name, weight)| (name.to_owned(), bits(&weight.values))).collect()
}
