//! Text from a language model: the words that go on where a prompt ends.
//!
//! A model here is any layer that takes word numbers, `[batch, words]`, and gives logits of the
//! next word: for each place, `[batch, words, vocab]`, or for the last one only, `[batch, vocab]`.
//! One that carries a state sees each word once; any other sees the whole text for each new word.

mod beam;
mod sampling;

use std::ops::ControlFlow;

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tinderbox_model::{AnyTensor, Layer};

pub use beam::{Beam, BeamSearch};
pub use sampling::Sampling;

use crate::{
    Bundle, Error, Learner, Result,
    fit::forward,
    tensors::{host, is_finite},
};

/// How much is written, and how each word is chosen.
#[derive(Debug, Clone, PartialEq)]
#[doc(alias = "LanguageLearner.predict")]
pub struct Generate {
    /// Words to write; 80.
    pub words: usize,
    pub sampling: Sampling,
    /// The same one writes the same text; 42.
    pub seed: u64,
}

impl Default for Generate {
    fn default() -> Self {
        Self { words: 80, sampling: Sampling::default(), seed: 42 }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The new words, by their numbers, without the prompt.
    pub words: Vec<usize>,
    /// How often no word was as likely as [`Sampling::min_p`] asks for, so that all were kept.
    pub min_p_too_high: usize,
}

/// Goes on after `prompt`. `each` hears of every word as it is chosen, and may end the text.
///
/// `model` must be in evaluation mode; what it carries is lost.
///
/// # Errors
/// [`Error::EmptyPrompt`], [`Error::Setting`]; whatever goes wrong in the model.
pub fn generate(
    model: &dyn Layer,
    device: &Device,
    prompt: &[usize],
    settings: &Generate,
    mut each: impl FnMut(usize) -> ControlFlow<()>,
) -> Result<Generated> {
    settings.sampling.check()?;
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut texts = Texts::new(model, device, prompt)?;
    let mut generated = Generated { words: Vec::new(), min_p_too_high: 0 };
    while generated.words.len() < settings.words {
        let logits = texts.logits()?;
        let (weights, kept_all) = settings.sampling.weights(&softmax(&logits[0]));
        generated.min_p_too_high += usize::from(kept_all);
        let word = settings.sampling.draw(&weights, &mut rng);
        generated.words.push(word);
        if each(word).is_break() {
            break;
        }
        texts.go_on(&[0], &[word]);
    }
    Ok(generated)
}

impl Learner {
    /// Text that goes on after `prompt`, by the model as it is now; see [`generate`].
    ///
    /// # Errors
    /// As [`generate`].
    pub fn generate(&self, prompt: &[usize], settings: &Generate) -> Result<Generated> {
        let device = self.network.device.clone().inner();
        generate(&*self.eval_model(), &device, prompt, settings, |_| ControlFlow::Continue(()))
    }
}

impl Bundle {
    /// Text that goes on after `prompt`, word by word; see [`generate`].
    ///
    /// # Errors
    /// As [`generate`].
    pub fn generate(
        &self,
        prompt: &[usize],
        settings: &Generate,
        each: impl FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Generated> {
        generate(&*self.model, &self.device, prompt, settings, each)
    }

    /// The most likely texts after `prompt`; see [`BeamSearch`].
    ///
    /// # Errors
    /// As [`BeamSearch::run`].
    pub fn beam_search(&self, prompt: &[usize], search: &BeamSearch) -> Result<Vec<Beam>> {
        search.run(&*self.model, &self.device, prompt)
    }
}

/// Texts of one length that are written at the same time.
struct Texts<'a> {
    model: &'a dyn Layer,
    device: &'a Device,
    /// By the numbers of their words.
    written: Vec<Vec<usize>>,
    /// How many words of each the model has not seen.
    unseen: usize,
}

impl<'a> Texts<'a> {
    /// One, with a model that starts anew.
    fn new(model: &'a dyn Layer, device: &'a Device, prompt: &[usize]) -> Result<Self> {
        if prompt.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        if let Some(carried) = model.carried() {
            carried.reset();
        }
        Ok(Self { model, device, written: vec![prompt.to_vec()], unseen: prompt.len() })
    }

    /// What each text expects next.
    fn logits(&mut self) -> Result<Vec<Vec<f32>>> {
        let (rows, words) = (self.written.len(), self.unseen);
        let unseen = self.written.iter().flat_map(|text| &text[text.len() - words..]);
        let ids: Vec<i64> = unseen.map(|word| *word as i64).collect();
        let data = TensorData::new(ids, [rows, words]);
        let input = Tensor::<2, Int>::from_data(data, self.device);
        let last: Tensor<2> = match forward(self.model, input.into())? {
            AnyTensor::Float2(logits) => logits,
            AnyTensor::Float3(logits) => {
                let [_, words, _] = logits.dims();
                logits.narrow(1, words - 1, 1).squeeze_dim(1)
            }
            other => return Err(Error::NotWords { shape: other.dims() }),
        };
        let [_, vocab] = last.dims();
        if !is_finite(&last.clone().into()) {
            return Err(Error::NotFinite { what: "the prediction of the language model".into() });
        }
        Ok(host(last.into()).chunks_exact(vocab).map(<[f32]>::to_vec).collect())
    }

    /// Goes on with these texts, in this order, each with a word more.
    fn go_on(&mut self, texts: &[usize], words: &[usize]) {
        let longer = texts.iter().zip(words).map(|(&text, &word)| {
            let mut text = self.written[text].clone();
            text.push(word);
            text
        });
        self.written = longer.collect();
        self.unseen = match self.model.carried() {
            Some(carried) => {
                carried.select(texts);
                1
            }
            None => self.written[0].len(),
        };
    }
}

/// The probabilities that logits stand for.
fn softmax(logits: &[f32]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|x| f64::from(x - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use tinderbox_model::{Forward, layer::Carried};

    use super::*;

    /// Expects the sum of all words so far, modulo five, next: it must not forget one.
    #[derive(Module, Debug)]
    pub(super) struct Sum {
        carries: bool,
        #[module(skip)]
        sum: Carried,
    }

    impl Sum {
        pub(super) fn new(carries: bool) -> Self {
            Self { carries, sum: Carried::default() }
        }
    }

    impl Forward for Sum {
        type Input = Tensor<2, Int>;
        type Output = Tensor<3>;

        fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
            let device = x.device();
            let [rows, words] = x.dims();
            let before = self.sum.take().map(|mut sums| sums.remove(0));
            let before = before.unwrap_or_else(|| Tensor::zeros([rows, 1], &device));
            let sum = before + x.float().sum_dim(1);
            if self.carries {
                self.sum.set(vec![sum.clone()]);
            }
            let next: Vec<f32> = sum.into_data().try_to_vec().unwrap();
            let logits = next.iter().flat_map(|sum| {
                let next = *sum as usize % 5;
                (0..words)
                    .flat_map(move |_| (0..5).map(move |word| if word == next { 4.0 } else { 0.0 }))
            });
            Tensor::from_data(
                TensorData::new(logits.collect::<Vec<f32>>(), [rows, words, 5]),
                &device,
            )
        }

        fn carried(&self) -> Option<&Carried> {
            self.carries.then_some(&self.sum)
        }
    }

    fn greedy(words: usize) -> Generate {
        let sampling = Sampling { temperature: 0.0, ..Sampling::default() };
        Generate { words, sampling, ..Generate::default() }
    }

    #[test]
    fn a_model_sees_every_word_whether_it_carries_a_state_or_not() {
        for carries in [true, false] {
            let mut told = Vec::new();
            let model = Sum::new(carries);
            model.sum.set(vec![Tensor::ones([1, 1], &Device::flex())]);
            if !carries {
                model.sum.reset();
            }
            let each = |word| {
                told.push(word);
                ControlFlow::Continue(())
            };
            let text = generate(&model, &Device::flex(), &[1, 2], &greedy(4), each).unwrap();
            assert_eq!(text.words, [3, 1, 2, 4], "carries {carries}");
            assert_eq!(told, text.words);
        }
    }

    #[test]
    fn a_listener_ends_the_text() {
        let each =
            |word| if word == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let text = generate(&Sum::new(true), &Device::flex(), &[1, 2], &greedy(99), each).unwrap();
        assert_eq!(text.words, [3, 1]);
    }

    #[test]
    fn a_seed_writes_the_same_text_again() {
        let write = |seed| {
            let settings = Generate { seed, ..Generate::default() };
            let each = |_| ControlFlow::Continue(());
            generate(&Sum::new(true), &Device::flex(), &[1], &settings, each).unwrap().words
        };
        assert_eq!(write(1).len(), 80);
        assert_eq!(write(1), write(1));
        assert_ne!(write(1), write(2));
    }

    #[test]
    fn nothing_to_go_on_from_is_an_error() {
        let each = |_| ControlFlow::Continue(());
        let error = generate(&Sum::new(true), &Device::flex(), &[], &greedy(1), each).unwrap_err();
        assert_eq!(error.to_string(), "the prompt is empty: it needs at least one word");
    }
}
