//! Calls as lines of curl.

use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::{Call, entries, resolved};

/// Types within types that an example shows.
const DEPTH_MAX: u32 = 6;

/// What the lines take for granted.
pub(super) fn preface() -> Markup {
    html! {
        p {
            "In the examples " code { "$HEAD" } " is the address of this head, and " code { "$TOKEN" }
            " a token as " a href="#call-login" { "signing in" } " answers with it:"
        }
        pre tabindex="0" { code { "HEAD=http://bramble.local:8420\nTOKEN=…" } }
    }
}

/// A call as a line for a shell; `None` for what is called by nodes, with their certificates.
pub(super) fn line(document: &Value, call: &Call<'_>) -> Option<String> {
    if call.said("description") == "For nodes." {
        return None;
    }
    let mut words = vec!["curl".to_owned()];
    if !matches!(call.method, "get" | "post") || (call.method == "post" && !has_body(call)) {
        words.push(format!("-X {}", call.method.to_uppercase()));
    }
    if call.about["security"] != json!([]) {
        words.push("-H \"Authorization: Bearer $TOKEN\"".into());
    }
    for (media, content) in entries(&call.about["requestBody"]["content"]).take(1) {
        words.push(format!("-H 'Content-Type: {media}'"));
        words.push(match media {
            "application/json" => {
                let body = sample(document, &content["schema"], 0).to_string();
                format!("-d '{}'", body.replace('\'', "'\\''"))
            }
            "application/x-www-form-urlencoded" => "-d 'FIELD=VALUE'".into(),
            _ => "--data-binary @FILE".into(),
        });
    }
    let answer = entries(&call.about["responses"]).find(|(status, _)| status.starts_with('2'));
    let media = answer.and_then(|(_, answer)| entries(&answer["content"]).next());
    match media.map(|(media, _)| media) {
        Some("application/octet-stream" | "application/x-tar" | "*/*") => {
            words.push("-o FILE".into());
        }
        Some("text/event-stream") => words.push("-N".into()),
        _ => {}
    }
    words.push(format!("\"$HEAD{}\"", address(call)));
    Some(words.join(" "))
}

fn has_body(call: &Call<'_>) -> bool {
    call.about["requestBody"].is_object()
}

/// The path with something in the place of each parameter.
fn address(call: &Call<'_>) -> String {
    let mut address = call.path.to_owned();
    for parameter in call.parameters().iter().filter(|it| it["in"] == "path") {
        let name = parameter["name"].as_str().unwrap_or_default();
        let value = match parameter["schema"]["type"].as_str() {
            Some("integer") => "1".to_owned(),
            _ => name.to_uppercase(),
        };
        address = address.replace(&format!("{{{name}}}"), &value);
    }
    address
}

/// The least that a schema admits.
fn sample(document: &Value, schema: &Value, depth: u32) -> Value {
    let schema = resolved(document, schema);
    if let Some(only) = schema.get("const").or_else(|| schema.get("default")) {
        return only.clone();
    }
    if depth >= DEPTH_MAX {
        return Value::Null;
    }
    for variants in ["oneOf", "anyOf"] {
        if let Some(first) = schema[variants].get(0) {
            return sample(document, first, depth + 1);
        }
    }
    let name = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match name {
        Some("string") => json!("..."),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(0)),
        Some("boolean") => json!(false),
        Some("array") => json!([]),
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten();
            let fields = required.filter_map(Value::as_str).map(|name| {
                (name.to_owned(), sample(document, &schema["properties"][name], depth + 1))
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        _ => Value::Null,
    }
}
