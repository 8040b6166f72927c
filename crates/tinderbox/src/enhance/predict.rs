//! What an image-to-image model makes of an image.

use tinderbox_data::{Image, TargetKind, damage::Crappifier, image::Photo};
use tinderbox_learn::Bundle;

use super::{
    Enhance,
    tiles::{check_memory, enhance_image},
};
use crate::{Answer, PictureOptions, Result, Task, validate::other_model};

/// The image that the model makes of another: of the size that is asked for, or of the image's own,
/// times what super-resolution enlarges by. The input is scaled to that size first.
///
/// # Errors
/// [`TaskError::OtherModel`](crate::TaskError::OtherModel) for a model of another task;
/// [`TileError`](super::TileError) for a size that there is no memory for; whatever goes wrong in the
/// model.
pub(super) fn enhanced(model: &Bundle, photo: &Photo, options: &PictureOptions) -> Result<Answer> {
    let inference = &model.manifest.inference;
    let TargetKind::Image { scale, damage, .. } = inference.target() else {
        return Err(other_model(model, Enhance::ABOUT.noun));
    };
    let size = [photo.height(), photo.width()];
    let size = match options.size {
        Some(asked) => asked.of(size),
        None => size.map(|side| side * scale),
    };
    check_memory(size)?;
    let scaled = photo.resized(size);
    let mut image = scaled.to_image();
    if damage.as_ref().is_some_and(Crappifier::is_gray) {
        image = image.to_gray();
    }
    let normalize = inference.normalization();
    if let Some(normalize) = normalize.filter(|normalize| normalize.inputs) {
        normalize.apply_to_image(&mut image)?;
    }
    let made = enhance_image(model, &image.into_array(), options.tile)?;
    let mut made = Image::of_array(made).expect("as many axes as went in");
    if let Some(normalize) = normalize.filter(|normalize| normalize.targets) {
        normalize.invert_image(&mut made)?;
    }
    Ok(Answer::Picture(scaled.with_image(&made)))
}
