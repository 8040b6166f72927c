//! Beam search: many texts at a time, of which the likeliest are kept.

use burn::tensor::Device;
use rand::Rng;
use tinderbox_model::Layer;

use super::{Texts, sampling::draw};
use crate::{Error, Result};

/// How a beam search goes; the defaults are fastai's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeamSearch {
    /// Words to write; 80.
    pub words: usize,
    /// The likeliest words by which each text goes on; 10.
    pub top_k: usize,
    /// The likeliest texts that are kept after each word; 1000.
    pub beams: usize,
    /// The word that is never written: 0, which stands for unknown words, unless it is set.
    pub never: Option<usize>,
}

impl Default for BeamSearch {
    fn default() -> Self {
        Self { words: 80, top_k: 10, beams: 1000, never: Some(0) }
    }
}

/// A text that a beam search kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Beam {
    /// The new words, by their numbers, without the prompt.
    pub words: Vec<usize>,
    /// The negative logarithm of their probability: smaller is likelier.
    pub score: f64,
}

impl BeamSearch {
    /// The texts that go on after `prompt`, the likeliest first.
    ///
    /// `model` must be in evaluation mode; what it carries is lost.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::Setting`] for a search of nothing; whatever goes wrong in
    /// the model.
    pub fn run(&self, model: &dyn Layer, device: &Device, prompt: &[usize]) -> Result<Vec<Beam>> {
        for (setting, value) in [("top_k", self.top_k), ("beams", self.beams)] {
            if value == 0 {
                return Err(Error::Setting {
                    setting,
                    found: "0".into(),
                    expected: "at least one",
                });
            }
        }
        let mut texts = Texts::new(model, device, prompt)?;
        let mut scores = vec![0.0];
        for _ in 0..self.words {
            let mut next: Vec<(f64, usize, usize)> = Vec::new();
            for (text, logits) in texts.logits()?.iter().enumerate() {
                let costs = self.cheapest(logits).into_iter();
                next.extend(costs.map(|(cost, word)| (scores[text] + cost, text, word)));
            }
            // Those of equal score in the order in which they were found.
            next.sort_by(|a, b| a.0.total_cmp(&b.0));
            next.truncate(self.beams);
            let (parents, words): (Vec<usize>, Vec<usize>) =
                next.iter().map(|(_, text, word)| (*text, *word)).unzip();
            texts.go_on(&parents, &words);
            scores = next.into_iter().map(|(score, ..)| score).collect();
        }
        let beams = texts.written.iter().zip(scores);
        Ok(beams
            .map(|(text, score)| Beam { words: text[prompt.len()..].to_vec(), score })
            .collect())
    }

    /// The likeliest words, each with the negative logarithm of its probability.
    fn cheapest(&self, logits: &[f32]) -> Vec<(f64, usize)> {
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = logits.iter().map(|x| f64::from(x - most).exp()).sum();
        let cost = |(word, x): (usize, &f32)| (sum.ln() - f64::from(x - most), word);
        let words = logits.iter().enumerate().filter(|(word, _)| Some(*word) != self.never);
        let mut costs: Vec<(f64, usize)> = words.map(cost).collect();
        costs.sort_by(|a, b| a.0.total_cmp(&b.0));
        costs.truncate(self.top_k);
        costs
    }
}

impl Beam {
    /// One of `beams`, which must not be empty, in proportion to its probability to the power of
    /// 1/temperature.
    ///
    /// # Panics
    /// If there are none.
    pub fn draw<'a>(beams: &'a [Self], temperature: f64, rng: &mut impl Rng) -> &'a Self {
        let least = beams.iter().map(|beam| beam.score).fold(f64::INFINITY, f64::min);
        let weights: Vec<f64> =
            beams.iter().map(|beam| (-(beam.score - least) / temperature).exp()).collect();
        &beams[draw(&weights, rng)]
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::{super::tests::Sum, *};

    fn search(search: &BeamSearch, carries: bool) -> Vec<Beam> {
        search.run(&Sum::new(carries), &Device::flex(), &[1, 2]).unwrap()
    }

    /// With every word and every text kept, the search is complete.
    #[test]
    fn the_likeliest_text_of_all_comes_first() {
        let all = BeamSearch { words: 3, top_k: 5, beams: 200, never: None };
        for carries in [true, false] {
            let beams = search(&all, carries);
            assert_eq!(beams.len(), 125);
            assert_eq!(beams[0].words, [3, 1, 2]);
            assert!(beams.is_sorted_by_key(|beam| beam.score));
            let probability: f64 = beams.iter().map(|beam| (-beam.score).exp()).sum();
            assert!((probability - 1.0).abs() < 1e-6, "{probability}");
        }
    }

    #[test]
    fn no_more_is_kept_than_asked_for_and_the_unknown_word_never() {
        let few = BeamSearch { words: 4, top_k: 2, beams: 3, ..BeamSearch::default() };
        let beams = search(&few, true);
        assert_eq!(beams.len(), 3);
        assert!(beams.iter().all(|beam| beam.words.len() == 4 && !beam.words.contains(&0)));
    }

    #[test]
    fn a_cold_draw_takes_the_likeliest() {
        let beams = search(&BeamSearch { words: 2, ..BeamSearch::default() }, true);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        assert_eq!(Beam::draw(&beams, 1e-3, &mut rng), &beams[0]);
        let warm: Vec<&Beam> = (0..50).map(|_| Beam::draw(&beams, 5.0, &mut rng)).collect();
        assert!(warm.iter().any(|beam| *beam != &beams[0]));
    }

    #[test]
    fn a_search_of_nothing_is_refused() {
        let none = BeamSearch { beams: 0, ..BeamSearch::default() };
        let error = none.run(&Sum::new(true), &Device::flex(), &[1]).unwrap_err();
        assert_eq!(error.to_string(), "beams is 0, expected at least one");
    }
}
