//! Pages for people. Each is whole HTML made here, with every text escaped by the templates and
//! taken from the files of the languages, and works without scripts; scripts only add to it.

pub(crate) mod admin;
pub(crate) mod assets;
mod bits;
mod cards;
pub(crate) mod class;
pub(crate) mod compare;
pub(crate) mod help;
pub(crate) mod home;
pub(crate) mod job;
pub(crate) mod jobs;
mod layout;
pub(crate) mod login;
pub(crate) mod me;
pub(crate) mod new;
pub(crate) mod nodes;
pub(crate) mod reference;
pub(crate) mod trouble;

pub(crate) use cards::cluster_parts;
pub(crate) use home::mine_parts;
pub(crate) use job::job_parts;
pub(crate) use jobs::jobs_parts;
pub(crate) use layout::Visit;
pub(crate) use trouble::{dress, nowhere};

use axum::extract::Form;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Redirect, Response};

use crate::error::{ApiError, ApiResult};

/// What a form sends, or what is wrong with it.
pub(crate) type Sent<T> = Result<Form<T>, FormRejection>;

/// What a form has sent.
fn read<T>(sent: Sent<T>) -> ApiResult<T> {
    sent.map(|Form(form)| form).map_err(|error| {
        ApiError::bad_request("this is not what the page's form sends").detail(error.body_text())
    })
}

/// Goes on to a page after something was done there, and has it say so: see `done-…` in the files
/// of the languages.
fn done(path: &str, deed: &str) -> Response {
    Redirect::to(&format!("{path}?done={deed}")).into_response()
}
