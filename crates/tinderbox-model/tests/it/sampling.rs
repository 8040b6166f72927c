//! Golden: how maps are made larger and smaller.

use burn::tensor::{Device, Tensor, TensorData};
use serde_json::Value;
use tinderbox_golden::{Case, Group, Report};
use tinderbox_ops::{Neighbors, blur, pixel_shuffle, resize_nearest};

#[test]
fn maps_are_sampled_as_in_pytorch() {
    let group = Group::open("sampling");
    let mut report = Report::new("sampling");
    for case in group.cases() {
        match case.config()["kind"].as_str() {
            Some("grid_sample" | "interpolate_area") => {
                report.not_run(case.id(), "done to pictures: the data's tests run it");
            }
            kind => report.case(case.id(), check(case, kind)),
        }
    }
    report.finish();
}

fn check(case: Case<'_>, kind: Option<&str>) -> Result<(), String> {
    let input = case.input("x");
    let data = TensorData::new(input.f32().to_vec(), input.shape.clone());
    let x = Tensor::<4>::from_data(data, &Device::flex());
    let number = |value: &Value| value.as_u64().map(|number| number as usize);
    let y = match kind {
        Some("interpolate_nearest") => {
            let size = [0, 1].map(|axis| number(&case.config()["out"][axis]).unwrap_or_default());
            resize_nearest(x, size)
        }
        Some("pixel_shuffle") => {
            pixel_shuffle(x, number(&case.config()["scale"]).ok_or("no scale")?)
        }
        // One row above and one column left of the map are its edge again.
        Some("blur") => blur(x, Neighbors::Before),
        kind => return Err(format!("nothing is known of {kind:?}")),
    };
    let shape = y.dims();
    case.check("y", &shape, &y.into_data().try_to_vec::<f32>().map_err(|error| error.to_string())?)
}
