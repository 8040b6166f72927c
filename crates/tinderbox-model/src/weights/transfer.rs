//! From one model's weights to another's: encoders, vocabularies, fastai's files.

use std::collections::HashMap;

use super::{LoadReport, StateDict, Strict, Weight, load_state_dict};
use crate::{Error, Layer, Result, error::ShapeMismatch};

/// Where an AWD-LSTM's encoder is: in a classifier, in a language model, in a file of its own.
const ENCODERS: [&str; 3] = ["0.module.", "0.", ""];

/// What has a row for each word, by the end of its name.
const ROWS: [&str; 7] = [
    "encoder.weight",
    "encoder_dp.emb.weight",
    "decoder.weight",
    "decoder.bias",
    "i_h.weight",
    "h_o.weight",
    "h_o.bias",
];

fn ends_in(name: &str, end: &str) -> bool {
    name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// What fastai saves twice: the masked copy of a matrix, the embedding again in its dropout, and
/// the tied decoder.
fn is_copy(name: &str) -> bool {
    ["module.weight_hh_l0", "encoder_dp.emb.weight"].iter().any(|end| ends_in(name, end))
        || name == "1.decoder.weight"
}

fn prefix(weights: &StateDict) -> Result<&'static str> {
    let has = |prefix: &&&str| {
        let raw = format!("{prefix}rnns.0.weight_hh_l0_raw");
        [format!("{prefix}encoder.weight"), raw].iter().all(|name| weights.get(name).is_some())
    };
    ENCODERS.iter().find(has).copied().ok_or(Error::NoEncoder)
}

/// The part of a name that is in the encoder.
fn inside<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let name = name.strip_prefix(prefix)?;
    (name.starts_with("encoder.") || name.starts_with("rnns.")).then_some(name)
}

/// The encoder of an AWD-LSTM's weights, by names of its own: what fastai's `save_encoder` writes.
///
/// # Errors
/// [`Error::NoEncoder`] if they are of another model.
pub fn save_encoder(weights: &StateDict) -> Result<StateDict> {
    let prefix = prefix(weights)?;
    let mut encoder = StateDict::default();
    for (name, weight) in weights.iter().filter(|(name, _)| !is_copy(name)) {
        if let Some(name) = inside(name, prefix) {
            encoder.weights.insert(name.to_owned(), weight.clone());
        }
    }
    Ok(encoder)
}

/// A model's weights with another encoder: one of [`save_encoder`], or a whole model's, as that of
/// a language model for a classifier.
///
/// # Errors
/// [`Error::NoEncoder`] if one of them has none; [`Error::Weights`] if they do not fit each other.
pub fn load_encoder(weights: StateDict, encoder: &StateDict) -> Result<StateDict> {
    let (prefix, encoder) = (prefix(&weights)?, save_encoder(encoder)?);
    let mut weights = weights;
    let (mut missing, mut shapes) = (Vec::new(), Vec::new());
    let mut given = encoder.weights;
    for (name, weight) in &mut weights.weights {
        let Some(part) = inside(name, prefix) else { continue };
        match given.remove(part) {
            None => missing.push(part.to_owned()),
            Some(new) if new.shape != weight.shape => shapes.push(ShapeMismatch {
                name: part.to_owned(),
                found: new.shape,
                expected: weight.shape.clone(),
            }),
            Some(new) => *weight = new,
        }
    }
    let unexpected: Vec<String> = given.into_keys().collect();
    match missing.is_empty() && unexpected.is_empty() && shapes.is_empty() {
        true => Ok(weights),
        false => Err(Error::Weights { missing, unexpected, shapes }),
    }
}

/// Weights of a model of words for another vocabulary: a word that both have keeps its vector and
/// its bias, and a new one gets the mean of all old ones.
///
/// # Errors
/// [`Error::NoWords`] if nothing in the weights is of words; [`Error::Vocabulary`] if there are
/// more or fewer rows than old words.
#[doc(alias = "convert_weights")]
pub fn transfer_vocab(weights: StateDict, old: &[String], new: &[String]) -> Result<StateDict> {
    let ids: HashMap<&str, usize> =
        old.iter().enumerate().map(|(id, word)| (word.as_str(), id)).collect();
    let mut weights = weights;
    let of_words = |name: &str| ROWS.iter().any(|end| ends_in(name, end));
    let mut found = false;
    for (name, weight) in weights.weights.iter_mut().filter(|(name, _)| of_words(name)) {
        let rows = weight.shape.first().copied().unwrap_or_default();
        if rows != old.len() || rows == 0 {
            return Err(Error::Vocabulary { name: name.clone(), rows, words: old.len() });
        }
        *weight = rows_for(weight, &ids, new);
        found = true;
    }
    if found { Ok(weights) } else { Err(Error::NoWords) }
}

/// The rows of the words `new`, or the mean row.
fn rows_for(weight: &Weight, ids: &HashMap<&str, usize>, new: &[String]) -> Weight {
    let (rows, size) = (weight.shape[0], weight.values.len() / weight.shape[0]);
    let row = |id: usize| &weight.values[id * size..(id + 1) * size];
    let mut sums = vec![0f64; size];
    for id in 0..rows {
        sums.iter_mut().zip(row(id)).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let mean: Vec<f32> = sums.iter().map(|sum| (sum / rows as f64) as f32).collect();
    let of_word = |word: &String| match ids.get(word.as_str()) {
        Some(id) => row(*id),
        None => &mean,
    };
    let values = new.iter().flat_map(of_word).copied().collect();
    let mut shape = weight.shape.clone();
    shape[0] = new.len();
    Weight { shape, values }
}

/// Gives a language model, a classifier or a bare [`AwdLstm`](crate::arch::AwdLstm) the weights of
/// a file of fastai's. These have some matrices twice, and the model once: copies are left out and
/// reported as unexpected. All other names must fit.
///
/// # Errors
/// As [`load_state_dict`].
pub fn load_fastai(
    model: Box<dyn Layer>,
    weights: &StateDict,
) -> Result<(Box<dyn Layer>, LoadReport)> {
    let own = super::state_dict(&*model);
    let (copies, rest): (Vec<_>, Vec<_>) =
        weights.iter().partition(|(name, _)| is_copy(name) && own.get(name).is_none());
    let mut needed = StateDict::default();
    needed.weights.extend(rest.into_iter().map(|(name, w)| (name.to_owned(), w.clone())));
    let (model, mut report) = load_state_dict(model, &needed, Strict::Yes)?;
    report.unexpected = copies.into_iter().map(|(name, _)| name.to_owned()).collect();
    Ok((model, report))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::{
        arch::{
            AwdLstmConfig, LanguageModel, LanguageModelConfig, TextClassifier, TextClassifierConfig,
        },
        weights::state_dict,
    };

    fn encoder(hidden: usize) -> AwdLstmConfig {
        let encoder = AwdLstmConfig::language_model(4);
        AwdLstmConfig { embedding: 2, hidden, layers: 2, ..encoder }
    }

    fn language_model(hidden: usize) -> Box<dyn Layer> {
        let config = LanguageModelConfig::of(encoder(hidden));
        Box::new(LanguageModel::new(&config, &Device::flex()))
    }

    fn classifier() -> StateDict {
        let config = TextClassifierConfig::of(encoder(3), 2);
        state_dict(&TextClassifier::new(&config, &Device::flex()))
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_classifier_gets_the_encoder_of_a_language_model() {
        let lm = state_dict(&*language_model(3));
        let saved = save_encoder(&lm).unwrap();
        assert_eq!(saved.len(), 9);
        let before = classifier();
        let after = load_encoder(before.clone(), &saved).unwrap();
        assert_eq!(after, load_encoder(before.clone(), &lm).unwrap());
        for (name, weight) in after.iter() {
            let expected = match name.strip_prefix("0.module.") {
                Some(part) => lm.get(&format!("0.{part}")),
                None => before.get(name),
            };
            assert_eq!(Some(weight), expected, "{name}");
        }
    }

    #[test]
    fn an_encoder_of_other_sizes_is_refused() {
        let lm = state_dict(&*language_model(5));
        let error = load_encoder(classifier(), &lm).unwrap_err();
        assert!(error.to_string().contains("rnns.0.weight_hh_l0_raw is [20, 5], expected [12, 3]"));
        let error = save_encoder(&StateDict::default()).unwrap_err();
        assert_eq!(error.to_string(), "there is no AWD-LSTM encoder among the weights");
    }

    #[test]
    fn known_words_keep_their_rows_and_new_ones_get_the_mean() {
        let mut weights = StateDict::default();
        weights.insert("0.encoder.weight", vec![2, 2], vec![1.0, 2.0, 3.0, 6.0]);
        weights.insert("1.decoder.bias", vec![2], vec![1.0, 0.0]);
        weights.insert("0.rnns.0.module.bias_ih_l0", vec![1], vec![7.0]);
        let new = words(&["cat", "dog", "the"]);
        let found = transfer_vocab(weights.clone(), &words(&["the", "cat"]), &new).unwrap();
        let values = |name: &str| found.get(name).unwrap().values.clone();
        assert_eq!(values("0.encoder.weight"), [3.0, 6.0, 2.0, 4.0, 1.0, 2.0]);
        assert_eq!(values("1.decoder.bias"), [0.0, 0.5, 1.0]);
        assert_eq!(values("0.rnns.0.module.bias_ih_l0"), [7.0]);
        assert_eq!(found.get("0.encoder.weight").unwrap().shape, [3, 2]);

        let error = transfer_vocab(weights, &new, &new).unwrap_err();
        assert_eq!(error.to_string(), "`0.encoder.weight` has 2 rows for a vocabulary of 3 words");
        let error = transfer_vocab(StateDict::default(), &new, &new).unwrap_err();
        assert_eq!(error.to_string(), "the weights are not those of a language model");
    }

    #[test]
    fn what_fastai_saves_twice_is_left_out_and_told() {
        let lm = state_dict(&*language_model(3));
        let mut file = lm.clone();
        let table = lm.get("0.encoder.weight").unwrap().clone();
        for copy in ["0.encoder_dp.emb.weight", "1.decoder.weight"] {
            file.insert(copy, table.shape.clone(), table.values.clone());
        }
        file.insert("0.rnns.0.module.weight_hh_l0", vec![1], vec![0.0]);
        let (model, report) = load_fastai(language_model(3), &file).unwrap();
        assert_eq!(state_dict(&*model), lm);
        let copies =
            ["0.encoder_dp.emb.weight", "0.rnns.0.module.weight_hh_l0", "1.decoder.weight"];
        assert_eq!(report.unexpected, copies);
        file.insert("2.weight", vec![1], vec![0.0]);
        let error = load_fastai(language_model(3), &file).unwrap_err();
        assert!(error.to_string().ends_with("unexpected: 2.weight"), "{error}");
    }
}
