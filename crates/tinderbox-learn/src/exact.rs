//! Floats in JSON that come back as they were: JSON has no literal for those that are not finite.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A float that JSON holds exactly: a number, or `"nan"`, `"inf"`, `"-inf"`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Exact(pub(crate) f64);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Repr {
    Number(f64),
    Word(String),
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            x if x.is_finite() => Repr::Number(x),
            x if x.is_nan() => Repr::Word("nan".into()),
            x if x > 0.0 => Repr::Word("inf".into()),
            _ => Repr::Word("-inf".into()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Repr::deserialize(deserializer)? {
            Repr::Number(x) => Ok(Self(x)),
            Repr::Word(word) => match word.as_str() {
                "nan" => Ok(Self(f64::NAN)),
                "inf" => Ok(Self(f64::INFINITY)),
                "-inf" => Ok(Self(f64::NEG_INFINITY)),
                _ => Err(serde::de::Error::custom(format!("`{word}` is not a number"))),
            },
        }
    }
}

/// For a list of floats.
pub(crate) mod list {
    use super::{Deserialize, Deserializer, Exact, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        values: &[f64],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|x| Exact(*x)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<f64>, D::Error> {
        let values = Vec::<Exact>::deserialize(deserializer)?;
        Ok(values.into_iter().map(|x| x.0).collect())
    }
}

/// For a float that may be missing.
pub(crate) mod option {
    use super::{Deserialize, Deserializer, Exact, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde's signature")]
    pub(crate) fn serialize<S: Serializer>(
        value: &Option<f64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(Exact).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<f64>, D::Error> {
        Ok(Option::<Exact>::deserialize(deserializer)?.map(|x| x.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Saved {
        #[serde(with = "list")]
        list: Vec<f64>,
        #[serde(with = "option")]
        option: Option<f64>,
    }

    #[test]
    fn floats_come_back_as_they_were() {
        let list = vec![0.1 + 0.2, -0.0, 5e-324, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        let saved = Saved { list: list.clone(), option: Some(f64::NAN) };
        let text = serde_json::to_string(&saved).unwrap();
        let back: Saved = serde_json::from_str(&text).unwrap();
        let bits = |list: &[f64]| list.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back.list), bits(&list));
        assert!(back.option.unwrap().is_nan());
    }

    #[test]
    fn another_word_is_refused() {
        let error = serde_json::from_str::<Exact>("\"many\"").unwrap_err();
        assert!(error.to_string().contains("`many` is not a number"), "{error}");
    }
}
