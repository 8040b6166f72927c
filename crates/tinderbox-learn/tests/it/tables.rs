//! Golden: how numbers of an epoch are printed.

use tinderbox_golden::{Case, Group, Report, number};
use tinderbox_learn::cells;

#[test]
fn tables() {
    let group = Group::open("tables");
    let mut report = Report::new("tables");
    for case in group.cases() {
        report.case(case.id(), check(case));
    }
    report.finish();
}

fn check(case: Case<'_>) -> Result<(), String> {
    let row = case.config()["values"].as_array().ok_or("no row")?;
    let epoch = row[0].as_u64().ok_or("a row begins with its epoch")? as usize;
    let values: Vec<Option<f64>> = row[1..].iter().map(number).collect();
    compare(&cells(epoch, &values), &case.values()["cells"])?;
    compare(&cells(epoch + 1, &values), &case.values()["lesson"])
}

fn compare(found: &[String], want: &serde_json::Value) -> Result<(), String> {
    let want: Vec<&str> =
        want.as_array().into_iter().flatten().filter_map(|x| x.as_str()).collect();
    match found == want {
        true => Ok(()),
        false => Err(format!("{found:?}, expected {want:?}")),
    }
}
