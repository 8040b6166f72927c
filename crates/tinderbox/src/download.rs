//! A file from the network, whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use ureq::{
    Agent,
    http::{StatusCode, header::CONTENT_RANGE},
};

use crate::{Event, Job};

/// How hard a download is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// As somebody wants it who has asked for the file.
    Full,
    /// As it may be done unasked: whoever has no network should not wait for it.
    Brief,
}

impl Effort {
    /// So often it is tried when a connection breaks.
    fn tries(self) -> usize {
        match self {
            Self::Full => 4,
            Self::Brief => 1,
        }
    }

    /// What is waited for, at most, before a connection counts as broken.
    fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Self::Full => 20,
            Self::Brief => 5,
        })
    }
}

/// Bytes that are read at once.
const BLOCK: usize = 1 << 16;

/// A file that is published somewhere.
pub(crate) struct Published<'a> {
    pub url: &'a str,
    /// Its length in bytes, if that is known: a server that sends more is not waited for.
    pub bytes: Option<u64>,
    /// Fails for a file that is another one.
    pub check: &'a dyn Fn(&Path) -> io::Result<Result<(), Mismatch>>,
}

/// What a file's checksum or length is, and should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// `SHA-256`, `MD5`, `length`.
    pub what: &'static str,
    pub expected: String,
    pub found: String,
}

/// Why there is no file.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Nothing came, or not all of it.
    Network(String),
    /// What came is another file.
    Mismatch(Mismatch),
    /// It cannot be written.
    Disk(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// Puts what is published at `to`. What comes is kept beside it, in a file that ends in `.part`, until it
/// is whole: the next download goes on there.
pub(crate) fn download(
    published: &Published<'_>,
    to: &Path,
    effort: Effort,
    job: &Job,
) -> Result<PathBuf, Failed> {
    fs::create_dir_all(to.parent().unwrap_or(Path::new(".")))?;
    let part = to.with_added_extension("part");
    let agent: Agent = Agent::config_builder()
        .timeout_connect(Some(effort.patience()))
        .timeout_recv_response(Some(effort.patience()))
        .http_status_as_error(false)
        .build()
        .into();
    let mut tries = 0;
    loop {
        let before = length(&part);
        match once(&agent, published, &part, job) {
            Ok(()) => break,
            Err(Stop::Disk(source)) => return Err(source.into()),
            Err(Stop::Refused(reason)) => return Err(Failed::Network(reason)),
            Err(Stop::Broken(reason)) => {
                // As long as something comes, it goes on.
                tries = if length(&part) > before { 1 } else { tries + 1 };
                if tries >= effort.tries() {
                    return Err(Failed::Network(reason));
                }
            }
        }
    }
    if let Err(mismatch) = (published.check)(&part)? {
        fs::remove_file(&part)?;
        return Err(Failed::Mismatch(mismatch));
    }
    fs::rename(&part, to)?;
    Ok(to.to_owned())
}

/// Why a try ended without the whole file.
enum Stop {
    /// Another try may do better.
    Broken(String),
    Refused(String),
    Disk(std::io::Error),
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len())
}

fn once(agent: &Agent, published: &Published<'_>, part: &Path, job: &Job) -> Result<(), Stop> {
    let have = length(part);
    let mut request = agent.get(published.url);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let mut response = request.call().map_err(|error| Stop::Broken(error.to_string()))?;
    let goes_on = response.status() == StatusCode::PARTIAL_CONTENT
        && starts_at(response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok()))
            == Some(have);
    match response.status() {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
        // Nothing is missing, or what is there is of another file; the checksum tells.
        StatusCode::RANGE_NOT_SATISFIABLE => return Ok(()),
        status if status.is_server_error() => return Err(Stop::Broken(status.to_string())),
        status => return Err(Stop::Refused(format!("the server says {status}"))),
    }
    let mut file = match goes_on {
        true => OpenOptions::new().append(true).open(part),
        // It sends all of it anew.
        false => File::create(part),
    }
    .map_err(Stop::Disk)?;
    let mut done = if goes_on { have } else { 0 };
    let total = response.body().content_length().map(|rest| done + rest);
    let name = part.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut body = response.body_mut().with_config().limit(u64::MAX).reader();
    let mut block = vec![0; BLOCK];
    loop {
        job.tell(Event::Downloading { file: name.clone(), done, total });
        match body.read(&mut block) {
            Ok(0) => break,
            Ok(n) => {
                file.write_all(&block[..n]).map_err(Stop::Disk)?;
                done += n as u64;
                if let Some(bytes) = published.bytes.filter(|bytes| done > *bytes) {
                    let _ = fs::remove_file(part);
                    return Err(Stop::Refused(format!("the server sends more than {bytes} bytes")));
                }
            }
            Err(error) => return Err(Stop::Broken(error.to_string())),
        }
    }
    file.sync_all().map_err(Stop::Disk)?;
    match total {
        Some(total) if done < total => {
            Err(Stop::Broken(format!("the connection ended after {done} of {total} bytes")))
        }
        _ => Ok(()),
    }
}

/// The first byte of `bytes 200-1023/1024`.
fn starts_at(range: Option<&str>) -> Option<u64> {
    range?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        io::{BufRead, BufReader},
        net::{TcpListener, TcpStream},
        sync::{Arc, Mutex},
        thread,
    };

    use super::*;
    use crate::Job;

    /// What the server does with a request for a body.
    #[derive(Clone, Copy)]
    pub(crate) enum Does {
        /// Sends what was asked for.
        Whole,
        /// Sends all, whatever was asked for.
        Ignores,
        /// Breaks off after so many bytes.
        Breaks(usize),
        /// Says that there is nothing.
        Lacks,
    }

    /// A server that does one thing after the other, and the address of its file.
    pub(crate) fn server(
        body: &'static [u8],
        does: Vec<Does>,
    ) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/weights.pth", listener.local_addr().unwrap());
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let seen = ranges.clone();
        thread::spawn(move || {
            for does in does {
                let (stream, _) = listener.accept().unwrap();
                answer(stream, body, does, &seen);
            }
        });
        (url, ranges)
    }

    fn answer(mut stream: TcpStream, body: &[u8], does: Does, seen: &Mutex<Vec<String>>) {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let lines: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let range = lines
            .iter()
            .find_map(|line| line.to_lowercase().strip_prefix("range: ").map(str::to_owned));
        seen.lock().unwrap().push(range.clone().unwrap_or_default());
        let asked = range.and_then(|range| {
            range.strip_prefix("bytes=")?.trim_end_matches('-').parse::<usize>().ok()
        });
        let mut send = |status: &str, more: &str, body: &[u8], cut: usize| {
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{more}\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body[..cut.min(body.len())]).unwrap();
        };
        let cut = if let Does::Breaks(n) = does { n } else { usize::MAX };
        match (does, asked) {
            (Does::Lacks, _) => send("404 Not Found", "", b"no", 2),
            (Does::Ignores, _) | (_, None) => send("200 OK", "", body, cut),
            (_, Some(from)) if from >= body.len() => send("416 Range Not Satisfiable", "", b"", 0),
            (_, Some(from)) => {
                let range =
                    format!("Content-Range: bytes {from}-{}/{}\r\n", body.len() - 1, body.len());
                send("206 Partial Content", &range, &body[from..], cut);
            }
        }
    }

    const BODY: &[u8] = b"all the weights that there are";

    /// Downloads what is at the address if it is the body, or has so many bytes.
    fn get(url: &str, to: &Path, bytes: Option<u64>) -> Result<PathBuf, Failed> {
        let check = |file: &Path| {
            let found = String::from_utf8(fs::read(file)?).unwrap();
            let mismatch = |found| Mismatch { what: "text", expected: "other".into(), found };
            Ok(if found.as_bytes() == BODY { Ok(()) } else { Err(mismatch(found)) })
        };
        download(&Published { url, bytes, check: &check }, to, Effort::Full, &Job::quiet())
    }

    #[track_caller]
    fn check(does: Vec<Does>, part: &[u8], ranges: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("new/weights.pth");
        if !part.is_empty() {
            fs::create_dir(folder.path().join("new")).unwrap();
            fs::write(to.with_added_extension("part"), part).unwrap();
        }
        let (url, seen) = server(BODY, does);
        get(&url, &to, Some(BODY.len() as u64)).unwrap();
        assert_eq!(fs::read(&to).unwrap(), BODY);
        assert!(!to.with_added_extension("part").exists());
        assert_eq!(*seen.lock().unwrap(), ranges);
    }

    #[test]
    fn a_download_goes_on_where_it_was_cut_off() {
        check(vec![Does::Whole], b"", &[""]);
        check(vec![Does::Whole], b"all the w", &["bytes=9-"]);
        check(
            vec![Does::Breaks(5), Does::Breaks(4), Does::Whole],
            b"",
            &["", "bytes=5-", "bytes=9-"],
        );
        check(vec![Does::Whole], BODY, &["bytes=30-"]);
    }

    #[test]
    fn a_server_without_ranges_begins_anew() {
        check(vec![Does::Ignores], b"all the w", &["bytes=9-"]);
    }

    #[test]
    fn what_is_not_what_was_published_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("weights.pth");
        let (url, _) = server(b"a page about weights", vec![Does::Whole; 2]);
        let error = get(&url, &to, None).unwrap_err();
        assert!(matches!(error, Failed::Mismatch(Mismatch { what: "text", .. })), "{error:?}");
        let error = get(&url, &to, Some(9)).unwrap_err();
        assert!(matches!(&error, Failed::Network(why) if why.contains("more than 9")), "{error:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_server_that_has_nothing_and_none_at_all_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("weights.pth");
        let (url, _) = server(BODY, vec![Does::Lacks]);
        let why = |url: &str| match get(url, &to, None) {
            Err(Failed::Network(reason)) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(&url), "the server says 404 Not Found");
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(!why(&format!("http://{closed}/w.pth")).is_empty());
    }
}
