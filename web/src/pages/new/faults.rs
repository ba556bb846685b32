//! What is wrong with the fields of a form, each by its name, so that it stands beside the field.

use std::collections::BTreeMap;

use bramble_protocol::{ModuleInfo, ModuleKind};
use maud::{Markup, html};

use super::fields::Fields;
use super::plan::upload;
use crate::lang::Lang;

/// Fields that hold a whole number, if anything.
const NUMBERS: [&str; 5] = ["nodes", "memory-mib", "seconds", "chunk-kib", "from"];

/// Faults by the names of fields.
pub(super) type Faults = BTreeMap<String, Markup>;

/// All that can be seen before anything is tried.
pub(super) fn found(lang: Lang, module: &ModuleInfo, fields: &Fields) -> Faults {
    let mut faults = Faults::new();
    let wrong = |name: &&&str| {
        fields.typed(name).is_some_and(|text| !text.parse().is_ok_and(|number: u64| number > 0))
    };
    for name in NUMBERS.iter().filter(wrong) {
        faults.insert((*name).to_owned(), html! { (lang.text("fault-number")) });
    }
    for param in &module.declared.params {
        let kind = if param.secret { "secret" } else { "param" };
        let name = format!("{kind}-{}", param.name);
        let given = match param.secret {
            true => fields.secrets.get(&param.name).map(|_| None),
            false => fields.typed(&name).map(Some),
        };
        let fault = match given {
            Some(value) => value.and_then(|value| param.fault(value)),
            None => {
                let is_needed = param.required && param.default.is_none() && param.random.is_none();
                if is_needed {
                    faults.insert(name, html! { (lang.text("fault-missing")) });
                }
                continue;
            }
        };
        if let Some(fault) = fault {
            faults.insert(name, html! { span lang="en" { (fault) } });
        }
    }
    // A program for the command line may read nothing.
    let needs_input = !module.declared.takes_no_input() && module.kind == ModuleKind::Job;
    let has_input = upload(fields).is_some()
        || fields.typed("from").is_some()
        || (fields.typed("like").is_some() && fields.is_on("same-input"))
        || (fields.typed("example").is_some() && fields.is_on("sample"));
    if needs_input && !has_input {
        faults.insert("file".into(), html! { (lang.text("fault-no-input")) });
    }
    faults
}

/// What is said first: how many fields, and where they are.
pub(super) fn summary(lang: Lang, faults: &Faults) -> Markup {
    html! {
        div.error id="problem" tabindex="-1" role="alert" {
            p { (lang.with("faults-found", &[("count", faults.len().into())])) }
            ul {
                @for (name, fault) in faults {
                    li { a href={ "#" (place(name)) } { (label(lang, name)) } ": " (fault) }
                }
            }
        }
    }
}

/// A field's own fault, to be shown beside it.
pub(super) fn beside(fields: &Fields, name: &str) -> Markup {
    html! {
        @if let Some(fault) = fields.faults.get(name) {
            strong.fault id=(id(name)) { (fault) }
        }
    }
}

/// The id of the field of a name.
pub(super) fn place(name: &str) -> String {
    format!("field-{name}")
}

/// The id of what is wrong with a field, if something is.
pub(super) fn told_by(fields: &Fields, name: &str) -> Option<String> {
    fields.faults.contains_key(name).then(|| id(name))
}

fn id(name: &str) -> String {
    format!("fault-{name}")
}

/// What stands at a field.
fn label(lang: Lang, name: &str) -> String {
    match name {
        "nodes" => lang.text("at-most-nodes"),
        "seconds" => lang.text("seconds-of-task"),
        "memory-mib" => lang.text("memory-mib"),
        "chunk-kib" => lang.text("chunk-kib"),
        "from" => lang.text("input-from"),
        "file" => lang.text("input-file"),
        _ => {
            let param = name.strip_prefix("param-").or(name.strip_prefix("secret-"));
            param.unwrap_or(name).to_owned()
        }
    }
}
