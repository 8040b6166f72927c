//! The data sets that can be fetched by name: a table.

use std::path::Path;

use super::{FetchError, md5::md5};
use crate::download::Mismatch;

/// A data set, and where its authors or fast.ai publish it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataSet {
    /// What it is fetched by, and its folder is called.
    pub name: &'static str,
    /// What is in it, and what for.
    pub about: &'static str,
    /// What to cite, and the license where its authors name one.
    pub cite: &'static str,
    /// One `.tgz` archive, or files that are used as they are.
    pub files: &'static [RemoteFile],
}

/// A file on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteFile {
    pub url: &'static str,
    /// Its length.
    pub bytes: u64,
    pub checksum: Checksum,
}

/// What a file is compared with, besides its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// The MD5 of the file.
    Md5(&'static str),
    /// The MD5 of its first 2²⁰ bytes: fast.ai's table has these.
    Md5OfStart(&'static str),
}

impl DataSet {
    /// The length of all files, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl RemoteFile {
    /// The last part of its address.
    pub fn name(&self) -> &'static str {
        self.url.rsplit('/').next().unwrap_or(self.url)
    }

    /// Whether it is an archive of the data set.
    pub(super) fn is_archive(&self) -> bool {
        Path::new(self.name()).extension().is_some_and(|end| end == "tgz")
    }

    /// Whether these are its bytes: `start` is the whole file or its first 2²⁰ bytes.
    pub(super) fn compared(&self, bytes: u64, content: &[u8]) -> Result<(), Mismatch> {
        if bytes != self.bytes {
            let (expected, found) = (format!("{} bytes", self.bytes), format!("{bytes} bytes"));
            return Err(Mismatch { what: "length", expected, found });
        }
        let (what, expected, part) = match self.checksum {
            Checksum::Md5(sum) => ("MD5", sum, content),
            Checksum::Md5OfStart(sum) => {
                ("MD5 of the first MiB", sum, &content[..content.len().min(1 << 20)])
            }
        };
        match md5(part) {
            found if found == expected => Ok(()),
            found => Err(Mismatch { what, expected: expected.into(), found }),
        }
    }
}

/// The data set of this name.
///
/// # Errors
/// [`FetchError::Unknown`], with the name that is most like it.
pub fn find_data_set(name: &str) -> Result<&'static DataSet, FetchError> {
    const ALIKE: f64 = 0.6;
    let plain = |name: &str| name.to_lowercase().replace(['-', ' ', '.'], "_");
    let found = DATA_SETS.iter().find(|set| plain(set.name) == plain(name));
    found.ok_or_else(|| {
        let alike = DATA_SETS.iter().map(|set| {
            (strsim::normalized_damerau_levenshtein(&plain(name), &plain(set.name)), set.name)
        });
        let best = alike.max_by(|a, b| a.0.total_cmp(&b.0));
        let meant = best.filter(|(alike, _)| *alike >= ALIKE).map(|(_, name)| name);
        FetchError::Unknown { name: name.to_owned(), meant }
    })
}

/// An archive of fast.ai's, with the length and the checksum of fastai's own table.
const fn fast_ai(
    name: &'static str,
    about: &'static str,
    cite: &'static str,
    archive: &'static [RemoteFile; 1],
) -> DataSet {
    DataSet { name, about, cite, files: archive }
}

const fn tgz(url: &'static str, bytes: u64, sum: &'static str) -> RemoteFile {
    RemoteFile { url, bytes, checksum: Checksum::Md5OfStart(sum) }
}

const fn gz(url: &'static str, bytes: u64, sum: &'static str) -> RemoteFile {
    RemoteFile { url, bytes, checksum: Checksum::Md5(sum) }
}

const LECUN: &str = "LeCun et al., Gradient-based learning applied to document recognition, 1998";
const BROSTOW: &str =
    "Brostow et al., Segmentation and recognition using structure from motion point clouds, 2008";
const MAAS: &str = "Maas et al., Learning word vectors for sentiment analysis, 2011";
const FANELLI: &str = "Fanelli et al., Random forests for real time 3D face analysis, 2013";
const MERITY: &str =
    "Merity et al., Pointer sentinel mixture models, 2016; CC BY-SA, from Wikipedia";
const HOWARD: &str = "Howard, Imagenette, 2019; a part of ImageNet";
const PLANET: &str = "Planet: Understanding the Amazon from space, Kaggle, 2017";

/// Those of fast.ai's lessons, and the files of MNIST as they were published.
#[rustfmt::skip]
pub const DATA_SETS: &[DataSet] = &[
    fast_ai("mnist", "handwritten digits as PNG files, 70,000 of 28×28 pixels: `tinderbox lesson mnist`", LECUN,
        &[tgz("https://s3.amazonaws.com/fast-ai-imageclas/mnist_png.tgz", 15_683_414, "03639f83c4e3d19e0a3a53a8a997c487")]),
    DataSet {
        name: "mnist_idx",
        about: "the same in its original four files: `tinderbox lesson mnist`",
        cite: LECUN,
        files: &[
            gz("https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            gz("https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
            gz("https://ossci-datasets.s3.amazonaws.com/mnist/t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
            gz("https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
        ],
    },
    fast_ai("mnist_sample", "the digits 3 and 7", LECUN,
        &[tgz("https://s3.amazonaws.com/fast-ai-sample/mnist_sample.tgz", 3_214_948, "2dbc7ec6f9259b583af0072c55816a88")]),
    fast_ai("mnist_tiny", "a few of the digits 3 and 7", LECUN,
        &[tgz("https://s3.amazonaws.com/fast-ai-sample/mnist_tiny.tgz", 342_207, "56143e8f24db90d925d82a5a74141875")]),
    fast_ai("camvid", "streets with masks of 32 classes: segmentation, lesson 3", BROSTOW,
        &[tgz("https://s3.amazonaws.com/fast-ai-imagelocal/camvid.tgz", 598_913_237, "648371e4f3a833682afb39b08a3ce2aa")]),
    fast_ai("camvid_tiny", "100 small ones of them", BROSTOW,
        &[tgz("https://s3.amazonaws.com/fast-ai-sample/camvid_tiny.tgz", 2_314_212, "2cf6daf91b7a2083ecfa3e9968e9d915")]),
    fast_ai("imdb", "reviews of films, positive and negative: text classification", MAAS,
        &[tgz("https://s3.amazonaws.com/fast-ai-nlp/imdb.tgz", 144_440_600, "90f9b1c4ff43a90d67553c9240dc0249")]),
    fast_ai("imdb_sample", "1000 of them as a table", MAAS,
        &[tgz("https://s3.amazonaws.com/fast-ai-sample/imdb_sample.tgz", 571_827, "0842e61a9867caa2e6fbdb14fa703d61")]),
    fast_ai("human_numbers", "numbers in words: language models, lesson 7", "fast.ai, 2018",
        &[tgz("https://s3.amazonaws.com/fast-ai-sample/human_numbers.tgz", 30_252, "8a19c3bfa2bcb08cd787e741261f3ea2")]),
    fast_ai("pets", "37 breeds of cats and dogs: classification, lesson 1; superresolution, lesson 7",
        "Parkhi et al., Cats and dogs, 2012; CC BY-SA 4.0",
        &[tgz("https://s3.amazonaws.com/fast-ai-imageclas/oxford-iiit-pet.tgz", 811_706_944, "e4db5c768afd933bb91f5f594d7417a4")]),
    fast_ai("lsun_bedrooms", "bedrooms: the WGAN of lesson 7", "Yu et al., LSUN, 2015",
        &[tgz("https://s3.amazonaws.com/fast-ai-imageclas/bedroom.tgz", 4_579_163_978, "35d84f38f8a15fe47e66e460c8800d68")]),
    fast_ai("cifar10", "60,000 images of 32×32 pixels, 10 classes",
        "Krizhevsky, Learning multiple layers of features from tiny images, 2009",
        &[tgz("https://s3.amazonaws.com/fast-ai-sample/cifar10.tgz", 168_168_549, "a5f8c31371b63a406b23368042812d3c")]),
    fast_ai("dogscats", "cats and dogs, 2 classes", "Elson et al., Asirra, 2007",
        &[tgz("https://s3.amazonaws.com/fast-ai-sample/dogscats.tgz", 839_285_364, "3e483c8d6ef2175e9d395a6027eb92b7")]),
    fast_ai("flowers", "102 kinds of flowers",
        "Nilsback and Zisserman, Automated flower classification over a large number of classes, 2008",
        &[tgz("https://s3.amazonaws.com/fast-ai-imageclas/oxford-102-flowers.tgz", 345_236_087, "5666e01c1311b4c67fcf20d2b3850a88")]),
    fast_ai("imagenette", "10 easy classes of ImageNet, the shorter side of 160 pixels", HOWARD,
        &[tgz("https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz", 99_003_388, "c475f8f7617a200ba35b9facc48443c3")]),
    fast_ai("imagenette_320", "the same of 320 pixels", HOWARD,
        &[tgz("https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-320.tgz", 341_663_724, "1f1f74f133caff120e575856659b87a2")]),
    fast_ai("imagewoof", "10 breeds of dogs of ImageNet, the shorter side of 160 pixels", HOWARD,
        &[tgz("https://s3.amazonaws.com/fast-ai-imageclas/imagewoof2-160.tgz", 92_612_825, "3559b194123981a540b87132dbda412f")]),
    fast_ai("planet_sample", "satellite images with several labels: lesson 3", PLANET,
        &[tgz("https://s3.amazonaws.com/fast-ai-sample/planet_sample.tgz", 15_523_994, "8bfb174b3162f07fbde09b54555bdb00")]),
    fast_ai("planet_tiny", "a few of them", PLANET,
        &[tgz("https://s3.amazonaws.com/fast-ai-sample/planet_tiny.tgz", 997_569, "490873c5683454d4b2611fb1f00a68a9")]),
    fast_ai("biwi_head_pose", "faces and where their centers are: points, lesson 3", FANELLI,
        &[tgz("https://s3.amazonaws.com/fast-ai-imagelocal/biwi_head_pose.tgz", 452_316_199, "00f4ccf66e8cba184bc292fdc08fb237")]),
    fast_ai("biwi_sample", "some of them", FANELLI,
        &[tgz("https://s3.amazonaws.com/fast-ai-sample/biwi_sample.tgz", 593_774, "9179f4c1435f4b291f0d5b072d60c2c9")]),
    fast_ai("wikitext_2", "articles of Wikipedia, 2 million words: language models", MERITY,
        &[tgz("https://s3.amazonaws.com/fast-ai-nlp/wikitext-2.tgz", 4_070_055, "2a82d47a7b85c8b6a8e068dc4c1d37e7")]),
    fast_ai("wikitext_103", "the same, 103 million words", MERITY,
        &[tgz("https://s3.amazonaws.com/fast-ai-nlp/wikitext-103.tgz", 190_200_704, "2dd8cf8693b3d27e9c8f0a7df054b2c7")]),
    fast_ai("ag_news", "news of 4 classes as tables",
        "Zhang et al., Character-level convolutional networks for text classification, 2015",
        &[tgz("https://s3.amazonaws.com/fast-ai-nlp/ag_news_csv.tgz", 11_784_419, "b86f328f4dbd072486591cb7a5644dcd")]),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_is_consistent() {
        let names: HashSet<&str> = DATA_SETS.iter().map(|set| set.name).collect();
        assert_eq!(names.len(), DATA_SETS.len());
        for set in DATA_SETS {
            assert!(set.files.iter().all(|file| file.url.starts_with("https://")), "{}", set.name);
            assert!(set.files.len() == 1 || !set.files.iter().any(RemoteFile::is_archive));
            for file in set.files {
                let (Checksum::Md5(sum) | Checksum::Md5OfStart(sum)) = file.checksum;
                assert!(sum.len() == 32 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()));
            }
        }
    }

    #[test]
    fn a_name_is_found_in_any_spelling_and_a_typo_told() {
        assert_eq!(find_data_set("MNIST").unwrap().bytes(), 15_683_414);
        assert_eq!(find_data_set("wikitext-2").unwrap().name, "wikitext_2");
        let meant = |name| match find_data_set(name) {
            Err(FetchError::Unknown { meant, .. }) => meant,
            other => panic!("{other:?}"),
        };
        assert_eq!(meant("mnsit"), Some("mnist"));
        assert_eq!(meant("camvid-tyny"), Some("camvid_tiny"));
        assert_eq!(meant("coco"), None);
    }

    #[test]
    fn a_file_is_compared_by_length_and_checksum() {
        let file = tgz("https://x.org/a.tgz", 3, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(file.compared(3, b"abc"), Ok(()));
        assert_eq!(file.compared(4, b"abcd").unwrap_err().what, "length");
        assert_eq!(file.compared(3, b"abd").unwrap_err().what, "MD5 of the first MiB");
        assert!(file.is_archive() && file.name() == "a.tgz");
    }
}
