//! Words and punctuation to English text: where spaces go.

/// Puts words together as people write them: `"I do n't , ( really ) know . "` is
/// `"I don't, (really) know."`. What the space before a word is depends on what stands before it
/// alone, so that a text which goes on begins as the shorter one.
pub(in crate::text) fn written<W: AsRef<str>>(words: &[W]) -> String {
    let mut text = String::new();
    let mut quoted = false;
    // Whether the next word stands close to what is written.
    let mut close = true;
    for word in words.iter().map(AsRef::as_ref) {
        let quote = QUOTES.contains(&word);
        let ends = quote && quoted;
        if !(close || ends || stands_close(word)) {
            text.push(' ');
        }
        text.push_str(word);
        quoted ^= quote;
        close = quote && quoted || OPENING.contains(&word) || word.ends_with(char::is_whitespace);
    }
    text
}

const QUOTES: [&str; 2] = ["\"", "``"];

/// What the next word stands close to.
const OPENING: [&str; 9] = ["(", "[", "{", "“", "‘", "$", "£", "#", "¿"];

/// Contractions, as the tokenizer takes them off.
const CONTRACTED: [&str; 9] = ["n't", "'s", "'m", "'re", "'ve", "'ll", "'d", "n’t", "’s"];

/// Whether a word stands close to the one before it.
fn stands_close(word: &str) -> bool {
    let closing = |c: char| ".,;:!?%)]}”’…".contains(c);
    let lower = word.to_lowercase();
    word.starts_with(char::is_whitespace)
        || (!word.is_empty() && word.chars().all(closing))
        || CONTRACTED.contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, want: &str) {
        let words: Vec<&str> = words.split(' ').collect();
        assert_eq!(written(&words), want);
        for n in 0..words.len() {
            assert!(want.starts_with(&written(&words[..n])), "{n} words");
        }
    }

    #[test]
    fn spaces_go_where_people_write_them() {
        check("It 's , I do n't know , ( really ) !", "It's, I don't know, (really)!");
        check("he said \" come on . \" and left", "he said \"come on.\" and left");
        check("$ 5 or 10 % of it ... no", "$5 or 10% of it... no");
        check("one \n two", "one\ntwo");
        check("the 1980 's and WE 'LL see", "the 1980's and WE'LL see");
    }

    /// Each sentence divided and put together again.
    #[test]
    fn what_the_tokenizer_divides_is_put_together_again() {
        for text in [
            "I can't believe it's not butter!",
            "Well, that (as they say) is that; isn't it?",
            "She said \"no way\" twice.",
        ] {
            let words = crate::text::tokenize_words(text);
            assert_eq!(written(&words), text);
        }
    }
}
