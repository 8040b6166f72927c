//! Models of text: what is enough to build one again.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{
    LanguageModel, LanguageModelConfig, Model0, Model1, Model2, Model3, Model4, Model5, RnnLm,
    RnnLmConfig, SequenceTagger, TaggerConfig, TextClassifier, TextClassifierConfig,
    check::{share, size, word},
};
use crate::{
    Error, Layer, Result,
    layer::{Gru, Lstm},
};

/// An architecture for text with all its sizes. Saved with models, with its name as `arch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "arch", rename_all = "kebab-case")]
pub enum TextSpec {
    Model0(LessonSpec),
    Model1(LessonSpec),
    Model2(LessonSpec),
    Model3(LessonSpec),
    Model4(LessonSpec),
    Model5(LessonSpec),
    Gru(RnnLmConfig),
    Lstm(RnnLmConfig),
    AwdLstm(LanguageModelConfig),
    TextClassifier(TextClassifierConfig),
    GruTagger(TaggerConfig),
    LstmTagger(TaggerConfig),
}

/// The sizes of one of the lesson's language models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LessonSpec {
    /// How many words there are.
    pub vocab: usize,
    /// Numbers for a word, and between the layers.
    pub hidden: usize,
}

impl LessonSpec {
    /// With 64 numbers, as in the lesson.
    pub fn new(vocab: usize) -> Self {
        Self { vocab, hidden: 64 }
    }
}

/// A language model by name, and what it is for a vocabulary.
type Named = (&'static str, fn(usize) -> TextSpec);

/// All language models.
const LANGUAGE_MODELS: [Named; 9] = [
    ("model0", |vocab| TextSpec::Model0(LessonSpec::new(vocab))),
    ("model1", |vocab| TextSpec::Model1(LessonSpec::new(vocab))),
    ("model2", |vocab| TextSpec::Model2(LessonSpec::new(vocab))),
    ("model3", |vocab| TextSpec::Model3(LessonSpec::new(vocab))),
    ("model4", |vocab| TextSpec::Model4(LessonSpec::new(vocab))),
    ("model5", |vocab| TextSpec::Model5(LessonSpec::new(vocab))),
    ("gru", |vocab| TextSpec::Gru(RnnLmConfig::new(vocab))),
    ("lstm", |vocab| TextSpec::Lstm(RnnLmConfig::new(vocab))),
    ("awd-lstm", |vocab| TextSpec::AwdLstm(LanguageModelConfig::new(vocab))),
];

impl TextSpec {
    /// The language model called `name`, at its defaults.
    ///
    /// # Errors
    /// [`Error::UnknownArch`] with the names that there are.
    pub fn language_model(name: &str, vocab: usize) -> Result<Self> {
        let found = LANGUAGE_MODELS.iter().find(|(known, _)| *known == name);
        let (_, spec) = found.ok_or_else(|| Error::UnknownArch {
            name: name.to_owned(),
            known: Self::language_models(),
        })?;
        Ok(spec(vocab))
    }

    /// Whether it predicts the word after a row's last one only, and not one after each word: the
    /// lesson's first two models.
    pub fn predicts_last_word(&self) -> bool {
        matches!(self, Self::Model0(_) | Self::Model1(_))
    }

    /// The names of the language models.
    pub fn language_models() -> Vec<&'static str> {
        LANGUAGE_MODELS.iter().map(|(name, _)| *name).collect()
    }

    /// Builds it with fresh weights from the device's generator.
    ///
    /// # Errors
    /// [`Error::Setting`] for a size of zero, a probability that is none, or a padding outside of
    /// the vocabulary.
    pub fn build(&self, device: &Device) -> Result<Box<dyn Layer>> {
        self.check()?;
        macro_rules! lesson {
            ($model:ident, $spec:ident) => {
                Box::new($model::new($spec.vocab, $spec.hidden, device))
            };
        }
        Ok(match self {
            Self::Model0(spec) => lesson!(Model0, spec),
            Self::Model1(spec) => lesson!(Model1, spec),
            Self::Model2(spec) => lesson!(Model2, spec),
            Self::Model3(spec) => lesson!(Model3, spec),
            Self::Model4(spec) => lesson!(Model4, spec),
            Self::Model5(spec) => lesson!(Model5, spec),
            Self::Gru(config) => Box::new(RnnLm::<Gru>::new(config, device)),
            Self::Lstm(config) => Box::new(RnnLm::<Lstm>::new(config, device)),
            Self::AwdLstm(config) => Box::new(LanguageModel::new(config, device)),
            Self::TextClassifier(config) => Box::new(TextClassifier::new(config, device)),
            Self::GruTagger(config) => Box::new(SequenceTagger::<Gru>::new(config, device)),
            Self::LstmTagger(config) => Box::new(SequenceTagger::<Lstm>::new(config, device)),
        })
    }

    /// The paths at which the second, third, … parameter group begins.
    pub fn groups(&self) -> Vec<String> {
        match self {
            Self::AwdLstm(config) => {
                let layers = (1..config.encoder.layers).map(|at| format!("0.rnns.{at}"));
                layers.chain(["0.encoder".to_owned()]).collect()
            }
            Self::TextClassifier(config) => {
                let layers = (0..config.encoder.layers).map(|at| format!("0.module.rnns.{at}"));
                layers.chain(["1".to_owned()]).collect()
            }
            _ => Vec::new(),
        }
    }

    /// How many words it knows.
    pub fn vocab(&self) -> usize {
        match self {
            Self::Model0(spec)
            | Self::Model1(spec)
            | Self::Model2(spec)
            | Self::Model3(spec)
            | Self::Model4(spec)
            | Self::Model5(spec) => spec.vocab,
            Self::Gru(config) | Self::Lstm(config) => config.vocab,
            Self::AwdLstm(config) => config.encoder.vocab,
            Self::TextClassifier(config) => config.encoder.vocab,
            Self::GruTagger(config) | Self::LstmTagger(config) => config.vocab,
        }
    }

    /// The same architecture for another vocabulary.
    pub fn with_vocab(mut self, vocab: usize) -> Self {
        match &mut self {
            Self::Model0(spec)
            | Self::Model1(spec)
            | Self::Model2(spec)
            | Self::Model3(spec)
            | Self::Model4(spec)
            | Self::Model5(spec) => spec.vocab = vocab,
            Self::Gru(config) | Self::Lstm(config) => config.vocab = vocab,
            Self::AwdLstm(config) => config.encoder.vocab = vocab,
            Self::TextClassifier(config) => config.encoder.vocab = vocab,
            Self::GruTagger(config) | Self::LstmTagger(config) => config.vocab = vocab,
        }
        self
    }

    /// Its name, as it is saved: `awd-lstm`.
    pub fn name(&self) -> String {
        let saved = serde_json::to_value(self).expect("a spec is plain data");
        saved["arch"].as_str().unwrap_or_default().to_owned()
    }

    /// How many numbers come out for a text or a word: as many as there are words, classes or tags.
    pub fn outputs(&self) -> usize {
        match self {
            Self::TextClassifier(config) => config.classes,
            Self::GruTagger(config) | Self::LstmTagger(config) => config.tags,
            _ => self.vocab(),
        }
    }

    /// The same for this many classes, tags or words.
    pub fn with_outputs(mut self, n: usize) -> Self {
        match &mut self {
            Self::TextClassifier(config) => config.classes = n,
            Self::GruTagger(config) | Self::LstmTagger(config) => config.tags = n,
            _ => return self.with_vocab(n),
        }
        self
    }

    fn check(&self) -> Result<()> {
        size("vocab", self.vocab())?;
        match self {
            Self::Model0(spec)
            | Self::Model1(spec)
            | Self::Model2(spec)
            | Self::Model3(spec)
            | Self::Model4(spec)
            | Self::Model5(spec) => size("hidden", spec.hidden),
            Self::Gru(config) | Self::Lstm(config) => config.check(),
            Self::AwdLstm(config) => config.encoder.check(),
            Self::TextClassifier(config) => config.check(),
            Self::GruTagger(config) | Self::LstmTagger(config) => config.check(),
        }
    }
}

impl RnnLmConfig {
    fn check(&self) -> Result<()> {
        size("embedding", self.embedding)?;
        size("hidden", self.hidden)?;
        size("layers", self.layers)?;
        share("dropout", self.dropout)
    }
}

impl super::AwdLstmConfig {
    fn check(&self) -> Result<()> {
        size("encoder.embedding", self.embedding)?;
        size("encoder.hidden", self.hidden)?;
        size("encoder.layers", self.layers)?;
        word("encoder.padding", self.padding, self.vocab)?;
        let dropouts = &self.dropouts;
        share("encoder.dropouts.embedding", dropouts.embedding)?;
        share("encoder.dropouts.input", dropouts.input)?;
        share("encoder.dropouts.weight", dropouts.weight)?;
        share("encoder.dropouts.hidden", dropouts.hidden)?;
        share("encoder.dropouts.output", dropouts.output)
    }
}

impl TaggerConfig {
    fn check(&self) -> Result<()> {
        size("tags", self.tags)?;
        size("embedding", self.embedding)?;
        size("hidden", self.hidden)?;
        size("layers", self.layers)?;
        word("padding", self.padding, self.vocab)?;
        share("dropout", self.dropout)
    }
}

impl TextClassifierConfig {
    fn check(&self) -> Result<()> {
        self.encoder.check()?;
        size("classes", self.classes)?;
        size("bptt", self.bptt)?;
        self.hidden.iter().try_for_each(|n| size("hidden", *n))?;
        self.dropout.iter().try_for_each(|p| share("dropout", *p))?;
        let (sizes, dropouts) = (self.hidden.len(), self.dropout.len());
        if sizes == dropouts {
            return Ok(());
        }
        let wanted = format!("as many as there are sizes in `hidden`: {sizes}");
        Err(Error::Setting { setting: "dropout", value: format!("{dropouts} numbers"), wanted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{arch::AwdLstmConfig, groups::group_of, groups::parameters};

    fn small() -> LanguageModelConfig {
        let encoder = AwdLstmConfig::language_model(9);
        LanguageModelConfig::of(AwdLstmConfig { embedding: 4, hidden: 6, ..encoder })
    }

    #[test]
    fn every_language_model_is_saved_with_its_name_and_built_again() {
        for name in TextSpec::language_models() {
            let spec = match TextSpec::language_model(name, 9).unwrap() {
                TextSpec::AwdLstm(_) => TextSpec::AwdLstm(small()),
                other => other,
            };
            let saved = serde_json::to_string(&spec).unwrap();
            assert!(saved.starts_with(&format!("{{\"arch\":\"{name}\",")), "{saved}");
            assert_eq!(serde_json::from_str::<TextSpec>(&saved).unwrap(), spec);
            assert_eq!((spec.vocab(), spec.outputs()), (9, 9));
            assert_eq!((spec.name(), spec.clone().with_vocab(5).vocab()), (name.into(), 5));
            let model = spec.build(&Device::flex()).unwrap();
            let parameters = parameters(&*model);
            let mut starts = vec![parameters[0].path.clone()];
            starts.extend(spec.groups());
            let starts: Vec<&str> = starts.iter().map(String::as_str).collect();
            assert_eq!(group_of(&parameters, &starts).last(), Some(&spec.groups().len()), "{name}");
        }
    }

    #[test]
    fn a_classifier_is_built_again() {
        let config = TextClassifierConfig::of(small().encoder, 3);
        let spec = TextSpec::TextClassifier(config.clone());
        let saved = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<TextSpec>(&saved).unwrap(), spec);
        assert_eq!((spec.vocab(), spec.outputs(), spec.groups().len()), (9, 3, 4));
        assert_eq!(spec.build(&Device::flex()).unwrap().name(), "TextClassifier");
        let spec = TextSpec::TextClassifier(TextClassifierConfig { dropout: vec![], ..config });
        assert_eq!(
            spec.build(&Device::flex()).unwrap_err().to_string(),
            "`dropout` is 0 numbers, but must be as many as there are sizes in `hidden`: 1"
        );
    }

    #[test]
    fn a_tagger_is_built_again() {
        let spec = TextSpec::LstmTagger(TaggerConfig::new(9, 4));
        let saved = serde_json::to_string(&spec).unwrap();
        assert!(saved.starts_with(r#"{"arch":"lstm-tagger","#), "{saved}");
        assert_eq!(serde_json::from_str::<TextSpec>(&saved).unwrap(), spec);
        assert_eq!((spec.vocab(), spec.outputs()), (9, 4));
        assert_eq!(spec.build(&Device::flex()).unwrap().name(), "SequenceTagger");
    }

    #[test]
    fn a_setting_that_is_not_known_is_refused() {
        let text = r#"{"arch": "model5", "vocab": 9, "hidden": 4, "layers": 2}"#;
        let error = serde_json::from_str::<TextSpec>(text).unwrap_err().to_string();
        assert!(error.contains("unknown field `layers`"), "{error}");
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let error = TextSpec::language_model("awd_lstm", 9).unwrap_err();
        assert_eq!(error.to_string(), "there is no architecture `awd_lstm`");
        assert!(error.hint().unwrap().starts_with("did you mean `awd-lstm`?"));
    }

    #[test]
    fn what_cannot_be_built_is_refused() {
        let check = |spec: TextSpec, message: &str| {
            assert_eq!(spec.build(&Device::flex()).unwrap_err().to_string(), message);
        };
        check(
            TextSpec::Model5(LessonSpec { vocab: 9, hidden: 0 }),
            "`hidden` is 0, but must be 1 or more",
        );
        let gru = RnnLmConfig { dropout: 1.0, ..RnnLmConfig::new(9) };
        check(TextSpec::Gru(gru), "`dropout` is 1, but must be at least 0 and below 1");
        let padding = AwdLstmConfig { padding: 9, ..small().encoder };
        check(
            TextSpec::AwdLstm(LanguageModelConfig::of(padding)),
            "`encoder.padding` is 9, but must be in 0..9, the vocabulary",
        );
    }
}
