//! `bramble inspect`: what a module is and needs, and all that would be refused.

use std::collections::BTreeMap;
use std::time::Instant;

use bramble_protocol::module::SplitDecl;
use bramble_protocol::{Mode, ModuleInfo, ModuleKind, TargetClass};
use bramble_runtime::artefact::HeadKey;
use bramble_runtime::compile::{CompileLimits, Compiler, Refusal, Report};
use serde::Serialize;

use super::Context;
use super::build::module_error;
use crate::args::develop::InspectArgs;
use crate::error::{CliError, CliResult, Slug};
use crate::output::{Format, human, module};
use crate::paths;
use crate::request::read_module;

/// How much is shown of one name; some toolchains put whole signatures there.
const NAME_COLUMNS_MAX: usize = 48;

/// How a module was compiled for one kind of board.
#[derive(Serialize)]
struct Compiled {
    class: TargetClass,
    artefact_bytes: Option<u64>,
    wall_ms: u64,
    failure: Option<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compiled: Vec<Compiled>,
}

/// Shows a module.
///
/// # Errors
/// When it cannot be read, or would be refused.
pub(crate) fn run(context: &Context, args: &InspectArgs) -> CliResult<()> {
    let module = read_module(&args.module)?;
    let compiler = Compiler::new(paths::program()?, CompileLimits::default());
    let report = compiler.report(&module).map_err(|error| module_error(&error))?;
    let compiled = match (args.compile, report.findings.is_empty()) {
        (true, true) => {
            // Signed and thrown away.
            let key = HeadKey::ephemeral()
                .map_err(|error| CliError::new(Slug::Local, "cannot make a key").because(&error))?;
            TargetClass::ALL.map(|class| compile(&compiler, &module, class, &key)).into()
        }
        _ => Vec::new(),
    };
    if context.output.format == Format::Json {
        let answer = Answer { schema: "bramble.inspect/1", report: &report, compiled };
        context.output.json(&answer, false)?;
    } else {
        let name = args.module.file_name().unwrap_or_default().to_string_lossy();
        context.output.text(&text(&human::safe_field(&name), &report, &compiled))?;
    }
    verdict(&report)
}

fn compile(compiler: &Compiler, module: &[u8], class: TargetClass, key: &HeadKey) -> Compiled {
    let begun = Instant::now();
    let ended = compiler.compile(module, class, Mode::Fast, key);
    let wall_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (artefact_bytes, failure) = match ended {
        Ok(artefact) => (Some(artefact.len() as u64), None),
        Err(error) => (None, Some(bramble_protocol::error_chain(&error))),
    };
    Compiled { class, artefact_bytes, wall_ms, failure }
}

/// Ends with the findings, if there are any.
fn verdict(report: &Report) -> CliResult<()> {
    let [first, rest @ ..] = report.findings.as_slice() else { return Ok(()) };
    let error = refused(first);
    if rest.is_empty() {
        return Err(error);
    }
    let mut error = error.why("further findings:");
    for finding in rest {
        error = error.why(format!("  {}", finding.title));
    }
    Err(error)
}

/// Why a module cannot be used, as the user sees it.
pub(super) fn refused(refusal: &Refusal) -> CliError {
    let mut error = CliError::new(Slug::BadModule, refusal.title.clone());
    if let Some(detail) = &refusal.detail {
        error = error.why(detail.clone());
    }
    match &refusal.help {
        Some(help) => error.help(help.clone()),
        None => error,
    }
}

/// What a module is, in one line: `job · ranges, map, merge`.
pub(super) fn kind_and_phases(info: &ModuleInfo) -> String {
    let exports = &info.exports;
    if info.kind == ModuleKind::Command {
        return "WASI command".into();
    }
    let phases = [
        (exports.planner || exports.cutter, "split"),
        (exports.partitioner, "ranges"),
        (exports.mapper || exports.mapper_bytes, "map"),
        (exports.mapper_pairs, "map to pairs"),
        (exports.combiner, "combine"),
        (exports.reducer, "reduce"),
        (exports.merger, "merge"),
    ];
    let names: Vec<&str> = phases.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect();
    format!("job · {}", names.join(", "))
}

/// A report in lines, each a word and what there is to say.
fn text(name: &str, report: &Report, compiled: &[Compiled]) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let size = human::size(report.size_bytes);
    let form = report.form.as_deref().unwrap_or("no module");
    lines.push(("file", format!("{name}  {size} · {form} · {}", report.digest)));
    if let Some(info) = &report.info {
        lines.push(("kind", kind_and_phases(info)));
        declared(info, &mut lines);
    }
    if !report.exports.is_empty() {
        let names = report.exports.iter().map(|name| human::shorten(name, NAME_COLUMNS_MAX));
        lines.push(("exports", names.collect::<Vec<_>>().join(", ")));
    }
    lines.extend(imports(report).into_iter().map(|line| ("imports", line)));
    lines.push(("functions", human::thousands(report.functions)));
    for memory in &report.memories {
        let initial = human::size(memory.initial_bytes);
        let most = memory.maximum_bytes.map_or("any".into(), human::size);
        lines.push(("memory", format!("{initial} at first, {most} at most")));
    }
    if !report.features.is_empty() {
        let features = report.features.iter().map(|feature| {
            let mark = if feature.offered { "" } else { " (not offered)" };
            format!("{}{mark}", feature.name)
        });
        lines.push(("features", features.collect::<Vec<_>>().join(", ")));
    }
    for one in compiled {
        let time = human::duration(std::time::Duration::from_millis(one.wall_ms));
        let what = match (one.artefact_bytes, &one.failure) {
            (Some(bytes), _) => format!("{} in {time}", human::size(bytes)),
            (None, failure) => failure.clone().unwrap_or_default(),
        };
        lines.push(("compiled", format!("{:<14} {what}", one.class)));
    }
    let verdict = match report.findings.len() {
        0 => "can be run as a job".to_owned(),
        _ => "would be refused".to_owned(),
    };
    lines.push(("verdict", verdict));
    joined(&lines)
}

fn joined(lines: &[(&str, String)]) -> String {
    let mut text = String::new();
    let mut last = "";
    for (word, what) in lines {
        let shown = if *word == last { "" } else { word };
        last = word;
        text.push_str(&format!("{shown:<10} {}\n", human::safe(what)));
    }
    text
}

/// What the module says of itself.
fn declared(info: &ModuleInfo, lines: &mut Vec<(&str, String)>) {
    let declared = &info.declared;
    if let Some(name) = &declared.name {
        let about = declared.about.as_deref().unwrap_or_default();
        lines.push(("declares", format!("{name}: {about}").trim_end_matches(": ").to_owned()));
    }
    for param in &declared.params {
        let mut what = format!("--arg {}=", param.name);
        match param.choices.as_slice() {
            [] => what.push('…'),
            choices => what.push_str(&choices.join("|")),
        }
        if !param.help.is_empty() {
            what.push_str(&format!("  {}", param.help));
        }
        match (&param.default, param.random) {
            (Some(default), _) => what.push_str(&format!(" [default: {default}]")),
            (None, Some(bytes)) => what.push_str(&format!(" [default: {bytes} random bytes]")),
            (None, None) => {}
        }
        lines.push(("parameters", what));
        lines.extend(module::notes(param).map(|note| ("parameters", format!("    {note}"))));
    }
    lines.extend(module::input(info).map(|input| ("input", input)));
    lines.extend(module::results(info).into_iter().map(|result| ("result", result)));
    if let Some(when) = &declared.merge_when {
        lines.push(("merges", format!("if {} is {}", when.param, when.values.join(", "))));
    }
    match &declared.split {
        None => {}
        Some(SplitDecl::Always(rule)) => lines.push(("split", rule.to_string())),
        Some(SplitDecl::ByParam { param, cases }) => {
            let cases = cases.iter().map(|(value, rule)| format!("{param}={value}: {rule}"));
            lines.push(("split", cases.collect::<Vec<_>>().join(", ")));
        }
    }
}

/// The imports by where they come from, those that are not offered marked.
fn imports(report: &Report) -> Vec<String> {
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for import in &report.imports {
        // A name of a core module has two parts, an interface one.
        let (module, name) = match import.name.split_once('.') {
            Some((module, name)) if !import.name.contains('@') => (module, name),
            _ => (import.name.as_str(), ""),
        };
        let mark = if import.offered { "" } else { " (not offered)" };
        let name = human::shorten(name, NAME_COLUMNS_MAX);
        groups.entry(module).or_default().push(format!("{name}{mark}"));
    }
    let shown = |(module, names): (&str, Vec<String>)| {
        let names = names.join(", ");
        match names.trim() {
            "" => module.to_owned(),
            names if names.starts_with('(') => format!("{module} {names}"),
            names => format!("{module}: {names}"),
        }
    };
    groups.into_iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use bramble_runtime::compile::Import;

    use super::*;

    #[test]
    fn lines_that_belong_together_have_one_word() {
        let lines = [("memory", "one".to_owned()), ("memory", "two".into()), ("x", "3\x1b".into())];
        assert_eq!(joined(&lines), "memory     one\n           two\nx          3\\u{1b}\n");
    }

    #[test]
    fn imports_are_grouped_and_foreign_ones_marked() {
        let import = |name: &str, offered| Import { name: name.into(), offered };
        let report: Report = serde_json::from_value(serde_json::json!({
            "digest": bramble_protocol::Digest::of(b""), "size_bytes": 0, "form": null,
            "info": null, "exports": [], "functions": 0, "memories": [], "features": [],
            "findings": [],
            "imports": [import("env.a", false), import("env.b", true),
                        import("wasi:io/poll@0.2.0", true)],
        }))
        .unwrap();
        assert_eq!(imports(&report), ["env: a (not offered), b", "wasi:io/poll@0.2.0"]);
    }
}
