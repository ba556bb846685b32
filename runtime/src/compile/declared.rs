//! Checks what a module declares of itself in its custom section.

use bramble_protocol::SplitRule;
use bramble_protocol::module::{Declared, Exports, ResultDecl, SplitDecl};

use super::Refusal;
use super::check::{Survey, bad_manifest};

/// Reads and checks what a module declares of itself.
pub(super) fn declared(survey: &Survey, exports: &Exports) -> Result<Declared, Refusal> {
    let Some(section) = &survey.manifest else { return Ok(Declared::default()) };
    let declared: Declared =
        serde_json::from_slice(section).map_err(|error| bad_manifest(error.to_string()))?;
    match fault(&declared, exports) {
        None => Ok(declared),
        Some(why) => Err(bad_manifest(why)),
    }
}

fn fault(declared: &Declared, exports: &Exports) -> Option<String> {
    let plain = |text: &str, max: usize| text.len() <= max && !text.chars().any(char::is_control);
    if declared.name.as_ref().is_some_and(|name| name.is_empty() || !plain(name, 100)) {
        return Some("the name is empty, too long or not plain text".into());
    }
    if declared.about.as_ref().is_some_and(|about| !plain(about, 1000)) {
        return Some("the description is too long or not plain text".into());
    }
    for (index, param) in declared.params.iter().enumerate() {
        if !is_param_name(&param.name) {
            return Some(format!("`{:.80}` cannot name a parameter", param.name));
        }
        if declared.params[..index].iter().any(|other| other.name == param.name) {
            return Some(format!("parameter `{}` is declared twice", param.name));
        }
        if let Some(why) = param.default.as_ref().and_then(|default| param.fault(default)) {
            return Some(format!("parameter `{}` has a bad default: {why}", param.name));
        }
    }
    if let Some(why) = declared.result.as_ref().and_then(ResultDecl::fault) {
        return Some(why);
    }
    let rules: Vec<SplitRule> = match &declared.split {
        None => Vec::new(),
        Some(SplitDecl::Always(rule)) => vec![*rule],
        Some(SplitDecl::ByParam { param, cases }) => {
            let Some(decl) = declared.params.iter().find(|decl| decl.name == *param) else {
                return Some(format!("the split depends on `{param}`, which is no parameter"));
            };
            if let Some(case) = cases.keys().find(|case| decl.fault(case).is_some()) {
                return Some(format!("the split knows `{case}`, which `{param}` cannot be"));
            }
            cases.values().copied().collect()
        }
    };
    (rules.contains(&SplitRule::Guest) && !exports.planner && !exports.cutter).then(|| {
        "the input is to be cut by the module, which exports neither planner nor cutter".into()
    })
}

fn is_param_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=64).contains(&name.len()) && name.chars().all(allowed)
}
