//! Every route, and who may call it. There are no others: the router is built from this table.

use axum::routing::{MethodRouter, delete, get, post};

use super::Need;
use crate::openapi;
use crate::pages::{home, login};
use crate::routes::{
    accounts, agent, audit, backup, bundle, classes, events, gc, head, jobs, joining, modules,
    nodes, objects, previews, queue, result, retry, secrets, sessions,
};
use crate::state::Head;

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
}

/// The table, without what answers.
pub fn needs() -> Vec<RouteNeed> {
    let need = |Route { method, path, need, .. }| RouteNeed { method, path, need };
    routes().into_iter().map(need).collect()
}

/// The table.
pub(crate) fn routes() -> Vec<Route> {
    [pages(), people(), objects(), jobs(), watching(), cluster()].into_iter().flatten().collect()
}

const fn route(
    method: &'static str,
    path: &'static str,
    need: Need,
    handler: MethodRouter<Head>,
) -> Route {
    Route { method, path, need, handler }
}

fn pages() -> Vec<Route> {
    use Need::{Nothing, SignIn};
    vec![
        route("GET", "/", Nothing, get(home::page)),
        route("GET", "/login", Nothing, get(login::page)),
        route("POST", "/login", Nothing, post(login::sign_in)),
        route("POST", "/logout", Nothing, post(login::sign_out)),
        route("GET", "/login/code", Nothing, get(login::code)),
        route("POST", "/login/code", SignIn, post(login::confirm)),
        route("GET", "/style.css", Nothing, get(home::style)),
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
        route("GET", "/api/v1/jobs/{id}/result/{index}", Run, get(result::part)),
    ]
}

fn watching() -> Vec<Route> {
    use Need::Run;
    vec![
        route("GET", "/api/v1/jobs/{id}/events", Run, get(events::job)),
        route("GET", "/api/v1/jobs/{id}/logs", Run, get(jobs::logs)),
        route("GET", "/api/v1/jobs/{id}/previews", Run, get(previews::list)),
        route("GET", "/api/v1/jobs/{id}/previews/{index}", Run, get(previews::send)),
        route("GET", "/api/v1/jobs/{id}/tasks/{index}/bundle", Run, get(bundle::send)),
        route("GET", "/api/v1/jobs/{id}/explain", Run, get(queue::explain_job)),
        route("GET", "/api/v1/jobs/{id}/tasks/{index}/explain", Run, get(queue::explain_task)),
    ]
}

fn cluster() -> Vec<Route> {
    use Need::{Administer, Look, Node, Run, Teach};
    vec![
        route("GET", "/api/v1", Look, get(head::view)),
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
        route("GET", "/api/v1/queue", Run, get(queue::view)),
        route("GET", "/api/v1/users", Run, get(queue::users)),
        route("POST", "/api/v1/orders", Run, post(queue::order)),
        route("POST", "/api/v1/gc", Administer, post(gc::collect)),
        route("POST", "/api/v1/backup", Administer, post(backup::copy)),
        route("GET", "/api/v1/agent", Node, get(agent::connect)),
    ]
}
