//! A finished model is measured on files alone: it gets the numbers that training got on them.

use std::{fs, path::Path};

use burn::tensor::Device;
use tinderbox_data::{
    BatchOptions, DataBunch, ImageItems, Inference,
    batch::Set,
    picture::Picture,
    text::{LmOptions, TextItems, Tokenizing, VocabOptions},
    transform::{Size, Transforms, flip_lr},
};
use tinderbox_learn::{
    Learner,
    loss::CrossEntropyFlat,
    metric::{accuracy, token_accuracy},
};
use tinderbox_model::{
    Sequential,
    layer::{Embedding, Flatten, Linear},
};

/// Images of 9×7 pixels in class folders, some of them hard to tell apart.
fn images(root: &Path) {
    for (set, n) in [("train", 6), ("valid", 5)] {
        for (class, red) in [("dark", 60), ("light", 110), ("lighter", 140)] {
            let folder = root.join(set).join(class);
            fs::create_dir_all(&folder).unwrap();
            for at in 0..n {
                let color = [red + 9 * at, 20 * at, 255 - red];
                Picture::filled(9, 7, color).save(folder.join(format!("{at}.png"))).unwrap();
            }
        }
    }
}

fn options() -> BatchOptions {
    BatchOptions { batch_size: 4, workers: 0, ..BatchOptions::default() }
}

fn measured(folder: &Path, inference: &Inference) -> DataBunch {
    let split = ImageItems::from_folder(folder).unwrap().split_all_valid();
    let split = split.label_kind(inference.target().label_kind());
    split.label_from_folder().unwrap().batches_like(inference, options()).unwrap()
}

#[test]
fn images_that_need_a_resize_give_the_loss_and_the_accuracy_of_training() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path());
    let items = ImageItems::from_folder(folder.path()).unwrap();
    let labelled = items.split_by_folder("train", "valid").unwrap().label_from_folder().unwrap();
    let transforms = Transforms::new().train(flip_lr()).size(Size::Square(4));
    let data = labelled.transform(transforms).unwrap().batches(options()).unwrap();
    let data = data.normalize().unwrap();
    let device = Device::flex().autodiff();
    device.seed(1);
    let model = Sequential::new()
        .named("flat", Flatten::default())
        .named("head", Linear::new(3 * 4 * 4, 3, &device));
    let mut learn = Learner::new(data, model, CrossEntropyFlat::default()).metrics(accuracy);
    learn.fit(2, 1e-2).unwrap();
    let trained = learn.validate().unwrap();
    let epoch = learn.recorder().last_metric("accuracy").unwrap();
    assert_eq!(trained.metrics, [("accuracy".to_owned(), epoch)]);
    assert!((0.2..1.0).contains(&epoch), "some are right and some are wrong: {epoch}");

    let data = measured(&folder.path().join("valid"), &learn.data().inference());
    let mut alone = Learner::boxed(data, learn.eval_model(), CrossEntropyFlat::default());
    alone = alone.metrics(accuracy);
    assert_eq!(alone.validate().unwrap(), trained);
    let losses = |learn: &Learner| learn.get_preds(Set::Valid).unwrap().losses;
    assert_eq!(losses(&alone), losses(&learn));
    let mut items = 0;
    alone
        .each_output(Set::Valid, |batch| {
            items += batch.items.len();
            Ok(())
        })
        .unwrap();
    assert_eq!(items, 15);

    let error = alone.fit(1, 1e-2).unwrap_err().to_string();
    assert!(error.contains("0 items"), "{error}");
}

#[test]
fn texts_give_the_loss_of_training() {
    let text = "the cat sat on the mat and the dog sat on the cat ".repeat(12);
    let new = text[..300].to_owned();
    let items = TextItems::from_texts([text, new.clone()]);
    let options = LmOptions { batch_size: 2, bptt: 6, ..LmOptions::default() };
    let vocab = VocabOptions { min_freq: 1, ..VocabOptions::default() };
    let split = items.split_by_idx(&[1]).unwrap();
    let texts = split.label_for_lm_by(&Tokenizing::default(), &vocab).unwrap();
    let data = texts.batches(options.clone()).unwrap();
    let device = Device::flex().autodiff();
    let model = Sequential::new()
        .named("words", Embedding::new(data.c(), 8, &device))
        .named("head", Linear::new(8, data.c(), &device));
    let inference = data.inference();
    let mut learn = Learner::new(data, model, CrossEntropyFlat::default()).metrics(token_accuracy);
    let trained = learn.validate().unwrap();

    let input = inference.text_input().unwrap();
    let texts = TextItems::from_texts([new]).split_all_valid();
    let texts = texts.label_for_lm_by(&input.tokenizing, &input.vocab).unwrap();
    let data = texts.batches_like(&inference, options).unwrap();
    let mut alone = Learner::boxed(data, learn.eval_model(), CrossEntropyFlat::default());
    alone = alone.metrics(token_accuracy);
    assert_eq!(alone.validate().unwrap(), trained);
}
