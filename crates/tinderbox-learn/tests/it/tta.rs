//! Golden: test-time augmentation. How a view sees a picture is among the data's tests.

use burn::tensor::{Device, Tensor};
use tinderbox_data::transform::TtaView;
use tinderbox_golden::{Case, Group, Report};
use tinderbox_learn::Tta;

#[test]
fn looks_are_weighed_as_by_fastai() {
    let group = Group::open("tta");
    let mut report = Report::new("tta");
    for case in group.cases() {
        match case.id() {
            "combine" => report.case(case.id(), combine(case)),
            "params" => report.case(case.id(), views(case)),
            other => report.not_run(other, "a picture: the data's tests run it"),
        }
    }
    report.finish();
}

fn combine(case: Case<'_>) -> Result<(), String> {
    let beta = case.config()["beta"].as_f64().ok_or("no beta")?;
    let (plain, others) = (case.input("preds"), case.input("augmented"));
    let flat = |values: &[f32]| Tensor::<1>::from_floats(values, &Device::flex());
    let each = plain.f32().len();
    let others: Vec<Tensor<1>> = others.f32().chunks_exact(each).map(flat).collect();
    let check = |name: &str, values: Tensor<1>| {
        let values: Vec<f32> = values.into_data().try_to_vec().expect("floats");
        case.check(name, &plain.shape, &values)
    };
    let combine =
        |beta: f64| Tta { beta, ..Tta::default() }.combine(flat(plain.f32()), others.clone());
    check("avg", combine(0.0))?;
    check("final", combine(beta))
}

fn views(case: Case<'_>) -> Result<(), String> {
    let scale = case.config()["scale"].as_f64().ok_or("no scale")?;
    let sets = case.values()["sets"].as_array().ok_or("no sets")?;
    let views = TtaView::all(scale);
    if sets.len() != views.len() {
        return Err(format!("{} views, expected {}", views.len(), sets.len()));
    }
    for (view, set) in views.iter().zip(sets) {
        let number = |name: &str| set[name].as_f64();
        let corner = view.corner.map(Some);
        let same = corner == [number("row_pct"), number("col_pct")]
            && set["flip"].as_bool() == Some(view.mirrored)
            && number("zoom") == Some(view.scale);
        if !same {
            return Err(format!("{view:?}, expected {set}"));
        }
    }
    Ok(())
}
