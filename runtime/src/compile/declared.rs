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
    if let Some(why) = of_a_parameter(declared) {
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
    if rules.contains(&SplitRule::Guest) && !exports.planner && !exports.cutter {
        let why = "the input is to be cut by the module, which exports neither planner nor cutter";
        return Some(why.into());
    }
    let is_cut_by_itself = rules.iter().all(|rule| *rule == SplitRule::Guest) && exports.cutter;
    (declared.takes_no_input() && (rules.is_empty() || !is_cut_by_itself))
        .then(|| "a job without input needs a cutter, and the split `guest` always".into())
}

/// What is wrong with what is said of parameters, or depends on one.
fn of_a_parameter(declared: &Declared) -> Option<String> {
    for param in &declared.params {
        let name = &param.name;
        let bytes_max = Declared::RANDOM_BYTES_MAX as u32;
        if param.random.is_some_and(|bytes| !(1..=bytes_max).contains(&bytes)) {
            return Some(format!("parameter `{name}` has no 1 to {bytes_max} random bytes"));
        }
        if param.random.is_some() && (param.default.is_some() || param.secret) {
            return Some(format!("parameter `{name}` is random, and secret or of a default value"));
        }
        if let Some(note) = param.notes.keys().find(|note| !param.choices.contains(note)) {
            return Some(format!(
                "`{note:.80}`, on which there is a note, is no choice of `{name}`"
            ));
        }
    }
    let unknown = |what: &str, name: &str, values: Vec<&String>| {
        let Some(decl) = declared.params.iter().find(|decl| decl.name == name) else {
            return Some(format!("{what} depends on `{name:.80}`, which is no parameter"));
        };
        let value = values.into_iter().find(|value| decl.fault(value).is_some())?;
        Some(format!("{what} knows `{value:.80}`, which `{name}` cannot be"))
    };
    let when = declared.merge_when.as_ref();
    let of_merge = when.and_then(|it| unknown("the merge", &it.param, it.values.iter().collect()));
    of_merge.or_else(|| {
        let by = declared.result.as_ref()?.by_param.as_ref()?;
        unknown("the result", &by.param, by.cases.keys().collect())
    })
}

fn is_param_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=64).contains(&name.len()) && name.chars().all(allowed)
}
