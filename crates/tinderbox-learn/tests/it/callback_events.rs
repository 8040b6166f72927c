//! Golden: the events a callback sees, with the state at each, and what the trackers do.

use std::sync::{Arc, Mutex};

use burn::tensor::{Device, Tensor};
use serde_json::{Value, json};
use tinderbox_golden::{Case, Group, Report, close};
use tinderbox_learn::{
    callback::{
        Answer, Better, Callback, Change, Changes, EarlyStopping, LossScaling, Monitor,
        ReduceLrOnPlateau, SaveModel, State,
    },
    optim::Gradients,
};

use crate::common::{Problem, learner};

#[test]
fn callback_events() {
    let group = Group::open("callback_events");
    let mut report = Report::new("callback_events");
    for case in group.cases() {
        let result = match case.config()["kind"].as_str() {
            None => events(case),
            Some("dynamic_loss_scale") => loss_scale(case),
            Some(_) => tracker(case),
        };
        report.case(case.id(), result);
    }
    report.finish();
}

/// Notes every event, and answers some of them as the case says.
struct Watch {
    returns: Option<String>,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Watch {
    fn see(&self, event: &str, state: &State) -> Changes {
        let State { epoch, iteration, num_batch, training, .. } = state;
        let row = json!(["cb", event, epoch, iteration, num_batch, training]);
        self.seen.lock().unwrap().push(row);
        match (self.returns.as_deref(), event) {
            (Some("stop_epoch"), "batch_end") => Change::StopEpoch.into(),
            (Some("stop_training"), "batch_end") => Change::StopTraining("asked to".into()).into(),
            (Some("skip_step"), "backward_end") => Change::SkipStep.into(),
            (Some("skip_validate"), "train_begin") => Change::SkipValidation.into(),
            _ => Changes::none(),
        }
    }
}

macro_rules! watch {
    ($($event:ident),+) => {$(
        fn $event(&mut self, state: &State) -> Answer {
            Ok(self.see(stringify!($event), state))
        }
    )+};
}

impl Callback for Watch {
    fn name(&self) -> &'static str {
        "cb"
    }

    watch!(train_begin, epoch_begin, batch_begin, loss_begin, backward_begin);
    watch!(step_end, batch_end, epoch_end);

    fn backward_end(&mut self, state: &State, _: &mut Gradients) -> Answer {
        Ok(self.see("backward_end", state))
    }

    fn train_end(&mut self, state: &State, _: Option<&tinderbox_learn::Error>) -> Answer {
        Ok(self.see("train_end", state))
    }
}

/// How many batches and epochs the case has can be read from what it saw.
fn events(case: Case<'_>) -> Result<(), String> {
    let want = case.values()["events"].as_array().ok_or("no events")?;
    let valid = if case.id() == "no_validation" { 0 } else { 4 };
    let problem = Problem { train: 10, valid, batch_size: 5, ..Problem::default() };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let returns = case.config()["returns"].as_str().map(String::from);
    let mut learner = learner(problem).callback(Watch { returns, seen: Arc::clone(&seen) });
    learner.fit(2, 0.01).map_err(|error| error.to_string())?;
    let seen = seen.lock().unwrap();
    match seen.iter().zip(want).find(|(seen, want)| seen != want) {
        Some((seen, want)) => Err(format!("{seen}, expected {want}")),
        None if seen.len() == want.len() => Ok(()),
        None => Err(format!("{} events, expected {}", seen.len(), want.len())),
    }
}

/// A tracker over a list of one value for each epoch.
fn tracker(case: Case<'_>) -> Result<(), String> {
    let config = case.config();
    let name = config["monitor"].as_str().ok_or("no monitor")?;
    let better = match config["mode"].as_str() {
        None | Some("auto") => Better::Auto,
        Some("min") => Better::Lower,
        Some("max") => Better::Higher,
        Some(other) => return Err(format!("an unknown mode, {other}")),
    };
    let monitor = Monitor::new(name)
        .with_better(better)
        .with_min_delta(config["min_delta"].as_f64().unwrap_or(0.0));
    let patience = config["patience"].as_u64().unwrap_or(0) as usize;
    let mut callback: Box<dyn Callback> = match config["kind"].as_str() {
        Some("early") => Box::new(EarlyStopping::new(monitor, patience)),
        Some("save") => {
            Box::new(SaveModel::new(monitor, tinderbox_learn::callback::SaveWhen::Improvement))
        }
        Some("reduce") => {
            let mut callback = ReduceLrOnPlateau::new(monitor, patience);
            callback.factor = config["factor"].as_f64().unwrap_or(callback.factor);
            callback.min_lr = config["min_lr"].as_f64().unwrap_or(callback.min_lr);
            Box::new(callback)
        }
        other => return Err(format!("an unknown kind, {other:?}")),
    };

    let mut state = State { lrs: config["lr"].as_f64().into_iter().collect(), ..State::default() };
    callback.train_begin(&state).map_err(|error| error.to_string())?;
    for (epoch, action) in
        case.values()["actions"].as_array().ok_or("no actions")?.iter().enumerate()
    {
        if action["epoch"] != epoch {
            return Err(format!("epoch {epoch}, expected {}", action["epoch"]));
        }
        state.epoch = epoch;
        let value = config["values"][epoch].as_f64().ok_or("no value")?;
        if name == "valid_loss" {
            state.valid_loss = Some(value);
        } else {
            (state.metric_names, state.metrics) = (vec![name.into()], vec![value]);
        }
        let changes = callback.epoch_end(&state).map_err(|error| error.to_string())?;
        let (mut stop, mut saved) = (false, false);
        for change in changes {
            match change {
                Change::StopTraining(_) => stop = true,
                Change::Save(_) => saved = true,
                Change::LearningRates(lrs) => state.lrs = lrs,
                Change::Note(_) => {}
                other => return Err(format!("an unexpected change: {}", other.name())),
            }
        }
        let lr = action["lr"].is_null() || close(state.lr(), &action["lr"]);
        if (json!(stop), json!(saved)) != (action["stop"].clone(), action["saved"].clone()) || !lr {
            return Err(format!(
                "stop {stop}, saved {saved}, lr {}, expected {action}",
                state.lr()
            ));
        }
    }
    Ok(())
}

fn loss_scale(case: Case<'_>) -> Result<(), String> {
    let config = case.config();
    let start = config["start"].as_f64().ok_or("no start")?;
    let mut callback =
        LossScaling::new(start, config["max_noskip"].as_u64().ok_or("no max_noskip")? as usize);
    callback.max_scale = config["max_scale"].as_f64().ok_or("no max_scale")?;
    let overflow = config["overflow"].as_array().ok_or("no overflow")?;
    let want = case.values()["states"].as_array().ok_or("no states")?;
    for (overflow, want) in overflow.iter().zip(want) {
        let value = if overflow == 1 { f32::INFINITY } else { 1.0 };
        let gradient = Tensor::from_data([value], &Device::flex());
        let mut gradients = Gradients::new(vec![Some(gradient)]);
        let changes = callback.backward_end(&State::default(), &mut gradients);
        let stepped = changes.map_err(|error| error.to_string())?.into_iter().next().is_none();
        let state = json!([callback.scale, callback.noskip(), stepped]);
        if &state != want {
            return Err(format!("{state}, expected {want}"));
        }
    }
    Ok(())
}
