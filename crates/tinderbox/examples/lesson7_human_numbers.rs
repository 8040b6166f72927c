//! Lesson 7: language models on human numbers, cell by cell.
//!
//! ```text
//! cargo run --release -p tinderbox --example lesson7_human_numbers
//! cargo run --release -p tinderbox --example lesson7_human_numbers -- --tiny
//! ```
//!
//! The texts are generated: `one, two, three, …`. With `--tiny` every model is trained for one epoch.
//!
//! | model  | idea                       | epochs | accuracy (lesson) |
//! |--------|----------------------------|--------|-------------------|
//! | Model0 | unrolled over three words  | 6      | 0.4088            |
//! | Model1 | the same as a loop         | 6      | 0.3932            |
//! | Model2 | predicts after each word   | 10     | 0.3498            |
//! | Model3 | keeps its hidden state     | 20     | 0.4428            |
//! | Model4 | a recurrent layer          | 20     | 0.6147            |
//! | Model5 | a two-layer GRU            | 10     | 0.8071            |

#![expect(clippy::print_stdout, reason = "a notebook prints")]

mod common;

use burn::tensor::activation::relu;
use common::Arguments;
use tinderbox::{
    data::{ItemKind, text::Profile},
    language_model::{acc4, loss4},
    learn::loss::IntoLoss,
    lesson::{HUMAN_NUMBERS, HumanNumbersRun},
    model::layer::{BatchNorm1dFlat, Carried, Rnn},
    prelude::*,
};

/// Numbers between words.
const HIDDEN: usize = 64;

fn main() -> anyhow::Result<()> {
    let tiny = Arguments::of("lesson7_human_numbers")?.tiny;

    // ## Data
    let texts = human_numbers();
    let text = texts.train.kind().open(&texts.train.path(0))?;
    println!("{} …\n", &text[..60]);

    let vocab = VocabOptions { profile: Profile::Lesson, ..VocabOptions::default() };
    let texts = texts.label_for_lm_by(&Tokenizing::default(), &vocab)?;
    println!("{:?} tokens", texts.n_tokens());
    println!("{:?}\n", texts.input.vocab.tokens());

    // 13,017 words that validate, in 64 rows of 70: nearly three batches.
    let words = texts.input.vocab.clone();
    let data = texts.clone().batches(LmOptions::default())?;
    println!("{} batches; {}", data.n_valid_batches(), 13017.0 / 70.0 / 64.0);
    for batch in data.valid_batches() {
        let batch = batch?;
        println!("x {:?}, y {:?}", batch.inputs.shape, batch.targets.shape);
    }
    println!("{}", data.show_texts(3, Set::Valid)?);

    let lm = |bptt| texts.clone().batches(LmOptions { bptt, ..LmOptions::default() });
    let (three, twenty) = (lm(3)?, lm(20)?);
    println!("{} and {} batches of 3", three.n_train_batches(), three.n_valid_batches());
    println!("{} and {} batches of 20\n", twenty.n_train_batches(), twenty.n_valid_batches());

    let device = Device::flex().autodiff();
    device.seed(42);
    let n = words.len();
    let [single, looped, multi, state, rnn, gru] = &HUMAN_NUMBERS;
    let fit = |learn: Learner, run: &HumanNumbersRun| fit(learn, run, tiny);

    // ## Single fully connected model
    let learn = Learner::new(three.clone(), Model0::new(n, &device), loss4).metrics(acc4);
    fit(learn, single)?;

    // ## Same thing with a loop
    let learn = Learner::new(three, Model1::new(n, &device), loss4).metrics(acc4);
    fit(learn, looped)?;

    // ## Multi fully connected model
    fit(learner(&twenty, Model2::new(n, &device)), multi)?;

    // ## Maintain state
    fit(learner(&twenty, Model3::new(n, &device)), state)?;

    // ## nn.RNN
    fit(learner(&twenty, Model4::new(n, &device)), rnn)?;

    // ## 2-layer GRU
    fit(learner(&twenty, Model5::new(n, &device)), gru)?;
    Ok(())
}

fn learner(data: &DataBunch, model: impl Layer + 'static) -> Learner {
    Learner::new(data.clone(), model, CrossEntropyFlat::default().into_loss()).metrics(accuracy)
}

fn fit(mut learn: Learner, run: &HumanNumbersRun, tiny: bool) -> anyhow::Result<()> {
    let published = &run.published;
    let epochs = if tiny { 1 } else { published.epochs.len() };
    let schedule = OneCycle { pct_start: run.pct_start, ..OneCycle::from(published.lr) };
    learn.fit_one_cycle(epochs, schedule)?;
    println!("{}\n{}", published.heading, published.beside(learn.recorder()));
    Ok(())
}

/// Three words in, the next one out.
#[derive(Module, Debug)]
struct Model0 {
    i_h: Embedding,
    h_h: Linear,
    h_o: Linear,
    bn: BatchNorm1d,
}

impl Model0 {
    fn new(vocab: usize, device: &Device) -> Self {
        Self {
            i_h: Embedding::normal(vocab, HIDDEN, device),
            h_h: Linear::new(HIDDEN, HIDDEN, device),
            h_o: Linear::new(HIDDEN, vocab, device),
            bn: BatchNorm1d::new(HIDDEN, device),
        }
    }
}

impl Forward for Model0 {
    type Input = Tensor<2, Int>;
    type Output = Tensor<2>;

    /// `[batch, 3]` → `[batch, vocab]`
    fn forward(&self, x: Tensor<2, Int>) -> Tensor<2> {
        let words = self.i_h.forward(x);
        let h = self.bn.apply(relu(self.h_h.apply(word(&words, 0))));
        let h = self.bn.apply(relu(self.h_h.apply(h + word(&words, 1))));
        let h = self.bn.apply(relu(self.h_h.apply(h + word(&words, 2))));
        self.h_o.apply(h)
    }
}

/// Word `at` of each text: `[batch, hidden]`
fn word(words: &Tensor<3>, at: usize) -> Tensor<2> {
    words.clone().narrow(1, at, 1).squeeze_dim(1)
}

/// The same as a loop, for texts of any length.
#[derive(Module, Debug)]
struct Model1 {
    i_h: Embedding,
    h_h: Linear,
    h_o: Linear,
    bn: BatchNorm1d,
}

impl Model1 {
    fn new(vocab: usize, device: &Device) -> Self {
        let Model0 { i_h, h_h, h_o, bn } = Model0::new(vocab, device);
        Self { i_h, h_h, h_o, bn }
    }
}

impl Forward for Model1 {
    type Input = Tensor<2, Int>;
    type Output = Tensor<2>;

    /// `[batch, words]` → `[batch, vocab]`
    fn forward(&self, x: Tensor<2, Int>) -> Tensor<2> {
        let words = self.i_h.forward(x);
        let [batch, length, hidden] = words.dims();
        let mut h = Tensor::zeros([batch, hidden], &words.device());
        for at in 0..length {
            h = self.bn.apply(relu(self.h_h.apply(h + word(&words, at))));
        }
        self.h_o.apply(h)
    }
}

/// The next word after each one.
#[derive(Module, Debug)]
struct Model2 {
    i_h: Embedding,
    h_h: Linear,
    h_o: Linear,
    bn: BatchNorm1d,
}

impl Model2 {
    fn new(vocab: usize, device: &Device) -> Self {
        let Model0 { i_h, h_h, h_o, bn } = Model0::new(vocab, device);
        Self { i_h, h_h, h_o, bn }
    }
}

impl Forward for Model2 {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    /// `[batch, words]` → `[batch, words, vocab]`
    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        let words = self.i_h.forward(x);
        let [batch, length, hidden] = words.dims();
        let mut h = Tensor::zeros([batch, hidden], &words.device());
        let mut out = Vec::new();
        for at in 0..length {
            h = relu(self.h_h.apply(h + word(&words, at)));
            out.push(self.bn.apply(h.clone()));
        }
        self.h_o.apply(Tensor::stack(out, 1))
    }
}

/// The same, going on from where the last batch ended.
#[derive(Module, Debug)]
struct Model3 {
    i_h: Embedding,
    h_h: Linear,
    h_o: Linear,
    bn: BatchNorm1d,
    #[module(skip)]
    h: Carried,
}

impl Model3 {
    fn new(vocab: usize, device: &Device) -> Self {
        let Model0 { i_h, h_h, h_o, bn } = Model0::new(vocab, device);
        Self { i_h, h_h, h_o, bn, h: Carried::default() }
    }
}

impl Forward for Model3 {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        let words = self.i_h.forward(x);
        let [batch, length, hidden] = words.dims();
        let zeros = || vec![Tensor::zeros([batch, hidden], &words.device())];
        let mut h = self.h.take_for(&words).unwrap_or_else(zeros).remove(0);
        let mut out = Vec::new();
        for at in 0..length {
            h = relu(self.h_h.apply(h + word(&words, at)));
            out.push(self.bn.apply(h.clone()));
        }
        self.h.set(vec![h]);
        self.h_o.apply(Tensor::stack(out, 1))
    }

    fn carried(&self) -> Option<&Carried> {
        Some(&self.h)
    }
}

/// A recurrent layer in place of the loop.
#[derive(Module, Debug)]
struct Model4 {
    i_h: Embedding,
    rnn: Rnn,
    h_o: Linear,
    bn: BatchNorm1dFlat,
    #[module(skip)]
    h: Carried,
}

impl Model4 {
    fn new(vocab: usize, device: &Device) -> Self {
        Self {
            i_h: Embedding::normal(vocab, HIDDEN, device),
            rnn: Rnn::new(HIDDEN, HIDDEN, 1, device),
            h_o: Linear::new(HIDDEN, vocab, device),
            bn: BatchNorm1dFlat::new(HIDDEN, device),
            h: Carried::default(),
        }
    }
}

impl Forward for Model4 {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        let words = self.i_h.forward(x);
        let h = self.h.take_for(&words);
        let (y, h) = self.rnn.forward_from(words, h);
        self.h.set(h);
        self.h_o.apply(self.bn.flat(y))
    }

    fn carried(&self) -> Option<&Carried> {
        Some(&self.h)
    }
}

/// Two layers of gated recurrent units.
#[derive(Module, Debug)]
struct Model5 {
    i_h: Embedding,
    rnn: Gru,
    h_o: Linear,
    bn: BatchNorm1dFlat,
    #[module(skip)]
    h: Carried,
}

impl Model5 {
    fn new(vocab: usize, device: &Device) -> Self {
        Self {
            i_h: Embedding::normal(vocab, HIDDEN, device),
            rnn: Gru::new(HIDDEN, HIDDEN, 2, device),
            h_o: Linear::new(HIDDEN, vocab, device),
            bn: BatchNorm1dFlat::new(HIDDEN, device),
            h: Carried::default(),
        }
    }
}

impl Forward for Model5 {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        let words = self.i_h.forward(x);
        let h = self.h.take_for(&words);
        let (y, h) = self.rnn.forward_from(words, h);
        self.h.set(h);
        self.h_o.apply(self.bn.flat(y))
    }

    fn carried(&self) -> Option<&Carried> {
        Some(&self.h)
    }
}
