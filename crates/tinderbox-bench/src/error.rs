//! What can go wrong between a request to time something and its answer.

/// An error of the benchmark.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("there is no workload `{name}`")]
    UnknownWorkload { name: String, known: Vec<&'static str> },

    #[error("no layer's name contains `{filter}`")]
    NoLayer { filter: String },

    #[error("this machine has no path `{path}`: it has {}", found.join(", "))]
    NoPath { path: String, found: Vec<&'static str> },

    #[error("`{line}` is no request: expected `run` and a number of steps")]
    BenchRequest { line: String },

    #[error("cannot read requests or write answers of the benchmark")]
    BenchStreams { source: std::io::Error },
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What the reader can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownWorkload { known, .. } => Some(format!("there are {}", known.join(", "))),
            Self::NoLayer { .. } => Some(
                "there are such as `resnet34/32x32/64-128/3x3s2`; without `--filter`, all are timed"
                    .into(),
            ),
            Self::NoPath { .. } => {
                Some("leave `--path` out for the first of them, the best".into())
            }
            Self::BenchRequest { .. } => Some("say `run 10` for the times of ten steps".into()),
            Self::BenchStreams { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: &Error, message: &str, hint: Option<&str>) {
        assert_eq!(error.to_string(), message);
        match (hint, error.hint()) {
            (Some(part), Some(hint)) => assert!(hint.contains(part), "{hint}"),
            (None, None) => {}
            (_, hint) => panic!("the hint is {hint:?}"),
        }
    }

    #[test]
    fn errors_say_what_there_is() {
        check(
            &Error::NoLayer { filter: "3x9".into() },
            "no layer's name contains `3x9`",
            Some("`resnet34/32x32/64-128/3x3s2`"),
        );
        check(
            &Error::NoPath { path: "neon".into(), found: vec!["avx2", "plain"] },
            "this machine has no path `neon`: it has avx2, plain",
            Some("leave `--path` out"),
        );
        check(
            &Error::UnknownWorkload { name: "train/x".into(), known: vec!["a", "b"] },
            "there is no workload `train/x`",
            Some("there are a, b"),
        );
        check(
            &Error::BenchRequest { line: "walk".into() },
            "`walk` is no request: expected `run` and a number of steps",
            Some("say `run 10` for the times of ten steps"),
        );
        check(
            &Error::BenchStreams { source: std::io::Error::other("gone") },
            "cannot read requests or write answers of the benchmark",
            None,
        );
    }
}
