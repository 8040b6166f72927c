//! The group `fill_check`: the generator itself.

use serde_json::json;
use tinderbox_golden::{Case, Group, Report, close_list, fill};

#[test]
fn fill_check() {
    let group = Group::open("fill_check");
    let mut report = Report::new("fill_check");
    for case in group.cases() {
        report.case(case.id(), check(&group, case));
    }
    report.finish();
}

fn check(group: &Group, case: Case<'_>) -> Result<(), String> {
    let (config, values) = (case.config(), case.values());
    if let Some(keys) = config["keys"].as_array() {
        let got: Vec<String> = keys
            .iter()
            .map(|key| {
                format!("{:016x}", fill::fnv1a64(key.as_str().expect("keys are text").as_bytes()))
            })
            .collect();
        return match json!(got) == values["fnv1a64"] {
            true => Ok(()),
            false => Err(format!("hashes {got:?}, expected {}", values["fnv1a64"])),
        };
    }
    let shape: Vec<usize> =
        serde_json::from_value(config["shape"].clone()).map_err(|e| e.to_string())?;
    let (key, role) =
        (config["key"].as_str().expect("a key"), config["role"].as_str().expect("a role"));
    if let Some(k) = role.strip_prefix("int").and_then(|k| k.parse().ok()) {
        return case.check_ints("v", &shape, &fill::integers(group.fill_seed(), key, k, &shape));
    }
    let got = fill::floats(group.fill_seed(), key, role, &shape);
    if values["last8"].is_array() {
        let last: Vec<f64> = got[got.len() - 8..].iter().map(|v| f64::from(*v)).collect();
        return close_list(&last, &values["last8"], 0.0, 0.0);
    }
    case.check("v", &shape, &got)
}
