//! Which parameters get gradients.

use burn::tensor::Tensor;
use tinderbox_model::{
    AnyTensor, Layer, Trace,
    arch::resnet_small,
    groups::{Kind, freeze_to, is_under, parameters, unfreeze},
    weights::state_dict,
};

use crate::common::{device, gradients, tensor};

fn images() -> AnyTensor {
    tensor(&tinderbox_golden::Array {
        shape: vec![3, 3, 16, 16],
        data: tinderbox_golden::Data::F32(
            tinderbox_golden::fill::uniform(0, "x").take(3 * 3 * 256).map(|u| u as f32).collect(),
        ),
    })
}

/// The paths that a training step would move.
fn moved(model: &dyn Layer) -> Vec<String> {
    let y = model.forward_any(images(), &mut Trace::off());
    let found = gradients(model, &y.into_flat().square().sum().backward());
    let in_order = parameters(model).into_iter().map(|p| p.path);
    in_order.filter(|path| found.contains_key(path)).collect()
}

fn paths(model: &dyn Layer, which: impl Fn(&str, Kind) -> bool) -> Vec<String> {
    let parameters = parameters(model).into_iter();
    parameters.filter(|p| which(&p.path, p.kind)).map(|p| p.path).collect()
}

#[test]
fn a_step_moves_what_is_trainable_and_nothing_else() {
    let model: Box<dyn Layer> = Box::new(resnet_small(3, 4, &device()));
    assert_eq!(moved(&*model), paths(&*model, |_, kind| kind != Kind::Buffer));

    let head_only = freeze_to(model.clone(), &["0", "1"], 1, false);
    assert_eq!(
        moved(&*head_only),
        paths(&*model, |path, kind| is_under(path, "1") && kind != Kind::Buffer)
    );

    // A frozen convolution lets the gradient through to the norms before it.
    let with_norms = freeze_to(model.clone(), &["0", "1"], 1, true);
    assert_eq!(
        moved(&*with_norms),
        paths(&*model, |path, kind| {
            kind == Kind::Norm || (is_under(path, "1") && kind != Kind::Buffer)
        })
    );
    assert_eq!(moved(&*unfreeze(with_norms)), moved(&*model));
}

#[test]
fn frozen_batch_norms_go_on_following_the_batch() {
    let model: Box<dyn Layer> = Box::new(resnet_small(3, 4, &device()));
    let model = freeze_to(model, &["0", "1"], 1, false);
    let before = state_dict(&*model);
    let _y = model.forward_any(images(), &mut Trace::off());
    let after = state_dict(&*model);
    for (path, weight) in before.iter() {
        let is_running = path.ends_with("running_mean") || path.ends_with("running_var");
        assert_eq!(after.get(path) != Some(weight), is_running, "{path}");
    }
}

/// A snapshot stays what it was when its model goes on.
#[test]
fn a_clone_has_running_statistics_of_its_own() {
    let model: Box<dyn Layer> = Box::new(resnet_small(3, 4, &device()));
    let (copy, before) = (model.clone(), state_dict(&*model));
    let _y = model.forward_any(images(), &mut Trace::off());
    assert_eq!(state_dict(&*copy), before);
    assert_ne!(state_dict(&*model), before);
}

/// Mode is a matter of the layers, not of the device: a feature loss evaluates with gradients.
#[test]
fn evaluation_has_gradients() {
    use tinderbox_model::{Mode, set_mode};
    let model = set_mode(Box::new(resnet_small(3, 4, &device())), Mode::Eval);
    let before = state_dict(&*model);
    let x: Tensor<4> = images().expect_for("test");
    let x = x.require_grad();
    let y = model.forward_any(x.clone().into(), &mut Trace::off());
    let found = y.into_flat().sum().backward();
    assert!(x.grad(&found).is_some());
    assert!(!gradients(&*model, &found).is_empty());
    assert_eq!(state_dict(&*model), before);
}
