//! Maps side by side.

mod backend;

use burn::{backend::Dispatch, tensor::Tensor};

use crate::concat::backend::ConcatOps;

/// The channels of all maps, one map's behind the last one's, in the memory order of the kernels,
/// which Burn's own concatenation would leave.
///
/// # Shapes
/// `[batch, channels, height, width]`, each with channels of its own → the sum of the channels.
///
/// # Panics
/// If there are no maps, or one of another batch, height or width.
pub fn concat(maps: Vec<Tensor<4>>) -> Tensor<4> {
    let join = |a: Tensor<4>, b: Tensor<4>| {
        let rest = |[batch, _, height, width]: [usize; 4]| [batch, height, width];
        assert!(
            rest(a.dims()) == rest(b.dims()),
            "maps of shapes {:?} and {:?} do not lie side by side",
            a.dims(),
            b.dims()
        );
        Tensor::from_dispatch(Dispatch::tb_concat(a.into_dispatch(), b.into_dispatch()))
    };
    maps.into_iter().reduce(join).expect("at least one map")
}
