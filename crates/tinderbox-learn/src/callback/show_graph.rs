//! A plot that grows with the fit.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Result,
    callback::{Answer, Callback, Changes, State, read_state, write_state},
    exact,
};

/// What the plot shows after an epoch. Its axes begin at 0 and have room for the whole fit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Graph {
    /// The smoothed training loss after each batch.
    #[serde(with = "exact::list")]
    pub losses: Vec<f64>,
    /// How many batches there were before each validation.
    pub valid_batches: Vec<usize>,
    /// The loss of each validation.
    #[serde(with = "exact::list")]
    pub valid_losses: Vec<f64>,
    /// How many batches there will have been at the end of the fit.
    pub x_end: usize,
    /// The largest of all losses that are finite.
    pub y_end: f64,
}

/// Hands on what a plot of the losses shows, after every epoch with a validation: fastai's
/// `ShowGraph`, without the drawing.
pub struct ShowGraph {
    show: Box<dyn FnMut(&Graph) + Send>,
    graph: Graph,
}

impl ShowGraph {
    /// Calls `show` after every epoch with a validation.
    pub fn new(show: impl FnMut(&Graph) + Send + 'static) -> Self {
        Self { show: Box::new(show), graph: Graph::default() }
    }
}

impl fmt::Debug for ShowGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShowGraph").field("graph", &self.graph).finish_non_exhaustive()
    }
}

impl Callback for ShowGraph {
    fn name(&self) -> &'static str {
        "show_graph"
    }

    fn train_begin(&mut self, _: &State) -> Answer {
        self.graph = Graph::default();
        Ok(Changes::none())
    }

    fn backward_begin(&mut self, state: &State) -> Answer {
        self.graph.losses.extend(state.smooth_loss);
        Ok(Changes::none())
    }

    fn epoch_end(&mut self, state: &State) -> Answer {
        let Some(valid_loss) = state.valid_loss else { return Ok(Changes::none()) };
        let graph = &mut self.graph;
        graph.valid_batches.push(graph.losses.len());
        graph.valid_losses.push(valid_loss);
        let left = state.n_epochs.saturating_sub(state.epoch + 1);
        graph.x_end = left * state.num_batch + graph.losses.len();
        let losses = graph.losses.iter().chain(&graph.valid_losses).copied();
        graph.y_end = losses.filter(|loss| loss.is_finite()).fold(0.0, f64::max);
        (self.show)(graph);
        Ok(Changes::none())
    }

    fn save_state(&self) -> Value {
        write_state(&self.graph)
    }

    fn load_state(&mut self, saved: &Value) -> Result<()> {
        self.graph = read_state(self.name(), saved)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn the_axes_have_room_for_the_whole_fit() {
        let shown = Arc::new(Mutex::new(Graph::default()));
        let copy = Arc::clone(&shown);
        let show = move |graph: &Graph| graph.clone_into(&mut copy.lock().unwrap());
        let mut callback = ShowGraph::new(show.clone());
        let mut state = State { n_epochs: 4, num_batch: 3, ..State::default() };
        callback.train_begin(&state).unwrap();
        let mut epoch = |callback: &mut ShowGraph, at, losses: [f64; 3], valid_loss| {
            for loss in losses {
                state.smooth_loss = Some(loss);
                callback.backward_begin(&state).unwrap();
            }
            (state.epoch, state.valid_loss) = (at, valid_loss);
            callback.epoch_end(&state).unwrap();
        };
        epoch(&mut callback, 0, [2.5, 2.0, f64::INFINITY], Some(3.5));
        let graph = shown.lock().unwrap().clone();
        assert_eq!((graph.x_end, graph.y_end), (12, 3.5));
        // Nothing is shown without a validation; it goes on after a checkpoint.
        epoch(&mut callback, 1, [1.5, 1.0, 1.0], None);
        assert_eq!(shown.lock().unwrap().valid_losses, [3.5]);
        let mut resumed = ShowGraph::new(show);
        resumed.load_state(&callback.save_state()).unwrap();
        epoch(&mut resumed, 2, [0.5; 3], Some(0.75));
        let graph = shown.lock().unwrap().clone();
        assert_eq!(graph.losses.len(), 9);
        assert_eq!(
            (&graph.valid_batches[..], &graph.valid_losses[..]),
            (&[3, 9][..], &[3.5, 0.75][..])
        );
        assert_eq!((graph.x_end, graph.y_end), (12, 3.5));
    }
}
