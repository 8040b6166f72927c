//! The fixture `rnn_parity`: recurrent layers against PyTorch.

use burn::{
    module::Module,
    tensor::{Tensor, TensorData},
};
use tinderbox_golden::{Array, Fixture, Report};
use tinderbox_model::{
    Forward, Mode,
    layer::{BatchNorm1dFlat, Gru, Lstm, LstmState, Nonlinearity, Rnn},
    set_mode,
    weights::{Strict, load_state_dict, state_dict},
};

use crate::common::{device, gradients, host, state};

/// Weights from the fixture.
fn loaded<M: Forward + Module + 'static>(model: M, fixture: &Fixture, name: &str) -> M {
    let weights = state(&fixture.weights(name));
    let (model, _) = load_state_dict(Box::new(model), &weights, Strict::Yes).unwrap();
    model.as_any().downcast_ref::<M>().unwrap().clone()
}

fn tensor<const D: usize>(array: &Array) -> Tensor<D> {
    let data = TensorData::new(array.f32().to_vec(), array.shape.clone());
    Tensor::from_data(data, &device())
}

fn check<const D: usize>(fixture: &Fixture, name: &str, found: Tensor<D>) -> Result<(), String> {
    let shape = found.dims();
    fixture.check(name, &shape, &host_of(found))
}

/// Outputs, and the last output of each layer, with its last cell if it has one.
type Found = (Tensor<3>, Vec<Vec<Tensor<2>>>);

fn host_of<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// Runs a case; `forward` takes input, first outputs and first cells of all layers, and gives
/// outputs, last outputs and last cells.
fn case<M: Forward + Module + 'static>(
    fixture: &Fixture,
    name: &str,
    model: M,
    forward: impl Fn(&M, Tensor<3>, Vec<[Tensor<2>; 2]>) -> Found,
) -> Result<(), String> {
    let model = loaded(model, fixture, name);
    let input = |part: &str| fixture.input(&format!("input:{name}{part}"));
    let x = tensor::<3>(&input("")).require_grad();
    let [h0, c0] = [".h0", ".c0"].map(|part| tensor::<3>(&input(part)).require_grad());
    let layers = h0.dims()[0];
    let of_layer = |states: &Tensor<3>, at| states.clone().narrow(0, at, 1).squeeze_dim(0);
    let states = (0..layers).map(|at| [&h0, &c0].map(|states| of_layer(states, at))).collect();
    let (out, last) = forward(&model, x.clone(), states);
    let found = (out.clone() * tensor(&input(".probe"))).sum().backward();

    check(fixture, &format!("{name}.out"), out)?;
    for (at, letter) in (0..last[0].len()).zip(["h", "c"]) {
        let layers = last.iter().map(|states| states[at].clone()).collect();
        check(fixture, &format!("{name}.{letter}"), Tensor::<2>::stack::<3>(layers, 0))?;
    }
    check(fixture, &format!("{name}.dx"), x.grad(&found).unwrap())?;
    check(fixture, &format!("{name}.dh0"), h0.grad(&found).unwrap())?;
    let found = gradients(&model, &found);
    for (key, _) in state_dict(&model).iter() {
        let weight = &found[key];
        fixture.check(&format!("{name}.grad.{key}"), &weight.shape, &weight.values)?;
    }
    Ok(())
}

/// A layer without cells.
fn outputs<M>(
    forward: impl Fn(&M, Tensor<3>, Option<Vec<Tensor<2>>>) -> (Tensor<3>, Vec<Tensor<2>>),
) -> impl Fn(&M, Tensor<3>, Vec<[Tensor<2>; 2]>) -> Found {
    move |model, x, states| {
        let states = states.into_iter().map(|[h, _]| h).collect();
        let (y, last) = forward(model, x, Some(states));
        (y, last.into_iter().map(|h| vec![h]).collect())
    }
}

fn lstm(
    model: &Lstm,
    x: Tensor<3>,
    states: Vec<[Tensor<2>; 2]>,
) -> (Tensor<3>, Vec<Vec<Tensor<2>>>) {
    let states = states.into_iter().map(|[hidden, cell]| LstmState { hidden, cell }).collect();
    let (y, last) = model.forward_from(x, Some(states));
    (y, last.into_iter().map(|LstmState { hidden, cell }| vec![hidden, cell]).collect())
}

#[test]
fn rnn_parity() {
    let fixture = Fixture::open("rnn_parity");
    let mut report = Report::new("rnn_parity");
    let cases = fixture.manifest()["cases"].as_object().unwrap();
    for (name, case_of) in cases {
        let size = |name: &str| case_of["sizes"][name].as_u64().unwrap() as usize;
        let (input, hidden, layers) = (size("input"), size("hidden"), size("layers"));
        let device = &device();
        let result = match name.trim_end_matches('2') {
            "gru" => {
                let layer = Gru::new(input, hidden, layers, device);
                case(&fixture, name, layer, outputs(Gru::forward_from))
            }
            "lstm" => case(&fixture, name, Lstm::new(input, hidden, layers, device), lstm),
            kind => {
                let layer = Rnn::new(input, hidden, layers, device);
                let layer = match kind {
                    "rnn_relu" => layer.with_nonlinearity(Nonlinearity::Relu),
                    _ => layer,
                };
                case(&fixture, name, layer, outputs(Rnn::forward_from))
            }
        };
        report.case(name, result);
    }
    report.case("bnflat", flat_batch_norm(&fixture));
    report.finish();
}

fn flat_batch_norm(fixture: &Fixture) -> Result<(), String> {
    let x = || tensor::<3>(&fixture.input("input:bnflat"));
    let channels = x().dims()[2];
    let norm = loaded(BatchNorm1dFlat::new(channels, &device()), fixture, "bnflat");
    let shape = x().dims();
    fixture.check("bnflat.train", &shape, &host(norm.forward(x().into())))?;
    let state = state_dict(&norm);
    for name in ["running_mean", "running_var"] {
        let found = state.get(name).unwrap();
        fixture.check(&format!("bnflat.{name}"), &found.shape, &found.values)?;
    }
    let norm = set_mode(Box::new(norm), Mode::Eval);
    let y = norm.forward_any(x().into(), &mut tinderbox_model::Trace::off());
    fixture.check("bnflat.eval", &shape, &host(y))
}
