//! The whole URL map.

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::middleware::{from_fn, map_response};
use axum::response::Response;
use axum::routing::{get, post};

use crate::routes::{
    agent, backup, bundle, events, gc, head, jobs, modules, nodes, objects, previews, queue, retry,
    secrets,
};
use crate::state::{AppState, Shared};
use crate::{error, openapi, origin, pace};

/// The API over `state`, as a router that can be served or called.
pub fn app(state: AppState) -> Router {
    let api = Router::new()
        .route("/", get(head::view))
        .route("/openapi.json", get(openapi::send))
        .route("/modules", post(modules::upload))
        .route("/objects", post(objects::receive))
        .route("/objects/missing", post(objects::missing))
        .route("/objects/{digest}", get(objects::send))
        .route("/jobs", get(jobs::list).post(jobs::submit))
        .route("/jobs/{id}", get(jobs::view))
        .route("/jobs/{id}/cancel", post(jobs::cancel))
        .route("/jobs/{id}/retry", post(retry::retry))
        .route("/jobs/{id}/secrets", post(secrets::give))
        .route("/jobs/{id}/events", get(events::job))
        .route("/jobs/{id}/result", get(jobs::result))
        .route("/jobs/{id}/logs", get(jobs::logs))
        .route("/jobs/{id}/previews", get(previews::list))
        .route("/jobs/{id}/previews/{index}", get(previews::send))
        .route("/jobs/{id}/tasks/{index}/bundle", get(bundle::send))
        .route("/nodes", get(nodes::list))
        .route("/nodes/{name}/drain", post(nodes::drain))
        .route("/nodes/{name}/undrain", post(nodes::undrain))
        .route("/queue", get(queue::view))
        .route("/users", get(queue::users))
        .route("/orders", post(queue::order))
        .route("/jobs/{id}/explain", get(queue::explain_job))
        .route("/jobs/{id}/tasks/{index}/explain", get(queue::explain_task))
        .route("/backup", post(backup::copy))
        .route("/gc", post(gc::collect))
        .route("/agent", get(agent::connect));
    Router::new()
        .route("/", get(head::page))
        .route("/healthz", get(head::healthy))
        .route("/readyz", get(head::ready))
        .nest("/api/v1", api)
        // From the inside out: the last one sees a request first and its answer last.
        .layer(from_fn(origin::check))
        .layer(map_response(no_sniffing))
        .layer(from_fn(error::finish))
        .layer(from_fn(pace::keep))
        .with_state(Arc::new(Shared::new(state)))
}

/// Browsers must not guess that some user's bytes are a page.
async fn no_sniffing(mut response: Response) -> Response {
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
