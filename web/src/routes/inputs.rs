//! Inputs that the head cuts, and examples to run on them.

use axum::Json;
use axum::extract::State;
use bramble_protocol::inputs::{ExampleView, GalleryView, InputRequest, InputView};

use crate::access::Asker;
use crate::body::ApiJson;
use crate::cutting::cut_input;
use crate::error::ApiResult;
use crate::state::Head;

/// `POST /inputs`: cuts a file that was uploaded.
pub(crate) async fn cut(
    State(head): State<Head>,
    asker: Asker,
    ApiJson(request): ApiJson<InputRequest>,
) -> ApiResult<Json<InputView>> {
    if asker.is_admin().is_err() {
        head.check_module_held(&asker.signed_in()?.user, request.module).await?;
    }
    cut_input(&head, &asker, request).await.map(Json)
}

/// `GET /gallery`: the examples that come with the program.
pub(crate) async fn gallery(State(head): State<Head>) -> ApiResult<Json<GalleryView>> {
    let examples = head.examples().await?.into_iter();
    let view = |(name, module)| ExampleView { name, module };
    Ok(Json(GalleryView { examples: examples.map(view).collect() }))
}
