//! The parts of the zip format that PyTorch writes: files that are not compressed.

/// The files in an archive, by name, as they lie in it; but for those that are compressed, which
/// weights never are.
///
/// # Errors
/// Says what is wrong.
pub(super) fn files(bytes: &[u8]) -> Result<Vec<File<'_>>, String> {
    let end = bytes.len().saturating_sub(22);
    // A comment of up to 65,535 bytes may follow.
    let ends = (end.saturating_sub(0xffff)..=end).rev();
    let end = ends.into_iter().find(|at| signed(bytes, *at, b"PK\x05\x06"));
    let end = end.ok_or("it is truncated: the archive has no table of its files")?;
    let (mut count, mut at) = (number(bytes, end + 10, 2)?, number(bytes, end + 16, 4)?);
    // Large archives have another end before this one.
    if let Some(locator) = end.checked_sub(20).filter(|at| signed(bytes, *at, b"PK\x06\x07")) {
        let large = number(bytes, locator + 8, 8)?;
        if signed(bytes, large, b"PK\x06\x06") {
            count = number(bytes, large.saturating_add(32), 8)?;
            at = number(bytes, large.saturating_add(48), 8)?;
        }
    }
    let mut files = Vec::new();
    for _ in 0..count {
        let (file, next) = entry(bytes, at)?;
        files.extend(file);
        at = next;
    }
    Ok(files)
}

/// A file's name and bytes.
type File<'a> = (&'a str, &'a [u8]);

/// The file of the table's entry at `at`, unless it is compressed, and where the next entry is.
fn entry(bytes: &[u8], at: usize) -> Result<(Option<File<'_>>, usize), String> {
    const CUT: &str = "the archive's table of files is damaged";
    if !signed(bytes, at, b"PK\x01\x02") {
        return Err(CUT.into());
    }
    let [of_name, of_extra, of_comment] = [28, 30, 32].map(|offset| number(bytes, at + offset, 2));
    let (of_name, of_extra) = (of_name?, of_extra?);
    let next = at + 46 + of_name + of_extra + of_comment?;
    if number(bytes, at + 10, 2)? != 0 {
        return Ok((None, next));
    }
    let name = std::str::from_utf8(part(bytes, at + 46, of_name)?).map_err(|_| CUT)?;
    let mut sizes = [(24, 4), (20, 4), (42, 4)]
        .into_iter()
        .map(|(offset, n)| number(bytes, at + offset, n))
        .collect::<Result<Vec<_>, _>>()?;
    let extra = part(bytes, at + 46 + of_name, of_extra)?;
    large_sizes(extra, &mut sizes);
    let (size, start) = (sizes[0], sizes[2]);
    if !signed(bytes, start, b"PK\x03\x04") {
        return Err(CUT.into());
    }
    // Its own extra field is not as long as the table's.
    let before = 30 + number(bytes, start + 26, 2)? + number(bytes, start + 28, 2)?;
    let file = part(bytes, start + before, size)?;
    if crc32fast::hash(file) as usize != number(bytes, at + 16, 4)? {
        return Err(format!("the checksum of `{name}` in it is wrong, so the file is damaged"));
    }
    Ok((Some((name, file)), next))
}

/// Takes the sizes that do not fit into four bytes from where they are then: one after the other,
/// as many as are needed.
fn large_sizes(extra: &[u8], sizes: &mut [usize]) {
    let mut at = 0;
    while let (Ok(kind), Ok(length)) = (number(extra, at, 2), number(extra, at + 2, 2)) {
        if kind == 1 {
            let mut field = at + 4;
            for size in sizes.iter_mut().filter(|size| **size == 0xffff_ffff) {
                if let Ok(large) = number(extra, field, 8) {
                    *size = large;
                }
                field += 8;
            }
        }
        at += 4 + length;
    }
}

fn signed(bytes: &[u8], at: usize, signature: &[u8]) -> bool {
    bytes.get(at..).is_some_and(|rest| rest.starts_with(signature))
}

fn part(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], String> {
    let end = at.checked_add(length);
    let part = end.and_then(|end| bytes.get(at..end));
    part.ok_or_else(|| "the archive ends too early".into())
}

/// A whole number of `n` bytes, the lowest first.
fn number(bytes: &[u8], at: usize, n: usize) -> Result<usize, String> {
    let value =
        part(bytes, at, n)?.iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    // Halved, so that a few bytes more do not overflow.
    let value = usize::try_from(value).ok().filter(|value| *value <= usize::MAX / 2);
    value.ok_or_else(|| "the archive ends too early".into())
}
