//! Fetching data sets into a folder.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    DataSet, RemoteFile, find_data_set,
    unpack::{Bad, Unsafe, unpack},
};
use crate::{
    Error, Hinted, Job, Result, cache,
    download::{Effort, Failed, Mismatch, Published, download},
    progress::downloads,
};

/// Downloads a data set, if it is not in the cache yet, and gives its folder: fastai's `untar_data`.
///
/// It shows on a terminal how far the download is.
///
/// # Errors
/// Those of [`DataCache::fetch`]; [`FetchError::Unknown`] for a name that is not one of
/// [`DATA_SETS`](super::DATA_SETS).
///
/// # Example
/// ```no_run
/// use tinderbox::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mnist = tinderbox::data::fetch("mnist_sample")?;
/// let items = ImageItems::from_folder(mnist)?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "untar_data")]
pub fn fetch(name: &str) -> Result<PathBuf> {
    DataCache::open()?.fetch(find_data_set(name)?, &downloads())
}

/// The folder of data sets, each in a folder of its name beside the archive that it came in.
///
/// A data set is there when its folder is: it is unpacked beside it and renamed when it is whole, so a
/// process that is killed leaves nothing half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataCache {
    folder: PathBuf,
    /// Where archives are looked for and kept.
    archives: PathBuf,
    /// A server that has all files directly below this address.
    server: Option<String>,
    offline: bool,
}

/// In the folder of each data set: what it is, so that no other folder is taken for it.
const MARKER: &str = ".data-set";

impl DataCache {
    /// The user's: `data` in the folder that `TINDERBOX_CACHE` names, else `tinderbox/data` in the
    /// system's folder for caches. `TINDERBOX_DATA_URL` names another server with the same files; with
    /// `TINDERBOX_OFFLINE` nothing is downloaded.
    ///
    /// # Errors
    /// [`FetchError::NoCache`] on a system without one.
    pub fn open() -> Result<Self> {
        let folder = match (cache::named(), cache::of_system()) {
            (Some(named), _) => named.join("data"),
            (None, Some(system)) => system.join("tinderbox/data"),
            (None, None) => return Err(FetchError::NoCache.into()),
        };
        let server = std::env::var("TINDERBOX_DATA_URL").ok();
        Ok(Self { server, offline: cache::is_offline(), ..Self::in_folder(folder) })
    }

    /// Another folder.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self { archives: folder.clone(), folder, server: None, offline: false }
    }

    /// The same archives, unpacked into this folder.
    #[must_use]
    pub fn to(self, folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), ..self }
    }

    /// The same with another server that has the files directly below this address.
    #[must_use]
    pub fn from_server(self, url: impl Into<String>) -> Self {
        Self { server: Some(url.into()), ..self }
    }

    /// Where data sets are put.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of a data set, if it is there.
    pub fn find(&self, set: &DataSet) -> Option<PathBuf> {
        let folder = self.folder.join(set.name);
        let marker = fs::read_to_string(folder.join(MARKER)).unwrap_or_default();
        (marker.lines().next() == Some(set.name)).then_some(folder)
    }

    /// The folder, whose files are downloaded and unpacked if it is not there. A download that was cut
    /// off goes on where it was; a second process waits for the first.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn fetch(&self, set: &DataSet, job: &Job) -> Result<PathBuf> {
        let folder = self.folder.join(set.name);
        let written = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Write { path, source }
        };
        for folder in [&self.folder, &self.archives] {
            fs::create_dir_all(folder).map_err(written(folder))?;
        }
        let lock = self.archives.join(format!(".{}.lock", set.name));
        let lock_file = File::create(&lock).map_err(written(&lock))?;
        lock_file.lock().map_err(written(&lock))?;
        if let Some(found) = self.find(set) {
            return Ok(found);
        }
        if folder.exists() {
            return Err(FetchError::Exists { folder }.into());
        }
        let files: Vec<PathBuf> =
            set.files.iter().map(|file| self.file(file, job)).collect::<Result<_>>()?;
        let part = self.folder.join(format!(".{}.part", set.name));
        // Of a process that was killed.
        remove(&part).map_err(written(&part))?;
        fs::create_dir(&part).map_err(written(&part))?;
        let made = made(set, &files, &part);
        let made = made.and_then(|made| {
            let about = format!("{}\n{}\n", set.name, set.cite);
            fs::write(made.join(MARKER), about).map_err(written(&made))?;
            fs::rename(&made, &folder).map_err(written(&folder))?;
            Ok(folder)
        });
        remove(&part).map_err(written(&part))?;
        made
    }

    /// A file of a data set: the one beside the data sets if it is whole, or downloaded.
    fn file(&self, remote: &RemoteFile, job: &Job) -> Result<PathBuf> {
        let file = self.archives.join(remote.name());
        let read = |source| Error::Read { path: file.clone(), source };
        let url = match &self.server {
            Some(server) => format!("{}/{}", server.trim_end_matches('/'), remote.name()),
            None => remote.url.to_owned(),
        };
        let differs = |mismatch: Mismatch, from: String| {
            let Mismatch { what, expected, found } = mismatch;
            FetchError::Checksum { from, what, expected, found }
        };
        if file.is_file() {
            match compare(remote, &file).map_err(read)? {
                Ok(()) => return Ok(file),
                Err(mismatch) if self.offline => {
                    return Err(differs(mismatch, file.display().to_string()).into());
                }
                // It is downloaded again.
                Err(_) => {}
            }
        }
        let failed = |reason| FetchError::Download { url: url.clone(), file: file.clone(), reason };
        if self.offline {
            return Err(failed("TINDERBOX_OFFLINE is set".to_owned()).into());
        }
        let check = |file: &Path| compare(remote, file);
        let published = Published { url: &url, bytes: Some(remote.bytes), check: &check };
        download(&published, &file, Effort::Full, job).map_err(|error| match error {
            Failed::Network(reason) => failed(reason).into(),
            Failed::Mismatch(mismatch) => differs(mismatch, url.clone()).into(),
            Failed::Disk(source) => Error::Write { path: file.clone(), source },
        })
    }
}

/// Puts the files of a data set into a folder, and gives the one that is to have its name: where an
/// archive is all in one folder, that one.
fn made(set: &DataSet, files: &[PathBuf], part: &Path) -> Result<PathBuf> {
    let written = |source| Error::Write { path: part.to_owned(), source };
    let content = part.join("content");
    fs::create_dir(&content).map_err(written)?;
    for (remote, file) in set.files.iter().zip(files) {
        match remote.is_archive() {
            true => {
                unpack(file, &content, most_bytes(remote.bytes))
                    .map_err(|bad| FetchError::of(bad, file))?;
            }
            false => {
                fs::copy(file, content.join(remote.name())).map_err(written)?;
            }
        }
    }
    let entries = fs::read_dir(&content).map_err(written)?.flatten();
    // Hidden files are left by the system that packed it.
    let mut entries = entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    Ok(match (entries.next(), entries.next()) {
        (Some(only), None) if only.path().is_dir() => only.path(),
        _ => content,
    })
}

/// How many bytes an archive may unpack to: texts become a tenth, a bomb becomes a thousandth.
fn most_bytes(archive: u64) -> u64 {
    archive * 50 + (64 << 20)
}

/// Compares a file with what is published.
fn compare(remote: &RemoteFile, file: &Path) -> io::Result<Result<(), Mismatch>> {
    let length = fs::metadata(file)?.len();
    let most = match remote.checksum {
        super::Checksum::Md5(_) => remote.bytes,
        super::Checksum::Md5OfStart(_) => 1 << 20,
    };
    let mut content = Vec::new();
    File::open(file)?.take(most).read_to_end(&mut content)?;
    Ok(remote.compared(length, &content))
}

/// Removes a folder, if there is one.
fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What is wrong with a data set that is fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    #[error("there is no data set `{name}`")]
    Unknown { name: String, meant: Option<&'static str> },

    #[error("cannot download {url}: {reason}")]
    Download {
        url: String,
        /// Where it is looked for.
        file: PathBuf,
        reason: String,
    },

    #[error("{from} is not the published file: its {what} is {found}, expected {expected}")]
    Checksum {
        /// An address, or a file.
        from: String,
        what: &'static str,
        expected: String,
        found: String,
    },

    #[error("{archive} is not unpacked: its entry `{}` is unsafe: {what}", entry.display())]
    Unsafe { archive: PathBuf, entry: PathBuf, what: Unsafe },

    #[error("{archive} is not unpacked: it has more than {limit} bytes")]
    TooLarge { archive: PathBuf, limit: u64 },

    #[error("{archive} cannot be unpacked: {reason}")]
    Broken { archive: PathBuf, reason: String },

    #[error("{folder} exists already, and is not this data set")]
    Exists { folder: PathBuf },

    #[error("no cache directory found on this system")]
    NoCache,
}

impl FetchError {
    fn of(bad: Bad, archive: &Path) -> Error {
        let archive = archive.to_owned();
        match bad {
            Bad::Entry { path: entry, what } => Self::Unsafe { archive, entry, what }.into(),
            Bad::TooLarge { limit } => Self::TooLarge { archive, limit }.into(),
            Bad::Broken(error) => Self::Broken { archive, reason: error.to_string() }.into(),
            Bad::Disk { path, source } => Error::Write { path, source },
        }
    }
}

impl Hinted for FetchError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown { meant: Some(meant), .. } => {
                format!("did you mean `{meant}`? `tinderbox data list` lists all")
            }
            Self::Unknown { meant: None, .. } => "`tinderbox data list` lists all".into(),
            Self::Download { file, .. } => format!(
                "run the command again to continue; without a network, save the file as {} yourself, and run it again",
                file.display()
            ),
            Self::Checksum { .. } => "try again; a proxy may have sent another page instead".into(),
            Self::Unsafe { .. } | Self::TooLarge { .. } => {
                "it may have been made to do harm: remove it".into()
            }
            Self::Broken { archive, .. } => {
                format!("remove {} and run the command again", archive.display())
            }
            Self::Exists { .. } => "rename it, or name another folder: `--to DIR`".into(),
            Self::NoCache => "set TINDERBOX_CACHE to a folder, or name one: `--to DIR`".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use tar::EntryType;

    use super::*;
    use crate::{
        data::{Checksum, md5::md5, unpack::tests::archive},
        download::tests::{Does, server},
        error::check,
    };

    /// A data set of one archive. It lives as long as the tests, as the table does.
    fn set(bytes: &'static [u8]) -> DataSet {
        let sum: &'static str = Box::leak(md5(bytes).into_boxed_str());
        let file = RemoteFile {
            url: "https://x.org/letters.tgz",
            bytes: bytes.len() as u64,
            checksum: Checksum::Md5OfStart(sum),
        };
        DataSet { name: "letters", about: "", cite: "nobody", files: Box::leak(Box::new([file])) }
    }

    fn letters() -> &'static [u8] {
        let file = EntryType::Regular;
        archive(&[("letters_v1/a/1.txt", file, b"one"), ("letters_v1/b/2.txt", file, b"two")])
            .leak()
    }

    #[test]
    fn a_data_set_is_downloaded_unpacked_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = letters();
        let set = set(bytes);
        let (url, ranges) = server(bytes, vec![Does::Breaks(9), Does::Whole]);
        let cache = DataCache::in_folder(folder.path().join("new"));
        let cache = cache.from_server(url.trim_end_matches("/weights.pth"));
        assert_eq!(cache.find(&set), None);
        let found = cache.fetch(&set, &Job::quiet()).unwrap();
        assert_eq!(found, folder.path().join("new/letters"));
        assert_eq!(fs::read(found.join("a/1.txt")).unwrap(), b"one");
        assert_eq!(*ranges.lock().unwrap(), ["", "bytes=9-"], "it went on where it was cut off");
        // The server is gone.
        assert_eq!(cache.fetch(&set, &Job::quiet()).unwrap(), found);
        // The archive is still there for another folder.
        let to = cache.clone().to(folder.path().join("to"));
        assert!(to.fetch(&set, &Job::quiet()).unwrap().join("b/2.txt").exists());
        assert!(!folder.path().join("new/.letters.part").exists());
    }

    #[test]
    fn without_a_network_the_archive_is_taken_from_where_the_error_says() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = letters();
        let set = set(bytes);
        let cache = DataCache { offline: true, ..DataCache::in_folder(folder.path()) };
        let error = cache.fetch(&set, &Job::quiet()).unwrap_err();
        let Some(FetchError::Download { file, .. }) = error.downcast_ref() else {
            panic!("{error}")
        };
        fs::write(file, b"a page").unwrap();
        let wrong = cache.fetch(&set, &Job::quiet()).unwrap_err();
        assert!(
            matches!(wrong.downcast_ref(), Some(FetchError::Checksum { what: "length", .. })),
            "{wrong}"
        );
        fs::write(file, bytes).unwrap();
        // What a killed process left.
        fs::create_dir(folder.path().join(".letters.part")).unwrap();
        fs::write(folder.path().join(".letters.part/half"), "").unwrap();
        let found = cache.fetch(&set, &Job::quiet()).unwrap();
        assert!(found.join("a/1.txt").exists() && !found.join("half").exists());
    }

    #[test]
    fn a_folder_of_the_users_is_not_taken_for_the_data_set() {
        let folder = tempfile::tempdir().unwrap();
        let set = set(letters());
        fs::create_dir(folder.path().join("letters")).unwrap();
        fs::write(folder.path().join("letters/mine.txt"), "mine").unwrap();
        let cache = DataCache::in_folder(folder.path());
        let error = cache.fetch(&set, &Job::quiet()).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(FetchError::Exists { .. })), "{error}");
        assert_eq!(fs::read(folder.path().join("letters/mine.txt")).unwrap(), b"mine");
    }

    #[test]
    fn an_archive_that_leads_out_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: &'static [u8] =
            archive(&[("a/1.txt", EntryType::Regular, b"one"), ("a/l", EntryType::Symlink, b"")])
                .leak();
        let set = set(bytes);
        fs::write(folder.path().join("letters.tgz"), bytes).unwrap();
        let error = DataCache::in_folder(folder.path()).fetch(&set, &Job::quiet()).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(FetchError::Unsafe { .. })), "{error}");
        assert!(!folder.path().join("letters").exists());
        assert!(!folder.path().join(".letters.part").exists());
    }

    #[test]
    fn errors_about_data_sets_say_what_to_do() {
        check(
            FetchError::Unknown { name: "mnsit".into(), meant: Some("mnist") },
            "there is no data set `mnsit`",
            Some("did you mean `mnist`?"),
        );
        check(
            FetchError::Download {
                url: "https://x.org/a.tgz".into(),
                file: "c/a.tgz".into(),
                reason: "no route".into(),
            },
            "cannot download https://x.org/a.tgz: no route",
            Some("save the file as c/a.tgz yourself"),
        );
        check(
            FetchError::Checksum {
                from: "a.tgz".into(),
                what: "MD5",
                expected: "ab".into(),
                found: "cd".into(),
            },
            "a.tgz is not the published file: its MD5 is cd, expected ab",
            Some("try again"),
        );
        check(
            FetchError::Unsafe {
                archive: "a.tgz".into(),
                entry: "../x".into(),
                what: Unsafe::Outside,
            },
            "a.tgz is not unpacked: its entry `../x` is unsafe: it leads out of the folder",
            Some("remove it"),
        );
        check(
            FetchError::Exists { folder: "d/mnist".into() },
            "d/mnist exists already, and is not this data set",
            Some("`--to DIR`"),
        );
    }
}
