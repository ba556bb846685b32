//! JSON schemas as tables of fields.

use maud::{Markup, html};
use serde_json::Value;

use super::{entries, link, resolved};

/// What a schema admits, in a few words. What it refers to is linked.
pub(super) fn kind(schema: &Value) -> Markup {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return html! { a href=(link(reference)) { (name) } };
    }
    if let Some(only) = schema.get("const") {
        return html! { code { (only) } };
    }
    if let Some(variants) = variants(schema) {
        return list(variants.iter().map(kind), " or ");
    }
    if let Some(parts) = schema["prefixItems"].as_array() {
        return html! { "list of exactly: " (list(parts.iter().map(kind), ", ")) };
    }
    if schema["items"].is_object() {
        return html! { "list of " (kind(&schema["items"])) };
    }
    if schema["properties"].is_object() {
        let names = entries(&schema["properties"]).map(|(name, value)| match value.get("const") {
            Some(only) => html! { code { (name) ": " (only) } },
            None => html! { code { (name) } },
        });
        return html! { "object with " (list(names, ", ")) };
    }
    if schema["additionalProperties"].is_object() {
        return html! { "object with " (kind(&schema["additionalProperties"])) " by name" };
    }
    plain(schema)
}

/// A type without parts.
fn plain(schema: &Value) -> Markup {
    let names = match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => vec!["anything"],
    };
    html! {
        (names.join(" or "))
        @if let Some(format) = schema["format"].as_str() { " (" (format) ")" }
        @if let Some(pattern) = schema["pattern"].as_str() { ", matching " code { (pattern) } }
    }
}

/// All that is in a schema: its fields, or what it may be.
pub(super) fn fields(schema: &Value) -> Markup {
    html! {
        @if schema["properties"].is_object() { (table(schema)) }
        @if let Some(variants) = variants(schema) {
            p { "One of:" }
            ul {
                @for variant in variants {
                    li {
                        (kind(variant))
                        @if let Some(about) = variant["description"].as_str() {
                            ": " (prose(about))
                        }
                        @if variant["properties"].is_object() { (table(variant)) }
                    }
                }
            }
        } @else if !schema["properties"].is_object() {
            p { (kind(schema)) }
        }
    }
}

/// The fields of what a schema, or what it refers to, is; `None` where there are none to list.
pub(super) fn fields_of(document: &Value, schema: &Value) -> Option<Markup> {
    let resolved = resolved(document, schema);
    let has_fields = resolved["properties"].is_object() || variants(resolved).is_some();
    has_fields.then(|| fields(resolved))
}

fn table(schema: &Value) -> Markup {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    html! {
        div.scroll tabindex="0" role="region" aria-label="Fields" {
            table {
                thead { tr { th scope="col" { "Field" } th scope="col" { "Type" }
                    th scope="col" { "What it is" } } }
                tbody {
                    @for (name, field) in entries(&schema["properties"]) {
                        tr {
                            th scope="row" { code { (name) } }
                            td {
                                (kind(field))
                                @if !required.contains(&name) { br; small { "may be absent" } }
                            }
                            td {
                                (prose(field["description"].as_str().unwrap_or("")))
                                @if let Some(default) = short_default(field) {
                                    " If absent: " code { (default) } "."
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What a field is when it is left out, where that is a few words.
fn short_default(field: &Value) -> Option<String> {
    let default = field.get("default").filter(|default| !default.is_null())?.to_string();
    (default.len() <= 40).then_some(default)
}

fn variants(schema: &Value) -> Option<&Vec<Value>> {
    schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array())
}

fn list(items: impl IntoIterator<Item = Markup>, between: &str) -> Markup {
    html! {
        @for (index, item) in items.into_iter().enumerate() {
            @if index > 0 { (between) }
            (item)
        }
    }
}

/// A description, in which backticks enclose code.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
