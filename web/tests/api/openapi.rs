//! The OpenAPI document, and every answer of every test held against it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{LazyLock, Mutex};

use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use bramble_web::openapi;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(openapi);

/// Panics where an answer to a call of the document is not one that it names.
pub(crate) fn check(method: &Method, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap_or_default();
    let Some((template, operation)) = operation(method, path) else { return };
    // A problem of the connection or of the framework, before a handler is asked.
    if answer.status == StatusCode::METHOD_NOT_ALLOWED {
        return;
    }
    let what = format!("{method} {template}: {}", answer.status);
    let mut described = &operation["responses"][answer.status.as_str()];
    if let Some(reference) = described["$ref"].as_str() {
        described = DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap();
    }
    assert!(described.is_object(), "{what} is not in the document: {answer:?}");
    // Its answer has no body, whatever its headers say.
    if *method == Method::HEAD {
        return;
    }
    let media = answer.headers.get(CONTENT_TYPE).map(|media| media.to_str().unwrap());
    let Some(contents) = described["content"].as_object() else {
        assert!(answer.body.is_empty(), "{what} should have no body: {answer:?}");
        return;
    };
    let media = media.unwrap_or_else(|| panic!("{what}: no content type"));
    let content = contents.get(media).or_else(|| contents.get("*/*"));
    let content = content.unwrap_or_else(|| panic!("{what} should not be {media}"));
    let Some(schema) = content.get("schema") else { return };
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let faults = faults(schema, &body);
    assert!(faults.is_empty(), "{what}: {faults:#?}\n{body:#}");
}

/// What the document says of a call.
fn operation(method: &Method, path: &str) -> Option<(&'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let matches = |template: &str| {
        let (ours, theirs) = (template.split('/'), path.split('/'));
        ours.clone().count() == theirs.clone().count()
            && ours.zip(theirs).all(|(ours, theirs)| ours == theirs || ours.starts_with('{'))
    };
    // A path without parameters comes before one that has them.
    let exact = paths.get_key_value(path);
    let (template, methods) = exact.or_else(|| paths.iter().find(|(path, _)| matches(path)))?;
    Some((template.as_str(), methods.get(method.as_str().to_lowercase())?))
}

/// What of a value is not as the schema says.
fn faults(schema: &Value, value: &Value) -> Vec<String> {
    static KNOWN: Mutex<BTreeMap<String, &'static Validator>> = Mutex::new(BTreeMap::new());
    let validator = *KNOWN.lock().unwrap().entry(schema.to_string()).or_insert_with(|| {
        let whole = json!({ "allOf": [schema], "components": DOCUMENT["components"] });
        // As many as there are types, for the length of the tests.
        Box::leak(Box::new(jsonschema::draft202012::new(&whole).unwrap()))
    });
    let told =
        |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    validator.iter_errors(value).map(told).collect()
}

fn schema(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

#[test]
fn the_document_in_docs_is_the_one_that_is_served() {
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let written = std::fs::read_to_string(written).unwrap();
    assert!(
        written.trim_end() == format!("{:#}", *DOCUMENT),
        "docs/openapi.json is not current: `cargo xtask openapi` writes it"
    );
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(entries) => {
                found.extend(entries.get("$ref").and_then(Value::as_str).map(str::to_owned));
                entries.values().for_each(|value| references(value, found));
            }
            Value::Array(entries) => entries.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    references(&DOCUMENT, &mut found);
    assert!(found.len() > 30, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(DOCUMENT.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn no_two_calls_have_one_name() {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let operations = paths.values().flat_map(|methods| methods.as_object().unwrap().values());
    let names: Vec<_> = operations.map(|operation| operation["operationId"].as_str()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
}

#[test]
fn what_is_asked_may_leave_out_what_is_always_answered() {
    let spec = json!({
        "name": "sort", "module": "0".repeat(64), "input": "f".repeat(64),
    });
    assert_eq!(faults(&schema("GivenJobSpec"), &spec), [""; 0]);
    assert!(!faults(&schema("JobSpec"), &spec).is_empty());
}

#[test]
fn texts_and_numbers_that_cannot_be_are_against_the_schema() {
    for (name, wrong) in [
        ("Digest", json!("F".repeat(64))),
        ("Digest", json!("f".repeat(63))),
        ("SplitRule", json!("records:")),
        ("JobId", json!(-1)),
        ("Order", json!({ "order": "dance" })),
        ("SubmitRequest", json!({ "secrets": {} })),
        ("Secret", json!({ "hex": "abc" })),
    ] {
        assert!(!faults(&schema(name), &wrong).is_empty(), "{name}: {wrong}");
    }
    assert_eq!(faults(&schema("SplitRule"), &json!("records:8")), [""; 0]);
    assert_eq!(faults(&schema("Secret"), &json!({ "hex": "00fF" })), [""; 0]);
}
