//! Every route, and who may call it. There are no others: the router is built from this table.

use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, delete, get, head as head_of, options, patch, post};

use super::Need;
use crate::pages::{
    self, admin, assets, class, help, home, job, login, me, new, reference, trouble,
};
use crate::routes::{
    accounts, agent, attempts, audit, backup, bundle, classes, events, gc, head, inputs, jobs,
    joining, modules, nodes, objects, previews, queue, result, retry, secrets, sessions, uploads,
    views,
};
use crate::state::Head;
use crate::{live, metrics, openapi};

/// A method of a path.
pub(crate) struct Route {
    /// Such as `GET`.
    pub(crate) method: &'static str,
    /// The whole path, with its parameters in braces.
    pub(crate) path: &'static str,
    /// Who may call it.
    pub(crate) need: Need,
    /// What answers.
    pub(crate) handler: MethodRouter<Head>,
    /// Whether people look at the answer: problems are then pages too.
    pub(crate) is_page: bool,
}

/// What a route asks of whoever calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteNeed {
    /// Such as `GET`.
    pub method: &'static str,
    /// The whole path, with its parameters in braces.
    pub path: &'static str,
    /// Who may call it.
    pub need: Need,
    /// Whether it is for people and their browsers, and not part of the API.
    pub is_page: bool,
}

/// The table, without what answers.
pub fn needs() -> Vec<RouteNeed> {
    let need =
        |Route { method, path, need, is_page, .. }| RouteNeed { method, path, need, is_page };
    routes().into_iter().map(need).collect()
}

/// The table.
pub(crate) fn routes() -> Vec<Route> {
    [pages(), watch(), people(), objects(), jobs(), watching(), cluster()]
        .into_iter()
        .flatten()
        .collect()
}

const fn route(
    method: &'static str,
    path: &'static str,
    need: Need,
    handler: MethodRouter<Head>,
) -> Route {
    Route { method, path, need, handler, is_page: false }
}

fn pages() -> Vec<Route> {
    use Need::{Administer, Look, Nothing, Run, SignIn, Teach};
    let pages = vec![
        route("GET", "/", Nothing, get(home::page)),
        route("GET", "/login", Nothing, get(login::page)),
        route("POST", "/login", Nothing, post(login::sign_in)),
        route("POST", "/logout", Nothing, post(login::sign_out)),
        route("GET", "/login/code", Nothing, get(login::code)),
        route("POST", "/login/code", SignIn, post(login::confirm)),
        route("POST", "/lang", Nothing, post(trouble::choose)),
        route("GET", "/help", Nothing, get(help::page)),
        route("GET", "/help/api", Nothing, get(help::api)),
        route("GET", reference::TYPES_PATH, Nothing, get(help::types)),
        route("GET", "/me", SignIn, get(me::page)),
        route("POST", "/me/end/{session}", SignIn, post(me::end)),
        route("GET", "/j", Run, get(pages::jobs::page)),
        route("GET", "/j/{id}", Run, get(job::page)),
        route("POST", "/j/{id}/cancel", Run, post(job::cancel)),
        route("POST", "/j/{id}/retry", Run, post(job::retry)),
        route("POST", "/j/{id}/again", Run, post(job::again)),
        route("POST", "/j/{id}/scale", Run, post(job::scale)),
        route("GET", "/j/{id}/report.html", Run, get(job::report)),
        route("GET", "/compare", Run, get(pages::compare::page)),
        route("GET", "/new", Run, get(new::page)),
        route("POST", "/new/example", Run, post(new::example_chosen)),
        route("POST", "/new/module", Run, post(new::module).layer(DefaultBodyLimit::disable())),
        route("GET", "/new/{module}", Run, get(new::form)),
        route("POST", "/new/{module}", Run, post(new::send).layer(DefaultBodyLimit::disable())),
        route("GET", "/n", Look, get(pages::nodes::list)),
        route("GET", "/n/{name}", Look, get(pages::nodes::one)),
        route("POST", "/n/{name}/drain", Teach, post(pages::nodes::drain)),
        route("POST", "/n/{name}/undrain", Teach, post(pages::nodes::undrain)),
        route("POST", "/n/{name}/power/{act}", Teach, post(pages::nodes::power)),
        route("GET", "/class", Teach, get(class::list)),
        route("POST", "/class", Teach, post(class::new_class)),
        route("GET", "/class/{name}", Teach, get(class::one)),
        route("POST", "/class/{name}/roster", Teach, post(class::add_students)),
        route("POST", "/class/{name}/pin", Teach, post(class::reset_pin)),
        route("POST", "/class/{name}/{act}", Teach, post(class::act)),
        route("GET", "/admin", Administer, get(admin::page)),
        route("POST", "/admin/node/{name}/{act}", Administer, post(admin::node)),
        route("POST", "/admin/token", Administer, post(admin::token)),
        route("POST", "/admin/token/{id}/revoke", Administer, post(admin::revoke)),
        // What pages are made of. Each topic is for those who see it.
        route("GET", "/assets/{name}", Nothing, get(assets::send)),
        route("GET", "/live", Nothing, get(live::send)),
    ];
    pages.into_iter().map(|page| Route { is_page: true, ..page }).collect()
}

/// What watches the head.
fn watch() -> Vec<Route> {
    use Need::Nothing;
    vec![
        route("GET", "/healthz", Nothing, get(head::healthy)),
        route("GET", "/readyz", Nothing, get(head::ready)),
        route("GET", "/api/v1/openapi.json", Nothing, get(openapi::send)),
    ]
}

fn people() -> Vec<Route> {
    use Need::{Administer, Nothing, SignIn, Teach};
    vec![
        route("POST", "/api/v1/login", Nothing, post(sessions::login)),
        route("POST", "/api/v1/login/code", Nothing, post(sessions::begin_code)),
        route("POST", "/api/v1/login/code/poll", Nothing, post(sessions::poll_code)),
        route("POST", "/api/v1/login/code/confirm", SignIn, post(sessions::confirm_code)),
        route("POST", "/api/v1/logout", SignIn, post(sessions::logout)),
        route("GET", "/api/v1/me", Nothing, get(sessions::me)),
        route("DELETE", "/api/v1/me/sessions/{session}", SignIn, delete(sessions::end)),
        route("GET", "/api/v1/accounts", Teach, get(accounts::list)),
        route("POST", "/api/v1/accounts", Teach, post(accounts::add)),
        route("DELETE", "/api/v1/accounts/{name}", Teach, delete(accounts::remove)),
        route("POST", "/api/v1/accounts/{name}/reset-pin", Teach, post(accounts::reset_pin)),
        route("GET", "/api/v1/classes", Teach, get(classes::list)),
        route("POST", "/api/v1/classes", Teach, post(classes::add)),
        route("POST", "/api/v1/classes/{name}/roster", Teach, post(classes::import)),
        route("POST", "/api/v1/classes/{name}/close", Teach, post(classes::close)),
        route("DELETE", "/api/v1/classes/{name}", Teach, delete(classes::remove)),
        route("GET", "/api/v1/audit", Administer, get(audit::list)),
    ]
}

fn objects() -> Vec<Route> {
    use Need::{Node, NodeOrRun, Run};
    vec![
        route("POST", "/api/v1/modules", Run, post(modules::upload)),
        route("OPTIONS", "/api/v1/uploads", Run, options(uploads::options)),
        route("POST", "/api/v1/uploads", Run, post(uploads::begin)),
        route("HEAD", "/api/v1/uploads/{upload}", Run, head_of(uploads::offset)),
        route("PATCH", "/api/v1/uploads/{upload}", Run, patch(uploads::append)),
        route("DELETE", "/api/v1/uploads/{upload}", Run, delete(uploads::remove)),
        route("POST", "/api/v1/inputs", Run, post(inputs::cut)),
        route("GET", "/api/v1/gallery", Run, get(inputs::gallery)),
        route("POST", "/api/v1/objects", NodeOrRun, post(objects::receive)),
        route("POST", "/api/v1/objects/missing", NodeOrRun, post(objects::missing)),
        route("GET", "/api/v1/objects/{digest}", Node, get(objects::send)),
    ]
}

fn jobs() -> Vec<Route> {
    use Need::Run;
    vec![
        route("GET", "/api/v1/jobs", Run, get(jobs::list)),
        route("POST", "/api/v1/jobs", Run, post(jobs::submit)),
        route("GET", "/api/v1/jobs/{id}", Run, get(jobs::view)),
        route("POST", "/api/v1/jobs/{id}/cancel", Run, post(jobs::cancel)),
        route("POST", "/api/v1/jobs/{id}/retry", Run, post(retry::retry)),
        route("POST", "/api/v1/jobs/{id}/secrets", Run, post(secrets::give)),
        route("GET", "/api/v1/jobs/{id}/result", Run, get(jobs::result)),
        route("GET", "/api/v1/jobs/{id}/result/file", Run, get(result::file)),
        route("GET", "/api/v1/jobs/{id}/result/{index}", Run, get(result::part)),
    ]
}

fn watching() -> Vec<Route> {
    use Need::Run;
    vec![
        route("GET", "/api/v1/jobs/{id}/events", Run, get(events::job)),
        route("GET", "/api/v1/jobs/{id}/logs", Run, get(jobs::logs)),
        route("GET", "/api/v1/jobs/{id}/attempts", Run, get(attempts::list)),
        route("GET", "/api/v1/jobs/{id}/attempts.csv", Run, get(attempts::table)),
        route("GET", "/api/v1/jobs/{id}/trace.json", Run, get(attempts::chrome_trace)),
        route("GET", "/api/v1/jobs/{id}/previews", Run, get(previews::list)),
        route("GET", "/api/v1/jobs/{id}/previews/{index}", Run, get(previews::send)),
        route("GET", "/api/v1/jobs/{id}/view/{what}", Run, get(views::send)),
        route("GET", "/api/v1/jobs/{id}/tasks/{index}/bundle", Run, get(bundle::send)),
        route("GET", "/api/v1/jobs/{id}/explain", Run, get(queue::explain_job)),
        route("GET", "/api/v1/jobs/{id}/tasks/{index}/explain", Run, get(queue::explain_task)),
    ]
}

fn cluster() -> Vec<Route> {
    use Need::{Administer, Look, Node, Run, Teach};
    vec![
        route("GET", "/api/v1", Look, get(head::view)),
        route("GET", "/metrics", Look, get(metrics::send)),
        route("GET", "/api/v1/nodes", Look, get(nodes::list)),
        route("GET", "/api/v1/nodes/tokens", Administer, get(joining::tokens)),
        route("POST", "/api/v1/nodes/tokens", Administer, post(joining::new_token)),
        route("DELETE", "/api/v1/nodes/tokens/{id}", Administer, delete(joining::revoke_token)),
        route("GET", "/api/v1/nodes/admissions", Administer, get(joining::admissions)),
        route("POST", "/api/v1/nodes/{name}/approve", Administer, post(joining::approve)),
        route("POST", "/api/v1/nodes/{name}/reject", Administer, post(joining::reject)),
        route("POST", "/api/v1/nodes/{name}/remove", Administer, post(joining::remove)),
        route("POST", "/api/v1/nodes/{name}/drain", Teach, post(nodes::drain)),
        route("POST", "/api/v1/nodes/{name}/undrain", Teach, post(nodes::undrain)),
        route("GET", "/api/v1/power", Look, get(nodes::power)),
        route("GET", "/api/v1/queue", Run, get(queue::view)),
        route("GET", "/api/v1/report", Run, get(queue::report)),
        route("GET", "/api/v1/users", Run, get(queue::users)),
        route("POST", "/api/v1/orders", Run, post(queue::order)),
        route("POST", "/api/v1/gc", Administer, post(gc::collect)),
        route("POST", "/api/v1/backup", Administer, post(backup::copy)),
        route("GET", "/api/v1/agent", Node, get(agent::connect)),
    ]
}
