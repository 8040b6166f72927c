//! The fixture `feature_loss`.

use std::collections::BTreeSet;

use burn::tensor::{Device, Tensor, TensorData};
use serde_json::Value;
use tinderbox_golden::{Array, Fixture, close_tol, number};
use tinderbox_learn::loss::{FeatureLoss, Loss, gram_matrix};
use tinderbox_model::{
    FeatureNet, Sequential,
    arch::VggConfig,
    groups::{Kind, parameters},
    layer::{BatchNorm2d, Conv2dConfig, MaxPool2d, ReLU},
    weights::{StateDict, Strict, load_state_dict},
};

fn device() -> Device {
    Device::flex().autodiff()
}

fn images(array: &Array) -> Tensor<4> {
    let data = TensorData::new(array.f32().to_vec(), array.shape.clone());
    Tensor::from_data(data, &device())
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(ToString::to_string).collect()
}

/// The layers that the weights' names stand for: each convolution has a batch norm and a ReLU behind
/// it, and what is missing between them and at the end is a max-pool.
fn layers(weights: &[(String, Array)]) -> Sequential {
    let of = |at: usize, part: &str| {
        let wanted = format!("{at}.{part}");
        weights.iter().find(|(name, _)| *name == wanted).map(|(_, array)| &array.shape)
    };
    let index = |name: &str| name.split('.').next().and_then(|at| at.parse::<usize>().ok());
    let last = weights.iter().filter_map(|(name, _)| index(name)).max().unwrap();
    (0..=last + 2).fold(Sequential::new(), |layers, at| match of(at, "weight").map(Vec::as_slice) {
        Some([outputs, inputs, kernel, _]) => {
            let conv = Conv2dConfig::new([*inputs, *outputs], *kernel).padding(kernel / 2);
            layers.push(conv.bias(of(at, "bias").is_some()).init(&device()))
        }
        Some([channels]) => layers.push(BatchNorm2d::new(*channels, &device())),
        _ if at > 0 && of(at - 1, "running_mean").is_some() => layers.push(ReLU),
        _ => layers.push(MaxPool2d { kernel: 2, stride: 2, padding: 0, ceil_mode: false }),
    })
}

fn loaded(network: Sequential, weights: &[(String, Array)]) -> Sequential {
    let mut state = StateDict::default();
    for (name, array) in weights.iter().filter(|(name, _)| !name.ends_with("num_batches_tracked")) {
        state.insert(name.clone(), array.shape.clone(), array.f32().to_vec());
    }
    let (network, _) = load_state_dict(Box::new(network), &state, Strict::Yes).unwrap();
    network.as_any().downcast_ref::<Sequential>().unwrap().clone()
}

#[test]
fn the_feature_loss_is_the_references() {
    let fixture = Fixture::open("feature_loss");
    let mut done: BTreeSet<String> = ["gram.in".to_owned()].into();
    let mut check = |name: String, shape: &[usize], values: &[f32]| {
        fixture.check(&name, shape, values).unwrap();
        done.insert(name);
    };
    let gram = gram_matrix(images(&fixture.tensor("gram.in")));
    check("gram.out".into(), &gram.dims(), &host(gram));

    for network in fixture.manifest()["keys"].as_object().unwrap().keys() {
        let facts = &fixture.manifest()[network];
        let weights = fixture.weights(network);
        // The tensors of `vgg16_bn` are under `vgg`.
        let all = fixture.manifest()["tensors"].as_object().unwrap().keys();
        let mut prefixes = all.filter_map(|name| name.split('.').next());
        let prefix = prefixes.find(|prefix| network.starts_with(prefix)).unwrap();
        let fresh = match network.as_str() {
            "vgg16_bn" => VggConfig::VGG16.features(&device()),
            _ => layers(&weights),
        };
        if let Some(children) = facts["children"].as_u64() {
            assert_eq!(fresh.len() as u64, children, "{network}");
        }
        if let Some(count) = facts["parameters_in_features"].as_u64() {
            let own = parameters(&fresh).into_iter().filter(|p| p.kind != Kind::Buffer);
            let found: usize = own.map(|p| p.shape.iter().product::<usize>()).sum();
            assert_eq!(found as u64, count, "{network}");
        }
        let model = loaded(fresh, &weights);
        let blocks = strings(&facts["blocks"]);
        let every = FeatureNet::before_pools(model.clone(), blocks.len()).unwrap();
        assert_eq!(every.layers(), blocks, "{network}");
        for (size, shapes) in facts["feature_shapes_at_blocks"].as_object().into_iter().flatten() {
            let size: usize = size.parse().unwrap();
            let maps = every.features(Tensor::zeros([1, 3, size, size], &Device::flex()));
            let found: Vec<[usize; 4]> = maps.iter().map(Tensor::dims).collect();
            assert_eq!(serde_json::json!(found), *shapes, "{network} at {size} pixels");
        }

        let used = strings(&facts["used"]);
        let net = FeatureNet::before_pools(model, used.len()).unwrap();
        assert_eq!(net.layers(), used, "{network}");
        let input = |key: &str| images(&fixture.input(facts[key].as_str().unwrap()));
        let (x, y) = (input("pred").require_grad(), input("target"));
        for (at, map) in net.features_of_target(x.clone()).into_iter().enumerate() {
            let name = format!("{prefix}.feat{at}");
            // Of large maps the fixture has the first channels.
            let channels = fixture.tensor(&name).shape[1];
            let map = map.narrow(1, 0, channels);
            check(name, &map.dims(), &host(map));
        }
        let factors: Vec<f64> =
            facts["weights"].as_array().unwrap().iter().map(|w| w.as_f64().unwrap()).collect();
        let loss = FeatureLoss::new(net, factors);
        let total = loss.forward(x.clone().into(), y.into());
        let gradients = total.backward();
        let close = |found: f64, wanted: &Value| {
            let tolerance = |name: &str| number(&fixture.manifest()["tolerance"][name]).unwrap();
            close_tol(found, wanted, tolerance("atol"), tolerance("rtol"))
        };
        let found = f64::from(total.into_scalar::<f32>());
        assert!(close(found, &facts["total"]), "{network}: {found}, expected {}", facts["total"]);
        let parts = facts["parts"].as_object().unwrap();
        let names: BTreeSet<String> = loss.part_names().into_iter().collect();
        assert_eq!(names, parts.keys().cloned().collect(), "{network}");
        for (name, found) in loss.part_names().iter().zip(loss.last_parts()) {
            assert!(
                close(found, &parts[name]),
                "{network}, {name}: {found}, expected {}",
                parts[name]
            );
        }
        let of_x = x.grad(&gradients).unwrap();
        check(format!("{prefix}.dpred"), &of_x.dims(), &host(of_x));
    }
    let all: BTreeSet<String> =
        fixture.manifest()["tensors"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(done, all, "every tensor of the fixture is held to");
}
