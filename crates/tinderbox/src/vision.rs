//! Folders of pictures: from class folders to a trained model, and what one does with it.
//!
//! These are the recipes behind the command line. Each takes plain settings and tells a [`Watch`](crate::Watch)
//! what happens.

mod camvid;
mod demo;
mod fit;
mod interpret;
mod learner;
mod lesson;
mod memory;
mod plan;
mod segment;
mod settings;
mod survey;
mod use_model;

pub use camvid::{CAMVID, lesson_camvid};
pub use demo::{Demo, demo, demo_masks};
pub use fit::{lr_find, resume, show_batch, train};
pub use interpret::{ClassResult, InterpretSettings, Interpreted, interpret};
pub use learner::{cnn_learner, pretrained_cnn_learner, pretrained_unet_learner, unet_learner};
pub use lesson::{Lesson, LessonRun, PUBLISHED, lesson_mnist};
pub use plan::{Augment, Plan, Transfer};
pub use segment::{
    MaskName, MaskScores, MaskValidation, PredictedMask, SegmenterPlan, SegmenterSettings, Void,
    predict_mask, resume_segmenter, segmenter_lr_find, show_masks, train_segmenter, validate_masks,
};
pub use settings::{Split, TrainSettings, Valid};
pub use use_model::{Answer, ClassScore, Scores, model_summary, predict, validate};
