//! Which loss belongs to which target.

use tinderbox_data::{TargetKind, text::IGNORE_TAG};

use crate::{
    Error, Result,
    loss::{BCEWithLogitsFlat, CrossEntropyFlat, Loss, MSELossFlat},
};

/// The loss that a kind of target calls for: fastai's, and of masks and tags without what is marked
/// as having no class. Images to be made, which fastai has none for, are compared pixel by pixel.
///
/// # Errors
/// [`Error::NoLoss`] for targets that may mean anything: arrays, nothing at all.
///
/// # Example
/// ```
/// use tinderbox_data::TargetKind;
/// use tinderbox_learn::loss::loss_of;
///
/// # fn main() -> tinderbox_learn::Result<()> {
/// let loss = loss_of(&TargetKind::Number { len: 1, log: false })?;
/// assert_eq!(loss.name(), "MSELossFlat");
/// # Ok(())
/// # }
/// ```
pub fn loss_of(target: &TargetKind) -> Result<Box<dyn Loss>> {
    let cross_entropy = CrossEntropyFlat::default();
    Ok(match target {
        TargetKind::Category { .. } | TargetKind::Words { .. } => Box::new(cross_entropy),
        TargetKind::Tags { .. } => {
            Box::new(CrossEntropyFlat { ignore: Some(IGNORE_TAG), ..cross_entropy })
        }
        TargetKind::Mask { ignore, .. } => {
            Box::new(CrossEntropyFlat { axis: 1, ignore: ignore.map(i64::from), ..cross_entropy })
        }
        TargetKind::MultiCategory { .. } => Box::new(BCEWithLogitsFlat),
        TargetKind::Number { .. } | TargetKind::Points { .. } | TargetKind::Image { .. } => {
            Box::new(MSELossFlat)
        }
        TargetKind::Empty | TargetKind::Array => {
            return Err(Error::NoLoss { target: target.list_name() });
        }
    })
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int, Tensor};
    use tinderbox_data::{ConvertMode, MaskValues, text::Vocab};
    use tinderbox_model::AnyTensor;

    use super::*;
    use crate::loss::Activation;

    fn classes() -> Vec<String> {
        ["cat", "dog"].map(String::from).into()
    }

    #[test]
    fn each_kind_of_target_has_its_loss() {
        let softmax = |axis| Activation::Softmax { axis };
        let cases = [
            (TargetKind::Category { classes: classes() }, "CrossEntropyFlat", softmax(-1)),
            (
                TargetKind::Words { vocab: Vocab::from_tokens(classes()).unwrap() },
                "CrossEntropyFlat",
                softmax(-1),
            ),
            (TargetKind::Tags { classes: classes() }, "CrossEntropyFlat", softmax(-1)),
            (TargetKind::mask(classes()), "CrossEntropyFlat", softmax(1)),
            (
                TargetKind::MultiCategory { classes: classes(), threshold: 0.5 },
                "BCEWithLogitsFlat",
                Activation::Sigmoid,
            ),
            (TargetKind::Number { len: 2, log: true }, "MSELossFlat", Activation::None),
            (TargetKind::Points { n: 1 }, "MSELossFlat", Activation::None),
            (TargetKind::image(ConvertMode::Rgb), "MSELossFlat", Activation::None),
        ];
        for (target, name, activation) in cases {
            let loss = loss_of(&target).unwrap();
            assert_eq!((loss.name(), loss.activation()), (name.to_owned(), activation));
        }
        for target in [TargetKind::Empty, TargetKind::Array] {
            let Err(error) = loss_of(&target) else { panic!("{target:?} has a loss") };
            assert!(matches!(error, Error::NoLoss { target: name } if name == target.list_name()));
        }
    }

    /// One prediction counts, the other one's target says that it has no class.
    #[track_caller]
    fn check_ignored(target: &TargetKind, output: AnyTensor, classes: AnyTensor) {
        let value = loss_of(target).unwrap().forward(output, classes).into_scalar::<f32>();
        assert!((value - 2f32.ln()).abs() < 1e-6, "{value}");
    }

    #[test]
    fn what_has_no_class_does_not_count() {
        let device = Device::flex();
        let words = Tensor::<3>::from_data([[[0.0, 0.0], [9.0, 0.0]]], &device);
        let tags = Tensor::<2, Int>::from_ints([[1, IGNORE_TAG]], &device);
        check_ignored(&TargetKind::Tags { classes: classes() }, words.into(), tags.into());

        let pixels = Tensor::<4>::from_data([[[[0.0, 9.0]], [[0.0, 0.0]]]], &device);
        let codes = Tensor::<4, Int>::from_ints([[[[1, 255]]]], &device);
        let mask = TargetKind::Mask {
            classes: classes(),
            ignore: Some(255),
            void: None,
            values: MaskValues::Codes,
        };
        check_ignored(&mask, pixels.into(), codes.into());
    }
}
