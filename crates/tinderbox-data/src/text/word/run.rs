//! One run of characters without white space.

use super::{
    affix::{prefix_len, suffix_len},
    exceptions::Exceptions,
    infix::split_infixes,
    url::is_url,
};

/// Divides a run; the tokens are appended to `tokens`, and are the run when put together.
pub(super) fn split_run<'a>(
    run: &'a str,
    exceptions: Option<&Exceptions>,
    tokens: &mut Vec<&'a str>,
) {
    let is_exception =
        |text: &str| exceptions.is_some_and(|exceptions| exceptions.parts(text).is_some());
    if let Some(parts) = exceptions.and_then(|exceptions| exceptions.parts(run)) {
        push_parts(run, parts, tokens);
        return;
    }
    let mut rest = run;
    let mut suffixes = Vec::new();
    let mut last_len = usize::MAX;
    while !rest.is_empty() && rest.len() != last_len && !is_exception(rest) {
        last_len = rest.len();
        let (prefix, after) = rest.split_at(prefix_len(rest));
        if !prefix.is_empty() && is_exception(after) {
            tokens.push(prefix);
            rest = after;
            break;
        }
        let suffix_at = after.len() - suffix_len(after);
        let suffix = &after[suffix_at..];
        let before = &rest[..rest.len() - suffix.len()];
        if !suffix.is_empty() && is_exception(before) {
            suffixes.push(suffix);
            rest = before;
            break;
        }
        if !prefix.is_empty() {
            tokens.push(prefix);
        }
        if !suffix.is_empty() {
            suffixes.push(suffix);
        }
        rest = &after[..suffix_at];
    }
    if !rest.is_empty() {
        match exceptions.and_then(|exceptions| exceptions.parts(rest)) {
            Some(parts) => push_parts(rest, parts, tokens),
            None if is_url(rest) => tokens.push(rest),
            None => split_infixes(rest, tokens),
        }
    }
    tokens.extend(suffixes.into_iter().rev());
}

/// Appends the parts of an exception, given how many bytes each has.
pub(super) fn push_parts<'a>(text: &'a str, parts: &[u8], tokens: &mut Vec<&'a str>) {
    let mut rest = text;
    for len in parts {
        let (part, after) = rest.split_at(usize::from(*len));
        tokens.push(part);
        rest = after;
    }
}
