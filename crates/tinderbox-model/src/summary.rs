//! The table of a model's layers, as the lesson prints it.

use std::{collections::BTreeMap, fmt};

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use crate::{
    AnyTensor, ForwardError, Layer, Mode, Trace,
    groups::{Kind, Parameter, is_under, parameters, parts},
    set_mode, try_forward_traced,
};

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// PyTorch's class name.
    pub layer: String,
    pub path: String,
    pub output: Vec<usize>,
    /// Elements of its weight and its bias.
    pub params: usize,
    /// Whether it has a weight that is trained.
    pub trainable: bool,
}

/// All layers that ran, in the order in which they were added, and what they sum up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub rows: Vec<Row>,
    pub total: usize,
    pub trainable: usize,
}

/// Runs the model once, in evaluation and without gradients, on images of this shape, and lists
/// its layers.
///
/// # Panics
/// If the model does not take images of this shape.
pub fn summary(model: &dyn Layer, input: [usize; 4], device: &Device) -> Summary {
    summary_of(model, Tensor::<4>::zeros(input, device).into())
}

/// [`summary`] for a model of anything: it runs on this batch.
///
/// # Panics
/// If the model does not take such a batch.
pub fn summary_of(model: &dyn Layer, batch: AnyTensor) -> Summary {
    try_summary_of(model, batch).unwrap_or_else(|error| panic!("{error}"))
}

/// [`summary_of`] for a batch that the model may not take.
///
/// # Errors
/// [`ForwardError`].
pub fn try_summary_of(model: &dyn Layer, batch: AnyTensor) -> Result<Summary, ForwardError> {
    let all = parameters(model);
    let outputs = outputs(model, batch)?;
    // A layer that ran inside another is what is listed, not the one around it.
    let is_leaf = |path: &str| !outputs.keys().any(|other| other != path && is_under(other, path));
    let parts = parts(model);
    let mut leaves: Vec<String> = outputs.keys().filter(|path| is_leaf(path)).cloned().collect();
    leaves.sort_by_cached_key(|path| parts.iter().position(|part| part == path));
    let rows: Vec<Row> = leaves
        .into_iter()
        .map(|path| {
            let (layer, output) = outputs[&path].clone();
            let own: Vec<&Parameter> = all.iter().filter(|p| is_under(&p.path, &path)).collect();
            let counts = |p: &&&Parameter| {
                matches!(last(&p.path), "weight" | "bias" | "weight_orig" | "weight_v")
                    && p.kind != Kind::Buffer
            };
            let params = own.iter().filter(counts).map(|p| p.shape.iter().product::<usize>()).sum();
            let trainable = own.iter().any(|p| p.trainable && last(&p.path).starts_with("weight"));
            Row { layer, path, output, params, trainable }
        })
        .collect();
    let total = rows.iter().map(|row| row.params).sum();
    let trainable = rows.iter().filter(|row| row.trainable).map(|row| row.params).sum();
    Ok(Summary { rows, total, trainable })
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// Name and output of every layer that ran, by path.
fn outputs(
    model: &dyn Layer,
    batch: AnyTensor,
) -> Result<BTreeMap<String, (String, Vec<usize>)>, ForwardError> {
    let model = set_mode(model.clone_boxed().valid(), Mode::Eval);
    let mut outputs = BTreeMap::new();
    let mut observe = |step: crate::Step<'_>| {
        outputs.insert(step.path.join("."), (step.layer.name().to_owned(), step.output.dims()));
    };
    try_forward_traced(&*model, batch.without_autodiff(), &mut Trace::new(&mut observe))?;
    Ok(outputs)
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (double, single) = ("=".repeat(70), "_".repeat(70));
        let row = |f: &mut fmt::Formatter<'_>,
                   layer: &str,
                   output: &str,
                   params: &str,
                   trainable: &str| {
            writeln!(f, "{layer:<20} {output:<20} {params:<10} {trainable:<10}")
        };
        writeln!(f, "{double}")?;
        row(f, "Layer (type)", "Output Shape", "Param #", "Trainable")?;
        writeln!(f, "{double}")?;
        for Row { layer, output, params, trainable, .. } in &self.rows {
            let trainable = if *trainable { "True" } else { "False" };
            row(f, layer, &format!("{output:?}"), &params.to_string(), trainable)?;
            writeln!(f, "{single}")?;
        }
        writeln!(f)?;
        writeln!(f, "Total params: {}", self.total)?;
        writeln!(f, "Total trainable params: {}", self.trainable)?;
        writeln!(f, "Total non-trainable params: {}", self.total - self.trainable)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Int;

    use super::*;
    use crate::{
        Sequential,
        groups::freeze_to,
        layer::{Embedding, Flatten, Linear, SelfAttention},
    };

    /// As fastai counts: the rows are the innermost layers, so gamma is nobody's.
    #[test]
    fn parameters_outside_of_leaves_are_not_counted() {
        let device = Device::flex().autodiff();
        let model = Sequential::new().push(SelfAttention::new(16, &device));
        let found = summary(&model, [1, 16, 4, 4], &device);
        let rows: Vec<_> = found.rows.iter().map(|row| (&row.layer[..], row.params)).collect();
        assert_eq!(rows, [("Conv1d", 32), ("Conv1d", 32), ("Conv1d", 256)]);
        assert_eq!(found.rows[2].path, "0.value");
    }

    #[test]
    fn a_model_of_words_has_one_too() {
        let device = Device::flex().autodiff();
        let model = Sequential::new()
            .push(Embedding::new(10, 4, &device))
            .push(Flatten::default())
            .push(Linear::new(12, 10, &device));
        let model = freeze_to(Box::new(model), &["0", "2"], 1, true);
        let words = Tensor::<2, Int>::zeros([5, 3], &device);
        let found = summary_of(&*model, words.into());
        assert_eq!(
            found.to_string().lines().skip(3).step_by(2).take(3).collect::<Vec<_>>(),
            [
                "Embedding            [5, 3, 4]            40         False     ",
                "Flatten              [5, 12]              0          False     ",
                "Linear               [5, 10]              130        True      ",
            ]
        );
        assert!(found.to_string().ends_with(
            "\nTotal params: 170\nTotal trainable params: 130\nTotal non-trainable params: 40\n"
        ));
    }
}
