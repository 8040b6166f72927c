//! Stacks of recurrent layers of any kind, for models that do not care which.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use super::{Gru, Lstm, LstmState, Rnn};

/// Recurrent layers one on the other, whose states are a list of matrices: what
/// [`Carried`](super::Carried) keeps.
pub trait Recurrent: Module + 'static {
    /// This many layers from `sizes[0]` numbers a step to `sizes[1]`.
    fn stack(sizes: [usize; 2], layers: usize, device: &Device) -> Self;

    /// The outputs of the last layer, and the states after the last step; from the given states
    /// or from zeros. What goes from a layer to the next passes through `between`.
    ///
    /// # Panics
    /// If the states are not as many as this gives, or the shapes do not fit.
    fn run(
        &self,
        x: Tensor<3>,
        states: Option<Vec<Tensor<2>>>,
        between: &dyn Fn(Tensor<3>) -> Tensor<3>,
    ) -> (Tensor<3>, Vec<Tensor<2>>);
}

/// Layers whose state is their last output.
macro_rules! one_state {
    ($name:ident) => {
        impl Recurrent for $name {
            fn stack([input, hidden]: [usize; 2], layers: usize, device: &Device) -> Self {
                Self::new(input, hidden, layers, device)
            }

            fn run(
                &self,
                x: Tensor<3>,
                states: Option<Vec<Tensor<2>>>,
                between: &dyn Fn(Tensor<3>) -> Tensor<3>,
            ) -> (Tensor<3>, Vec<Tensor<2>>) {
                self.forward_through(x, states, between)
            }
        }
    };
}

one_state!(Rnn);
one_state!(Gru);

/// The states are each layer's last output and its cells.
impl Recurrent for Lstm {
    fn stack([input, hidden]: [usize; 2], layers: usize, device: &Device) -> Self {
        Self::new(input, hidden, layers, device)
    }

    fn run(
        &self,
        x: Tensor<3>,
        states: Option<Vec<Tensor<2>>>,
        between: &dyn Fn(Tensor<3>) -> Tensor<3>,
    ) -> (Tensor<3>, Vec<Tensor<2>>) {
        let (y, last) = self.forward_through(x, states.map(|states| pairs(&states)), between);
        (y, flat(last))
    }
}

/// The states of LSTM layers of a list of outputs and cells in turn.
///
/// # Panics
/// If an output is without its cells.
pub(crate) fn pairs(states: &[Tensor<2>]) -> Vec<LstmState> {
    let (pairs, rest) = states.as_chunks::<2>();
    assert!(rest.is_empty(), "{} states, but those of LSTM layers come in pairs", states.len());
    let state =
        |[hidden, cell]: &[Tensor<2>; 2]| LstmState { hidden: hidden.clone(), cell: cell.clone() };
    pairs.iter().map(state).collect()
}

/// The list that [`pairs`] takes.
pub(crate) fn flat(states: Vec<LstmState>) -> Vec<Tensor<2>> {
    states.into_iter().flat_map(|LstmState { hidden, cell }| [hidden, cell]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<R: Recurrent>(states: usize) {
        let device = Device::flex();
        let stack = R::stack([3, 4], 2, &device);
        let x = || Tensor::<3>::ones([2, 6, 3], &device);
        let same = |x| x;
        let (y, last) = stack.run(x(), None, &same);
        assert_eq!((y.dims(), last.len()), ([2, 6, 4], states));
        // Two halves are the whole.
        let (_, half) = stack.run(x().narrow(1, 0, 2), None, &same);
        let (rest, _) = stack.run(x().narrow(1, 2, 4), Some(half), &same);
        let values = |y: Tensor<3>| y.into_data().try_to_vec::<f32>().unwrap();
        let pairs = values(rest).into_iter().zip(values(y.narrow(1, 2, 4)));
        pairs.for_each(|(found, expected)| assert!((found - expected).abs() < 1e-6));
        // Without input, the second layer runs on its biases.
        let (_, other) = stack.run(x(), None, &|x| x * 0.0);
        let numbers = |state: &Tensor<2>| state.to_data();
        assert_eq!(numbers(&other[0]), numbers(&last[0]));
        assert_ne!(numbers(&other[states - 1]), numbers(&last[states - 1]));
    }

    #[test]
    fn a_stack_goes_on_from_its_states_and_passes_through_what_is_between() {
        check::<Rnn>(2);
        check::<Gru>(2);
        check::<Lstm>(4);
    }
}
