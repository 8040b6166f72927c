use super::*;
use crate::{Classify, ClassifyTexts, LanguageModel, Segment, TASKS};

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// What a value of a field is refused with.
#[track_caller]
fn check_refused(field: &str, text: &str, reason: &str) {
    let fields = fields::<Classify>();
    let field = fields.iter().find(|known| known.key == field).unwrap();
    let error = match field.parse(text) {
        Err(error) => error.to_string(),
        Ok(value) => {
            let one = [(field.key.clone(), value)].into_iter().collect();
            Settings::<Classify>::from_json(&one).unwrap_err().to_string()
        }
    };
    assert!(error.contains(reason), "{error}");
}

#[test]
fn values_that_do_not_fit_are_refused_with_what_would() {
    check_refused("lr", "-1", "expected a number above 0");
    check_refused("lr", "nan", "a number above 0, such as 0.01");
    check_refused("epochs", "0", "expected a whole number of at least 1");
    check_refused("epochs", "two", "expected a whole number");
    check_refused("workers", "5000", "from 0 to 1024");
    check_refused("valid", "1.5", "not between 0 and 1; to hold out a fifth, write `0.2`");
    check_refused("valid", "-0.1", "not between 0 and 1");
    check_refused("valid", "a/b", "directly below the data");
    check_refused("size", "100000", "1 to 4096");
    check_refused("device", "tpu", "`gpu:1` for the second GPU");
    check_refused("oversample", "maybe", "expected `true` or `false`");
}

#[test]
fn a_setting_is_one_value_however_it_is_spelled() {
    let read = |given: Value| Settings::<Classify>::from_json(&object(&given)).unwrap().given();
    let percent = read(serde_json::json!({ "valid": "20%", "size": 28, "lr": 1 }));
    let plain = read(serde_json::json!({ "valid": 0.2, "size": "28x28", "lr": 1.0 }));
    assert_eq!(percent, plain);
    assert_eq!(plain["valid"], "0.2");
    assert_eq!(read(serde_json::json!({ "valid": "auto" })), Map::new());
    let data = read(serde_json::json!({ "data": "photos/" }));
    let here = std::env::current_dir().unwrap();
    assert_eq!(data["data"], here.join("photos").display().to_string());
    for valid in ["held-out", "held-out/"] {
        let valid: Valid = valid.parse().unwrap();
        assert_eq!(valid, Valid::Named("held-out".into()));
    }
    assert!(matches!("a/valid.txt".parse().unwrap(), Valid::List(_)));
    let read =
        |given: Value| Settings::<ClassifyTexts>::from_json(&object(&given)).unwrap().given();
    let short = read(serde_json::json!({ "text": "review", "label": 0 }));
    assert_eq!(short, read(serde_json::json!({ "text": ["review"], "label": "0" })));
}

#[test]
fn unknown_settings_are_named_with_what_may_be_meant() {
    let given = object(&serde_json::json!({ "epoch": 3 }));
    let error = Settings::<Classify>::from_json(&given).unwrap_err();
    assert_eq!(error.to_string(), "there is no setting `epoch` for task `classify`");
    assert_eq!(error.hint().unwrap(), "did you mean `epochs`?");
    let given = object(&serde_json::json!({ "masks": "m" }));
    assert!(Settings::<Classify>::from_json(&given).is_err());
    assert!(Settings::<Segment>::from_json(&given).is_ok());
}

/// All that surfaces show of a setting comes from its field.
#[test]
fn every_setting_is_described() {
    for task in TASKS {
        let fields = task.fields();
        assert!(fields.len() > 12, "{task:?}");
        for field in fields {
            let name = format!("{task:?} {}", field.key);
            assert!(!field.help.is_empty(), "{name} has no doc comment");
            assert!(!field.help.ends_with('.'), "{name}: {}", field.help);
            assert!(!field.kinds.is_empty(), "{name} takes no kind of value");
            let decided = field.default.is_some() || field.usual.is_some();
            assert!(decided || field.key == "data", "{name} says no default");
        }
    }
}

#[test]
fn default_files_are_settings() {
    fn check<T: Task>() {
        let text = whole_file::<T>(&Map::new());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &text).unwrap();
        let (task, settings) = read_file(file.path()).unwrap();
        assert_eq!(task.as_deref(), Some(T::ABOUT.name));
        let settings = Settings::<T>::from_json(&settings).unwrap();
        assert_eq!(settings.common.seed, Some(crate::train::SEED));
    }
    check::<Classify>();
    check::<Segment>();
    check::<LanguageModel>();
    check::<ClassifyTexts>();
}

#[test]
fn errors_about_settings_name_the_way_out() {
    use crate::error::check;
    check(
        SettingsError::UnknownTask { name: "clasify".into(), known: vec!["classify", "segment"] },
        "there is no task `clasify`",
        Some("choose one of classify, segment"),
    );
    check(
        SettingsError::OfOtherTask { setting: "mask_name".into(), task: "classify" },
        "`--mask-name` is not a setting of the task `classify`",
        Some("--task"),
    );
    check(
        SettingsError::Unused { setting: "until", reason: "it is for pretrained networks" },
        "`--until` has no effect here: it is for pretrained networks",
        Some("leave it out"),
    );
    check(
        SettingsError::Missing { setting: "data" },
        "no data given",
        Some("name a folder or a file"),
    );
    check(
        SettingsError::File { file: "run.toml".into(), reason: "expected `=`".into() },
        "run.toml is not a configuration file: expected `=`",
        Some("config default"),
    );
    check(
        SettingsError::Invalid {
            setting: "lr".into(),
            value: "-1".into(),
            reason: "expected a number above 0".into(),
        },
        "`lr` is -1: expected a number above 0",
        None,
    );
}
