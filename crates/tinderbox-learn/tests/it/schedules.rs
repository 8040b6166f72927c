//! Golden group `schedules`.

use serde_json::Value;
use tinderbox_golden::{Case, Group, Report, close_list, close_tol, number};
use tinderbox_learn::schedule::{
    Anneal, LearningRate, LrFind, OneCycle, Schedule, Smoothed, Verdict, suggestion,
};

/// What the manifest asks of f64.
const RTOL: f64 = 1e-9;

#[test]
fn schedules() {
    let group = Group::open("schedules");
    let mut report = Report::new("schedules");
    for case in group.cases() {
        match case.config()["kind"].as_str() {
            Some("one_cycle") => report.case(case.id(), one_cycle(case)),
            Some("lr_find") => report.case(case.id(), lr_find(case)),
            Some("lr_find_stop") => report.case(case.id(), lr_find_stop(case)),
            Some("lr_range") => report.case(case.id(), lr_range(case)),
            Some("anneal") => report.case(case.id(), anneal(case)),
            Some("smooth") => report.case(case.id(), smooth(case)),
            Some("suggestion") => report.case(case.id(), suggest(case)),
            other => report.not_run(case.id(), &format!("no check for the kind {other:?}")),
        }
    }
    report.finish();
}

fn one_cycle(case: Case<'_>) -> Result<(), String> {
    let config = case.config();
    let mut policy = OneCycle::from(rates(&config["lr_max"]));
    let groups = config["lr_max"].as_array().map_or(1, Vec::len);
    if let Some(pct_start) = number(&config["pct_start"]) {
        policy.pct_start = pct_start;
    }
    if let Some(div_factor) = number(&config["div_factor"]) {
        policy.div_factor = div_factor;
    }
    policy.final_div = number(&config["final_div"]);
    match config["moms"].as_array().map(|moms| floats(moms)).as_deref() {
        None => {}
        Some([constant]) => policy.moms = (*constant, *constant),
        Some([ends, peak]) => policy.moms = (*ends, *peak),
        Some(other) => return Err(format!("{} momenta", other.len())),
    }
    let batches = count(&config["n_batches"]) * count(&config["epochs"]);
    let schedule = policy.schedule(groups, batches).map_err(|error| error.to_string())?;

    let values = case.values();
    check_lrs(&schedule, batches, &values["lrs"])?;
    let moms: Vec<f64> = (0..batches).filter_map(|batch| schedule.momentum(batch)).collect();
    close_list(&moms, &values["moms"], 0.0, RTOL).map_err(|why| format!("moms{why}"))?;
    check_lr(&schedule.lrs(batches), &values["end_lr"])?;
    check_number("end_mom", schedule.momentum(batches), &values["end_mom"])?;
    check_number("stopped_at_batch", None, &values["stopped_at_batch"])
}

fn lr_find(case: Case<'_>) -> Result<(), String> {
    let config = case.config();
    let find = LrFind {
        start_lr: float(&config["start_lr"]),
        end_lr: float(&config["end_lr"]),
        num_it: count(&config["num_it"]),
        ..LrFind::default()
    };
    let schedule = find.schedule(1).map_err(|error| error.to_string())?;
    let values = case.values();
    check_number("n_batches", Some(schedule.batches() as f64), &values["n_batches"])?;
    check_lrs(&schedule, schedule.batches(), &values["lrs"])?;
    check_lr(&schedule.lrs(schedule.batches()), &values["end_lr"])
}

fn lr_find_stop(case: Case<'_>) -> Result<(), String> {
    let config = case.config();
    let find = LrFind {
        num_it: count(&config["num_it"]),
        stop_div: config["stop_div"] == true,
        ..LrFind::default()
    };
    let mut rule = find.divergence();
    let mut smoothed = Smoothed::new(float(&config["beta"]));
    let (mut smooth, mut stop) = (Vec::new(), None);
    for (batch, loss) in list(&config["losses"]).into_iter().enumerate() {
        smooth.push(smoothed.add(loss));
        if rule.after_batch(smooth[batch]) != Verdict::Continue {
            stop = Some(batch as f64);
            break;
        }
    }
    let values = case.values();
    close_list(&smooth, &values["smooth"], 0.0, RTOL).map_err(|why| format!("smooth{why}"))?;
    check_number("stop_at_batch", stop, &values["stop_at_batch"])?;
    check_number("best", rule.best(), &values["best"])
}

fn lr_range(case: Case<'_>) -> Result<(), String> {
    let config = case.config();
    let lr = match config["slice"].as_array().map(Vec::as_slice) {
        Some([Value::Null, last]) => LearningRate::Slice(float(last)),
        Some([first, last]) => LearningRate::Range(float(first), float(last)),
        Some(other) => return Err(format!("a slice of {}", other.len())),
        None => rates(&config["lr"]),
    };
    let lrs = lr.resolve(count(&config["n_groups"])).map_err(|error| error.to_string())?;
    close_list(&lrs, &case.values()["lrs"], 0.0, RTOL)
}

fn anneal(case: Case<'_>) -> Result<(), String> {
    let config = case.config();
    let anneal = match config["func"].as_str() {
        Some("no") => Anneal::None,
        Some("linear") => Anneal::Linear,
        Some("exp") => Anneal::Exponential,
        Some("cos") => Anneal::Cosine,
        Some("poly2") => Anneal::Polynomial(2.0),
        Some("poly05") => Anneal::Polynomial(0.5),
        other => return Err(format!("no annealing called {other:?}")),
    };
    let (start, end) = (float(&config["start"]), float(&config["end"]));
    let got: Vec<f64> =
        list(&config["pct"]).into_iter().map(|share| anneal.at(start, end, share)).collect();
    close_list(&got, &case.values()["values"], 0.0, RTOL)
}

fn smooth(case: Case<'_>) -> Result<(), String> {
    let mut smoothed = Smoothed::new(float(&case.config()["beta"]));
    let losses = list(&case.config()["losses"]);
    let got: Vec<f64> = losses.into_iter().map(|loss| smoothed.add(loss)).collect();
    close_list(&got, &case.values()["smooth"], 0.0, RTOL)
}

fn suggest(case: Case<'_>) -> Result<(), String> {
    let config = case.config();
    let found = suggestion(
        &list(&config["losses"]),
        &list(&config["lrs"]),
        count(&config["skip_start"]),
        count(&config["skip_end"]),
    );
    let values = case.values();
    let index = found.map(|found| found.steepest as f64);
    check_number("min_grad_index", index, &values["min_grad_index"])?;
    check_number("min_grad_lr", found.map(|found| found.lr_steepest), &values["min_grad_lr"])?;
    let lowest = found.map(|found| found.lr_min_div_10);
    check_number("min_loss_div_10", lowest, &values["min_loss_div_10"])
}

/// One rate for each batch, or a list of one for each group.
fn check_lrs(schedule: &Schedule, batches: usize, want: &Value) -> Result<(), String> {
    let want = want.as_array().ok_or("no learning rates")?;
    if want.len() != batches {
        return Err(format!("{batches} batches, expected {}", want.len()));
    }
    for (batch, want) in want.iter().enumerate() {
        check_lr(&schedule.lrs(batch), want).map_err(|why| format!("batch {batch}: {why}"))?;
    }
    Ok(())
}

fn check_lr(got: &[f64], want: &Value) -> Result<(), String> {
    match want.is_array() {
        true => close_list(got, want, 0.0, RTOL),
        false => check_number("lr", got.first().copied(), want),
    }
}

fn check_number(name: &str, got: Option<f64>, want: &Value) -> Result<(), String> {
    let right = match got {
        Some(got) => close_tol(got, want, 0.0, RTOL),
        None => want.is_null(),
    };
    match right {
        true => Ok(()),
        false => Err(format!("{name} is {got:?}, expected {want}")),
    }
}

fn rates(value: &Value) -> LearningRate {
    match value.as_array() {
        Some(lrs) => LearningRate::List(floats(lrs)),
        None => LearningRate::One(float(value)),
    }
}

fn list(value: &Value) -> Vec<f64> {
    floats(value.as_array().unwrap_or_else(|| panic!("{value} is not a list")))
}

fn floats(values: &[Value]) -> Vec<f64> {
    values.iter().map(float).collect()
}

fn float(value: &Value) -> f64 {
    number(value).unwrap_or_else(|| panic!("{value} is not a number"))
}

fn count(value: &Value) -> usize {
    value.as_u64().unwrap_or_else(|| panic!("{value} is not a count")) as usize
}
