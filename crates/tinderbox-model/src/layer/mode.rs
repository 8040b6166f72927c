//! Training and evaluation.

use burn::module::{Flag, Module, ModuleMapper, Param};

use crate::Layer;

/// Whether layers that differ in training do so: batch norm uses the batch's statistics and
/// updates its running ones, dropout drops.
///
/// It is a setting of the layers, not of the device: a model can be evaluated with gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Train,
    Eval,
}

/// Puts every layer of a model into a mode. New models are in [`Mode::Train`].
pub fn set_mode(model: Box<dyn Layer>, mode: Mode) -> Box<dyn Layer> {
    model.map(&mut SetMode(mode))
}

struct SetMode(Mode);

impl ModuleMapper for SetMode {
    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        flag.with_value(self.0 == Mode::Train)
    }
}
