//! Capitals: a word in the vocabulary is in lower case, a marker before it says how it was
//! written.

use crate::text::{
    chars::{is_all_lower, is_all_upper},
    special::{MAJ, UP},
};

/// Makes two tokens of a word in capitals: the marker `xxup`, and the word in lower case.
///
/// A single letter is no word in capitals; what is no letter does not count (`U.S.` is one).
pub fn replace_all_caps(tokens: Vec<String>) -> Vec<String> {
    let mut replaced = Vec::with_capacity(tokens.len());
    for token in tokens {
        match token.chars().nth(1).is_some() && is_all_upper(&token) {
            true => replaced.extend([UP.to_owned(), token.to_lowercase()]),
            false => replaced.push(token),
        }
    }
    replaced
}

/// Puts every token in lower case, and the marker `xxmaj` before those that were Capitalized;
/// empty tokens are dropped.
pub fn deal_caps(tokens: Vec<String>) -> Vec<String> {
    let mut replaced = Vec::with_capacity(tokens.len());
    for token in tokens {
        let mut rest = token.chars();
        let Some(first) = rest.next() else { continue };
        if first.is_uppercase() && is_all_lower(rest.as_str()) {
            replaced.push(MAJ.to_owned());
        }
        replaced.push(token.to_lowercase());
    }
    replaced
}

/// Puts every token in lower case.
pub fn lowercase(tokens: Vec<String>) -> Vec<String> {
    tokens.into_iter().map(|token| token.to_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn words_in_capitals_are_marked() {
        let replaced = replace_all_caps(tokens("I AM A1 U.S. É Mark"));
        assert_eq!(replaced.join(" "), "I xxup am xxup a1 xxup u.s. É Mark");
    }

    #[test]
    fn capitalized_words_are_marked_and_all_are_lowered() {
        let replaced = deal_caps(tokens("I  École iPhone O'Neil A1"));
        assert_eq!(replaced.join(" "), "i xxmaj école iphone o'neil a1");
    }
}
