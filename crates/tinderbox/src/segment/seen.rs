//! Which classes the training masks have.

use tinderbox_data::{DataBunch, batch::Set};

use super::{SegmentError, Void};
use crate::{Job, Result};

/// Warns of classes that no training mask has.
///
/// # Errors
/// [`SegmentError::OneClass`] if there are not two that count: whatever a model predicts would be
/// right.
pub(super) fn check(data: &DataBunch, void: Option<Void>, job: &Job) -> Result<()> {
    let Some(seen) = data.classes_seen(Set::Train) else { return Ok(()) };
    let is_void =
        |code: usize| matches!(void, Some(Void::Class(void)) if usize::from(void) == code);
    let counted = || {
        let classes = data.classes().iter().zip(&seen).enumerate();
        classes.filter(|(code, _)| !is_void(*code)).map(|(_, class)| class)
    };
    let of = |wanted: bool| -> Vec<String> {
        counted().filter(|(_, seen)| **seen == wanted).map(|(class, _)| class.clone()).collect()
    };
    let (present, absent) = (of(true), of(false));
    if present.len() < 2 {
        let class = present.into_iter().next();
        let ignored = void.and_then(Void::without_class);
        return Err(SegmentError::OneClass { class, ignored }.into());
    }
    match &absent[..] {
        [] => {}
        [class] => job.warn(format!("no training mask has a pixel of the class `{class}`")),
        classes => job.warn(format!(
            "no training mask has a pixel of these {} classes: {}",
            classes.len(),
            classes.join(", ")
        )),
    }
    Ok(())
}
