//! The key table, as seen from outside: the reference page is its print, the JSON Schema accepts
//! what loads and knows no planned key, and every example loads.

use std::path::Path;

use corelane_config::schema::reference;
use serde_json::Value;

use crate::support::loader;

/// Services and listeners that the examples refer to.
const PRELUDE: &str = "
services:
  user-service: {endpoints: [192.0.2.1:1]}
  order-service: {endpoints: [192.0.2.1:2]}
  payment-service: {subsets: {v1: {endpoints: [192.0.2.1:3]}, v2: {endpoints: [192.0.2.1:4]}}}
";

/// A route for the examples of tests.
const ROUTE: &str = "
routes: [{path: /api/v1/users/*, service: user-service, strip_prefix: /api/v1}]
";

#[test]
fn the_reference_page_is_what_the_table_prints() {
    let page = Path::new("../docs/configuration.md");
    let printed = reference();
    if std::env::var_os("CORELANE_BLESS").is_some() {
        std::fs::write(page, &printed).expect("writable");
    }
    let written = std::fs::read_to_string(page).unwrap_or_default();
    assert!(
        written == printed,
        "docs/configuration.md is not what the key table says; \
         CORELANE_BLESS=1 cargo test -p corelane-config writes it"
    );
}

#[test]
fn every_example_of_the_page_loads() {
    let page = reference();
    let examples: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().expect("split gives one"))
        .collect();
    assert!(examples.len() > 15, "{} examples", examples.len());
    for example in examples {
        let route = if example.contains("tests:") {
            ROUTE
        } else {
            ""
        };
        let text = format!("{PRELUDE}---\n{route}---\n{example}");
        if let Err(errors) = loader().from_yaml("example.yaml", &text) {
            panic!("{errors}\n{example}");
        }
    }
}

#[test]
fn the_schema_accepts_the_fixtures_that_load() {
    let schema = corelane_config::schema();
    for name in [
        "everything",
        "warnings",
        "rewrites",
        "conditions",
        "weights",
    ] {
        let text = std::fs::read_to_string(format!("tests/accept/{name}.yaml")).expect("a fixture");
        let value: Value = serde_yaml::from_str(&text).expect("YAML");
        let mistakes = check(&schema, &schema, &value, name);
        assert_eq!(mistakes, [] as [String; 0]);
    }
}

#[test]
fn the_schema_refuses_what_the_loader_refuses() {
    let schema = corelane_config::schema();
    for (text, mistake) in [
        ("routs: []", "routs is unknown"),
        ("rate_limits: []", "rate_limits is unknown"),
        ("routes: [{service: s}]", "routes[0] has no path"),
        (
            "routes: [{path: /, auth: main}]",
            "routes[0].auth is unknown",
        ),
        ("routes: [{path: /, timeout: 30}]", ""),
        ("routes: [{path: /, timeout: 30 s}]", "routes[0].timeout"),
        ("runtime: {workers: 0}", "runtime.workers"),
        ("runtime: {io: uringg}", "runtime.io"),
        ("listeners: []", "listeners"),
        (
            "services: {s: {endpoints: [1.2.3.4:1, {weight: 1}]}}",
            "services.s.endpoints[1]",
        ),
    ] {
        let value: Value = serde_yaml::from_str(text).expect("YAML");
        let mistakes = check(&schema, &schema, &value, "");
        let found = mistakes
            .iter()
            .any(|found| found.trim_start_matches('.').starts_with(mistake));
        assert!(mistake.is_empty() || found, "{text}: {mistakes:?}");
    }
}

/// The part of JSON Schema that ours uses; says what of `value` does not fit.
fn check(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference
            .strip_prefix("#/$defs/")
            .expect("a local reference");
        return check(root, &root["$defs"][name], value, path);
    }
    if let Some(ways) = schema["anyOf"].as_array() {
        let fits = ways
            .iter()
            .any(|way| check(root, way, value, path).is_empty());
        return if fits {
            Vec::new()
        } else {
            vec![format!("{path} fits in no way")]
        };
    }
    let mut mistakes = Vec::new();
    let mut require = |holds: bool, what: &str| {
        if !holds {
            mistakes.push(format!("{path} {what}"));
        }
    };
    if let Some(words) = schema["enum"].as_array() {
        require(words.contains(value), "is none of the words");
    }
    require(has_type(&schema["type"], value), "has another type");
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str()) {
        require(
            regex::Regex::new(pattern).expect("a regex").is_match(text),
            "has another form",
        );
    }
    if let (Some(least), Some(number)) = (schema["minimum"].as_u64(), value.as_u64()) {
        require(
            number >= least && number <= schema["maximum"].as_u64().expect("both"),
            "is out of range",
        );
    }
    if let (Some(least), Some(items)) = (schema["minItems"].as_u64(), value.as_array()) {
        require(items.len() as u64 >= least, "is empty");
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        mistakes.extend(check(
            root,
            &schema["items"],
            item,
            &format!("{path}[{index}]"),
        ));
    }
    mistakes.extend(check_entries(root, schema, value, path));
    mistakes
}

fn check_entries(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        let extension = schema["patternProperties"].is_object() && key.starts_with("x-");
        match (&schema["properties"][key], &schema["additionalProperties"]) {
            _ if extension => {}
            (Value::Null, Value::Bool(false)) => mistakes.push(format!("{path} is unknown")),
            (Value::Null, Value::Object(_)) => {
                mistakes.extend(check(root, &schema["additionalProperties"], value, &path));
            }
            (Value::Null, _) => {}
            (known, _) => mistakes.extend(check(root, known, value, &path)),
        }
    }
    for key in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if value.get(key).is_none() {
            mistakes.push(format!("{path} has no {key}"));
        }
    }
    mistakes
}

fn has_type(wanted: &Value, value: &Value) -> bool {
    let is = |wanted: &str| match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("a type that the table does not use: {other}"),
    };
    match wanted {
        Value::String(wanted) => is(wanted),
        Value::Array(list) => list.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}
