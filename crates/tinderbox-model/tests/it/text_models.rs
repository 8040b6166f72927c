//! What every model of text keeps to.

use burn::tensor::{Int, Tensor};
use tinderbox_model::{
    Layer, Trace,
    arch::{
        AwdLstmConfig, LanguageModelConfig, ModelSpec, TaggerConfig, TextClassifierConfig, TextSpec,
    },
    groups::{Kind, parameters},
    weights::{Strict, load_state_dict, state_dict},
};

use crate::common::{device, gradients};

const VOCAB: usize = 9;

/// All of them, small.
fn specs() -> Vec<TextSpec> {
    let encoder = |config| AwdLstmConfig { embedding: 4, hidden: 6, ..config };
    let lm = LanguageModelConfig::of(encoder(AwdLstmConfig::language_model(VOCAB)));
    let classifier = encoder(AwdLstmConfig::classifier(VOCAB));
    let classifier = TextClassifierConfig { bptt: 3, ..TextClassifierConfig::of(classifier, 3) };
    let tagger = TaggerConfig { layers: 2, ..TaggerConfig::new(VOCAB, 5) };
    let names = TextSpec::language_models().into_iter().filter(|name| *name != "awd-lstm");
    let mut specs: Vec<_> =
        names.map(|name| TextSpec::language_model(name, VOCAB).unwrap()).collect();
    specs.extend([
        TextSpec::AwdLstm(LanguageModelConfig { tie_weights: false, ..lm.clone() }),
        TextSpec::AwdLstm(lm),
        TextSpec::TextClassifier(classifier),
        TextSpec::GruTagger(tagger.clone()),
        TextSpec::LstmTagger(tagger),
    ]);
    specs
}

/// Texts of 4 words, of which one has padding: in front for a classifier, else at the end.
fn run(model: &dyn Layer, padding_first: bool) -> Tensor<1> {
    let [a, b] = if padding_first { [1, 7] } else { [7, 1] };
    let x = [[2, 3, 4, 5], [5, 6, 7, 8], [a, 2, 8, b]];
    let x = Tensor::<2, Int>::from_ints(x, &device());
    model.forward_any(x.into(), &mut Trace::off()).into_flat()
}

#[test]
fn every_parameter_learns_and_the_last_axis_is_the_outputs() {
    for spec in specs() {
        let model = spec.build(&device()).unwrap();
        let y = run(&*model, matches!(spec, TextSpec::TextClassifier(_)));
        assert_eq!(y.dims()[0] % spec.outputs(), 0, "{spec:?}");
        let found = gradients(&*model, &y.square().mean().backward());
        for parameter in parameters(&*model).into_iter().filter(|p| p.kind != Kind::Buffer) {
            let gradient = found.get(&parameter.path);
            assert!(gradient.is_some(), "{spec:?}: {} has no gradient", parameter.path);
            assert_eq!(gradient.unwrap().shape, parameter.shape, "{spec:?}: {}", parameter.path);
        }
    }
}

/// What a model file holds: a description and the weights.
#[test]
fn a_model_is_built_again_from_what_is_saved() {
    for spec in specs() {
        let model = spec.build(&device()).unwrap();
        let saved = serde_json::to_string(&ModelSpec::from(spec)).unwrap();
        let weights = state_dict(&*model);
        let spec: ModelSpec = serde_json::from_str(&saved).unwrap();
        let again = spec.build(&device()).unwrap();
        let (again, _) = load_state_dict(again, &weights, Strict::Yes).unwrap();
        assert_eq!(state_dict(&*again), weights, "{saved}");
    }
}

/// On the device without autodiff, as it is for evaluation.
#[test]
fn the_state_goes_to_the_copy_for_evaluation() {
    use burn::module::Module;

    for spec in specs() {
        let model = spec.build(&device()).unwrap();
        let Some(state) = model.carried() else { continue };
        run(&*model, false);
        let copy = model.valid();
        let copied = copy.carried().unwrap();
        assert!(copied.states().is_empty());
        copied.set(state.states());
        let x = Tensor::<2, Int>::from_ints([[2], [3], [4]], &device().inner());
        copy.forward_any(x.into(), &mut Trace::off());
        state.set(copied.states());
        run(&*model, false).sum().backward();
    }
}
