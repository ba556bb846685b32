//! The OpenAPI document, made from the types of the API and one entry for each route.

mod operation;
mod schemas;
mod table;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use bramble_protocol::Problem;
use serde_json::{Map, Value, json};

use operation::{Content, Operation, Takes};
use schemas::Schemas;

use crate::access;

/// Of OpenAPI; its schemas are those of JSON Schema 2020-12.
const OPENAPI: &str = "3.1.0";
/// Problems that any call may have: malformed or from another site, a fault, too much to do.
const ANYWHERE: [u16; 4] = [400, 403, 500, 503];
/// Those of calls that need an account: none is given, or it does too much at a time.
const WITH_ACCOUNT: [u16; 2] = [401, 429];
/// That of calls with a body.
const WITH_BODY: [u16; 1] = [413];

/// The document as the head serves it at `/api/v1/openapi.json`.
pub fn openapi() -> Value {
    let mut schemas = Schemas::new();
    let problem = schemas.answered(schemars::SchemaGenerator::subschema_for::<Problem>);
    let mut problems = BTreeSet::new();
    let mut paths = Map::new();
    let operations = table::operations();
    let described: Vec<Value> =
        operations.iter().map(|one| described(one, &mut problems, &mut schemas)).collect();
    let (schemas, renamed) = schemas.finish();
    for (operation, mut described) in operations.iter().zip(described) {
        renamed.apply(&mut described["requestBody"]);
        if described["requestBody"].is_null() {
            described.as_object_mut().expect("it is an object").remove("requestBody");
        }
        if operation.makes_a_job() {
            described["responses"]["201"]["links"] = links_from_a_job(&operations);
        }
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = described;
    }
    json!({
        "openapi": OPENAPI,
        "info": {
            "title": "bramble",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "WebAssembly jobs on a cluster of small computers",
            "description": "docs/api.md tells what the calls are for and in which order.",
            "license": { "name": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "responses": answered_problems(&problems, &problem),
            "schemas": schemas,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": "bramble" },
            },
        },
    })
}

fn described(operation: &Operation, problems: &mut BTreeSet<u16>, schemas: &mut Schemas) -> Value {
    let mut answers = Map::new();
    for answer in &operation.gives {
        let mut described = json!({ "description": answer.about });
        if let Some(content) = content(&answer.content, |schema| schemas.answered(schema)) {
            described["content"] = content;
        }
        answers.insert(answer.status.to_string(), described);
    }
    let with_account = if operation.is_open { &[][..] } else { &WITH_ACCOUNT };
    let with_body = if matches!(operation.takes, Takes::Nothing) { &[][..] } else { &WITH_BODY };
    for status in [&ANYWHERE, with_account, with_body, &operation.problems].concat() {
        answers.entry(status.to_string()).or_insert_with(|| {
            problems.insert(status);
            json!({ "$ref": format!("#/components/responses/Problem{status}") })
        });
    }
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.about,
        "description": who_may(operation),
        "tags": [operation.group()],
        "parameters": operation.parameters(),
        "responses": answers,
    });
    if operation.is_open {
        described["security"] = json!([]);
    }
    let body = match &operation.takes {
        Takes::Nothing => None,
        Takes::Always(body) => Some((body, true)),
        Takes::Maybe(body) => Some((body, false)),
    };
    if let Some((body, required)) = body {
        let content = content(body, |schema| schemas.asked(schema));
        described["requestBody"] = json!({ "required": required, "content": content });
    }
    described
}

/// Who may call it, as the table of routes says.
fn who_may(operation: &Operation) -> Option<String> {
    let method = operation.method.to_uppercase();
    let needs = access::needs();
    let route = needs.iter().find(|it| it.method == method && it.path == operation.path)?;
    Some(format!("For {}.", route.need.audience()))
}

/// What can be asked about a job that was just made.
fn links_from_a_job(operations: &[Operation]) -> Value {
    let about_a_job = |one: &&Operation| one.path.starts_with("/api/v1/jobs/{id}");
    let link = |one: &Operation| {
        let parameters = json!({ "id": "$response.body#/id" });
        (one.id.to_owned(), json!({ "operationId": one.id, "parameters": parameters }))
    };
    operations.iter().filter(about_a_job).map(link).collect::<Map<_, _>>().into()
}

/// The problems that are referred to, by their statuses.
fn answered_problems(statuses: &BTreeSet<u16>, problem: &Value) -> Map<String, Value> {
    let answer = |status: &u16| {
        let description = operation::problem_about(*status);
        let content = json!({ "application/problem+json": { "schema": problem } });
        let answer = json!({ "description": description, "content": content });
        (format!("Problem{status}"), answer)
    };
    statuses.iter().map(answer).collect()
}

fn content(
    content: &Content,
    mut schema: impl FnMut(operation::SchemaOf) -> Value,
) -> Option<Value> {
    match content {
        Content::Nothing => None,
        Content::Json(of) => Some(json!({ "application/json": { "schema": schema(*of) } })),
        // Without a schema: any bytes of that type.
        Content::Of(media) => Some(json!({ *media: {} })),
    }
}

/// `GET /openapi.json`: this document.
pub(crate) async fn send() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| openapi().to_string());
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str())
}
