//! What the tests of kernels against fallbacks share.

use burn::{
    backend::Flex,
    tensor::{Device, Distribution, Tensor},
};
use burn_flex::FlexTensor;

use crate::flex::{channels_last, in_order};

pub(crate) fn random<const D: usize>(shape: [usize; D]) -> FlexTensor {
    let tensor = Tensor::<D>::random(shape, Distribution::Uniform(-1.0, 1.0), &Device::flex());
    tensor.try_into_primitive::<Flex>().expect("made on this backend")
}

#[track_caller]
pub(crate) fn assert_close(kernel: &FlexTensor, composed: &FlexTensor) {
    assert_eq!(kernel.layout().shape(), composed.layout().shape());
    let (kernel, composed) = (in_order(kernel), in_order(composed));
    for (at, (kernel, composed)) in kernel.iter().zip(composed.iter()).enumerate() {
        let allowed = 1e-4 * composed.abs().max(1.0);
        assert!((kernel - composed).abs() < allowed, "[{at}]: {kernel}, composed {composed}");
    }
}

/// A map that the next kernel takes as it is.
#[track_caller]
pub(crate) fn assert_map(map: &FlexTensor) {
    let borrowed = matches!(channels_last(map), std::borrow::Cow::Borrowed(_));
    assert!(borrowed, "not channels-last: {:?}", map.layout());
}
