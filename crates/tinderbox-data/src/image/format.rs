//! Kinds of files by their names and contents: which are opened, and what to do about the others.

use std::path::Path;

/// A kind of file that people have among their images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// `JPEG`, `HEIC`, `a PDF document`: what comes after "it is".
    pub name: &'static str,
    /// The ends of its files' names after the last dot, in lower case.
    pub extensions: &'static [&'static str],
    /// Nothing for a format that is opened; for another one the way to one that is, as
    /// `export as JPEG`: it follows "not supported: ".
    pub way_on: Option<&'static str>,
}

impl Format {
    /// Whether its files can be opened.
    pub fn is_supported(&self) -> bool {
        self.way_on.is_none()
    }

    /// The format that a file's name stands for, in any case. What is in the file may be another one.
    pub fn of_name(path: &Path) -> Option<&'static Self> {
        let extension = path.extension()?.to_str()?;
        let has = |format: &&Self| {
            format.extensions.iter().any(|other| other.eq_ignore_ascii_case(extension))
        };
        FORMATS.iter().find(has)
    }

    /// The format that is not supported and that a file begins like: its first kilobyte is enough.
    pub(super) fn of_content(bytes: &[u8]) -> Option<&'static Self> {
        let name = not_an_image(bytes)?;
        FORMATS.iter().find(|format| format.name == name)
    }
}

/// The extensions of images that are opened, in lower case.
pub fn extensions() -> impl Iterator<Item = &'static str> {
    let supported = FORMATS.iter().filter(|format| format.is_supported());
    supported.flat_map(|format| format.extensions).copied()
}

const fn opened(name: &'static str, extensions: &'static [&'static str]) -> Format {
    Format { name, extensions, way_on: None }
}

const fn other(
    name: &'static str,
    extensions: &'static [&'static str],
    way_on: &'static str,
) -> Format {
    Format { name, extensions, way_on: Some(way_on) }
}

const AVIF: &str = "AVIF";
const HEIC: &str = "HEIC";
const RAW: &str = "a camera's raw file";
const JPEG_2000: &str = "JPEG 2000";
const JPEG_XL: &str = "JPEG XL";
const PHOTOSHOP: &str = "a Photoshop document";
const SVG: &str = "SVG";
const PDF: &str = "a PDF document";
const POSTSCRIPT: &str = "PostScript";
const VIDEO: &str = "a video";
const DICOM: &str = "DICOM";
const EXR: &str = "OpenEXR";
const ARCHIVE: &str = "an archive";
const ARRAY: &str = "a NumPy array";
const WEB_PAGE: &str = "a web page";
const LFS_POINTER: &str = "a Git LFS pointer";

/// All formats that are known: those that are opened, then the others.
///
/// AVIF and HEIC are not decoded for want of a decoder that is not C.
pub const FORMATS: &[Format] = &[
    opened("BMP", &["bmp", "dib"]),
    opened("GIF", &["gif"]),
    opened("an icon", &["ico"]),
    opened("JPEG", &["jpg", "jpeg", "jpe", "jfif", "jfi", "jif", "pjpeg", "pjp"]),
    opened("PNG", &["png", "apng"]),
    opened("PNM", &["pbm", "pgm", "ppm", "pnm", "pam"]),
    opened("TIFF", &["tif", "tiff"]),
    opened("WebP", &["webp"]),
    other(
        HEIC,
        &["heic", "heif", "heics", "heifs", "hif"],
        "convert to JPEG, for example with `magick mogrify -format jpg *.heic`",
    ),
    other(
        AVIF,
        &["avif", "avifs"],
        "convert to JPEG, for example with `magick mogrify -format jpg *.avif`",
    ),
    other(JPEG_XL, &["jxl"], "convert to JPEG, for example with `djxl x.jxl x.jpg`"),
    other(
        JPEG_2000,
        &["jp2", "j2k", "j2c", "jpc", "jpf", "jpx", "jpm"],
        "convert to PNG, for example with `magick mogrify -format png *.jp2`",
    ),
    other(
        RAW,
        &[
            "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "iiq", "kdc", "mef",
            "mos", "mrw", "nef", "nrw", "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf",
            "srw", "x3f",
        ],
        "develop and export as JPEG or TIFF",
    ),
    other(PHOTOSHOP, &["psd", "psb"], "export as PNG"),
    other("a GIMP image", &["xcf"], "export as PNG"),
    other(SVG, &["svg", "svgz"], "render as PNG"),
    other(PDF, &["pdf"], "make an image of each page, for example with `pdftoppm -png x.pdf page`"),
    other(POSTSCRIPT, &["eps", "ps", "ai"], "render as PNG"),
    other(
        VIDEO,
        &[
            "3gp", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "webm",
            "wmv",
        ],
        "extract frames, for example with `ffmpeg -i x.mp4 -r 1 frame%04d.jpg`",
    ),
    other(DICOM, &["dcm", "dicom"], "convert to PNG"),
    other("NIfTI", &["nii"], "save the slices as PNG"),
    other(EXR, &["exr"], "convert to PNG"),
    other("Radiance HDR", &["hdr"], "convert to PNG"),
    other("Targa", &["tga"], "convert to PNG"),
    other("DirectDraw Surface", &["dds"], "convert to PNG"),
    other("a cursor", &["cur"], "convert to PNG"),
    other("an icon of macOS", &["icns"], "convert to PNG"),
    other("an image of X", &["xbm", "xpm", "xwd", "ras", "rgb", "sgi"], "convert to PNG"),
    other(ARRAY, &["npy", "npz"], "save the images as PNG"),
    other(ARCHIVE, &["zip", "tar", "tgz", "gz", "7z", "rar", "bz2", "xz"], "unpack first"),
    other(WEB_PAGE, &["htm", "html"], "download the images themselves"),
    other(LFS_POINTER, &[], "download the images with `git lfs pull`"),
];

/// The name of the format that is no supported image, by how a file begins.
fn not_an_image(bytes: &[u8]) -> Option<&'static str> {
    /// What stands where, and whose it is.
    const STARTS: &[(usize, &[u8], &str)] = &[
        (0, b"\0\0\0\x0cjP  ", JPEG_2000),
        (0, b"\xff\x4f\xff\x51", JPEG_2000),
        (0, b"\0\0\0\x0cJXL ", JPEG_XL),
        (0, b"\xff\x0a", JPEG_XL),
        (8, b"CR\x02", RAW),
        (0, b"FUJIFILMCCD-RAW", RAW),
        (0, b"IIRO", RAW),
        (0, b"IIU\0", RAW),
        (0, b"8BPS", PHOTOSHOP),
        (0, b"%PDF", PDF),
        (0, b"%!PS", POSTSCRIPT),
        (8, b"AVI ", VIDEO),
        (0, b"\x1aE\xdf\xa3", VIDEO),
        (0, b"\0\0\x01\xba", VIDEO),
        (0, b"FLV\x01", VIDEO),
        (128, b"DICM", DICOM),
        (0, b"v/1\x01", EXR),
        (0, b"\x93NUMPY", ARRAY),
        (0, b"PK\x03\x04", ARCHIVE),
        (0, b"\x1f\x8b", ARCHIVE),
        (0, b"7z\xbc\xaf", ARCHIVE),
        (0, b"Rar!", ARCHIVE),
        (0, b"version https://git-lfs", LFS_POINTER),
    ];
    let stands = |(at, start, _): &&(usize, &[u8], &str)| {
        bytes.get(*at..).is_some_and(|rest| rest.starts_with(start))
    };
    let start = STARTS.iter().find(stands).map(|(.., name)| *name);
    start.or_else(|| iso_media(bytes)).or_else(|| markup(bytes))
}

/// Which format of ISO's media container it is: its brand is named behind `ftyp`.
fn iso_media(bytes: &[u8]) -> Option<&'static str> {
    let brand = bytes.get(4..12)?.strip_prefix(b"ftyp")?;
    Some(match brand {
        b"avif" | b"avis" => AVIF,
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => HEIC,
        // The brand of all still images: the ones that it is compatible with say more.
        b"mif1" | b"msf1" => match bytes.get(16..64.min(bytes.len())) {
            Some(others) if others.windows(4).any(|other| other == b"avif") => AVIF,
            _ => HEIC,
        },
        b"crx " => RAW,
        _ => VIDEO,
    })
}

/// Whether it is a page or a drawing in XML, behind white space and a byte-order mark.
fn markup(bytes: &[u8]) -> Option<&'static str> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_lowercase();
    let head = head.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    match head.starts_with('<') {
        true if head.contains("<svg") => Some(SVG),
        true if head.contains("<html") || head.starts_with("<!doctype html") => Some(WEB_PAGE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[track_caller]
    fn check(name: &str, format: Option<&str>, supported: bool) {
        let found = Format::of_name(Path::new(name));
        assert_eq!(found.map(|format| format.name), format);
        assert_eq!(found.is_some_and(Format::is_supported), supported);
    }

    #[test]
    fn a_name_says_whether_a_file_is_opened() {
        check("a/IMG_1.JFIF", Some("JPEG"), true);
        check("x.jpe", Some("JPEG"), true);
        check("x.apng", Some("PNG"), true);
        check("IMG_0001.HEIC", Some("HEIC"), false);
        check("x.avif", Some("AVIF"), false);
        check("x.NEF", Some("a camera's raw file"), false);
        check("notes.txt", None, false);
        check("jpg", None, false);
    }

    #[test]
    fn an_extension_is_of_one_format() {
        let all: Vec<&str> = FORMATS.iter().flat_map(|format| format.extensions).copied().collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert!(all.iter().all(|extension| extension.to_lowercase() == **extension));
        assert!(extensions().any(|extension| extension == "jfif"));
        assert!(extensions().all(|extension| extension != "heic"));
    }

    #[test]
    fn what_is_no_image_is_known_by_how_it_begins() {
        for (start, name) in [
            (&b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], "HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
            (b"\0\0\0\x1cftypmif1\0\0\0\0avifmif1miaf", "AVIF"),
            (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", "AVIF"),
            (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "a camera's raw file"),
            (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "a video"),
            (b"RIFF\0\0\0\0AVI LIST", "a video"),
            (b"%PDF-1.7\n", "a PDF document"),
            (b"II*\0\x10\0\0\0CR\x02\0", "a camera's raw file"),
            (b"\xef\xbb\xbf \n<!DOCTYPE html><html>", "a web page"),
            (b"<?xml version=\"1.0\"?>\n<svg xmlns=\"\">", "SVG"),
            (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"),
        ] {
            let found = Format::of_content(start).map(|format| format.name);
            assert_eq!(found, Some(name), "{}", start.escape_ascii());
        }
        for start in
            [&b""[..], b"\xff\xd8\xff\xe0", b"RIFF\0\0\0\0WEBPVP8 ", b"II*\0", b"plain words"]
        {
            assert_eq!(Format::of_content(start), None, "{}", start.escape_ascii());
        }
    }
}
