//! How the characters of a text file are written as bytes.

use std::{fmt, path::Path, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// An encoding that text files and tables are read in.
///
/// UTF-8 and UTF-16 are recognized. The others must be named: any bytes are a text in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    /// ISO 8859-1: a byte is the character of its number.
    Latin1,
    /// Latin-1 with quotes, dashes and the euro sign, as Windows writes it in the West.
    Windows1252,
}

/// Each encoding's names, of which the first is ours; compared without case, `-` and `_`.
const NAMES: [(Encoding, &[&str]); 5] = [
    (Encoding::Utf8, &["utf-8", "utf8", "utf-8-sig", "ascii"]),
    (Encoding::Utf16Le, &["utf-16", "utf-16le", "utf16-le", "unicode"]),
    (Encoding::Utf16Be, &["utf-16be", "utf16-be"]),
    (Encoding::Latin1, &["latin-1", "latin1", "iso-8859-1", "iso8859-1", "l1"]),
    (Encoding::Windows1252, &["windows-1252", "cp1252", "ansi", "cp-1252"]),
];

/// What the bytes from 0x80 to 0x9f are in Windows-1252. Five have no character; browsers read
/// them as those of Latin-1.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// How files start that hold no text, and what they are.
const NO_TEXTS: [(&[u8], &str); 10] = [
    (b"PK\x03\x04", "a zip archive, as Excel's .xlsx files are"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"%PDF", "a PDF file"),
    (b"SQLite format 3", "an SQLite database"),
];

impl Encoding {
    /// Its name: `windows-1252`.
    pub fn name(self) -> &'static str {
        let found = NAMES.iter().find(|(encoding, _)| *encoding == self);
        found.map_or("utf-8", |(_, names)| names[0])
    }

    /// The text of a file's bytes, without a byte-order mark: in this encoding, or in the one that it
    /// is found to have, which is UTF-8 or UTF-16, with or without a mark. The path is for messages.
    ///
    /// # Errors
    /// [`Error::NotText`] for what is another kind of file; [`Error::NotUtf8`] with the first byte that
    /// starts no character, and the encoding that it may have; [`Error::Undecodable`] for bytes that the
    /// asked encoding does not have.
    pub fn decode(path: &Path, bytes: Vec<u8>, asked: Option<Self>) -> Result<String> {
        // A mark says it for sure, whatever was asked, as in the Encoding Standard of browsers.
        let encoding = match (asked, &bytes[..]) {
            (Some(_), [0xef, 0xbb, 0xbf, ..]) => Self::Utf8,
            (Some(_), [0xff, 0xfe, ..]) => Self::Utf16Le,
            (Some(_), [0xfe, 0xff, ..]) => Self::Utf16Be,
            (Some(encoding), _) => encoding,
            (None, _) => Self::of(path, &bytes)?,
        };
        match encoding {
            Self::Utf8 => {
                let text = String::from_utf8(bytes).map_err(|error| {
                    let offset = error.utf8_error().valid_up_to();
                    let likely = likely(error.as_bytes());
                    Error::NotUtf8 { path: path.into(), offset, likely }
                })?;
                Ok(without_mark(text))
            }
            Self::Utf16Le => utf_16(path, encoding, &bytes, u16::from_le_bytes),
            Self::Utf16Be => utf_16(path, encoding, &bytes, u16::from_be_bytes),
            Self::Latin1 => Ok(bytes.into_iter().map(char::from).collect()),
            Self::Windows1252 => Ok(bytes.into_iter().map(windows).collect()),
        }
    }

    /// Which of those that can be recognized.
    fn of(path: &Path, bytes: &[u8]) -> Result<Self> {
        if let Some((_, what)) = NO_TEXTS.iter().find(|(start, _)| bytes.starts_with(start)) {
            return Err(Error::NotText { path: path.into(), what });
        }
        match bytes {
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
                Err(Error::NotText { path: path.into(), what: "UTF-32, which is hardly ever used" })
            }
            [0xff, 0xfe, ..] => Ok(Self::Utf16Le),
            [0xfe, 0xff, ..] => Ok(Self::Utf16Be),
            _ => match nulls(bytes) {
                // No text has a NUL in it, and UTF-16 has one in nearly every character of the West.
                [0, 0] => Ok(Self::Utf8),
                [even, odd] if odd >= 4 * even => Ok(Self::Utf16Le),
                [even, odd] if even >= 4 * odd => Ok(Self::Utf16Be),
                _ => Err(Error::NotText { path: path.into(), what: "binary: it has NUL bytes" }),
            },
        }
    }
}

/// How many NULs stand at even and odd places in the start of a file.
fn nulls(bytes: &[u8]) -> [usize; 2] {
    const LOOKED_AT: usize = 1 << 16;
    let start = &bytes[..bytes.len().min(LOOKED_AT)];
    [0, 1].map(|first| start.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count())
}

/// What a text of single bytes that is not UTF-8 may be: the bytes from 0x80 to 0x9f are quotes and
/// dashes of Windows, and control characters in Latin-1.
fn likely(bytes: &[u8]) -> Encoding {
    match bytes.iter().any(|byte| (0x80..0xa0).contains(byte)) {
        true => Encoding::Windows1252,
        false => Encoding::Latin1,
    }
}

fn windows(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

fn utf_16(
    path: &Path,
    encoding: Encoding,
    bytes: &[u8],
    unit: fn([u8; 2]) -> u16,
) -> Result<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let wrong = |offset| Error::Undecodable { path: path.into(), encoding, offset };
    if !rest.is_empty() {
        return Err(wrong(bytes.len() - 1));
    }
    let mut text = String::with_capacity(pairs.len());
    let mut at = 0;
    for found in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        let char = found.map_err(|_| wrong(2 * at))?;
        at += char.len_utf16();
        text.push(char);
    }
    Ok(without_mark(text))
}

/// A byte-order mark is no part of a text.
fn without_mark(mut text: String) -> String {
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    text
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Encoding> for String {
    fn from(encoding: Encoding) -> Self {
        encoding.name().into()
    }
}

impl TryFrom<String> for Encoding {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

impl FromStr for Encoding {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let plain = |name: &str| name.to_lowercase().replace(['-', '_', ' '], "");
        let called = |names: &[&str]| names.iter().any(|known| plain(known) == plain(name));
        let found = NAMES.iter().find(|(_, names)| called(names));
        found.map(|(encoding, _)| *encoding).ok_or_else(|| {
            let known: Vec<&str> = NAMES.iter().map(|(encoding, _)| encoding.name()).collect();
            format!("unknown encoding `{name}`; expected one of {}", known.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn decode(bytes: &[u8], asked: Option<Encoding>) -> Result<String> {
        Encoding::decode(Path::new("a.txt"), bytes.to_vec(), asked)
    }

    #[test]
    fn utf_8_and_utf_16_are_recognized_with_and_without_a_mark() {
        for text in ["naïve, 😀\n", "\u{feff}naïve, 😀\n"] {
            let bytes = [
                text.as_bytes().to_vec(),
                utf_16(text, u16::to_le_bytes),
                utf_16(text, u16::to_be_bytes),
            ];
            for bytes in bytes {
                assert_eq!(decode(&bytes, None).unwrap(), "naïve, 😀\n", "{bytes:?}");
            }
        }
        assert_eq!(decode(b"", None).unwrap(), "");
    }

    #[test]
    fn encodings_of_single_bytes_are_read_if_they_are_named() {
        let read = |bytes: &[u8], name: &str| decode(bytes, Some(name.parse().unwrap())).unwrap();
        assert_eq!(read(b"na\xefve", "ISO_8859-1"), "naïve");
        assert_eq!(read("\u{feff}naïve".as_bytes(), "latin-1"), "naïve", "the mark says UTF-8");
        assert_eq!(read(b"\x93na\xefve\x94 \x80", "cp1252"), "“naïve” €");
        let likely = |bytes: &[u8]| match decode(bytes, None) {
            Err(Error::NotUtf8 { offset, likely, .. }) => (offset, likely),
            other => panic!("{other:?}"),
        };
        assert_eq!(likely(b"na\xefve"), (2, Encoding::Latin1));
        assert_eq!(likely(b"\x93na\xefve\x94"), (0, Encoding::Windows1252));
        let error = "utf-7".parse::<Encoding>().unwrap_err();
        assert!(error.ends_with("utf-8, utf-16, utf-16be, latin-1, windows-1252"), "{error}");
    }

    #[test]
    fn other_files_are_called_what_they_are() {
        let what = |bytes: &[u8]| match decode(bytes, None) {
            Err(Error::NotText { what, .. }) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(what(b"PK\x03\x04..."), "a zip archive, as Excel's .xlsx files are");
        assert_eq!(what(b"\x1f\x8b\x08"), "compressed with gzip");
        assert_eq!(what(b"a\0\0\0\x01"), "binary: it has NUL bytes");
        let error = decode(b"a\0b", Some(Encoding::Utf16Le)).unwrap_err().to_string();
        assert_eq!(error, "a.txt is not utf-16: byte 2 starts no character");
    }
}
