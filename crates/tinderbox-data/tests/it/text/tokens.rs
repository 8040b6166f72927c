//! The fixture `tokenizer`: rules one by one, the word tokenizer, all of it.

use serde_json::{Value, json};
use tinderbox_data::text::{
    Join, Rules, Tokenizing, decode_special_tokens,
    rules::{PostRule, PreRule},
    tokenize_words,
};

use super::{all, flag, list, manifest, text, texts};
use crate::common::equal;

#[test]
fn rules_change_texts_and_tokens_as_the_reference() {
    let fixture = manifest("tokenizer");
    let rules = fixture["rules"].as_object().unwrap();
    all(rules.iter().flat_map(|(name, cases)| {
        list(cases).iter().map(move |case| {
            let got = match (PreRule::named(name), PostRule::named(name)) {
                (Some(rule), _) => json!((rule.apply)(text(&case["inp"]))),
                (_, Some(rule)) => json!((rule.apply)(texts(&case["inp"]))),
                _ => return Err(format!("there is no rule {name}")),
            };
            equal(&format!("{name} of {}", case["inp"]), got, &case["out"])
        })
    }));
}

/// Compares the tokens of each case's text.
#[track_caller]
fn check(cases: &Value, tokens: impl Fn(&str) -> Vec<String>) {
    all(list(cases).iter().map(|case| {
        equal(text(&case["text"]), json!(tokens(text(&case["text"]))), &case["tokens"])
    }));
}

#[test]
fn words_are_divided_as_the_reference_divides_them() {
    check(&manifest("tokenizer")["word_tokenizer"], |text| {
        tokenize_words(text).into_iter().map(str::to_owned).collect()
    });
}

#[test]
fn the_whole_pipeline_gives_the_references_tokens() {
    let tokenizing = Tokenizing::default();
    check(&manifest("tokenizer")["pipeline"], |text| tokenizing.tokens(text).unwrap());
}

#[test]
fn splitting_at_spaces_gives_the_references_tokens() {
    let join = Join { bos: false, ..Join::default() };
    let tokenizing = Tokenizing { join, ..Tokenizing::spaces() };
    let fixture = manifest("tokenizer");
    check(&fixture["whitespace_tokenizer_pipeline"], |text| tokenizing.tokens(text).unwrap());
}

#[test]
fn many_texts_at_once_give_the_same_tokens() {
    let fixture = manifest("tokenizer");
    let cases = list(&fixture["pipeline"]);
    let texts: Vec<&str> = cases.iter().map(|case| text(&case["text"])).collect();
    let corpus = Tokenizing::default().corpus_of(&texts).unwrap();
    all(cases.iter().enumerate().map(|(at, case)| {
        let tokens: Vec<&str> = corpus.document(at).collect();
        equal(texts[at], json!(tokens), &case["tokens"])
    }));
}

#[test]
fn columns_are_joined_as_by_the_reference() {
    let fixture = manifest("tokenizer");
    all(list(&fixture["join_columns"]).iter().map(|case| {
        let join = Join {
            mark_fields: flag(&case["mark_fields"]),
            bos: flag(&case["include_bos"]),
            eos: flag(&case["include_eos"]),
        };
        equal("joined", join.columns(&texts(&case["columns"])), &case["out"])
    }));
}

#[test]
fn all_rules_without_a_tokenizer_give_the_references_text() {
    let fixture = manifest("tokenizer");
    let rules = Rules::default();
    all(list(&fixture["apply_rules"])
        .iter()
        .map(|case| equal("text", rules.apply(text(&case["text"])), &case["out"])));
}

#[test]
fn special_tokens_are_decoded() {
    let fixture = manifest("tokenizer");
    all(list(&fixture["decode_special_tokens"]).iter().map(|case| {
        equal("decoded", json!(decode_special_tokens(&texts(&case["tokens"]))), &case["out"])
    }));
}

#[test]
fn the_special_tokens_are_the_references() {
    let fixture = manifest("tokenizer");
    let ours = tinderbox_data::text::Profile::V1.special_tokens();
    assert_eq!(ours, texts(&fixture["special_tokens"]));
}
