//! Weights in and out.

use burn::tensor::{Device, Tensor};
use safetensors::{Dtype, tensor::TensorView};
use tinderbox_model::{
    Error, Layer, Mode, Sequential, Trace,
    layer::{BatchNorm1d, Linear},
    set_mode,
    weights::{StateDict, Strict, load_state_dict, read_words, state_dict},
};

fn model() -> Box<dyn Layer> {
    let device = Device::flex().autodiff();
    Box::new(
        Sequential::new()
            .named("fc", Linear::new(2, 3, &device))
            .named("bn", BatchNorm1d::new(3, &device)),
    )
}

fn without(state: &StateDict, left_out: &str) -> StateDict {
    let mut rest = StateDict::default();
    for (name, weight) in state.iter().filter(|(name, _)| *name != left_out) {
        rest.insert(name, weight.shape.clone(), weight.values.clone());
    }
    rest
}

#[test]
fn names_and_shapes_must_fit() {
    let mut state = without(&state_dict(&*model()), "bn.running_var");
    state.insert("fc.weight", vec![3, 3], vec![0.0; 9]);
    state.insert("extra", vec![1], vec![0.0]);
    let error = load_state_dict(model(), &state, Strict::Yes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the weights do not fit the model:\n  missing: bn.running_var\n  unexpected: extra\n  \
         different shape: fc.weight is [3, 3], expected [3, 2]"
    );
    // Shapes must fit even where names need not.
    let error = load_state_dict(model(), &state, Strict::No).unwrap_err();
    assert!(matches!(error, Error::Weights { shapes, .. } if shapes.len() == 1));
}

#[test]
fn without_strictness_what_fits_is_loaded() {
    let device = Device::flex().autodiff();
    let mut state = without(&state_dict(&*model()), "bn.bias");
    state.insert("bn.running_mean", vec![3], vec![1.0, 2.0, 3.0]);
    state.insert("extra", vec![1], vec![0.0]);
    let (model, report) = load_state_dict(model(), &state, Strict::No).unwrap();
    assert_eq!(report.missing, ["bn.bias"]);
    assert_eq!(report.unexpected, ["extra"]);
    assert_eq!(state_dict(&*model).get("bn.running_mean").unwrap().values, [1.0, 2.0, 3.0]);
    let x = Tensor::<2>::zeros([4, 2], &device);
    let _y = set_mode(model, Mode::Train).forward_any(x.into(), &mut Trace::off());
}

#[test]
fn a_file_of_other_types_is_read_or_named() {
    let read = |dtype, bytes: &[u8]| {
        let view = TensorView::new(dtype, vec![2], bytes).unwrap();
        let batches = [0; 8];
        let count = TensorView::new(Dtype::I64, vec![], &batches).unwrap();
        let tensors = [("a", view), ("bn.num_batches_tracked", count)];
        StateDict::from_safetensors(&safetensors::serialize(tensors, None).unwrap())
    };
    let doubles: Vec<u8> = [1.5f64, -2.0].into_iter().flat_map(f64::to_le_bytes).collect();
    let state = read(Dtype::F64, &doubles).unwrap();
    assert_eq!(state.get("a").unwrap().values, [1.5, -2.0]);
    // PyTorch's count of batches is no weight.
    assert_eq!(state.len(), 1);
    assert_eq!(read(Dtype::BF16, &[0xc0, 0x3f, 0x00, 0xc0]).unwrap(), state);
    assert!(read(Dtype::I8, &[1, 2]).unwrap().is_empty(), "whole numbers are no weights");
    let error = read(Dtype::F8_E5M2, &[1, 2]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the tensor `a` has the type F8_E5M2; supported are F32, F16, BF16 and F64"
    );
}

#[test]
fn a_file_is_read_by_its_first_bytes() {
    let folder = std::env::temp_dir().join(format!("tinderbox-weights-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("weights");
    let state = state_dict(&*model());
    std::fs::write(&path, state.to_safetensors()).unwrap();
    assert_eq!(StateDict::read(&path).unwrap(), state);
    std::fs::write(&path, b"PK\x03\x04").unwrap();
    let source = |error: &Error| std::error::Error::source(error).unwrap().to_string();
    let error = StateDict::read(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot read {}", path.display()));
    assert!(source(&error).ends_with("the archive has no table of its files"));
    std::fs::write(&path, r#"["xxunk", "up"]"#).unwrap();
    assert_eq!(read_words(&path).unwrap(), ["xxunk", "up"]);
    std::fs::write(&path, r#"{"up": 1}"#).unwrap();
    assert!(source(&read_words(&path).unwrap_err()).starts_with("not a list of words: "));
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(std::error::Error::source(&StateDict::read(&path).unwrap_err()).is_some());
}
