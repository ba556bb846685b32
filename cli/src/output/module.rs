//! What a module is and declares of itself, for people.

use bramble_protocol::module::{InputKind, ResultDecl};
use bramble_protocol::{ModuleInfo, ModuleKind, ParamDecl, SplitDecl};

use super::human;

/// The phases that a module has, in their order.
pub(crate) fn phases(module: &ModuleInfo) -> Vec<&'static str> {
    let exports = module.exports;
    let maps = exports.mapper || exports.mapper_bytes || exports.mapper_pairs;
    [
        (exports.planner || exports.cutter, "split"),
        (exports.partitioner, "ranges"),
        (maps || module.kind == ModuleKind::Command, "map"),
        (exports.combiner, "combine"),
        (exports.merger, "merge"),
        (exports.reducer, "reduce"),
    ]
    .into_iter()
    .filter_map(|(has, name)| has.then_some(name))
    .collect()
}

/// All that a module declares, a line for each thing, with two columns.
pub(crate) fn lines(module: &ModuleInfo) -> Vec<String> {
    let declared = &module.declared;
    let mut rows: Vec<(&str, String)> = Vec::new();
    if let Some(name) = &declared.name {
        rows.push(("name", name.clone()));
    }
    if let Some(about) = declared.about.as_ref().filter(|about| !about.is_empty()) {
        rows.push(("about", about.clone()));
    }
    let kind = match module.kind {
        ModuleKind::Job => "job",
        ModuleKind::Command => "WASI command",
    };
    rows.push(("kind", format!("{kind}, {}", human::size(module.size_bytes))));
    rows.push(("phases", phases(module).join(", ")));
    rows.push(("cut", cut(declared.split.as_ref())));
    if let Some(input) = input(module) {
        rows.push(("input", input));
    }
    for (index, result) in results(module).into_iter().enumerate() {
        rows.push((if index == 0 { "result" } else { "" }, result));
    }
    if let Some(when) = &declared.merge_when {
        rows.push(("merges", format!("if {} is {}", when.param, when.values.join(", "))));
    }
    for param in params(module) {
        let first = rows.iter().all(|(name, _)| *name != "--arg");
        rows.push((if first { "--arg" } else { "" }, param));
    }
    let line = |(name, text): (&str, String)| format!("{name:<8}{}", human::safe_field(&text));
    rows.into_iter().map(|row| line(row).trim_end().to_owned()).collect()
}

/// What the input should be, if the module says so: `image (a picture; .ppm, .png)`.
pub(crate) fn input(module: &ModuleInfo) -> Option<String> {
    let input = module.declared.input.as_ref()?;
    if input.kind == InputKind::None {
        return Some("none: chunks are made from the parameters".into());
    }
    let mut more: Vec<String> = input.about.iter().cloned().collect();
    if !input.extensions.is_empty() {
        let ends: Vec<String> = input.extensions.iter().map(|end| format!(".{end}")).collect();
        more.push(ends.join(", "));
    }
    let kind = input.kind.name();
    Some(if more.is_empty() { kind.into() } else { format!("{kind} ({})", more.join("; ")) })
}

/// What the result is: a line, or one for each value of the parameter that it depends on.
pub(crate) fn results(module: &ModuleInfo) -> Vec<String> {
    let shown = |result: &ResultDecl| {
        let (kind, media, extension) = (result.kind.name(), result.media(), result.extension());
        format!("{kind}, .{extension} ({media})")
    };
    match module.declared.result.as_ref() {
        None => Vec::new(),
        Some(ResultDecl { by_param: Some(by), .. }) => {
            let case = |(value, result): (&String, &ResultDecl)| {
                format!("{}={value}: {}", by.param, shown(result))
            };
            by.cases.iter().map(case).collect()
        }
        Some(result) => vec![shown(result)],
    }
}

/// The parameters, a line for each: name and default, what it means, what it may be.
pub(crate) fn params(module: &ModuleInfo) -> Vec<String> {
    let params = &module.declared.params;
    let heads: Vec<String> = params.iter().map(head).collect();
    let width = heads.iter().map(|head| head.chars().count()).max().unwrap_or_default();
    let lines = params.iter().zip(heads).flat_map(|(param, head)| {
        let help = param.help.trim_end_matches('.');
        let line = format!("{head:<width$}  {help} ({})", values(param));
        let notes = notes(param).map(|note| format!("{:<width$}    {note}", ""));
        let lines = std::iter::once(line).chain(notes).collect::<Vec<_>>();
        lines.into_iter().map(|line| human::safe_field(line.trim_end()))
    });
    lines.collect()
}

/// What is said of the choices, in their order: `ecb: shows the picture`.
pub(crate) fn notes(param: &ParamDecl) -> impl Iterator<Item = String> {
    param.choices.iter().filter_map(|choice| {
        let note = param.notes.get(choice)?;
        Some(format!("{choice}: {note}"))
    })
}

fn head(param: &ParamDecl) -> String {
    match &param.default {
        Some(default) => format!("{}={default}", param.name),
        None => format!("{}=…", param.name),
    }
}

/// What a parameter may be.
fn values(param: &ParamDecl) -> String {
    let values = if param.choices.is_empty() {
        format!("{}{}", param.kind.name(), param.bounds())
    } else {
        param.choices.join(", ")
    };
    let values = match param.random {
        Some(bytes) => format!("{values}; {bytes} random bytes when not given"),
        None => values,
    };
    let must = param.required && param.default.is_none();
    if must { format!("{values}; must be given") } else { values }
}

fn cut(split: Option<&SplitDecl>) -> String {
    match split {
        None => "lines".into(),
        Some(SplitDecl::Always(rule)) => match rule {
            bramble_protocol::SplitRule::Guest => "as the module says".into(),
            rule => rule.to_string(),
        },
        Some(SplitDecl::ByParam { param, cases }) => {
            let cases: Vec<String> =
                cases.iter().map(|(case, rule)| format!("{rule} for {case}")).collect();
            format!("by `{param}`: {}", cases.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use bramble_protocol::Digest;
    use bramble_protocol::module::Exports;

    use super::*;

    #[test]
    fn inputs_results_notes_and_random_values_are_told() {
        let declared = r#"{
            "input": { "kind": "image", "about": "a picture", "extensions": ["ppm", "png"] },
            "params": [
                { "name": "do", "choices": ["seal", "look"], "default": "seal",
                  "notes": { "look": "shows it" } },
                { "name": "salt", "help": "Against tables.", "random": 16 } ],
            "merge-when": { "param": "do", "values": ["look"] },
            "result": { "kind": "binary", "by-param": { "param": "do", "cases": {
                "seal": { "kind": "binary", "extension": "sealed" },
                "look": { "kind": "table" } } } } }"#;
        let module = ModuleInfo {
            digest: Digest::of(b"module"),
            size_bytes: 2048,
            kind: ModuleKind::Job,
            exports: Exports { cutter: true, mapper: true, merger: true, ..Exports::default() },
            declared: serde_json::from_str(declared).unwrap(),
        };
        let expected = [
            "kind    job, 2.0 KiB",
            "phases  split, map, merge",
            "cut     lines",
            "input   image (a picture; .ppm, .png)",
            "result  do=look: table, .tsv (text/tab-separated-values)",
            "        do=seal: binary, .sealed (application/octet-stream)",
            "merges  if do is look",
            "--arg   do=seal   (seal, look)",
            "                   look: shows it",
            "        salt=…   Against tables (text; 16 random bytes when not given)",
        ];
        assert_eq!(lines(&module), expected);
    }

    #[test]
    fn a_module_is_described_with_all_it_declares() {
        let declared = r#"{ "name": "sort", "about": "Sorts \u001b[31mlines.",
            "split": { "by-param": { "param": "type",
                       "cases": { "text": "lines", "u64": "records:8" } } },
            "params": [
                { "name": "type", "help": "what a record is", "default": "text",
                  "choices": ["text", "u64"] },
                { "name": "top", "kind": "integer", "min": 1, "max": 9, "required": true } ],
            "result": { "kind": "table" } }"#;
        let module = ModuleInfo {
            digest: Digest::of(b"module"),
            size_bytes: 2048,
            kind: ModuleKind::Job,
            exports: Exports {
                partitioner: true,
                mapper_pairs: true,
                reducer: true,
                ..Exports::default()
            },
            declared: serde_json::from_str(declared).unwrap(),
        };
        let expected = [
            "name    sort",
            "about   Sorts \\u{1b}[31mlines.",
            "kind    job, 2.0 KiB",
            "phases  ranges, map, reduce",
            "cut     by `type`: lines for text, records:8 for u64",
            "result  table, .tsv (text/tab-separated-values)",
            "--arg   type=text  what a record is (text, u64)",
            "        top=…       (integer from 1 to 9; must be given)",
        ];
        assert_eq!(lines(&module), expected);
    }
}
