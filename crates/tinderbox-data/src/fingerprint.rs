//! By what a change of data is noticed: a number that follows from bytes.

use std::{fs::File, io::Read, path::Path};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::file::regular;

/// What an item was made of. `None` for what has no bytes of its own: a label that is a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fingerprint {
    /// Of the file of the input, or of the tokens of a text.
    pub input: Option<u64>,
    /// Of the file of the label: a mask.
    pub label: Option<u64>,
}

/// The XXH3 hash of bytes: quick, the same on every machine, and no proof against those who mean to
/// deceive.
pub fn hash_of(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// The same of what is in a file, if it can be read.
pub fn hash_of_file(path: impl AsRef<Path>) -> Option<u64> {
    const BLOCK: usize = 1 << 16;
    let path = path.as_ref();
    regular(path).ok()?;
    let mut file = File::open(path).ok()?;
    let (mut hash, mut block) = (Xxh3::new(), vec![0; BLOCK]);
    loop {
        match file.read(&mut block).ok()? {
            0 => return Some(hash.digest()),
            read => hash.update(&block[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_has_the_hash_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let bytes: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
        fs::write(&path, &bytes).unwrap();
        assert_eq!(hash_of_file(&path), Some(hash_of(&bytes)));
        fs::write(&path, &bytes[1..]).unwrap();
        assert_ne!(hash_of_file(&path), Some(hash_of(&bytes)));
        assert_eq!(hash_of_file(folder.path()), None);
        // Of the reference implementation: it stands in files.
        assert_eq!(hash_of(b""), 0x2d06_8005_38d3_94c2);
    }
}
