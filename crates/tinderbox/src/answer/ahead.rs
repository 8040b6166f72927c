//! Asking a model about many inputs: while it runs on some of them, the next ones are read.

use std::{
    iter, mem, panic,
    sync::atomic::{AtomicUsize, Ordering},
    thread, vec,
};

use tinderbox_data::{Inference, Input};
use tinderbox_learn::Bundle;

use super::{AnswerError, PictureOptions};
use crate::{Answer, Host, Result, Task};

/// This many inputs are answered at once, if they are not large.
const BATCH: usize = 64;

/// This many texts are: they are filled up to the longest of them.
const TEXTS: usize = 16;

/// This many pixels are: what a network makes of them takes a hundred times their memory.
const PIXELS: usize = 1 << 20;

/// How many inputs a model is given at once, by the size that it sees.
pub(crate) fn at_once(model: &Bundle) -> usize {
    match model.manifest.arch.size() {
        Some([height, width]) => (PIXELS / (height * width).max(1)).clamp(1, BATCH),
        None => TEXTS,
    }
}

/// The answers to inputs, in their order. At most two batches of inputs are in memory: one that the
/// model runs on, and one that is being read.
pub(crate) struct Answers<'a, T: Task> {
    model: &'a Bundle,
    inputs: Box<dyn Iterator<Item = Input<'a>> + 'a>,
    options: PictureOptions,
    at_once: usize,
    prepared: Vec<Result<T::Prepared>>,
    /// The names of those.
    names: Vec<String>,
    ready: vec::IntoIter<Result<Answer>>,
}

impl<'a, T: Task> Answers<'a, T> {
    pub(crate) fn new(
        model: &'a Bundle,
        inputs: Box<dyn Iterator<Item = Input<'a>> + 'a>,
        options: PictureOptions,
    ) -> Self {
        Self {
            model,
            inputs,
            options,
            at_once: T::at_once(model),
            prepared: Vec::new(),
            names: Vec::new(),
            ready: Vec::new().into_iter(),
        }
    }
}

impl<T: Task> Iterator for Answers<'_, T> {
    type Item = Result<Answer>;

    fn next(&mut self) -> Option<Result<Answer>> {
        loop {
            if let Some(answer) = self.ready.next() {
                return Some(answer);
            }
            let next: Vec<Input<'_>> = self.inputs.by_ref().take(self.at_once).collect();
            if self.prepared.is_empty() && next.is_empty() {
                return None;
            }
            let prepared = mem::take(&mut self.prepared);
            let names = mem::replace(&mut self.names, next.iter().map(name).collect());
            let (model, options) = (self.model, &self.options);
            let (answers, prepared) =
                while_preparing::<T, _>(&model.manifest.inference, &next, || {
                    answered::<T>(model, prepared, options)
                });
            let about = |(answer, name): (Result<Answer>, String)| {
                answer.map_err(|error| AnswerError::about(&name, error))
            };
            let ready: Vec<_> = answers.into_iter().zip(names).map(about).collect();
            (self.ready, self.prepared) = (ready.into_iter(), prepared);
        }
    }
}

/// What an input is called: a file by its path, a text by its beginning.
fn name(input: &Input<'_>) -> String {
    const SHOWN: usize = 40;
    match input {
        Input::File(path) => path.display().to_string(),
        Input::Text(text) => {
            let shown: String = text.chars().take(SHOWN).collect();
            format!("`{shown}{}`", if shown.len() < text.len() { "…" } else { "" })
        }
        Input::Bytes(_) => "the image".into(),
        Input::Noise { seed } => format!("seed {seed}"),
    }
}

/// Does `work` on this thread while the inputs are prepared on others, each by the next that is free.
fn while_preparing<T: Task, W>(
    inference: &Inference,
    inputs: &[Input<'_>],
    work: impl FnOnce() -> W,
) -> (W, Vec<Result<T::Prepared>>) {
    let next = AtomicUsize::new(0);
    let prepare = || {
        let one = || {
            let at = next.fetch_add(1, Ordering::Relaxed);
            Some((at, T::prepare(inference, *inputs.get(at)?)))
        };
        iter::from_fn(one).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let workers = Host::default().workers.max(1).min(inputs.len());
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(prepare)).collect();
        let done = work();
        let of_workers = workers.into_iter().flat_map(|worker| match worker.join() {
            Ok(prepared) => prepared,
            Err(panic) => panic::resume_unwind(panic),
        });
        let mut prepared: Vec<_> = of_workers.collect();
        prepared.sort_by_key(|(at, _)| *at);
        (done, prepared.into_iter().map(|(_, one)| one).collect())
    })
}

/// The answers to inputs that could be read; the errors of the others stay where they are.
fn answered<T: Task>(
    model: &Bundle,
    prepared: Vec<Result<T::Prepared>>,
    options: &PictureOptions,
) -> Vec<Result<Answer>> {
    let mut readable = Vec::with_capacity(prepared.len());
    let errors: Vec<Result<()>> =
        prepared.into_iter().map(|one| one.map(|one| readable.push(one))).collect();
    let mut answers = T::answers(model, readable, options).into_iter();
    let one = |error: Result<()>| error.and_then(|()| answers.next().expect("one for each input"));
    errors.into_iter().map(one).collect()
}
