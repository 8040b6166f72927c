//! How the lines of a CSV file are divided.

/// What may stand between the columns, the most usual first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// This many bytes tell what stands between the columns.
const LOOKED_AT: usize = 1 << 16;

/// The rows of a file, and what divides them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout<'a> {
    pub(super) text: &'a str,
    /// How many lines stand before the rows.
    pub(super) skipped: u64,
    pub(super) delimiter: u8,
}

impl<'a> Layout<'a> {
    /// With the delimiter that is given, else the one that is named in a first line `sep=;`, else
    /// the one that is found.
    pub(super) fn of(text: &'a str, delimiter: Option<u8>) -> Self {
        match named(text) {
            Some((named, text)) => Self { text, skipped: 1, delimiter: delimiter.unwrap_or(named) },
            None => {
                let delimiter = delimiter.unwrap_or_else(|| found(text));
                Self { text, skipped: 0, delimiter }
            }
        }
    }
}

/// What stands between the columns.
pub(super) fn separator_of(text: &str) -> u8 {
    Layout::of(text, None).delimiter
}

/// The separator of a line `sep=;`, and what follows it.
fn named(text: &str) -> Option<(u8, &str)> {
    let (line, rest) = text.split_once('\n')?;
    let line = line.trim_end_matches('\r').trim_matches('"');
    match line.strip_prefix("sep=")?.as_bytes() {
        [separator] if separator.is_ascii() => Some((*separator, rest)),
        _ => None,
    }
}

/// The separator that divides the first rows into the most columns alike; if none does, the one that
/// occurs most in the first line, outside of quotes.
fn found(text: &str) -> u8 {
    let start = &text[..text.floor_char_boundary(LOOKED_AT)];
    let columns = |separator: u8| {
        let reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(start.as_bytes());
        let records = reader.into_records().map_while(Result::ok);
        let mut fields: Vec<usize> = records.map(|record| record.len()).collect();
        // The last row may have been cut.
        if start.len() < text.len() && fields.len() > 1 {
            fields.pop();
        }
        let first = fields.first().copied().unwrap_or_default();
        if fields.iter().all(|n| *n == first) { first } else { 1 }
    };
    let line = text.lines().next().unwrap_or_default();
    // Of those that are as good, the first.
    let best = SEPARATORS.iter().rev().max_by_key(|separator| {
        let alike = columns(**separator);
        (alike > 1, if alike > 1 { alike } else { outside_of_quotes(line, **separator) })
    });
    best.copied().unwrap_or(SEPARATORS[0])
}

fn outside_of_quotes(line: &str, separator: u8) -> usize {
    let mut quoted = false;
    let counts = line.bytes().filter(|byte| {
        quoted ^= *byte == b'"';
        *byte == separator && !quoted
    });
    counts.count()
}

/// Whether quotes are characters like others: each line of a file with tabs or bars has as many
/// fields, so that no field needs them. Texts between tabs are often not quoted, and start with a
/// quote all the same.
pub(super) fn unquoted(text: &str, delimiter: u8) -> bool {
    if !matches!(delimiter, b'\t' | b'|') || !text.contains('"') {
        return false;
    }
    let count = |line: &str| line.bytes().filter(|byte| *byte == delimiter).count();
    let mut lines = text.lines().filter(|line| !line.is_empty()).map(count);
    let first = lines.next().unwrap_or_default();
    first > 0 && lines.all(|fields| fields == first)
}

/// Whether an odd number of quotes stands in the text: one is not closed.
pub(super) fn quote_is_open(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn divided_by(text: &str, separator: char) {
        assert_eq!(char::from(separator_of(text)), separator, "{text}");
    }

    #[test]
    fn columns_are_separated_by_what_divides_the_rows_alike() {
        divided_by("id,label\na,x\n", ',');
        divided_by("id;a,b;c\n1;2;3\n", ';');
        divided_by("id\tlabel\na\tx, y\n", '\t');
        divided_by("id,\"a;b;c\"\n1,2\n", ',');
        divided_by("pos;good, fine, a film\nneg;bad, dull\n", ';');
        divided_by("pos|good, fine\nneg|bad\n", '|');
        divided_by("id\n1\n", ',');
        // None divides the rows alike: the header decides.
        divided_by("text;label\na; b;x\nc,y\n", ';');
        divided_by("sep=;\na,b\n1,2\n", ';');
    }

    #[test]
    fn quotes_between_tabs_are_characters_if_no_field_needs_them() {
        assert!(unquoted("text\tlabel\n\"No\" he said\tneg\n", b'\t'));
        assert!(!unquoted("text\tlabel\n\"a\tb\"\tneg\n", b'\t'));
        assert!(!unquoted("text,label\n\"a\",neg\n", b','));
    }
}
