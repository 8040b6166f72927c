//! What a file is, by its first bytes: much that is called `.pth` or `.safetensors` has no weights
//! in it.

use std::{fs, io, path::Path};

use safetensors::SafeTensors;

use crate::{Error, Result};

/// A form of file without weights that can be read.
struct Form {
    is: fn(&[u8]) -> bool,
    /// Continues "it is …".
    what: &'static str,
    hint: &'static str,
}

/// The first that fits counts.
const FORMS: [Form; 17] = [
    Form { is: <[u8]>::is_empty, what: "empty", hint: AGAIN },
    Form {
        is: |bytes| bytes.starts_with(b"version https://git-lfs"),
        what: "a Git LFS pointer: `git lfs pull` fetches the file that it stands for",
        hint: "run `git lfs pull` in the repository, or download the file itself",
    },
    Form { is: is_page, what: "a web page, as a failed download leaves one", hint: AGAIN },
    Form {
        is: |bytes| bytes.starts_with(b"\x89HDF\r\n\x1a\n"),
        what: "an HDF5 file, as Keras writes one",
        hint: TO_PYTORCH,
    },
    Form {
        is: |bytes| bytes.starts_with(b"GGUF"),
        what: "a GGUF file, as llama.cpp reads one",
        hint: TO_PYTORCH,
    },
    Form {
        is: is_onnx,
        what: "an ONNX file: a graph, whose weights have no names",
        hint: TO_PYTORCH,
    },
    Form {
        is: |bytes| bytes.get(4..8) == Some(b"TFL3"),
        what: "a TensorFlow Lite file",
        hint: TO_PYTORCH,
    },
    Form {
        is: |bytes| matches!(bytes, [0x08, 0x01, 0x12, ..] | [0x0a, _, 0x0a, ..]),
        what: "a TensorFlow graph",
        hint: TO_PYTORCH,
    },
    Form { is: |bytes| bytes.starts_with(b"\x93NUMPY"), what: "a NumPy array", hint: TO_PYTORCH },
    Form {
        is: |bytes| COMPRESSED.iter().any(|magic| bytes.starts_with(magic)),
        what: "a compressed file",
        hint: "unpack it, and name the file in it",
    },
    Form {
        is: |bytes| bytes.get(257..262) == Some(b"ustar"),
        what: "a tar archive",
        hint: "unpack it, and name the file in it",
    },
    Form {
        is: |bytes| IMAGES.iter().any(|magic| bytes.starts_with(magic)),
        what: "an image",
        hint: "name a .pth or .safetensors file",
    },
    Form {
        is: |bytes| bytes.starts_with(b"%PDF"),
        what: "a PDF document",
        hint: "name a .pth or .safetensors file",
    },
    Form {
        is: is_index,
        what: "the index of a model in several files",
        hint: "put the parts into one file: `safetensors.torch.save_file(model.state_dict(), \"model.safetensors\")` in Python",
    },
    Form {
        is: is_cut_safetensors,
        what: "truncated: its length is not what its header says",
        hint: AGAIN,
    },
    Form {
        is: |bytes| matches!(bytes, [0x80, 2..=5, ..]),
        what: "a Python pickle, but not one that `torch.save` wrote",
        hint: "in Python, load it and save the weights: `torch.save(model.state_dict(), \"weights.pth\")`",
    },
    Form { is: is_text, what: "a text", hint: "name a .pth or .safetensors file" },
];

const AGAIN: &str = "download or copy the file again";
const TO_PYTORCH: &str = "weights are read from .pth and .safetensors files: export it from PyTorch with `torch.save(model.state_dict(), \"weights.pth\")`";

/// gzip, bzip2, xz, Zstandard, 7z, RAR.
const COMPRESSED: [&[u8]; 6] =
    [b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!"];

/// PNG, JPEG, GIF.
const IMAGES: [&[u8]; 3] = [b"\x89PNG", b"\xff\xd8\xff", b"GIF8"];

/// The beginning as text, in small letters, without a byte order mark and blanks before it.
fn head(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = bytes.trim_ascii_start();
    String::from_utf8_lossy(&bytes[..bytes.len().min(512)]).to_ascii_lowercase()
}

fn is_page(bytes: &[u8]) -> bool {
    let head = head(bytes);
    let tags = ["<!doctype", "<html", "<head", "<body", "<?xml", "<!--", "<script", "<title"];
    tags.iter().any(|tag| head.starts_with(tag))
}

/// The version, then the producer's name or the graph.
fn is_onnx(bytes: &[u8]) -> bool {
    match bytes {
        [0x08, 1..=20, 0x12, length, name @ ..] => {
            name.first().is_some_and(u8::is_ascii_alphabetic) && *length < 64
        }
        [0x08, 3..=20, 0x3a | 0x42, ..] => true,
        _ => false,
    }
}

fn is_index(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
        && bytes.windows(12).take(1 << 16).any(|window| window == b"\"weight_map\"")
}

/// Of another length than its header says.
fn is_cut_safetensors(bytes: &[u8]) -> bool {
    use safetensors::SafeTensorError::{InvalidHeaderLength, MetadataIncompleteBuffer};
    let has_header = matches!(bytes.split_first_chunk::<8>(), Some((_, [b'{', ..])));
    let read = SafeTensors::read_metadata(bytes);
    has_header && matches!(read, Err(InvalidHeaderLength | MetadataIncompleteBuffer))
}

fn is_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(512)];
    let is_printed = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~');
    head.iter().all(is_printed)
}

/// Fails for a file of a known form that has no weights in it.
///
/// # Errors
/// [`Error::Form`].
pub fn check_form(bytes: &[u8]) -> Result<()> {
    match FORMS.iter().find(|form| (form.is)(bytes)) {
        Some(Form { what, hint, .. }) => Err(Error::Form { what, hint }),
        None => Ok(()),
    }
}

/// A file's bytes. A pipe would never end, and a device neither.
///
/// # Errors
/// If it is no file, or cannot be read.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    check_is_file(path)?;
    fs::read(path)
}

/// Fails for folders, pipes and devices.
///
/// # Errors
/// If it is one of these, or is not there.
pub fn check_is_file(path: &Path) -> io::Result<()> {
    let kind = fs::metadata(path)?.file_type();
    let what = match (kind.is_file(), kind.is_dir()) {
        (true, _) => return Ok(()),
        (_, true) => "it is a folder, not a file",
        _ => "it is a pipe or a device, not a file",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], what: &str) {
        let error = check_form(bytes).unwrap_err();
        assert!(error.to_string().starts_with(&format!("it is {what}")), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains(' ')), "{error}");
    }

    #[test]
    fn files_without_weights_are_said_to_be_what_they_are() {
        check(b"", "empty");
        check(
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n",
            "a Git LFS pointer",
        );
        for page in ["<!DOCTYPE html><html>", "\u{feff}\n <HTML>", "<?xml version=\"1.0\"?><Error>"]
        {
            check(page.as_bytes(), "a web page");
        }
        check(b"\x89HDF\r\n\x1a\n\0\0", "an HDF5 file");
        check(b"GGUF\x03\0\0\0", "a GGUF file");
        check(b"\x08\x07\x12\x07pytorch\x1a\x05", "an ONNX file");
        check(b"\x08\x08:\x99\x01", "an ONNX file");
        check(b"\x1c\0\0\0TFL3\0\0", "a TensorFlow Lite file");
        check(b"\x08\x01\x12\xf0\x02\x0a", "a TensorFlow graph");
        check(b"\x93NUMPY\x01\0", "a NumPy array");
        check(b"\x1f\x8b\x08\0", "a compressed file");
        check(&[&[0; 257][..], b"ustar"].concat(), "a tar archive");
        check(b"\xff\xd8\xff\xe0", "an image");
        check(b"{\"metadata\": {}, \"weight_map\": {}}", "the index of a model in several files");
        check(b"\x80\x04\x95\x10", "a Python pickle");
        check(b"not found\n", "a text");
    }

    #[test]
    fn a_truncated_file_is_told_from_a_whole_one() {
        let mut state = crate::weights::StateDict::default();
        state.insert("a", vec![4], vec![1.0; 4]);
        let bytes = state.to_safetensors();
        check_form(&bytes).unwrap();
        for length in [9, 20, bytes.len() - 1] {
            check(&bytes[..length], "truncated");
        }
    }

    #[test]
    fn a_folder_is_not_read() {
        let error = read_file(&std::env::temp_dir()).unwrap_err();
        assert_eq!(error.to_string(), "it is a folder, not a file");
        let error = read_file(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_not_read() {
        let error = read_file(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.to_string(), "it is a pipe or a device, not a file");
    }
}
