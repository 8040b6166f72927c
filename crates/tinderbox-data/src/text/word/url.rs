//! Whether a run is an address: of a page, or of a mailbox.

use crate::text::chars::{is_lower_letter, is_word};

/// Whether all of a run is an address.
pub(super) fn is_url(run: &str) -> bool {
    // An address has a dot inside.
    if !run.bytes().any(|byte| byte == b'.') {
        return false;
    }
    let after_scheme = run.split_once("://").filter(|(scheme, _)| is_scheme(scheme));
    // Anything may stand before an `@`.
    let after_user = run.match_indices('@').filter(|(at, _)| *at > 0).map(|(at, _)| &run[at + 1..]);
    is_place(run) || after_scheme.is_some_and(|(_, rest)| is_place(rest)) || {
        let mut rests = after_user;
        rests.any(is_place)
    }
}

fn is_scheme(text: &str) -> bool {
    text.chars().nth(1).is_some()
        && text.chars().all(|c| is_word(c) || matches!(c, '+' | '-' | '.'))
}

/// A host, perhaps a port, perhaps a path.
fn is_place(text: &str) -> bool {
    let host_end = text.find([':', '/', '?', '#']).unwrap_or(text.len());
    let (host, rest) = text.split_at(host_end);
    let rest = match rest.strip_prefix(':') {
        None => rest,
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if !(2..=5).contains(&digits) {
                return false;
            }
            &rest[digits..]
        }
    };
    (rest.is_empty() || rest.starts_with(['/', '?', '#'])) && (is_name(host) || is_ip(host))
}

/// Labels with dots between, the last of two letters or more.
fn is_name(host: &str) -> bool {
    let Some((labels, last)) = host.rsplit_once('.') else { return false };
    let letters = last.chars().count();
    (2..=63).contains(&letters)
        && last.chars().all(is_lower_letter)
        && labels.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '\u{a1}'..='\u{ffff}');
    label.chars().count() <= 64
        && label.starts_with(inside)
        && label.ends_with(inside)
        && label.chars().all(|c| inside(c) || matches!(c, '-' | '_'))
}

/// An address in four numbers, but none of a private network.
fn is_ip(host: &str) -> bool {
    let octets: Vec<&str> = host.split('.').collect();
    let [first, second, third, last] = octets[..] else { return false };
    let number = |octet: &str| {
        let digits = (1..=3).contains(&octet.len()) && octet.bytes().all(|b| b.is_ascii_digit());
        if digits { octet.parse::<u16>().ok() } else { None }
    };
    let outer = |octet: &str| number(octet).filter(|_| !octet.starts_with('0'));
    // Two digits may start with a zero, three may not.
    let inner = |octet: &str| number(octet).filter(|_| octet.len() < 3 || !octet.starts_with('0'));
    let (Some(first), Some(second), Some(third), Some(last)) =
        (outer(first), inner(second), inner(third), outer(last))
    else {
        return false;
    };
    let private = match first {
        10 | 127 => true,
        169 => second == 254,
        192 => second == 168,
        172 => (16..=31).contains(&second),
        _ => false,
    };
    first <= 223 && second <= 255 && third <= 255 && last <= 254 && !private
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_known() {
        let urls = [
            "foo.bar",
            "www.site.co.uk/path",
            "me@mail.com",
            "http://fast.ai/lesson7?x=1#top",
            "a+b://user:pass@host-name.org:8080/x",
            "8.8.8.8",
            "münchen.de?",
        ];
        for url in urls {
            assert!(is_url(url), "{url}");
        }
    }

    #[test]
    fn what_looks_like_one_is_none() {
        let others = [
            "lower.Upper",
            "a.b.c",
            "10.0.0.1",
            "192.168.1.1",
            "172.20.1.1",
            "1.2.3.0",
            "256.1.1.1",
            "foo.bar:1",
            "foo.bar:123456",
            "-foo.bar",
            "foo",
            "@foo",
            ".com",
        ];
        for other in others {
            assert!(!is_url(other), "{other}");
        }
    }
}
