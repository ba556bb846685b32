//! Small pieces that several pages have: states, times, bars, buttons.

use bramble_protocol::api::{JobState, JobView};
use maud::{Markup, html};

use crate::lang::{Lang, rfc3339};
use crate::routes::now_ms;

/// A state: a shape, a colour and a word, so that each alone says it.
pub(super) fn state(lang: Lang, name: &str) -> Markup {
    html! {
        span.state data-state=(name) { (lang.text(&format!("state-{name}"))) }
    }
}

/// A time, as long ago as it is; the exact one is in its title. Scripts keep it up to date.
pub(super) fn ago(lang: Lang, at_ms: u64) -> Markup {
    let passed_ms = now_ms().saturating_sub(at_ms);
    let text = match passed_ms {
        0..60_000 => lang.text("just-now"),
        60_000..172_800_000 => {
            // Nobody wants to know the seconds of hours ago.
            let coarse = if passed_ms < 3_600_000 { 60_000 } else { 3_600_000 };
            let length = lang.duration(passed_ms / coarse * coarse);
            let length = length.split(' ').next().unwrap_or_default().to_owned();
            lang.with("ago", &[("length", length.into())])
        }
        _ => rfc3339(at_ms)[..10].to_owned(),
    };
    html! { time datetime=(rfc3339(at_ms)) title=(rfc3339(at_ms)) { (text) } }
}

/// How much of something is done, for eyes and for screen readers.
pub(super) fn progress(done: u64, all: u64, words: &str) -> Markup {
    html! { progress value=(done) max=(all.max(1)) aria-valuetext=(words) { (words) } }
}

/// A button that does something by a form of its own. `ask` is asked before, by a script.
pub(super) fn button(action: &str, label: &str, class: &str, ask: Option<&str>) -> Markup {
    html! {
        form.inline method="post" action=(action) data-ask=[ask] {
            button class=(class) id=(key(action)) { (label) }
        }
    }
}

/// An id for what an address is about, by which scripts find it again.
pub(super) fn key(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// How long a job has taken so far, in milliseconds.
pub(super) fn elapsed_ms(job: &JobView) -> u64 {
    job.ended_at_ms.unwrap_or_else(now_ms).saturating_sub(job.submitted_at_ms)
}

/// About how long a job still takes, in milliseconds, if its tasks go on as they did.
pub(super) fn left_ms(job: &JobView) -> Option<u64> {
    let done = u64::from(job.tasks.succeeded);
    let all = u64::from(job.tasks.total);
    let worked_ms = now_ms().saturating_sub(job.started_at_ms?);
    let says_something = job.state == JobState::Running && done >= 2 && worked_ms >= 1_000;
    says_something.then(|| worked_ms.saturating_mul(all.saturating_sub(done)) / done)
}

/// Everything that a job does, in one sentence.
pub(super) fn sentence(lang: Lang, job: &JobView) -> String {
    let nodes = job.nodes.iter().filter(|node| node.succeeded > 0).count();
    let tasks = job.tasks;
    match job.state {
        JobState::Waiting => lang.text("job-waits"),
        JobState::Running => {
            let values = [("done", tasks.succeeded.into()), ("count", tasks.total.into())];
            let mut text = lang.with("job-runs", &values);
            if let Some(left) = left_ms(job) {
                text.push_str(&lang.with("job-left", &[("length", lang.duration(left).into())]));
            }
            text
        }
        JobState::Done if nodes == 0 && tasks.total > 0 => {
            lang.with("job-was-done", &[("count", tasks.total.into())])
        }
        JobState::Done => lang.with(
            "job-done",
            &[
                ("length", lang.duration(elapsed_ms(job)).into()),
                ("tasks", lang.with("tasks", &[("count", tasks.total.into())]).into()),
                ("nodes", lang.with("on-nodes", &[("count", nodes.into())]).into()),
            ],
        ),
        JobState::Failed => {
            let length = lang.duration(elapsed_ms(job));
            lang.with("job-failed", &[("length", length.into())])
        }
        JobState::Canceled => {
            let length = lang.duration(elapsed_ms(job));
            lang.with("job-canceled", &[("length", length.into())])
        }
    }
}

/// The bar of a job.
pub(super) fn bar(lang: Lang, job: &JobView) -> Markup {
    let (done, all) = (job.tasks.succeeded, job.tasks.total);
    let words = lang.with("of-tasks", &[("done", done.into()), ("count", all.into())]);
    progress(done.into(), all.into(), &words)
}

/// What the head says in its own words, which are English.
pub(super) fn head_says(text: &str) -> Markup {
    html! { span lang="en" { (text) } }
}
