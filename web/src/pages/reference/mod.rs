//! What can be called, for people: the OpenAPI document as two pages that need no script, one of
//! calls and one of what they take and answer.

mod example;
mod schema;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use maud::{Markup, html};
use serde_json::{Map, Value};

use schema::{fields, fields_of, kind, prose};

/// Where the second page is.
pub(crate) const TYPES_PATH: &str = "/help/api/types";

/// The reference of this head: its calls, and their types.
pub(crate) struct Reference {
    pub(crate) calls: Markup,
    pub(crate) types: Markup,
}

/// The reference, made when it is first asked for.
pub(crate) fn rendered() -> &'static Reference {
    static RENDERED: OnceLock<Reference> = OnceLock::new();
    RENDERED.get_or_init(|| {
        let document = crate::openapi::openapi();
        Reference { calls: calls(&document), types: answers_and_types(&document) }
    })
}

/// One method of one path.
struct Call<'a> {
    method: &'a str,
    path: &'a str,
    about: &'a Value,
}

impl<'a> Call<'a> {
    fn said(&self, field: &str) -> &'a str {
        self.about[field].as_str().unwrap_or_default()
    }

    fn anchor(&self) -> String {
        format!("call-{}", self.said("operationId"))
    }

    fn parameters(&self) -> &'a [Value] {
        self.about["parameters"].as_array().map_or(&[], Vec::as_slice)
    }
}

/// The calls of a document of OpenAPI 3.1, as `crate::openapi` makes them.
fn calls(document: &Value) -> Markup {
    let groups = groups(document);
    html! {
        p {
            "Everything that the command line does goes through these calls. Programs read the "
            "same from " a href="/api/v1/openapi.json" { "openapi.json" } "."
        }
        (example::preface())
        nav aria-label="Calls" {
            @for (group, calls) in &groups {
                details {
                    summary { (group) }
                    ul {
                        @for call in calls {
                            li {
                                a href={ "#" (call.anchor()) } { (call.said("summary")) }
                                " " small { code { (call.method) " " (call.path) } }
                            }
                        }
                    }
                }
            }
            ul {
                li { a href={ (TYPES_PATH) "#problems" } { "Problems" } }
                li { a href={ (TYPES_PATH) "#types" } { "Types" } }
            }
        }
        @for (group, calls) in &groups {
            section id={ "group-" (group) } {
                h2 { (group) }
                @for call in calls { (described(document, call)) }
            }
        }
    }
}

/// What calls take and answer, in a document like that of `calls`.
fn answers_and_types(document: &Value) -> Markup {
    html! {
        p { "What the " a href="/help/api" { "calls of the API" } " take and answer." }
        (problems(document))
        (types(document))
    }
}

/// The calls by what they are about, in the order of the document.
fn groups(document: &Value) -> Vec<(&str, Vec<Call<'_>>)> {
    let mut groups: Vec<(&str, Vec<Call<'_>>)> = Vec::new();
    for (path, methods) in entries(&document["paths"]) {
        for (method, about) in entries(methods) {
            let group = about["tags"][0].as_str().unwrap_or("other");
            let call = Call { method, path, about };
            match groups.iter_mut().find(|(name, _)| *name == group) {
                Some((_, calls)) => calls.push(call),
                None => groups.push((group, vec![call])),
            }
        }
    }
    groups
}

fn described(document: &Value, call: &Call<'_>) -> Markup {
    html! {
        section id=(call.anchor()) {
            h3 { (call.said("summary")) }
            p { code { strong { (call.method.to_uppercase()) } " " (call.path) } }
            p { (prose(call.said("description"))) }
            @if !call.parameters().is_empty() { (parameters(call)) }
            @if let Some(body) = call.about.get("requestBody") {
                h4 { "Body" }
                @if body["required"] != true { p { "It may be left out." } }
                @for (media, content) in entries(&body["content"]) {
                    (body_of(document, media, &content["schema"]))
                }
            }
            h4 { "Answers" }
            (answers(document, call))
            @if let Some(line) = example::line(document, call) {
                h4 { "Example" }
                pre tabindex="0" { code { (line) } }
            }
        }
    }
}

fn parameters(call: &Call<'_>) -> Markup {
    html! {
        h4 { "Parameters" }
        div.scroll tabindex="0" role="region" aria-label="Parameters" {
            table {
                thead { tr { th scope="col" { "Name" } th scope="col" { "Where" }
                    th scope="col" { "Type" } th scope="col" { "What it is" } } }
                tbody {
                    @for parameter in call.parameters() {
                        tr {
                            th scope="row" { code { (parameter["name"].as_str().unwrap_or("")) } }
                            td { (place(parameter)) }
                            td { (kind(&parameter["schema"])) }
                            td { (prose(parameter["description"].as_str().unwrap_or(""))) }
                        }
                    }
                }
            }
        }
    }
}

fn place(parameter: &Value) -> &'static str {
    match (parameter["in"].as_str(), parameter["required"] == true) {
        (Some("path"), _) => "path",
        (_, true) => "query, always",
        (_, false) => "query, may be left out",
    }
}

/// A body: its media type, its type, and the fields of that.
fn body_of(document: &Value, media: &str, schema: &Value) -> Markup {
    html! {
        p {
            code { (media) }
            @if !schema.is_null() { ": " (kind(schema)) }
        }
        @if let Some(table) = fields_of(document, schema) {
            details {
                summary { "Its fields" }
                (table)
            }
        }
    }
}

fn answers(document: &Value, call: &Call<'_>) -> Markup {
    let (named, own): (Vec<_>, Vec<_>) =
        entries(&call.about["responses"]).partition(|(_, answer)| answer.get("$ref").is_some());
    html! {
        @for (status, answer) in own {
            p {
                strong { (status) } " "
                (prose(answer["description"].as_str().unwrap_or("")))
            }
            @for (media, content) in entries(&answer["content"]) {
                (body_of(document, media, &content["schema"]))
            }
        }
        @if !named.is_empty() {
            p {
                "Problems: "
                @for (index, (status, answer)) in named.iter().enumerate() {
                    @if index > 0 { ", " }
                    a href=(link(answer["$ref"].as_str().unwrap_or(""))) { (status) }
                }
            }
        }
    }
}

fn problems(document: &Value) -> Markup {
    html! {
        section id="problems" {
            h2 { "Problems" }
            p {
                "An answer of 400 or more is of the type " code { "application/problem+json" }
                ": what went wrong, why, and what to do next."
            }
            @for (name, answer) in entries(&document["components"]["responses"]) {
                section id=(anchor(&format!("#/components/responses/{name}"))) {
                    h3 { (name.trim_start_matches("Problem")) }
                    p { (prose(answer["description"].as_str().unwrap_or(""))) }
                    @for (media, content) in entries(&answer["content"]) {
                        p { code { (media) } ": " (kind(&content["schema"])) }
                    }
                }
            }
        }
    }
}

fn types(document: &Value) -> Markup {
    html! {
        section id="types" {
            h2 { "Types" }
            p {
                "A type called " code { "Given…" } " is that of a request; fields may be left out "
                "of it which are in every answer."
            }
            @for (name, schema) in entries(&document["components"]["schemas"]) {
                section id=(anchor(&format!("#/components/schemas/{name}"))) {
                    h3 { (name) }
                    p { (prose(schema["description"].as_str().unwrap_or(""))) }
                    (fields(schema))
                }
            }
        }
    }
}

/// The address of what a reference of the document names.
fn link(reference: &str) -> String {
    format!("{TYPES_PATH}#{}", anchor(reference))
}

/// Where on the page stands what a reference of the document names.
fn anchor(reference: &str) -> String {
    let mut parts = reference.rsplit('/');
    let (name, sort) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match sort {
        "schemas" => format!("type-{name}"),
        _ => format!("answer-{name}"),
    }
}

/// What a reference names; itself when it is none.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = value.as_object().into_iter().flat_map(Map::iter);
    entries.map(|(name, value)| (name.as_str(), value))
}
