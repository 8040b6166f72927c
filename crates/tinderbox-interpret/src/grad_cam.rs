//! Grad-CAM: the regions of an image behind a class.

use burn::{module::Module, tensor::Tensor};
use tinderbox_data::picture::Picture;
use tinderbox_model::{
    AnyTensor, Layer, Mode, Step, Trace, set_mode,
    watch::{class_activation, has_cells},
};

/// How much each region of an image contributes to a class: the last feature map that is large
/// enough, each channel weighted by the gradient of the class's score. Row by row, in `0.0..=1.0`, with
/// the map's height and width; nothing for a model that has no such map, or whose output is not a
/// score for each class.
///
/// # Shapes
/// - `x`: `[1, channels, height, width]`, on a device with autodiff
///
/// # Reference
/// Selvaraju et al., [Grad-CAM](https://arxiv.org/abs/1610.02391), 2017.
#[doc(alias = "GradCAM")]
#[doc(alias = "heatmap")]
pub fn grad_cam(model: &dyn Layer, x: Tensor<4>, class: usize) -> Option<(Vec<f32>, [usize; 2])> {
    let model = set_mode(model.clone_boxed(), Mode::Eval);
    let layer = last_map(&*model, x.clone())?;
    let mut map = None;
    let scores = model.forward_any(x.detach().into(), &mut Trace::cut(&layer, &mut map));
    let (AnyTensor::Float2(scores), Some(map)) = (scores, map) else { return None };
    let looked = class_activation(map, scores, class)?;
    let size = looked.dims();
    let values: Vec<f32> =
        looked.reshape([-1]).try_into_vec_as().expect("floats are readable as f32");
    let most = values.iter().fold(0f32, |most, value| most.max(*value));
    let share = |value: &f32| if most > 0.0 { value / most } else { 0.0 };
    Some((values.iter().map(share).collect(), size))
}

/// The path of the layer with the last feature map of enough cells.
fn last_map(model: &dyn Layer, x: Tensor<4>) -> Option<String> {
    let mut last = None;
    let mut observe = |step: Step<'_>| {
        if has_cells(&step.output.dims()) {
            last = Some(step.path.join("."));
        }
    };
    let model = model.clone_boxed().valid();
    model.forward_any(AnyTensor::from(x).without_autodiff(), &mut Trace::new(&mut observe));
    last
}

/// An image with a map of shares over it, interpolated: the more, the redder.
pub fn heat(picture: &Picture, map: &[f32], [height, width]: [usize; 2]) -> Picture {
    let between = |at: usize, of: usize, n: usize| {
        let place = (at as f32 + 0.5) * n as f32 / of as f32 - 0.5;
        let place = place.clamp(0.0, (n - 1) as f32);
        (place as usize, (place as usize + 1).min(n - 1), place.fract())
    };
    let share = |x: usize, y: usize| {
        let (left, right, along) = between(x, picture.width(), width);
        let (above, below, down) = between(y, picture.height(), height);
        let row = |row: usize| {
            let (a, b) = (map[row * width + left], map[row * width + right]);
            a + (b - a) * along
        };
        row(above) + (row(below) - row(above)) * down
    };
    picture.tinted(|x, y| ([220, 30, 20], 0.65 * share(x, y)))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};
    use tinderbox_model::{
        Sequential,
        arch::ArchSpec,
        layer::{Conv2dConfig, Flatten, Linear, PoolFlatten, ReLU},
        weights::{StateDict, Strict, load_state_dict, state_dict},
    };

    use super::*;

    /// A network that looks at one channel: where it is light, its class is.
    #[test]
    fn a_network_looks_where_its_class_is() {
        let device = Device::flex().autodiff();
        let model = Sequential::new()
            .push(Conv2dConfig::new([1, 1], 1).init(&device))
            .push(ReLU)
            .push(PoolFlatten)
            .push(Linear::new(1, 2, &device));
        let mut weights = StateDict::default();
        weights.insert("0.weight", vec![1, 1, 1, 1], vec![1.0]);
        weights.insert("0.bias", vec![1], vec![0.0]);
        weights.insert("3.weight", vec![2, 1], vec![1.0, -1.0]);
        weights.insert("3.bias", vec![2], vec![0.0; 2]);
        let (model, _) = load_state_dict(Box::new(model), &weights, Strict::Yes).unwrap();
        let mut pixels = vec![0f32; 16];
        pixels[6] = 1.0;
        pixels[7] = 0.5;
        let x: Tensor<4> = Tensor::<1>::from_floats(&pixels[..], &device).reshape([1, 1, 4, 4]);
        let (map, size) = grad_cam(&*model, x.clone(), 0).unwrap();
        assert_eq!((map, size), (pixels, [4, 4]));
        let (against, _) = grad_cam(&*model, x.clone(), 1).unwrap();
        assert!(against.iter().all(|share| *share == 0.0), "nothing speaks for it");
        let flat = Sequential::new().push(Flatten::default());
        assert!(grad_cam(&flat, x, 0).is_none());
    }

    #[test]
    fn networks_that_are_no_lists_look_somewhere_too() {
        let device = Device::flex().autodiff();
        let model = ArchSpec::new("resnet18", 3, 4, [128, 128]).unwrap().build(&device).unwrap();
        // What is seen anywhere speaks for every class.
        let mut weights = state_dict(&model.clone());
        weights.insert("fc.weight", vec![4, 512], vec![1.0; 4 * 512]);
        let (model, _) = load_state_dict(Box::new(model), &weights, Strict::Yes).unwrap();
        let x = Tensor::<4>::random([1, 3, 128, 128], Distribution::Default, &device);
        let (map, size) = grad_cam(&*model, x, 2).unwrap();
        assert_eq!((map.len(), size), (16, [4, 4]));
        assert!(map.iter().any(|share| *share > 0.0), "{map:?}");
    }

    #[test]
    fn heat_is_where_the_map_is() {
        let picture = Picture::filled(8, 8, [100; 3]);
        let warm = heat(&picture, &[0.0, 1.0, 0.0, 0.0], [2, 2]);
        let red = |x: usize, y: usize| warm.pixel(x, y)[0];
        assert_eq!(warm.pixel(0, 7), [100; 3]);
        assert!(red(7, 0) > 170 && red(4, 0) > 100 && red(4, 0) < red(7, 0));
    }
}
