//! What can go wrong between a request to time something and its answer.

/// An error of the benchmark.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("there is no workload `{name}`")]
    UnknownWorkload { name: String, known: Vec<&'static str> },

    #[error("no layer's name contains `{filter}`")]
    NoLayer { filter: String },

    #[error("this machine does not support `{path}`; it supports {}", found.join(", "))]
    NoPath { path: String, found: Vec<&'static str> },

    #[error("invalid request `{line}`: expected `run` and a number of steps")]
    BenchRequest { line: String },

    #[error("cannot read the benchmark's requests or write its answers")]
    BenchStreams { source: std::io::Error },
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What the reader can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownWorkload { known, .. } => Some(format!("choose one of {}", known.join(", "))),
            Self::NoLayer { .. } => Some(
                "a name is, for example, `resnet34/32x32/64-128/3x3s2`; without `--filter`, all layers are timed"
                    .into(),
            ),
            Self::NoPath { .. } => {
                Some("leave `--path` out to use the first of them, the fastest".into())
            }
            Self::BenchRequest { .. } => Some("for example, `run 10` times ten steps".into()),
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
            "this machine does not support `neon`; it supports avx2, plain",
            Some("leave `--path` out"),
        );
        check(
            &Error::UnknownWorkload { name: "train/x".into(), known: vec!["a", "b"] },
            "there is no workload `train/x`",
            Some("choose one of a, b"),
        );
        check(
            &Error::BenchRequest { line: "walk".into() },
            "invalid request `walk`: expected `run` and a number of steps",
            Some("for example, `run 10` times ten steps"),
        );
        check(
            &Error::BenchStreams { source: std::io::Error::other("gone") },
            "cannot read the benchmark's requests or write its answers",
            None,
        );
    }
}
