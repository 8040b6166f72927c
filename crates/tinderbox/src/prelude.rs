//! What a program in the style of the lesson's notebooks uses: one line, and it reads like the
//! notebook.
//!
//! ```no_run
//! use tinderbox::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let data = ImageItems::from_folder("pets")?.split_by_rand_pct(0.2, 42)?.label_from_folder()?
//!     .transform(get_transforms().size(224))?.batches(64)?.normalize_by(Normalize::imagenet())?;
//! let mut learn = cnn_learner(data, "resnet34")?.metrics(error_rate);
//! learn.fit_one_cycle(4, slice(3e-3))?;
//! learn.unfreeze();
//! learn.fit_one_cycle(2, slice(1e-6..1e-4))?;
//! Interpretation::of(&learn, Set::Valid)?.plot_top_losses(9)?.save("worst.png")?;
//! # Ok(())
//! # }
//! ```
//!
//! - images and labels: [`ImageItems`], [`ConvertMode`], [`Label`], [`LabelKind`], [`DataBunch`],
//!   [`BatchOptions`], [`Normalize`], [`Array`]
//! - transforms: [`get_transforms`], [`Augmentation`], [`Transforms`], [`Size`], [`ResizeMethod`], [`PaddingMode`],
//!   [`flip_lr`], [`crop_pad`], [`rand_crop`], [`rand_pad`], [`rand_resize_crop`]
//! - texts: [`TextItems`], [`TextCsv`], [`TaggedItems`], [`human_numbers`], [`Tokenizing`],
//!   [`Vocab`], [`VocabOptions`], [`LmOptions`], [`ClassifierOptions`]
//! - learners: [`cnn_learner`], [`unet_learner`], [`language_model_learner`],
//!   [`text_classifier_learner`], [`tagger_learner`], [`Learner`]
//! - what is unusual about them: [`CnnConfig`], [`UnetLearnerConfig`], [`UnetConfig`], [`Blur`],
//!   [`TextLearnerConfig`], [`LanguageModelConfig`], [`TextClassifierConfig`], [`Pretrained`]
//! - networks: [`basic`], [`refactored`], [`resnetish`], [`summary()`], [`Sequential`],
//!   [`conv_layer`], [`ConvLayerConfig`], [`NormType`], [`res_block`], [`ResBlock`], [`Shortcut`]
//! - layers: [`Conv2dConfig`], [`BatchNorm1d`], [`BatchNorm2d`], [`Embedding`], [`Flatten`],
//!   [`Gru`], [`Linear`], [`ReLU`]
//! - a model of your own: [`Module`], [`Forward`], [`Layer`], [`Tensor`], [`Int`], [`Device`],
//!   [`StateDict`], [`Strict`]
//! - schedules: [`slice()`], [`LearningRate`], [`LrFind`], [`OneCycle`]
//! - metrics: [`accuracy`], [`error_rate`], [`top_k_accuracy`], [`accuracy_thresh`], [`dice`],
//!   [`FBeta`], [`Precision`], [`Recall`], [`MeanIou`], [`PixelAccuracy`], [`Perplexity`]
//! - losses: [`CrossEntropyFlat`], [`LabelSmoothingCrossEntropy`], [`MSELossFlat`], [`L1LossFlat`],
//!   [`FeatureLoss`], [`PretrainedFeatures`]
//! - callbacks: [`EarlyStopping`], [`SaveModel`], [`SaveWhen`], [`ReduceLrOnPlateau`],
//!   [`Monitor`], [`CsvLogger`], [`GradientClipping`], [`TerminateOnNan`]
//! - what is seen of training: [`progress()`], [`Recorder`], [`plot_losses`], [`plot_lr_find`],
//!   [`plot_metrics`], [`plot_rates`]
//! - the results: [`Interpretation`], [`SegmentationInterpretation`], [`show_results`],
//!   [`Set`], [`Bundle`], [`WithOptimizer`]

// Tensors, and what a model of one's own derives.
pub use burn::{
    module::Module,
    tensor::{Device, Int, Tensor},
};

// Data: images, their labels and transforms.
pub use tinderbox_data::{
    Array, BatchOptions, ConvertMode, DataBunch, ImageItems, Label, LabelKind, Normalize,
    transform::{
        Augmentation, PaddingMode, ResizeMethod, Size, Transforms, crop_pad, flip_lr,
        get_transforms, rand_crop, rand_pad, rand_resize_crop,
    },
};

// Data: texts.
pub use tinderbox_data::text::{
    ClassifierOptions, LmOptions, TaggedItems, TextCsv, TextItems, Tokenizing, Vocab, VocabOptions,
    human_numbers,
};

// Models: layers, blocks, and the lesson's networks.
pub use tinderbox_model::{
    ConvLayerConfig, Forward, Layer, NormType, ResBlock, Sequential, Shortcut,
    arch::{
        Blur, LanguageModelConfig, TextClassifierConfig, UnetConfig, basic, refactored, resnetish,
    },
    conv_layer,
    layer::{BatchNorm1d, BatchNorm2d, Conv2dConfig, Embedding, Flatten, Gru, Linear, ReLU},
    res_block, summary,
    weights::StateDict,
};

// Learners.
pub use crate::{
    CnnConfig, PretrainedFeatures, UnetLearnerConfig, cnn_learner,
    texts::{TextLearnerConfig, language_model_learner, tagger_learner, text_classifier_learner},
    unet_learner,
    weights::Pretrained,
};

// Training: losses, metrics, schedules, callbacks, and what is seen of it.
pub use crate::progress;
pub use tinderbox_learn::{
    Bundle, Learner, Recorder, Set, Strict, WithOptimizer,
    callback::{
        CsvLogger, EarlyStopping, GradientClipping, Monitor, ReduceLrOnPlateau, SaveModel,
        SaveWhen, TerminateOnNan,
    },
    loss::{CrossEntropyFlat, FeatureLoss, L1LossFlat, LabelSmoothingCrossEntropy, MSELossFlat},
    metric::{
        FBeta, MeanIou, Perplexity, PixelAccuracy, Precision, Recall, accuracy, accuracy_thresh,
        dice, error_rate, top_k_accuracy,
    },
    schedule::{LearningRate, LrFind, OneCycle, slice},
};

// What came of it.
pub use tinderbox_interpret::{
    Interpretation, SegmentationInterpretation, plot_losses, plot_lr_find, plot_metrics,
    plot_rates, show_results,
};
