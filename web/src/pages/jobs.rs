//! The list of jobs.

use axum::extract::State;
use axum::response::Response;
use bramble_protocol::JobSpec;
use bramble_protocol::account::Role;
use bramble_protocol::api::{JobState, JobView};
use maud::{Markup, html};

use super::bits;
use super::layout::{Page, Place, Visit};
use crate::access::Asker;
use crate::error::ApiResult;
use crate::lang::Lang;
use crate::live::{Part, Topic, Viewer};
use crate::state::Head;

/// Jobs on one page.
const ROWS_MAX: usize = 50;

/// Whose jobs are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Mine,
    All,
}

/// Which jobs are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Which {
    #[default]
    Any,
    Open,
    Done,
    Failed,
}

impl Which {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Any, "any"), (Self::Open, "open"), (Self::Done, "done"), (Self::Failed, "failed")];

    const fn keeps(self, state: JobState) -> bool {
        match self {
            Self::Any => true,
            Self::Open => !state.is_final(),
            Self::Done => matches!(state, JobState::Done),
            Self::Failed => matches!(state, JobState::Failed | JobState::Canceled),
        }
    }
}

/// What is listed.
struct Listed {
    whose: Whose,
    which: Which,
    page: usize,
}

impl Listed {
    fn of(visit: &Visit) -> Self {
        let which = visit.query("state").and_then(|name| {
            Which::ALL.into_iter().find(|(_, known)| *known == name).map(|(which, _)| which)
        });
        Self {
            whose: Self::whose(&visit.asker, visit.query("of")),
            which: which.unwrap_or(Which::Any),
            page: visit
                .query("page")
                .and_then(|page| page.parse().ok())
                .unwrap_or(1)
                .clamp(1, 10_000),
        }
    }

    /// Whoever looks after others sees their jobs unless he asks for his own.
    fn whose(asker: &Asker, asked: Option<&str>) -> Whose {
        match asked {
            Some("mine") => Whose::Mine,
            Some("all") => Whose::All,
            _ if looks_after_others(asker) => Whose::All,
            _ => Whose::Mine,
        }
    }

    fn address(whose: Whose, which: Which, page: usize) -> String {
        let whose = if whose == Whose::Mine { "mine" } else { "all" };
        let (_, which) =
            Which::ALL.into_iter().find(|(known, _)| *known == which).unwrap_or_default();
        format!("/j?of={whose}&state={which}&page={page}")
    }

    async fn jobs(&self, head: &Head, asker: &Asker) -> ApiResult<(Vec<JobView>, usize)> {
        let (asker, which, whose) = (asker.clone(), self.which, self.whose);
        let skip = (self.page - 1) * ROWS_MAX;
        let keep = move |state: JobState, spec: &JobSpec| {
            let policy = &spec.policy;
            let is_listed = match whose {
                Whose::Mine => policy.user == asker.name(),
                Whose::All => asker.may_see(&policy.user, policy.class.as_deref()),
            };
            is_listed && which.keeps(state)
        };
        Ok(head.handle.look(move |core| core.jobs_where(keep, skip, ROWS_MAX)).await?)
    }
}

fn looks_after_others(asker: &Asker) -> bool {
    asker.role() >= Some(Role::Teacher)
}

/// `GET /j`.
pub(crate) async fn page(State(head): State<Head>, visit: Visit) -> ApiResult<Response> {
    let lang = visit.lang;
    let listed = Listed::of(&visit);
    let (jobs, all) = listed.jobs(&head, &visit.asker).await?;
    let pages = all.div_ceil(ROWS_MAX);
    let content = html! {
        div.bar {
            (filters(&visit, &listed))
            a.button.primary href="/new" { (lang.text("nav-new")) }
        }
        @if jobs.is_empty() {
            p.empty { (lang.text("no-jobs")) }
        } @else {
            (table(lang, looks_after_others(&visit.asker), &jobs))
        }
        @if pages > 1 {
            nav.pages aria-label=(lang.text("pages")) {
                @for page in 1..=pages.min(20) {
                    a href=(Listed::address(listed.whose, listed.which, page))
                        aria-current=[(page == listed.page).then_some("page")] { (page) }
                }
            }
        }
    };
    let is_first = listed.page == 1 && listed.which == Which::Any;
    let follows = is_first && listed.whose == Listed::whose(&visit.asker, None) && !jobs.is_empty();
    let topics = follows.then(|| Topic::Jobs.name());
    Ok(Page::new(lang.text("nav-jobs"), Place::Jobs, content).live(topics).send(&visit))
}

fn filters(visit: &Visit, listed: &Listed) -> Markup {
    let lang = visit.lang;
    let link = |whose, which, is_on: bool, text: String| {
        html! {
            a href=(Listed::address(whose, which, 1)) aria-current=[is_on.then_some("true")] { (text) }
        }
    };
    html! {
        nav.filters aria-label=(lang.text("filter")) {
            @if looks_after_others(&visit.asker) {
                span {
                    (link(Whose::All, listed.which, listed.whose == Whose::All, lang.text("of-all")))
                    (link(Whose::Mine, listed.which, listed.whose == Whose::Mine, lang.text("of-mine")))
                }
            }
            span {
                @for (which, name) in Which::ALL {
                    (link(listed.whose, which, which == listed.which, lang.text(&format!("which-{name}"))))
                }
            }
        }
    }
}

/// The parts of the topic `jobs`: the rows of the first page.
pub(crate) async fn jobs_parts(head: &Head, viewer: &Viewer) -> Vec<Part> {
    let whose = Listed::whose(&viewer.asker, None);
    let listed = Listed { whose, which: Which::Any, page: 1 };
    let (jobs, _) = listed.jobs(head, &viewer.asker).await.unwrap_or_default();
    let shows_users = looks_after_others(&viewer.asker);
    // The newest comes last, so that it is put on top last.
    let rows = jobs.iter().rev();
    rows.map(|job| Part {
        id: format!("job-{}", job.id),
        markup: row(viewer.lang, shows_users, job),
    })
    .collect()
}

fn table(lang: Lang, shows_users: bool, jobs: &[JobView]) -> Markup {
    html! {
        table.stack {
            thead {
                tr {
                    th.number { (lang.text("job")) }
                    th { (lang.text("name")) }
                    @if shows_users { th { (lang.text("user")) } }
                    th { (lang.text("state")) }
                    th { (lang.text("progress")) }
                    th.number { (lang.text("time")) }
                    th.number { (lang.text("speed-up")) }
                    th { (lang.text("submitted")) }
                }
            }
            tbody id="rows" { @for job in jobs { (row(lang, shows_users, job)) } }
        }
    }
}

fn row(lang: Lang, shows_users: bool, job: &JobView) -> Markup {
    let tasks = job.tasks;
    html! {
        tr id=(format!("job-{}", job.id)) data-in="rows" data-at="start" {
            td.number data-label=(lang.text("job")) { a href=(format!("/j/{}", job.id)) { (job.id) } }
            td data-label=(lang.text("name")) { a href=(format!("/j/{}", job.id)) { (job.spec.name) } }
            @if shows_users { td data-label=(lang.text("user")) { (job.spec.policy.user) } }
            td data-label=(lang.text("state")) { (bits::state(lang, job.state.name())) }
            td data-label=(lang.text("progress")) {
                @if job.state == JobState::Running { (bits::bar(lang, job)) " " }
                span { (tasks.succeeded) "/" (tasks.total) }
                @if let Some(note) = &job.note { " " small.muted { (bits::head_says(note)) } }
                @if let Some(failure) = &job.failure {
                    " " small.muted { code { (failure.outcome.slug()) } }
                }
            }
            td.number data-label=(lang.text("time")) {
                @if job.state.is_final() { (lang.duration(bits::elapsed_ms(job))) }
            }
            td.number data-label=(lang.text("speed-up")) {
                @if let Some(ratio) = super::job::speed_up(job) { (lang.decimal(ratio, 1)) "×" }
            }
            td data-label=(lang.text("submitted")) { (bits::ago(lang, job.submitted_at_ms)) }
        }
    }
}
