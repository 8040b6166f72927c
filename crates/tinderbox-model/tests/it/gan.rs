//! The plain generator and critic.

use burn::tensor::Tensor;
use tinderbox_model::{Layer, Sequential, Step, Trace, arch::BasicGan, weights::state_dict};

use crate::common::{device, n_params};

/// Counts and shapes of the reference's, for 64 pixels and an extra layer.
#[test]
fn the_plain_gan_is_fastais() {
    let device = &device();
    let gan = BasicGan { n_extra_layers: 1, ..BasicGan::new(64, 3) };
    let (generator, critic) = (gan.generator(device), gan.critic(device));
    assert_eq!([&generator, &critic].map(|model| n_params(model)), [3_613_696, 2_802_624]);
    let sizes = |model: &Sequential, input: [usize; 4]| {
        let mut sizes = Vec::new();
        let mut observe = |step: Step<'_>| {
            if step.path.len() == 1 {
                sizes.push(step.output.dims());
            }
        };
        let x = Tensor::<4>::zeros(input, device);
        model.forward_any(x.into(), &mut Trace::new(&mut observe));
        sizes
    };
    let map = |channels, side| vec![2, channels, side, side];
    let mut expected = [(512, 4), (256, 8), (128, 16), (64, 32), (64, 32), (3, 64), (3, 64)]
        .map(|(channels, side)| map(channels, side));
    assert_eq!(sizes(&generator, [2, 100, 1, 1]), expected);
    expected = [(64, 32), (64, 32), (128, 16), (256, 8), (512, 4), (1, 1), (1, 1)]
        .map(|(channels, side)| map(channels, side));
    expected[6] = vec![1];
    assert_eq!(sizes(&critic, [2, 3, 64, 64]), expected);
    // Without extra layers the list of them is empty, and keeps its number.
    let keys = state_dict(&BasicGan::new(8, 1).critic(device));
    assert!(keys.get("0.0.weight").is_some() && keys.get("2.weight").is_some());
}

#[test]
#[should_panic(expected = "a generator makes images of 8, 16, 32, … pixels, not 24")]
fn a_generator_doubles_its_maps() {
    BasicGan::new(24, 3);
}
