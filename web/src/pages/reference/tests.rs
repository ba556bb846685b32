//! The page against the document that it is made from.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

/// The values of an attribute, in order.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!(" {name}=\"");
    page.split(&begin).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

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

#[test]
fn every_call_and_reference_of_the_document_is_on_the_page_and_links_lead_somewhere() {
    let document = crate::openapi::openapi();
    let Reference { calls, types } = rendered();
    let (page, types) = (&calls.0, &types.0);
    let mut ids = attributes(page, "id");
    let of_types = attributes(types, "id");
    let on_calls: BTreeSet<&str> = ids.iter().copied().collect();
    let on_types: BTreeSet<&str> = of_types.iter().copied().collect();
    ids.extend(of_types);
    let known: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(known.len(), ids.len(), "an id is there twice");
    let mut links: BTreeSet<&str> = attributes(page, "href").into_iter().collect();
    links.extend(attributes(types, "href"));
    for link in &links {
        match link.split_once('#') {
            Some(("", id)) => assert!(on_calls.contains(id), "{link} leads nowhere"),
            Some((TYPES_PATH, id)) => assert!(on_types.contains(id), "{link} leads nowhere"),
            _ => assert!(["/api/v1/openapi.json", "/help/api"].contains(link), "{link}"),
        }
    }
    assert!(attributes(types, "href").iter().all(|link| !link.starts_with('#')));
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, call) in methods.as_object().unwrap() {
            let id = format!("call-{}", call["operationId"].as_str().unwrap());
            assert!(known.contains(id.as_str()), "{method} {path}");
            assert!(links.contains(format!("#{id}").as_str()), "{method} {path} is not listed");
            let heading = format!("<strong>{}</strong> {path}</code>", method.to_uppercase());
            assert!(page.contains(&heading), "{heading}");
        }
    }
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for reference in found {
        let name = reference.rsplit('/').next().unwrap();
        let ends = |link: &&str| link.ends_with(&format!("-{name}"));
        assert!(links.iter().any(ends), "{reference} is not linked");
        assert!(ids.iter().any(ends), "{reference} is not described");
    }
}

#[test]
fn the_pages_run_nothing_bring_no_style_and_stay_small() {
    for page in [&rendered().calls.0, &rendered().types.0] {
        runs_nothing_and_is_small(page);
    }
}

fn runs_nothing_and_is_small(page: &str) {
    for forbidden in ["<script", " style=", " onclick", "javascript:", "<style"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, page.as_bytes()).unwrap();
    let packed = packed.finish().unwrap().len();
    // The budget of a page, less what each of them has of styles and scripts.
    assert!(packed <= 33_000, "{packed} of {} bytes", page.len());
}

fn of(call: &Value, schemas: &Value) -> String {
    let document = json!({
        "paths": { "/api/v1/things/{id}": { "post": call } },
        "components": { "schemas": schemas },
    });
    calls(&document).into_string()
}

#[test]
fn texts_of_the_document_are_escaped_and_code_in_them_is_marked() {
    let call = json!({
        "operationId": "make", "summary": "<b>Make</b> it", "tags": ["things"],
        "description": "For `a < b`.", "responses": { "204": { "description": "It is \"made\"." } },
    });
    let page = of(&call, &json!({}));
    assert!(page.contains("&lt;b&gt;Make&lt;/b&gt; it") && !page.contains("<b>"));
    assert!(page.contains("For <code>a &lt; b</code>."));
}

#[test]
fn an_example_has_a_body_of_the_right_form_and_cannot_end_its_quotes() {
    let call = json!({
        "operationId": "make", "summary": "Make it", "tags": ["things"], "description": "",
        "parameters": [{ "name": "id", "in": "path", "required": true,
            "schema": { "type": "integer" } }],
        "requestBody": { "required": true, "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/Thing" } } } },
        "responses": { "200": { "description": "It is." } },
    });
    let schemas = json!({ "Thing": {
        "type": "object", "required": ["name", "kind", "size", "next"],
        "properties": {
            "name": { "type": "string" }, "kind": { "const": "it's" },
            "size": { "type": ["integer", "null"], "minimum": 3 }, "other": { "type": "string" },
            "next": { "anyOf": [{ "type": "array" }, { "$ref": "#/components/schemas/Thing" }] },
        },
    }});
    let page = of(&call, &schemas);
    let line = "curl -H &quot;Authorization: Bearer $TOKEN&quot; -H 'Content-Type: \
                application/json' -d '{&quot;kind&quot;:&quot;it'\\''s&quot;,&quot;name&quot;:\
                &quot;...&quot;,&quot;next&quot;:[],&quot;size&quot;:3}' \
                &quot;$HEAD/api/v1/things/1&quot;";
    assert!(page.contains(line), "{page}");
    assert!(page.contains("may be absent"));
}
