//! Test-time augmentation: several looks at each image.

use burn::tensor::Tensor;
use tinderbox_data::{TargetKind, batch::Set, transform::TtaView};
use tinderbox_model::AnyTensor;

use crate::{Error, Learner, Predictions, Result, tensors::concatenate};

/// How test-time augmentation looks and weighs.
#[derive(Debug, Clone, Copy, PartialEq)]
#[doc(alias = "TTA")]
pub struct Tta {
    /// What the plain look counts; the eight others share the rest.
    pub beta: f64,
    /// How many times as large the others see a part.
    pub scale: f64,
}

impl Default for Tta {
    /// fastai's.
    fn default() -> Self {
        Self { beta: 0.4, scale: 1.35 }
    }
}

impl Tta {
    /// The predictions of all looks as one: `beta` of the plain one, and the rest of the others' mean.
    ///
    /// # Panics
    /// If there are no others.
    pub fn combine(&self, plain: Tensor<1>, others: Vec<Tensor<1>>) -> Tensor<1> {
        plain * self.beta + mean(others) * (1.0 - self.beta)
    }
}

fn mean(tensors: Vec<Tensor<1>>) -> Tensor<1> {
    let n = tensors.len() as f64;
    let sum = tensors.into_iter().reduce(|a, b| a + b).expect("there are some");
    sum / n
}

impl Learner {
    /// Predictions for a set of images from nine looks at each: as in validation, and zoomed into
    /// each corner, mirrored and not, with the other transforms of training at random.
    ///
    /// Takes nine times as long as [`get_preds`](Self::get_preds), for some tenths of a percent.
    ///
    /// # Errors
    /// [`Error::NotPictures`] for items that cannot be looked at so, and for targets that would move;
    /// as [`get_preds`](Self::get_preds).
    pub fn tta(&self, set: Set, tta: Tta) -> Result<Predictions> {
        let target = self.data().target();
        let moves = matches!(
            target,
            TargetKind::Mask { .. } | TargetKind::Image { .. } | TargetKind::Points { .. }
        );
        if moves {
            return Err(Error::NotPictures { what: target.list_name() });
        }
        let mut others = Vec::new();
        for view in TtaView::all(tta.scale) {
            let batches = self.data().batches_seen_as(set, &view);
            let batches = batches.ok_or(Error::NotPictures { what: "ItemList" })?;
            let mut outputs = Vec::new();
            let n = self.outputs_of(batches, |batch| {
                outputs.push(self.activation().apply(batch.raw));
                Ok(())
            })?;
            if n == 0 {
                return Err(Error::NoItems { set: set.name() });
            }
            others.push(concatenate(outputs).into_flat());
        }
        let plain = self.get_preds(set)?;
        let shape = plain.outputs.dims();
        let outputs = tta.combine(plain.outputs.into_flat(), others);
        let outputs: AnyTensor = match shape[..] {
            [items, classes] => outputs.reshape([items, classes]).into(),
            _ => outputs.into(),
        };
        Ok(Predictions { outputs, ..plain })
    }
}
