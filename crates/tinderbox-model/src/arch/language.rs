//! Language models: the next word after each of a text's.
//!
//! The lesson's last three, and [`RnnLm`], carry their state from batch to batch: each goes on where
//! the last ended, without gradients between them. Nothing resets it but a batch of another size
//! and [`Carried::reset`](crate::layer::Carried::reset).

mod looped;
mod lstm_lm;
mod recurrent;
mod rnn_lm;

pub use looped::{Model0, Model1, Model2, Model3};
pub use lstm_lm::LstmLm;
pub use recurrent::{Model4, Model5};
pub use rnn_lm::{RnnLm, RnnLmConfig};

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int, Tensor};

    use super::*;
    use crate::{
        Layer, Mode, Trace, groups,
        layer::{Gru, Lstm},
        set_mode,
    };

    fn models(device: &Device) -> [Box<dyn Layer>; 9] {
        let gru = RnnLmConfig { dropout: 0.5, ..RnnLmConfig::new(38) };
        let lstm = RnnLmConfig { embedding: 8, norm: false, ..RnnLmConfig::new(38) };
        [
            Box::new(Model0::new(38, 64, device)),
            Box::new(Model1::new(38, 64, device)),
            Box::new(Model2::new(38, 64, device)),
            Box::new(Model3::new(38, 64, device)),
            Box::new(Model4::new(38, 64, device)),
            Box::new(Model5::new(38, 64, device)),
            Box::new(RnnLm::<Gru>::new(&gru, device)),
            Box::new(RnnLm::<Lstm>::new(&lstm, device)),
            Box::new(LstmLm::new(38, 6, 9, device)),
        ]
    }

    fn answer(model: &dyn Layer, batch: usize) -> Vec<f32> {
        let x = Tensor::<2, Int>::full([batch, 3], 5, &Device::flex());
        let y = model.forward_any(x.into(), &mut Trace::off());
        assert_eq!(y.dims()[0], batch);
        y.into_flat().into_data().try_to_vec().unwrap()
    }

    /// The lesson's counts.
    #[test]
    fn they_have_the_parameters_of_the_lesson() {
        let count = |model: &dyn Layer| -> usize {
            let parameters = groups::parameters(model).into_iter();
            let learned = parameters.filter(|p| p.kind != groups::Kind::Buffer);
            learned.map(|p| p.shape.iter().product::<usize>()).sum()
        };
        let counts =
            models(&Device::flex())[..7].iter().map(|model| count(&**model)).collect::<Vec<_>>();
        assert_eq!(counts, [9190, 9190, 9190, 9190, 13_350, 54_950, 54_950]);
    }

    #[test]
    fn the_state_goes_on_but_not_into_a_clone() {
        for (at, model) in models(&Device::flex()).into_iter().enumerate() {
            let model = set_mode(model, Mode::Eval);
            let first = answer(&*model, 4);
            assert_eq!(answer(&*model.clone(), 4), first);
            // An update maps the model as a change of the mode does.
            let model = set_mode(model, Mode::Eval);
            let carries = (3..8).contains(&at);
            assert_eq!(model.carried().is_some(), carries);
            assert_eq!(answer(&*model, 4) != first, carries, "{at}");
            if let Some(state) = model.carried() {
                state.reset();
                assert_eq!(answer(&*model, 4), first);
            }
        }
    }

    #[test]
    fn a_batch_of_another_size_starts_from_zeros() {
        for model in models(&Device::flex()) {
            let model = set_mode(model, Mode::Eval);
            let first = answer(&*model, 2);
            answer(&*model, 3);
            assert_eq!(answer(&*model, 2), first);
        }
    }

    /// The first four have the same layers; for three words the second is the first.
    #[test]
    fn the_loop_of_the_second_model_is_the_first_model() {
        use crate::weights::{Strict, load_state_dict, state_dict};

        let [first, second, ..] = models(&Device::flex());
        let (second, _) = load_state_dict(second, &state_dict(&*first), Strict::Yes).unwrap();
        assert_eq!(answer(&*first, 4), answer(&*second, 4));
    }
}
