//! What happens when the form of a job is sent: checked and counted, or submitted.

use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use bramble_protocol::api::JobState;
use bramble_protocol::inputs::{InputRequest, InputView};
use bramble_protocol::{ModuleInfo, NodeSelector, NodeState};
use maud::{Markup, html};

use super::faults;
use super::fields::Fields;
use super::form::{module_of, refused, shown};
use super::plan::{Plan, upload};
use crate::cutting::cut_input;
use crate::error::ApiResult;
use crate::pages::layout::Visit;
use crate::routes::jobs;
use crate::state::Head;

/// Earlier jobs of a module by which its next one is estimated.
const MEASURED_MAX: usize = 5;

/// `POST /new/{module}`: a look at what would be done, or a job.
pub(crate) async fn send(
    State(head): State<Head>,
    visit: Visit,
    Path(module): Path<String>,
    sent: Multipart,
) -> ApiResult<Response> {
    let module = module_of(&head, &visit.asker, &module).await?;
    let mut fields = Fields::read(&head, &visit.asker, sent).await?;
    fields.faults = faults::found(visit.lang, &module, &fields);
    if !fields.faults.is_empty() {
        let news = faults::summary(visit.lang, &fields.faults);
        let mut again = shown(&head, &visit, &module, &fields, &news).await;
        *again.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(again);
    }
    let is_check = fields.typed("do") == Some("check");
    let done = async {
        take_sample(&head, &visit, &mut fields).await?;
        match is_check {
            true => check(&head, &visit, &module, &fields).await.map(Done::Checked),
            false => run(&head, &visit, &module, &fields).await.map(Done::Submitted),
        }
    };
    match done.await {
        Ok(Done::Submitted(job)) => Ok(Redirect::to(&format!("/j/{job}")).into_response()),
        Ok(Done::Checked(news)) => Ok(shown(&head, &visit, &module, &fields, &news).await),
        Err(error) if error.problem().status < 500 => {
            let mut again = shown(&head, &visit, &module, &fields, &refused(error.problem())).await;
            let status = StatusCode::from_u16(error.problem().status);
            *again.status_mut() = status.unwrap_or_default();
            Ok(again)
        }
        Err(error) => Err(error),
    }
}

enum Done {
    Checked(Markup),
    Submitted(bramble_protocol::JobId),
}

/// Makes the sample of an example an upload, as if it had been sent.
async fn take_sample(head: &Head, visit: &Visit, fields: &mut Fields) -> ApiResult<()> {
    let wants_sample = fields.is_on("sample") && upload(fields).is_none();
    let Some(example) = fields.typed("example").filter(|_| wants_sample) else { return Ok(()) };
    if fields.typed("from").is_some() {
        return Ok(());
    }
    let (name, bytes) = (head.sample)(example);
    let file = head.begin_upload(&visit.asker, name, bytes.len() as u64).await?;
    let upload = file.clone();
    head.with_uploads(move |uploads| uploads.append(&upload, 0, bytes.as_slice())).await?;
    fields.file = Some(file);
    Ok(())
}

async fn run(
    head: &Head,
    visit: &Visit,
    module: &ModuleInfo,
    fields: &Fields,
) -> ApiResult<bramble_protocol::JobId> {
    let mut plan = Plan::of(head, module, fields).await?;
    let file = match upload(fields) {
        Some(id) if !module.declared.takes_no_input() => {
            Some(head.upload_of(&visit.asker, &id).await?.name)
        }
        _ => None,
    };
    let input = match plan.input.take() {
        Some(request) => Some(cut_input(head, &visit.asker, for_module(module, request)).await?),
        None => None,
    };
    let spec = plan.with_input(module, input.as_ref(), file.as_deref());
    let job = jobs::submit_spec(head, &visit.asker, spec, fields.secrets.clone()).await?;
    Ok(job.id)
}

/// A module that works on no input is given none, whatever was sent.
fn for_module(module: &ModuleInfo, request: InputRequest) -> InputRequest {
    let upload = request.upload.filter(|_| !module.declared.takes_no_input());
    InputRequest { upload, ..request }
}

/// What would be done: chunks, nodes, and about how long it takes.
async fn check(
    head: &Head,
    visit: &Visit,
    module: &ModuleInfo,
    fields: &Fields,
) -> ApiResult<Markup> {
    let lang = visit.lang;
    let mut plan = Plan::of(head, module, fields).await?;
    if let Some(fault) = module.declared.param_fault(&plan.spec.params) {
        return Err(crate::error::ApiError::bad_job(fault));
    }
    let counted = match plan.input.take() {
        Some(request) => {
            let request = InputRequest { dry_run: true, ..for_module(module, request) };
            Some(cut_input(head, &visit.asker, request).await?)
        }
        None => None,
    };
    let nodes = head.handle.nodes().await;
    let here = nodes.iter().filter(|node| node.state != NodeState::Lost && node.draining.is_none());
    let most = match plan.spec.nodes {
        NodeSelector::AtMost(count) => count as usize,
        _ => usize::MAX,
    };
    let slots: Vec<u32> = here.map(|node| node.slots).take(most).collect();
    let about_ms = match &counted {
        Some(view) => estimate(head, visit, module, view, slots.iter().sum()).await,
        None => None,
    };
    Ok(html! {
        section.card.done id="problem" tabindex="-1" role="status" {
            h2 { (lang.text("check-fine")) }
            @if let Some(view) = counted {
                p { (lang.with("check-chunks", &[("count", view.chunks.into()), ("bytes", lang.bytes(view.bytes).into())])) }
            }
            p { (lang.with("check-nodes", &[("count", slots.len().into())])) }
            @match about_ms {
                Some(ms) => {
                    p { (lang.with("check-about", &[("length", lang.duration(ms).into())])) }
                }
                None => { p.muted { (lang.text("check-unknown")) } }
            }
            p.muted {
                (lang.with("check-limits", &[
                    ("memory", lang.bytes(plan.spec.limits.memory_bytes_max).into()),
                    ("length", lang.duration(plan.spec.limits.cpu_ms_max).into()),
                ]))
            }
        }
    })
}

/// About how long a job takes, in milliseconds, by what earlier ones of the same module took for
/// each chunk or byte; nothing when there are none.
async fn estimate(
    head: &Head,
    visit: &Visit,
    module: &ModuleInfo,
    input: &InputView,
    slots: u32,
) -> Option<u64> {
    let (asker, digest) = (visit.asker.clone(), module.digest);
    let look = move |core: &bramble_scheduler::core::Scheduler| {
        let is_like = |state, spec: &bramble_protocol::JobSpec| {
            let policy = &spec.policy;
            spec.module == digest
                && state == JobState::Done
                && asker.may_see(&policy.user, policy.class.as_deref())
        };
        core.jobs_where(is_like, 0, MEASURED_MAX).0
    };
    let jobs = head.handle.look(look).await.ok()?;
    let bytes: u64 = jobs.iter().map(|job| job.input_bytes).sum();
    let cpu_us: u64 = jobs.iter().map(|job| job.usage.cpu_us).sum();
    let all_us = (u128::from(cpu_us) * u128::from(input.bytes)).checked_div(bytes.into())?;
    let ms = u64::try_from(all_us / 1000).ok()? / u64::from(slots.max(1));
    (cpu_us > 0).then_some(ms)
}
