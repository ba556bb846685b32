//! The form of a job: made from what its module declares of itself.

use axum::extract::{Path, State};
use axum::response::Response;
use bramble_protocol::module::{ParamDecl, ParamKind};
use bramble_protocol::{Digest, JobId, ModuleInfo, ModuleKind, NodeSelector, NodeState, Problem};
use maud::{Markup, html};

use super::faults::{beside, place, told_by};
use super::fields::Fields;
use super::plan::upload;
use crate::access::Asker;
use crate::error::{ApiError, ApiResult};
use crate::lang::Lang;
use crate::pages::bits;
use crate::pages::layout::{Page, Place, Visit};
use crate::pages::trouble::told;
use crate::state::Head;

/// `GET /new/{module}`.
pub(crate) async fn page(
    State(head): State<Head>,
    visit: Visit,
    Path(module): Path<String>,
) -> ApiResult<Response> {
    let module = module_of(&head, &visit.asker, &module).await?;
    let mut fields = Fields::default();
    for (query, field) in [("example", "example"), ("file", "name")] {
        if let Some(text) = visit.query(query) {
            fields.set(field, bits::key(text));
        }
    }
    if fields.typed("example").is_some() {
        fields.set("sample", "on");
    }
    if let Some(id) = visit.query("like").and_then(|id| id.parse().ok()) {
        fill_like(&head, &visit.asker, JobId(id), &mut fields).await?;
    }
    let news = html! {};
    Ok(shown(&head, &visit, &module, &fields, &news).await)
}

/// A module that whoever asks may make jobs of.
pub(super) async fn module_of(head: &Head, asker: &Asker, text: &str) -> ApiResult<ModuleInfo> {
    let digest: Digest = text.parse().map_err(|error| ApiError::bad_request(format!("{error}")))?;
    if asker.is_admin().is_err() {
        head.check_module_held(&asker.signed_in()?.user, digest).await?;
    }
    head.module_info(digest).await
}

/// Fills the form in as an earlier job was.
async fn fill_like(head: &Head, asker: &Asker, id: JobId, fields: &mut Fields) -> ApiResult<()> {
    head.visible(asker, id).await?;
    let Some(job) = head.handle.job(id).await else { return Ok(()) };
    let spec = job.spec;
    fields.set("like", id.to_string());
    fields.set("same-input", "on");
    fields.set("name", spec.name);
    for (name, value) in spec.params {
        fields.set(format!("param-{name}"), value);
    }
    fields.set("args", spec.args.join("\n"));
    if let NodeSelector::AtMost(count) = spec.nodes {
        fields.set("nodes", count.to_string());
    }
    fields.set("memory-mib", (spec.limits.memory_bytes_max >> 20).to_string());
    fields.set("seconds", (spec.limits.cpu_ms_max / 1000).to_string());
    Ok(())
}

/// What is wrong with what was sent, where no single field is to blame.
pub(super) fn refused(problem: &Problem) -> Markup {
    html! { div id="problem" tabindex="-1" { (told(problem)) } }
}

/// The form, with what was typed in it.
pub(super) async fn shown(
    head: &Head,
    visit: &Visit,
    module: &ModuleInfo,
    fields: &Fields,
    news: &Markup,
) -> Response {
    let lang = visit.lang;
    let nodes = head.handle.nodes().await;
    let here = nodes.iter().filter(|node| node.state != NodeState::Lost).count();
    let action = format!("/new/{}", module.digest);
    let name = module.declared.name.as_deref().or(fields.typed("name")).unwrap_or("job");
    let content = html! {
        (news)
        (about(lang, module))
        form method="post" action=(action) enctype="multipart/form-data" data-upload data-drop {
            @for hidden in ["example", "like"] {
                @if let Some(text) = fields.typed(hidden) { input type="hidden" name=(hidden) value=(text); }
            }
            section.card {
                label {
                    (lang.text("job-name"))
                    input name="name" maxlength="100" value=(fields.typed("name").unwrap_or(name));
                }
                @if !module.declared.takes_no_input() { (input(lang, module, fields)) }
                @else { p.muted { (lang.text("needs-no-input")) } }
            }
            @if !module.declared.params.is_empty() {
                section.card {
                    h2 { (lang.text("parameters")) }
                    div.fields {
                        @for param in &module.declared.params { (parameter(lang, param, fields)) }
                    }
                }
            }
            (more(lang, module, fields, here))
            div.actions {
                button.primary name="do" value="run" { (lang.text("run")) }
                button name="do" value="check" { (lang.text("check")) }
            }
            p.progress role="status" id="sending" {}
        }
    };
    let title = format!("{}: {name}", lang.text("nav-new"));
    Page::new(title, Place::New, content).scripts(&["new.js"]).send(visit)
}

/// What the module is.
fn about(lang: Lang, module: &ModuleInfo) -> Markup {
    let exports = module.effective_exports(&Default::default());
    let phases = [
        ("planner", exports.planner || exports.cutter),
        ("ranges", exports.partitioner),
        ("map", exports.mapper || exports.mapper_bytes || exports.mapper_pairs),
        ("reduce", exports.reducer),
        ("merge", exports.merger),
    ];
    html! {
        section.card {
            @if let Some(about) = &module.declared.about { p.lead lang="en" { (about) } }
            dl.facts {
                div { dt { (lang.text("module")) } dd { (lang.bytes(module.size_bytes)) } }
                div {
                    dt { (lang.text("kind")) }
                    dd { (lang.text(if module.kind == ModuleKind::Job { "kind-job" } else { "kind-command" })) }
                }
                @if module.kind == ModuleKind::Job {
                    div {
                        dt { (lang.text("its-phases")) }
                        dd {
                            @for (name, _) in phases.iter().filter(|(_, there)| *there) {
                                code { (name) } " "
                            }
                        }
                    }
                }
                div { dt { (lang.text("imports")) } dd { (lang.text("imports-fine")) } }
            }
        }
    }
}

/// What it works on: a file, a sample, the input of a job before, or the result of one.
fn input(lang: Lang, module: &ModuleInfo, fields: &Fields) -> Markup {
    let declared = module.declared.input.as_ref();
    let about = declared.and_then(|input| input.about.as_deref());
    let endings: Vec<String> = declared
        .map(|input| input.extensions.iter().map(|it| format!(".{it}")).collect())
        .unwrap_or_default();
    let sent = upload(fields);
    html! {
        fieldset {
            legend { (lang.text("input")) }
            @if let Some(about) = about { p.muted lang="en" { (about) } }
            @if let Some(sent) = &sent {
                p.done { (lang.text("file-is-here")) }
                input type="hidden" name="upload" value=(sent);
            }
            label {
                (lang.text("input-file"))
                input type="file" name="file" id=(place("file"))
                    accept=[(!endings.is_empty()).then(|| endings.join(","))]
                    aria-invalid=[told_by(fields, "file").map(|_| "true")]
                    aria-describedby=[told_by(fields, "file")];
                (beside(fields, "file"))
            }
            @if fields.typed("example").is_some() {
                (tick(lang, "sample", "use-sample", fields.is_on("sample") && sent.is_none()))
            }
            @if fields.typed("like").is_some() {
                (tick(lang, "same-input", "use-same-input", fields.is_on("same-input")))
            }
            label {
                (lang.text("input-from"))
                input type="number" name="from" id=(place("from")) min="1" value=(fields.raw("from"))
                    aria-invalid=[told_by(fields, "from").map(|_| "true")]
                    aria-describedby=[told_by(fields, "from")];
                (beside(fields, "from"))
                small { (lang.text("input-from-help")) }
            }
        }
    }
}

fn tick(lang: Lang, name: &str, key: &str, is_on: bool) -> Markup {
    html! {
        label.check {
            input type="checkbox" name=(name) checked[is_on];
            span { (lang.text(key)) }
        }
    }
}

/// A parameter as the field that suits it.
fn parameter(lang: Lang, param: &ParamDecl, fields: &Fields) -> Markup {
    let field = format!("param-{}", param.name);
    let default = param.default.as_deref().unwrap_or_default();
    let value = fields.typed(&field).unwrap_or(default);
    let needed = param.required && param.default.is_none() && param.random.is_none();
    let secret = format!("secret-{}", param.name);
    let named = if param.secret { &secret } else { &field };
    let told = told_by(fields, named);
    let invalid = told.as_ref().map(|_| "true");
    html! {
        label {
            code { (param.name) }
            @if param.secret {
                input type="password" name=(secret) id=(place(named)) autocomplete="off"
                    aria-invalid=[invalid] aria-describedby=[told];
            } @else if !param.choices.is_empty() {
                select name=(field) id=(place(named)) aria-invalid=[invalid] aria-describedby=[told] {
                    @if default.is_empty() && !needed { option value="" { "—" } }
                    @for choice in &param.choices {
                        option value=(choice) selected[choice == value] {
                            (choice)
                            @if let Some(note) = param.notes.get(choice) { ": " (note) }
                        }
                    }
                }
            } @else if param.kind == ParamKind::Boolean {
                select name=(field) id=(place(named)) aria-invalid=[invalid] aria-describedby=[told] {
                    @for choice in ["false", "true"] { option selected[choice == value] { (choice) } }
                }
            } @else {
                input name=(field) id=(place(named)) value=(value) required[needed]
                    aria-invalid=[invalid] aria-describedby=[told]
                    type=(if param.kind == ParamKind::Integer { "number" } else { "text" })
                    min=[param.min.filter(|_| param.kind == ParamKind::Integer)]
                    max=[param.max.filter(|_| param.kind == ParamKind::Integer)];
            }
            (beside(fields, named))
            small lang="en" {
                (param.help)
                // What only says how a program keeps a number is no help.
                @if param.max.is_none_or(|max| max < u32::MAX.into()) { (param.bounds()) }
                @if param.random.is_some() { " " span lang=(lang.tag()) { (lang.text("drawn")) } }
            }
        }
    }
}

/// Fields that are not seen at first.
const FOLDED: [&str; 4] = ["nodes", "memory-mib", "seconds", "chunk-kib"];

/// What most leave as it is.
fn more(lang: Lang, module: &ModuleInfo, fields: &Fields, nodes: usize) -> Markup {
    let number = |name: &str, key: &str, help: String| {
        html! {
            label {
                (lang.text(key))
                input type="number" name=(name) id=(place(name)) min="1" value=(fields.raw(name))
                    aria-invalid=[told_by(fields, name).map(|_| "true")]
                    aria-describedby=[told_by(fields, name)];
                (beside(fields, name))
                small { (help) }
            }
        }
    };
    html! {
        // What is wrong must be seen.
        details.card open[FOLDED.iter().any(|name| fields.faults.contains_key(*name))] {
            summary { (lang.text("more-options")) }
            (number("nodes", "at-most-nodes", lang.with("nodes-here", &[("count", nodes.into())])))
            (number("memory-mib", "memory-mib", lang.text("memory-help")))
            (number("seconds", "seconds-of-task", lang.text("seconds-help")))
            (number("chunk-kib", "chunk-kib", lang.text("chunk-help")))
            @if module.kind == ModuleKind::Command {
                label {
                    (lang.text("arguments"))
                    textarea name="args" rows="3" spellcheck="false" { (fields.raw("args")) }
                    small { (lang.text("arguments-help")) }
                }
            }
            (tick(lang, "thrifty", "prefer-energy", fields.is_on("thrifty")))
            (tick(lang, "verify", "verify", fields.is_on("verify")))
            (tick(lang, "no-cache", "no-cache", fields.is_on("no-cache")))
        }
    }
}
