//! The table of a model's layers, as the lesson prints it.

use std::{collections::BTreeMap, fmt};

use burn::{
    module::{Module, ModuleVisitor},
    tensor::{Device, Tensor},
};
use serde::Serialize;

use crate::{
    AnyTensor, ForwardError, Layer, Mode, Trace,
    groups::{Kind, Parameter, is_under, parameters, parts},
    set_mode, try_forward_traced,
};

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// PyTorch's class name.
    pub layer: String,
    pub path: String,
    /// Nothing for a layer that its container runs unseen, as recurrent models do theirs.
    pub output: Vec<usize>,
    /// Elements of its weight and its bias.
    pub params: usize,
    /// Whether it has a weight that is trained.
    pub trainable: bool,
}

/// All layers that ran or have parameters, in the order in which they were added, and what they sum
/// up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    #[serde(rename = "layers")]
    pub rows: Vec<Row>,
    pub total: usize,
    pub trainable: usize,
}

/// Runs the model once, in evaluation and without gradients, on images of this shape, and lists
/// its layers.
///
/// # Panics
/// If the model does not take images of this shape.
#[doc(alias = "model_summary")]
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
    let mut leaves: BTreeMap<String, (String, Vec<usize>)> = outputs.clone();
    leaves.retain(|path, _| is_leaf(path));
    let unseen: Vec<(String, String)> = owners(model)
        .into_iter()
        .filter(|(path, _)| !outputs.contains_key(path))
        .filter(|(path, _)| !leaves.keys().any(|leaf| is_under(path, leaf)))
        .filter(|(path, _)| all.iter().any(|parameter| parent(&parameter.path) == path))
        .collect();
    // One row for a layer and its parts.
    let is_part =
        |path: &str| unseen.iter().any(|(other, _)| other != path && is_under(path, other));
    for (path, layer) in unseen.iter().filter(|(path, _)| !is_part(path)) {
        leaves.insert(path.clone(), (layer.clone(), Vec::new()));
    }
    let parts = parts(model);
    let mut leaves: Vec<_> = leaves.into_iter().collect();
    leaves.sort_by_cached_key(|(path, _)| parts.iter().position(|part| part == path));
    let rows: Vec<Row> = leaves
        .into_iter()
        .map(|(path, (layer, output))| {
            let own: Vec<&Parameter> = all.iter().filter(|p| is_under(&p.path, &path)).collect();
            let counts = |p: &&&Parameter| {
                (output.is_empty()
                    || matches!(last(&p.path), "weight" | "bias" | "weight_orig" | "weight_v"))
                    && p.kind != Kind::Buffer
            };
            let params = own.iter().filter(counts).map(|p| p.shape.iter().product::<usize>()).sum();
            let weighs = |p: &Parameter| output.is_empty() || last(&p.path).starts_with("weight");
            let trainable = own.iter().any(|p| p.trainable && weighs(p));
            Row { layer, path, output, params, trainable }
        })
        .collect();
    let total = rows.iter().map(|row| row.params).sum();
    let trainable = rows.iter().filter(|row| row.trainable).map(|row| row.params).sum();
    Ok(Summary { rows, total, trainable })
}

/// The path of each part that has parts, and the name of its type.
fn owners(model: &dyn Layer) -> BTreeMap<String, String> {
    let mut owners = Owners::default();
    model.visit_erased(&mut owners);
    owners.found
}

#[derive(Default)]
struct Owners {
    path: Vec<String>,
    found: BTreeMap<String, String>,
}

impl ModuleVisitor for Owners {
    fn enter_module(&mut self, name: &str, container: &str) {
        let layer = container.rsplit(':').next().unwrap_or(container);
        self.found.insert(self.path.join("."), layer.to_owned());
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
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
            let output = match &output[..] {
                [] => String::new(),
                output => format!("{output:?}"),
            };
            row(f, layer, &output, &params.to_string(), trainable)?;
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
        arch::{LanguageModel, LanguageModelConfig},
        groups::freeze_to,
        layer::{Embedding, Flatten, Linear, SelfAttention},
    };

    /// fastai's count for 38 words, of which the summary of a recurrent model shows all.
    #[test]
    fn layers_that_run_unseen_are_listed_with_their_parameters() {
        let device = Device::flex();
        let model = LanguageModel::new(&LanguageModelConfig::new(38), &device);
        let summary = summary_of(&model, Tensor::<2, Int>::zeros([1, 3], &device).into());
        assert_eq!(summary.total, 20_288_518);
        let layers: Vec<&str> = summary.rows.iter().map(|row| row.layer.as_str()).collect();
        assert_eq!(
            layers,
            ["WeightDropLstm", "WeightDropLstm", "WeightDropLstm", "Embedding", "TiedLinear"]
        );
        assert!(summary.to_string().contains("Total params: 20288518"));
    }

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
