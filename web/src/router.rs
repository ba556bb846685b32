//! The whole URL map, made from the table of routes, with what every request goes through.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::Response;

use crate::access::{Asker, Need, check, identify, routes};
use crate::error::ApiResult;
use crate::pages::{dress, nowhere};
use crate::state::{AppState, Head, Shared};
use crate::{error, metrics, origin, pace};

/// The API over `state`, as a router that can be served or called.
pub fn app(state: AppState) -> Router {
    let head: Head = Arc::new(Shared::new(state));
    let mut router = Router::new();
    for route in routes() {
        let need = route.need;
        let admit = move |asker: Asker, request, next| admit(need, asker, request, next);
        let mut handler = route.handler.route_layer(from_fn(admit));
        if route.is_page {
            handler = handler.route_layer(from_fn(dress));
        }
        router = router.route(route.path, handler);
    }
    router
        .fallback(nowhere)
        // From the inside out: the last one sees a request first and its answer last.
        .layer(from_fn_with_state(Arc::clone(&head), identify))
        .layer(from_fn(origin::check))
        .layer(map_response(harmless))
        .layer(from_fn(error::finish))
        .layer(from_fn(pace::keep))
        .layer(from_fn_with_state(Arc::clone(&head), metrics::count))
        .with_state(head)
}

async fn admit(need: Need, asker: Asker, request: Request, next: Next) -> ApiResult<Response> {
    check(need, &asker)?;
    Ok(next.run(request).await)
}

/// Browsers must not guess that some user's bytes are a page, nor tell other sites where they
/// came from.
async fn harmless(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
