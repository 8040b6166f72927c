//! What an image is seen as in test-time augmentation.

use std::sync::Arc;

use super::{AnyTransform, CropPad, FlipLr, Pipeline, Place, Zoom, crop_pad, zoom};

/// One of eight ways to look at an image: zoomed into a corner, mirrored or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TtaView {
    /// How many times as large.
    pub scale: f64,
    /// Which part: the share of the room above and left of it, 0 or 1.
    pub corner: [f64; 2],
    pub mirrored: bool,
}

impl TtaView {
    /// All eight, in fastai's order.
    pub fn all(scale: f64) -> [Self; 8] {
        let bit = |number: u8, bit: u8| if number & bit > 0 { 1.0 } else { 0.0 };
        [0, 1, 2, 3, 4, 5, 6, 7].map(|number| Self {
            scale,
            corner: [bit(number, 1), bit(number, 2)],
            mirrored: number & 4 > 0,
        })
    }
}

impl Pipeline {
    /// The transforms of training as a view has them: its own zoom, crop and mirror in the place of
    /// the random ones; all else stays random.
    pub(crate) fn seen_as(&self, view: &TtaView) -> Self {
        const REPLACED: [&str; 4] = ["crop_pad", "flip_lr", "dihedral", "zoom"];
        let stays = |transform: &&Arc<dyn AnyTransform>| !REPLACED.contains(&transform.name());
        let mut list: Vec<_> = self.list.iter().filter(stays).cloned().collect();
        let [row, column] = view.corner;
        let place = Place::At(row, column);
        list.push(Arc::new(Zoom { place, ..zoom(view.scale) }));
        list.push(Arc::new(CropPad { place, ..crop_pad() }));
        if view.mirrored {
            list.push(Arc::new(FlipLr { p: 1.0 }));
        }
        list.sort_by_key(|transform| transform.order());
        Self { list, settings: self.settings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::get_transforms;

    #[test]
    fn a_view_has_its_own_place_and_keeps_what_is_random() {
        let pipeline = get_transforms().pipeline(true);
        let views = TtaView::all(1.35);
        let names = |view: &TtaView| pipeline.seen_as(view).names().collect::<Vec<_>>();
        let common = ["symmetric_warp", "rotate", "zoom", "brightness", "contrast"];
        assert_eq!(names(&views[1]), [&common[..], &["crop_pad"]].concat());
        assert_eq!(names(&views[5]), [&common[..], &["flip_lr", "crop_pad"]].concat());
    }
}
