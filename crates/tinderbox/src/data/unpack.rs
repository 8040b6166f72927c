//! Archives, whose entries are not to be trusted: nothing is written outside of a folder, and no more than
//! a bound.

use std::{
    fmt,
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Component, Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

/// Why an archive is not unpacked.
#[derive(Debug)]
pub(super) enum Bad {
    /// An entry that is no file or folder below where it is unpacked to.
    Entry { path: PathBuf, what: Unsafe },
    /// It has more bytes than this.
    TooLarge { limit: u64 },
    /// It cannot be read to its end.
    Broken(io::Error),
    /// What is in it cannot be written here.
    Disk { path: PathBuf, source: io::Error },
}

/// What is wrong with an entry of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsafe {
    /// Its path is absolute, or leads up.
    Outside,
    Link,
    /// A device or a pipe.
    Special,
}

impl fmt::Display for Unsafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Outside => "it leads out of the folder",
            Self::Link => "it is a link",
            Self::Special => "it is a device or a pipe",
        })
    }
}

/// Unpacks a `.tgz` file into a folder, which there is: up to `limit` bytes of files and entries.
pub(super) fn unpack(archive: &Path, folder: &Path, limit: u64) -> Result<(), Bad> {
    /// What an entry takes besides its content, so that many empty ones end, too.
    const ENTRY: u64 = 512;
    let disk = |path: &Path| {
        let path = path.to_owned();
        move |source| Bad::Disk { path, source }
    };
    let file = File::open(archive).map_err(Bad::Broken)?;
    let mut archive = Archive::new(MultiGzDecoder::new(BufReader::new(file)));
    let mut left = limit;
    let mut take = |bytes: u64| {
        left = left.checked_sub(bytes).ok_or(Bad::TooLarge { limit })?;
        Ok(left)
    };
    for entry in archive.entries().map_err(Bad::Broken)? {
        let mut entry = entry.map_err(Bad::Broken)?;
        let kind = entry.header().entry_type();
        let named = entry.path().map_err(Bad::Broken)?.into_owned();
        let left = take(ENTRY)?;
        let bad = |what| Bad::Entry { path: named.clone(), what };
        let path = folder.join(below(&named).ok_or_else(|| bad(Unsafe::Outside))?);
        match kind {
            EntryType::Directory => fs::create_dir_all(&path).map_err(disk(&path))?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let parent = path.parent().unwrap_or(folder);
                fs::create_dir_all(parent).map_err(disk(parent))?;
                let mut to = File::create(&path).map_err(disk(&path))?;
                let mut content = entry.by_ref().take(left + 1);
                let written = copy(&mut content, &mut to, &path)?;
                take(written)?;
            }
            EntryType::XGlobalHeader => {}
            EntryType::Symlink | EntryType::Link => return Err(bad(Unsafe::Link)),
            _ => return Err(bad(Unsafe::Special)),
        }
    }
    // The checksum of the compressed data comes last.
    let rest = io::copy(&mut archive.into_inner().take(left + 1), &mut io::sink());
    match rest.map_err(Bad::Broken)? {
        rest if rest > left => Err(Bad::TooLarge { limit }),
        _ => Ok(()),
    }
}

/// Copies, and says which side failed.
fn copy(from: &mut impl Read, to: &mut File, path: &Path) -> Result<u64, Bad> {
    let mut block = vec![0; 1 << 16];
    let mut done = 0;
    loop {
        match from.read(&mut block).map_err(Bad::Broken)? {
            0 => return Ok(done),
            n => {
                io::Write::write_all(to, &block[..n])
                    .map_err(|source| Bad::Disk { path: path.to_owned(), source })?;
                done += n as u64;
            }
        }
    }
}

/// A path that only leads down.
fn below(path: &Path) -> Option<PathBuf> {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    let names = parts.map(|part| match part {
        // On Windows, a name with these is another place.
        Component::Normal(name) if !name.to_string_lossy().contains(['\\', ':']) => Some(name),
        _ => None,
    });
    names.collect()
}

#[cfg(test)]
pub(super) mod tests {
    use flate2::{Compression, write::GzEncoder};
    use tar::{Builder, Header};

    use super::*;

    /// An archive of files, links and devices.
    pub(in crate::data) fn archive(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        for (path, kind, content) in entries {
            let mut header = Header::new_gnu();
            // As an attacker writes it: the builder refuses what leads up.
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o4777);
            if kind.is_symlink() || kind.is_hard_link() {
                header.set_link_name("/etc/passwd").unwrap();
            }
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn unpacked(bytes: &[u8], limit: u64) -> (tempfile::TempDir, Result<(), Bad>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.tgz");
        fs::write(&file, bytes).unwrap();
        let to = folder.path().join("to");
        fs::create_dir(&to).unwrap();
        let result = unpack(&file, &to, limit);
        (folder, result)
    }

    #[test]
    fn files_and_folders_are_unpacked() {
        let file = EntryType::Regular;
        let bytes =
            archive(&[("./set", EntryType::Directory, b""), ("set/a/b.txt", file, b"text")]);
        let (folder, result) = unpacked(&bytes, 10_000);
        result.unwrap();
        assert_eq!(fs::read(folder.path().join("to/set/a/b.txt")).unwrap(), b"text");
    }

    #[test]
    fn what_leads_out_of_the_folder_is_refused() {
        for (path, kind, what) in [
            ("../evil", EntryType::Regular, Unsafe::Outside),
            ("set/../../evil", EntryType::Regular, Unsafe::Outside),
            ("/evil", EntryType::Regular, Unsafe::Outside),
            ("set\\..\\evil", EntryType::Regular, Unsafe::Outside),
            ("set/link", EntryType::Symlink, Unsafe::Link),
            ("set/link", EntryType::Link, Unsafe::Link),
            ("set/null", EntryType::Char, Unsafe::Special),
            ("set/pipe", EntryType::Fifo, Unsafe::Special),
        ] {
            let (folder, result) = unpacked(&archive(&[(path, kind, b"")]), 10_000);
            match result {
                Err(Bad::Entry { what: found, .. }) => assert_eq!(found, what, "{path}"),
                other => panic!("{path}: {other:?}"),
            }
            assert!(!folder.path().join("evil").exists());
        }
    }

    #[test]
    fn there_is_a_bound() {
        let zeros = vec![0; 1 << 20];
        let bytes = archive(&[("a", EntryType::Regular, &zeros)]);
        assert!(matches!(unpacked(&bytes, 100_000).1, Err(Bad::TooLarge { limit: 100_000 })));
        assert!(unpacked(&bytes, 2 << 20).1.is_ok());
        let many: Vec<_> = (0..300).map(|_| ("a", EntryType::Directory, &b""[..])).collect();
        assert!(matches!(unpacked(&archive(&many), 100_000).1, Err(Bad::TooLarge { .. })));
    }

    #[test]
    fn what_is_cut_short_or_no_archive_is_broken() {
        let noise: Vec<u8> = (0..50_000_u32).map(|n| (n * n / 7) as u8).collect();
        let bytes = archive(&[("a", EntryType::Regular, &noise)]);
        for part in [&bytes[..bytes.len() / 2], &bytes[..bytes.len() - 3], b"<html>"] {
            assert!(matches!(unpacked(part, 1 << 20).1, Err(Bad::Broken(_))), "{}", part.len());
        }
    }
}
