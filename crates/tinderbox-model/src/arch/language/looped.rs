//! The lesson's first four language models: a recurrence is a loop of small layers.

use burn::{
    module::Module,
    tensor::{Device, Int, Tensor, activation::relu},
};

use crate::{
    Forward,
    layer::{BatchNorm1d, Carried, Embedding, Linear},
};

/// They have the same layers, named as in the lesson, and differ in the loop.
macro_rules! looped {
    ($(#[$doc:meta])* $name:ident $(, which carries $h:ident)?) => {
        $(#[$doc])*
        #[derive(Module, Debug)]
        pub struct $name {
            i_h: Embedding,
            h_h: Linear,
            h_o: Linear,
            bn: BatchNorm1d,
            $(#[module(skip)]
            $h: Carried,)?
        }

        impl $name {
            /// For words of this vocabulary, with this many numbers between them.
            pub fn new(vocab: usize, hidden: usize, device: &Device) -> Self {
                Self {
                    i_h: Embedding::normal(vocab, hidden, device),
                    h_h: Linear::new(hidden, hidden, device),
                    h_o: Linear::new(hidden, vocab, device),
                    bn: BatchNorm1d::new(hidden, device),
                    $($h: Carried::default(),)?
                }
            }
        }
    };
}

/// Word `at` of each text, and zeros to begin with: both `[batch, hidden]`.
fn word(words: &Tensor<3>, at: usize) -> Tensor<2> {
    words.clone().narrow(1, at, 1).squeeze_dim(1)
}

fn zeros(words: &Tensor<3>) -> Tensor<2> {
    let [batch, _, hidden] = words.dims();
    Tensor::zeros([batch, hidden], &words.device())
}

looped! {
    /// The fourth word after three, written out: the lesson's first model.
    ///
    /// Shapes: `[batch, words]`, of which the first three count, → `[batch, vocab]`
    Model0
}

impl Forward for Model0 {
    type Input = Tensor<2, Int>;
    type Output = Tensor<2>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<2> {
        let words = self.i_h.forward(x); // [batch, words, hidden]
        let length = words.dims()[1];
        let mut h = self.bn.apply(relu(self.h_h.apply(word(&words, 0))));
        if length > 1 {
            h = self.bn.apply(relu(self.h_h.apply(h + word(&words, 1))));
        }
        if length > 2 {
            h = self.bn.apply(relu(self.h_h.apply(h + word(&words, 2))));
        }
        self.h_o.apply(h)
    }
}

looped! {
    /// The same as a loop, for texts of any length: the lesson's second model.
    ///
    /// Shapes: `[batch, words]` → `[batch, vocab]`
    Model1
}

impl Forward for Model1 {
    type Input = Tensor<2, Int>;
    type Output = Tensor<2>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<2> {
        let words = self.i_h.forward(x); // [batch, words, hidden]
        let mut h = zeros(&words);
        for at in 0..words.dims()[1] {
            h = self.bn.apply(relu(self.h_h.apply(h + word(&words, at))));
        }
        self.h_o.apply(h)
    }
}

looped! {
    /// The next word after each one: the lesson's third model. Only what goes out is normalized,
    /// not what goes on.
    ///
    /// Shapes: `[batch, words]` → `[batch, words, vocab]`
    Model2
}

impl Forward for Model2 {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        let words = self.i_h.forward(x); // [batch, words, hidden]
        let mut h = zeros(&words);
        let mut states = Vec::with_capacity(words.dims()[1]);
        for at in 0..words.dims()[1] {
            h = relu(self.h_h.apply(h + word(&words, at)));
            states.push(self.bn.apply(h.clone()));
        }
        self.h_o.apply(Tensor::stack(states, 1))
    }
}

looped! {
    /// [`Model2`] that goes on from where the last batch ended.
    ///
    /// Shapes: `[batch, words]` → `[batch, words, vocab]`
    Model3, which carries h
}

impl Forward for Model3 {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        let words = self.i_h.forward(x); // [batch, words, hidden]
        let mut h = match self.h.take_for(&words).as_deref() {
            Some([h]) => h.clone(),
            _ => zeros(&words),
        };
        let mut states = Vec::with_capacity(words.dims()[1]);
        for at in 0..words.dims()[1] {
            h = relu(self.h_h.apply(h + word(&words, at)));
            states.push(self.bn.apply(h.clone()));
        }
        self.h.set(vec![h]);
        self.h_o.apply(Tensor::stack(states, 1))
    }

    fn carried(&self) -> Option<&Carried> {
        Some(&self.h)
    }
}
