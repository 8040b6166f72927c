//! JSON Schemas, as the standard reads them.

use serde_json::Value;

/// What a schema finds wrong with a value; nothing if it is valid.
#[track_caller]
pub fn schema_errors(schema: &Value, value: &Value) -> Vec<String> {
    let validator =
        jsonschema::validator_for(schema).unwrap_or_else(|error| panic!("no schema: {error}"));
    validator.iter_errors(value).map(|error| error.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_that_does_not_fit_is_noticed() {
        let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
        assert!(schema_errors(&schema, &json!({ "n": 1 })).is_empty());
        assert_eq!(schema_errors(&schema, &json!({ "n": "1" })).len(), 1);
    }
}
