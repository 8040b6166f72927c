//! Learners by an architecture's name, as in the lesson's notebooks, on data that is drawn.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use tinderbox::{
    Error, TASKS, answers,
    data::{
        Input,
        digits::{DigitsConfig, write_digits},
        scenes::{CLASSES, ScenesConfig, write_scenes},
    },
    learn::{Report, callback::StopAfterNBatches},
    model::{
        arch::{ArchSpec, AwdLstmConfig, TextSpec},
        weights::{Strict, state_dict},
    },
    prelude::*,
    texts::TextLearnerError,
    weights::WeightsError,
};

fn digits(root: &Path) -> DataBunch {
    write_digits(root, &DigitsConfig { train_per_class: 4, test_per_class: 2, seed: 1 }).unwrap();
    ImageItems::from_folder(root)
        .unwrap()
        .split_by_folder("training", "testing")
        .unwrap()
        .label_from_folder()
        .unwrap()
        .transform(Transforms::new().size(28))
        .unwrap()
        .batches(8)
        .unwrap()
        .normalize()
        .unwrap()
}

/// Weights of a network that nobody trained, but for one of them.
fn weights_without(name: &str, file: &Path) -> StateDict {
    let network = ArchSpec::new("resnet-small", 3, 1000, [224, 224]).unwrap();
    let network = network.build(&Device::flex()).unwrap();
    let mut weights = StateDict::default();
    for (key, weight) in state_dict(&network).iter().filter(|(key, _)| *key != name) {
        let values = vec![0.01; weight.values.len()];
        weights.insert(key, weight.shape.clone(), values);
    }
    fs::write(file, weights.to_safetensors()).unwrap();
    weights
}

#[test]
fn a_network_without_official_weights_starts_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let data = digits(folder.path());
    let mut learn = cnn_learner(data.clone(), "resnet-small").unwrap().metrics(error_rate);
    assert_eq!((learn.n_groups(), learn.load_report().missing.len()), (2, 0));
    learn.fit_one_cycle(1, slice(1e-3)).unwrap();

    let file = folder.path().join(data.name(Set::Valid, 0));
    let prediction = learn.predict(&file).unwrap();
    assert!(data.classes().contains(&prediction.label.unwrap()));
    let model = folder.path().join("digits.safetensors");
    learn.export(&model).unwrap();
    let bundle = Bundle::read(&model, &Device::flex()).unwrap();
    let again = bundle.predict(&file).unwrap();
    assert_eq!(again.probabilities, prediction.probabilities);

    let found = Interpretation::of(&learn, Set::Valid).unwrap();
    let worst = found.plot_top_losses(9).unwrap();
    assert!((3 * 196..4 * 196).contains(&worst.width()), "three rows of three, enlarged");
    found.plot_confusion_matrix(folder.path().join("confusion.svg")).unwrap();

    // The same seed draws the same weights, another one others.
    let weights = |network: CnnConfig| cnn_learner(data.clone(), network).unwrap().state_dict();
    let network = || CnnConfig::new("resnet-small");
    assert_eq!(weights(network()), weights("resnet-small".into()));
    assert_ne!(weights(network()), weights(network().seed(1)));
    // Not made of a body and a head: taken as it is.
    assert_eq!(cnn_learner(data.clone(), "resnetish").unwrap().data().c(), 10);
}

/// The learner's weights with all of `name` set to `value`.
fn with_weight(learn: &Learner, name: &str, value: f32) -> StateDict {
    let mut weights = learn.state_dict();
    let weight = weights.get(name).unwrap().clone();
    weights.insert(name, weight.shape, vec![value; weight.values.len()]);
    weights
}

#[test]
fn what_is_nan_is_an_error_and_never_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let data = digits(folder.path());
    let image = folder.path().join(data.name(Set::Valid, 0));
    let mut learn = cnn_learner(data, "resnet-small").unwrap();
    let model = folder.path().join("broken.safetensors");
    let last = learn.state_dict().iter().map(|(name, _)| name.to_owned()).last().unwrap();

    let broken = with_weight(&learn, &last, f32::NAN);
    learn.load_state_dict(&broken, Strict::Yes).unwrap();
    let message = |error: &dyn std::error::Error| error.to_string();
    let error = learn.predict(&image).unwrap_err();
    assert_eq!(message(&error), "the prediction of the model is NaN or infinite");
    let error = learn.validate().unwrap_err();
    assert_eq!(message(&error), "the loss on the validation set is NaN or infinite");
    assert!(learn.get_preds(Set::Valid).is_err());
    learn.export(&model).unwrap();
    let error = Bundle::read(&model, &Device::flex()).unwrap_err();
    let wanted = format!("the weight `{last}` in {} is NaN or infinite", model.display());
    assert_eq!(message(&error), wanted);

    // Weights that are numbers, with answers that are none.
    let huge = with_weight(&learn, &last, f32::MAX);
    learn.load_state_dict(&huge, Strict::Yes).unwrap();
    learn.export(&model).unwrap();
    let bundle = Bundle::read(&model, &Device::flex()).unwrap();
    let inputs = [Input::File(&image), Input::File(&image)];
    for answer in answers(TASKS, &bundle, inputs).unwrap() {
        let error = answer.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&image.display().to_string()), "{text}");
        assert!(
            text.ends_with(&format!("model in {} is NaN or infinite", model.display())),
            "{text}"
        );
        assert!(error.hint().unwrap().contains("--lr"), "{error}");
    }
}

#[test]
fn what_pretrained_weights_do_not_have_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = digits(&folder.path().join("digits"));
    let file = folder.path().join("w.safetensors");
    let network = ArchSpec::new("resnet-small", 3, 1000, [224, 224]).unwrap();
    let network = state_dict(&network.build(&Device::flex()).unwrap());
    let (first, _) = network.iter().next().unwrap();
    weights_without(first, &file);

    let config = CnnConfig::new("resnet-small").pretrained(Pretrained::File(file.into()));
    let notes = Arc::new(Mutex::new(Vec::new()));
    let heard = notes.clone();
    let mut learn = cnn_learner(data, config).unwrap().observe(move |report| {
        if let Report::Note(note) = report {
            heard.lock().unwrap().push((*note).to_owned());
        }
    });
    assert_eq!(learn.load_report().missing, [first]);

    // The head learns alone, until it is said otherwise.
    let body = |learn: &Learner| {
        let weights = learn.state_dict();
        let convolutions = weights
            .iter()
            .filter(|(name, weight)| name.starts_with("0.") && weight.shape.len() == 4);
        convolutions.map(|(_, weight)| weight.values.clone()).collect::<Vec<_>>()
    };
    let before = body(&learn);
    learn = learn.callback(StopAfterNBatches::default());
    learn.fit_one_cycle(1, slice(1e-2)).unwrap();
    assert_eq!(body(&learn), before);
    learn.unfreeze();
    learn.fit_one_cycle(1, slice(1e-4..1e-2)).unwrap();
    assert_ne!(body(&learn), before);
    let notes = notes.lock().unwrap();
    let told = notes.iter().filter(|note| note.contains("which starts fresh")).count();
    assert_eq!(told, 1, "{notes:?}");
}

#[test]
fn wrong_names_say_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = digits(folder.path());
    let error = cnn_learner(data.clone(), "resnet43").unwrap_err();
    assert!(error.hint().unwrap().contains("resnet34"), "{error}");
    let asked = CnnConfig::new("resnet-small").pretrained(Pretrained::Auto);
    let error = cnn_learner(data.clone(), asked).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(WeightsError::NoOfficial { .. })), "{error}");
    let error = unet_learner(data, "resnetish").unwrap_err();
    assert!(matches!(error, Error::Model(tinderbox::model::Error::NoBody { .. })), "{error}");
}

#[test]
fn a_unet_draws_what_it_is_wrong_about() {
    let folder = tempfile::tempdir().unwrap();
    let size = [32, 48];
    write_scenes(
        folder.path(),
        &ScenesConfig { train: 8, valid: 4, size, seed: 1, ..ScenesConfig::default() },
    )
    .unwrap();
    let masks = folder.path().join("masks");
    let data = ImageItems::from_folder(folder.path().join("images"))
        .unwrap()
        .split_by_folder("train", "valid")
        .unwrap()
        .label_kind(LabelKind::mask(CLASSES))
        .label_from_func(|image| masks.join(image))
        .unwrap()
        .transform(get_transforms().size(size).transform_labels(true))
        .unwrap()
        .batches(4)
        .unwrap()
        .normalize()
        .unwrap();
    let config =
        UnetLearnerConfig::new("resnet-small").unet(|unet| UnetConfig { bottle: true, ..unet });
    let mut learn = unet_learner(data, config).unwrap().metrics(MeanIou::new(None));
    learn.fit_one_cycle(1, slice(1e-3)).unwrap();
    let found = SegmentationInterpretation::of(&learn, Set::Valid).unwrap();
    assert_eq!(found.top_losses(9, true).len(), 4);
    let worst = found.plot_top_losses(9).unwrap();
    assert!(worst.width() > 2 * 48 * 4 && worst.height() < 1100, "{}", worst.height());
    let image = folder.path().join("images").join(learn.data().name(Set::Valid, 0));
    let predicted = learn.predict(image).unwrap();
    assert_eq!(predicted.probabilities.len(), CLASSES.len() * 32 * 48);
}

/// Reviews that say what they are in one word.
fn reviews() -> (Vec<String>, Vec<Label>) {
    let words = [("good", "fine"), ("bad", "poor")];
    let review = |at: usize| {
        let (class, (a, b)) = (at % 2, words[at % 2]);
        let text = format!("the film of the day is {a} and {b} from start to end");
        (text, Label::from(["pos", "neg"][class]))
    };
    (0..40).map(review).unzip()
}

#[test]
fn a_classifier_takes_the_encoder_of_a_language_model() {
    let (texts, labels) = reviews();
    let lm = TextItems::from_texts(texts.clone())
        .split_by_rand_pct(0.2, 42)
        .unwrap()
        .label_for_lm()
        .unwrap()
        .batches(LmOptions { bptt: 8, ..LmOptions::from(4) })
        .unwrap();
    let encoder = AwdLstmConfig {
        embedding: 8,
        hidden: 12,
        layers: 2,
        ..AwdLstmConfig::language_model(lm.c())
    };
    let spec = TextSpec::AwdLstm(LanguageModelConfig::of(encoder));
    let mut lm = language_model_learner(lm, TextLearnerConfig::from(spec).drop_mult(0.3)).unwrap();
    lm.fit_one_cycle(1, 1e-2).unwrap();
    assert!(lm.recorder().last_metric("perplexity").is_some());

    let labelled = || {
        TextItems::from_texts(texts.clone()).split_none().label_from_lists(&labels, &[]).unwrap()
    };
    let words = lm.data().text_input().unwrap();
    let data = labelled().tokenize_by(&words.tokenizing, &words.vocab).unwrap().batches(8).unwrap();
    let mut learn = text_classifier_learner(data, &lm).unwrap();
    let table = |weights: StateDict, name: &str| weights.get(name).unwrap().values.clone();
    assert_eq!(
        table(learn.state_dict(), "0.module.encoder.weight"),
        table(lm.state_dict(), "0.encoder.weight")
    );
    learn.fit_one_cycle(1, 1e-2).unwrap();
    assert_eq!(
        table(learn.state_dict(), "0.module.encoder.weight"),
        table(lm.state_dict(), "0.encoder.weight"),
        "the head learns alone"
    );
    learn.unfreeze();
    learn.fit_one_cycle(4, slice(1e-3..1e-1)).unwrap();
    let label = learn.predict_text("the film of the day is bad and poor").unwrap().label;
    assert!(["pos", "neg"].contains(&label.unwrap().as_str()));

    // Words of other numbers would make nonsense of the encoder.
    let characters = Tokenizing::characters();
    let data = labelled().tokenize_by(&characters, &VocabOptions::default()).unwrap();
    let error = text_classifier_learner(data.batches(8).unwrap(), &lm).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(TextLearnerError::OtherWords { .. })), "{error}");
    assert!(error.hint().unwrap().contains("text_input"));
}

/// A file of some kilobytes that asks for gigabytes, with a checksum that is right.
#[test]
fn a_model_file_that_lies_about_its_sizes_is_refused_before_it_is_built() {
    let data = TextItems::from_texts(["a b c ".repeat(12), "a b c d ".repeat(12)])
        .split_by_idx(&[0])
        .unwrap()
        .label_for_lm()
        .unwrap()
        .batches(LmOptions { bptt: 4, ..LmOptions::from(2) })
        .unwrap();
    let encoder = |hidden, vocab| AwdLstmConfig {
        embedding: 8,
        hidden,
        layers: 1,
        ..AwdLstmConfig::language_model(vocab)
    };
    let spec = |encoder| TextSpec::AwdLstm(LanguageModelConfig::of(encoder));
    let vocab = data.c();
    let learn =
        language_model_learner(data, TextLearnerConfig::from(spec(encoder(8, vocab)))).unwrap();
    let learn = learn.arch(spec(encoder(40_000_000, vocab)));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lies.safetensors");
    learn.export(&file).unwrap();
    let error = Bundle::read(&file, &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("40000000") && error.contains("the size of its weights"), "{error}");
}

#[test]
fn a_language_model_goes_on_with_other_words() {
    let texts = |texts: &[&str]| {
        let texts: Vec<String> = texts.iter().map(|text| text.repeat(12)).collect();
        TextItems::from_texts(texts)
            .split_by_idx(&[0])
            .unwrap()
            .label_for_lm()
            .unwrap()
            .batches(LmOptions { bptt: 4, ..LmOptions::from(2) })
            .unwrap()
    };
    let first = language_model_learner(texts(&["a b c ", "a b c d "]), "model5").unwrap();
    let second = language_model_learner(texts(&["a b c ", "b c e f "]), &first).unwrap();
    let row = |learn: &Learner, word: &str| {
        let at = learn.data().class_index(word).unwrap();
        let weights = learn.state_dict();
        let (_, table) = weights.iter().find(|(name, _)| name.ends_with("i_h.weight")).unwrap();
        let size = table.shape[1];
        table.values[at * size..(at + 1) * size].to_vec()
    };
    assert_eq!(row(&first, "b"), row(&second, "b"));
    assert_eq!(row(&second, "e"), row(&second, "f"), "new words start alike");
    let error = text_classifier_learner(first.data().clone(), &first).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(TextLearnerError::NoEncoder { .. })), "{error}");
}
