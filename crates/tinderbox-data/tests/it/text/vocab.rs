//! The fixture `vocab`.

use std::collections::HashMap;

use serde_json::{Value, json};
use tinderbox_data::text::{Corpus, Profile, Vocab, VocabOptions};

use super::{all, count, ids, list, manifest, text, texts};
use crate::common::{Outcome, equal};

/// A profile by its name in the fixtures.
pub(crate) fn profile(value: &Value) -> Profile {
    serde_json::from_value(value.clone()).unwrap()
}

fn case(corpora: &HashMap<&str, Corpus>, case: &Value) -> Outcome {
    let options = VocabOptions {
        max_vocab: count(&case["max_vocab"]),
        min_freq: count(&case["min_freq"]),
        profile: profile(&case["profile"]),
    };
    let vocab = Vocab::create(&corpora[text(&case["corpus"])], &options);
    let what = |what: &str| format!("{what} of {} with {options:?}", case["corpus"]);
    equal(&what("tokens"), json!(vocab.tokens()), &case["itos"])?;
    let numbers = vocab.numericalize(&texts(&case["tokens"]));
    equal(&what("numbers"), json!(numbers), &case["ids"])?;
    equal(&what("text"), vocab.textify(&ids(&case["ids"]), " ").unwrap(), &case["text"])
}

#[test]
fn vocabularies_are_those_of_the_reference() {
    let fixture = manifest("vocab");
    let corpora = fixture["corpora"].as_object().unwrap().iter();
    let corpora = corpora.map(|(name, documents)| {
        let documents: Vec<_> = list(documents).iter().map(texts).collect();
        (name.as_str(), Corpus::from_lists(&documents))
    });
    let corpora = corpora.collect();
    all(list(&fixture["cases"]).iter().map(|one| case(&corpora, one)));
}
