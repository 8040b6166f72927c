//! What is left of HTML, and of files that were prepared before.

use std::borrow::Cow;

use super::rm_useless_spaces;

/// What is replaced, one after the other: the order is part of the meaning.
const REPLACEMENTS: [(&str, &str); 14] = [
    ("#39;", "'"),
    ("amp;", "&"),
    ("#146;", "'"),
    ("nbsp;", " "),
    ("#36;", "$"),
    ("\\n", "\n"),
    ("quot;", "'"),
    ("<br />", "\n"),
    ("\\\"", "\""),
    ("<unk>", "xxunk"),
    (" @.@ ", "."),
    (" @-@ ", "-"),
    (" @,@ ", ","),
    ("\\", " \\ "),
];

/// Puts characters in place of what HTML and WikiText write for them: line breaks, entities,
/// ` @-@ `.
///
/// `nbsp;` is replaced before entities are decoded, so the `&` before it stays, as in fastai.
pub fn fix_html(text: &str) -> Cow<'_, str> {
    // Each replacement, and every entity, has one of these.
    let marked = text
        .bytes()
        .fold(false, |any, byte| any | matches!(byte, b';' | b'\\' | b'<' | b'@' | b'&'));
    if !marked {
        return rm_useless_spaces(text);
    }
    let mut text = Cow::Borrowed(text);
    for (from, to) in REPLACEMENTS {
        if text.contains(from) {
            text = Cow::Owned(text.replace(from, to));
        }
    }
    if text.contains('&') {
        text = Cow::Owned(htmlize::unescape(&*text).into_owned());
    }
    match rm_useless_spaces(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(shorter) => Cow::Owned(shorter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(fix_html(text), expected);
    }

    #[test]
    fn entities_are_decoded_with_and_without_their_end() {
        check("&eacute;&eacute &#x41;&#66; &notit;", "éé AB ¬it;");
        check("&lt;b&gt; &amp;amp;", "<b> &&&");
        check("AT&T & co", "AT&T & co");
    }

    #[test]
    fn what_is_not_marked_is_not_copied() {
        assert!(matches!(fix_html("plain text, 5 > 4"), Cow::Borrowed(_)));
        check("two  spaces", "two spaces");
        check("a\\\\b", "a \\  \\ b".replace("  ", " ").as_str());
    }
}
