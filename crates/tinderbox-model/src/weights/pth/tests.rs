//! Files made by hand, as PyTorch writes them.

use super::*;

/// A text, a small number, and a tuple of what was pushed since the mark.
fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(", &items.concat()[..], b"t"].concat()
}

fn ints(values: &[u8]) -> Vec<u8> {
    tuple(&values.iter().map(|value| vec![b'K', *value]).collect::<Vec<_>>())
}

/// The call that makes a tensor of the numbers `key`.
fn tensor(class: &str, key: &str, offset: u8, shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let class = format!("ctorch\n{class}\n").into_bytes();
    let id = tuple(&[text("storage"), class, text(key), text("cpu"), vec![b'K', 4]]);
    let storage = [&id[..], b"Q"].concat();
    let hooks = b"ccollections\nOrderedDict\n)R".to_vec();
    let arguments =
        tuple(&[storage, vec![b'K', offset], ints(shape), ints(strides), vec![0x89], hooks]);
    [b"ctorch._utils\n_rebuild_tensor_v2\n", &arguments[..], b"R"].concat()
}

fn dict(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<u8> =
        items.iter().flat_map(|(name, value)| [text(name), value.clone()].concat()).collect();
    [b"ccollections\nOrderedDict\n)Rq\x07(", &items[..], b"u"].concat()
}

fn pickle(value: &[u8]) -> Vec<u8> {
    [b"\x80\x02", value, b"."].concat()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Files that are not compressed.
fn archive(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut bytes, mut table) = (Vec::new(), Vec::new());
    for (name, file) in files {
        let start = bytes.len() as u32;
        let mut sizes = crc32fast::hash(file).to_le_bytes().to_vec();
        sizes.extend((file.len() as u32).to_le_bytes().repeat(2));
        sizes.extend((name.len() as u16).to_le_bytes());
        let extra = 3u16;
        bytes.extend(b"PK\x03\x04");
        bytes.extend([0; 10]);
        bytes.extend(&sizes);
        bytes.extend(extra.to_le_bytes());
        bytes.extend(name.as_bytes());
        bytes.extend(b"FB\0");
        bytes.extend(file);
        table.extend(b"PK\x01\x02");
        table.extend([0; 12]);
        table.extend(&sizes);
        table.extend([0; 12]);
        table.extend(start.to_le_bytes());
        table.extend(name.as_bytes());
    }
    let (start, length, count) = (bytes.len() as u32, table.len() as u32, files.len() as u16);
    bytes.extend(table);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(count.to_le_bytes().repeat(2));
    bytes.extend(length.to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0; 2]);
    bytes
}

fn weights() -> Vec<u8> {
    dict(&[
        ("fc.weight", tensor("FloatStorage", "0", 0, &[2, 2], &[1, 2])),
        ("fc.bias", tensor("FloatStorage", "0", 2, &[2], &[1])),
        ("half", tensor("HalfStorage", "1", 0, &[1], &[1])),
        ("bn.num_batches_tracked", tensor("LongStorage", "2", 0, &[], &[])),
    ])
}

/// A file of four numbers, a half and a count.
fn file(weights: &[u8]) -> Vec<u8> {
    archive(&[
        ("model/data.pkl", pickle(weights)),
        ("model/byteorder", b"little".to_vec()),
        ("model/data/0", floats(&[1.0, 2.0, 3.0, 4.0])),
        ("model/data/1", vec![0x00, 0xc0]),
        ("model/data/2", vec![0; 8]),
    ])
}

#[track_caller]
fn check(bytes: &[u8]) {
    let Contents { weights: state, left_out } = read(bytes, false).unwrap();
    assert_eq!(left_out, ["bn.num_batches_tracked"]);
    let found: Vec<_> = state.iter().collect();
    let expected =
        |shape: &[usize], values: &[f32]| Weight { shape: shape.to_vec(), values: values.to_vec() };
    // The matrix is a transposed one.
    let weights = [
        ("fc.bias", &expected(&[2], &[3.0, 4.0])),
        ("fc.weight", &expected(&[2, 2], &[1.0, 3.0, 2.0, 4.0])),
        ("half", &expected(&[1], &[-2.0])),
    ];
    assert_eq!(found, weights);
}

#[track_caller]
fn refused(bytes: &[u8], message: &str) {
    assert_eq!(read(bytes, false).unwrap_err().to_string(), message);
}

#[test]
fn weights_are_read_from_an_archive() {
    check(&file(&weights()));
}

#[test]
fn weights_may_be_beside_an_optimizer() {
    let optimizer = b"cos\nsystem\n(X\x02\0\0\0lstR".to_vec();
    let both = dict(&[("opt", optimizer), ("model", weights())]);
    check(&file(&both));
}

/// Whatever lies beside them, as far down as programs put them.
#[test]
fn the_dictionary_of_the_weights_is_found() {
    let settings = || b"cargparse\nNamespace\n)\x81}b".to_vec();
    for name in WRAPPERS {
        check(&file(&dict(&[("epoch", vec![b'K', 3]), (name, weights()), ("args", settings())])));
        check(&file(&dict(&[("a", dict(&[(name, weights())]))])));
    }
    // Averages are preferred; a name that nobody knows does if it is the only one.
    let other = || dict(&[("a", tensor("FloatStorage", "0", 0, &[1], &[1]))]);
    check(&file(&dict(&[("state_dict", other()), ("state_dict_ema", weights())])));
    check(&file(&dict(&[("our own", dict(&[("deeper", weights())])), ("step", vec![b'K', 1])])));
    let every = read(&file(&dict(&[("critic", other()), ("generator", weights())])), true).unwrap();
    let names: Vec<&str> = every.weights.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["critic.a", "generator.fc.bias", "generator.fc.weight", "generator.half"]);
}

#[test]
fn a_whole_model_is_said_to_be_one() {
    let model = || b"ctorchvision.models.resnet\nResNet\n)\x81}b".to_vec();
    for object in [model(), dict(&[("epoch", vec![b'K', 3]), ("model", model())])] {
        let error = read(&file(&object), false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it holds a whole `torchvision.models.resnet.ResNet`, not its weights alone, and objects are never loaded"
        );
        assert!(error.hint().unwrap().contains("torch.save(model.state_dict()"));
    }
    let script = b"c__torch__.net\nNet\n)\x81}b".to_vec();
    let error = read(&file(&script), false).unwrap_err();
    assert!(error.hint().unwrap().contains("torch.jit.load"), "{error}");
}

#[test]
fn an_archive_of_another_program_is_named() {
    let named = |name: &str, what: &str| {
        let error = read(&archive(&[(name, vec![1])]), false).unwrap_err();
        assert_eq!(error.to_string(), format!("it is {what}"));
    };
    named("arr_0.npy", "a NumPy archive");
    named("model.weights.h5", "a Keras file");
    named("a", "a zip archive without PyTorch's `data.pkl`");
}

#[test]
fn a_wrong_checksum_is_an_error() {
    let mut bytes = file(&weights());
    let at = bytes.windows(4).position(|window| window == 3f32.to_le_bytes()).unwrap();
    bytes[at + 1] ^= 1;
    refused(
        &bytes,
        "not a PyTorch checkpoint: the checksum of `model/data/0` in it is wrong, so the file is damaged",
    );
}

#[test]
fn weights_are_read_from_an_older_file() {
    let keys = tuple(&["0", "1", "2"].map(text));
    let parts = [
        MAGIC.to_vec(),
        pickle(b"M\xe9\x03"),
        pickle(&dict(&[("little_endian", vec![0x88])])),
        pickle(&weights()),
        pickle(&keys),
        4u64.to_le_bytes().to_vec(),
        floats(&[1.0, 2.0, 3.0, 4.0]),
        1u64.to_le_bytes().to_vec(),
        vec![0x00, 0xc0],
        1u64.to_le_bytes().to_vec(),
        vec![0; 8],
    ];
    let bytes = parts.concat();
    check(&bytes);
    refused(&bytes[..bytes.len() - 9], "not a PyTorch checkpoint: the file ends too early");
}

#[test]
fn what_is_made_by_other_calls_is_refused() {
    // An object beside weights is left out; alone it is none.
    let call = || b"cos\nsystem\n(X\x02\0\0\0lstR".to_vec();
    let message =
        "it holds a whole `os.system`, not its weights alone, and objects are never loaded";
    refused(&file(&dict(&[("a", call())])), message);
    let mut beside = weights();
    beside.truncate(beside.len() - 1);
    check(&file(&[beside, text("a"), call(), b"u".to_vec()].concat()));
    let counts = tensor("LongStorage", "2", 0, &[1], &[1]);
    refused(
        &file(&dict(&[("a", counts)])),
        "not a PyTorch checkpoint: there are no weights by name in it",
    );
}

#[test]
fn what_is_damaged_is_refused() {
    let refused = |bytes: &[u8], reason: &str| {
        refused(bytes, &format!("not a PyTorch checkpoint: {reason}"));
    };
    refused(b"", "it begins neither as an archive nor as PyTorch's older files");
    refused(b"PK\x03\x04", "it is truncated: the archive has no table of its files");
    refused(&file(&dict(&[])), "there are no weights by name in it");
    // Numbers beyond the end, of no key, more than there can be.
    let beyond = tensor("FloatStorage", "0", 3, &[2], &[1]);
    refused(&file(&dict(&[("a", beyond)])), "`a` is damaged");
    let no_key = tensor("FloatStorage", "9", 0, &[2], &[1]);
    refused(&file(&dict(&[("a", no_key)])), "`a` is damaged");
    let huge = tensor("FloatStorage", "0", 0, &[255; 8], &[0; 8]);
    refused(&file(&dict(&[("a", huge)])), "more comes out of it than it holds");
    // A dictionary in itself.
    let itself = dict(&[("a", b"h\x07".to_vec())]);
    refused(&file(&itself), "there are no weights by name in it");
    let big = archive(&[("a/data.pkl", pickle(&weights())), ("a/byteorder", b"big".to_vec())]);
    refused(&big, "its numbers are written with the highest byte first");
}

/// No file can do more than be refused.
#[test]
fn a_file_cut_or_changed_anywhere_is_read_or_refused() {
    let bytes = file(&weights());
    for at in 0..bytes.len() {
        let _ = read(&bytes[..at], false);
        for change in [0x01, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            let _ = read(&changed, false);
        }
    }
}
