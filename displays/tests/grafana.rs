//! The dashboard asks only for what is documented.

use std::collections::BTreeSet;

use serde_json::Value;

const DASHBOARD: &str = include_str!("../../docs/grafana.json");
const METRICS: &str = include_str!("../../docs/metrics.md");

/// Names in the first column of the tables, with the series that a histogram is made of.
fn documented() -> BTreeSet<String> {
    let rows = METRICS.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let mut names = BTreeSet::new();
    for (name, rest) in rows {
        if rest.contains("histogram") {
            names.extend(["_bucket", "_sum", "_count"].map(|part| format!("{name}{part}")));
        }
        names.insert(name.to_owned());
    }
    names
}

/// All strings under a key of this name.
fn strings<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key).and_then(Value::as_str));
            fields.values().for_each(|value| strings(value, key, found));
        }
        Value::Array(values) => values.iter().for_each(|value| strings(value, key, found)),
        _ => {}
    }
}

/// The names of metrics in an expression of PromQL: words that begin as ours do.
fn metrics(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("bramble_") || word.starts_with("process_"))
}

#[test]
fn each_metric_of_the_dashboard_is_documented() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut expressions = Vec::new();
    strings(&dashboard, "expr", &mut expressions);
    strings(&dashboard["templating"], "query", &mut expressions);
    let documented = documented();
    let used: BTreeSet<&str> = expressions.iter().flat_map(|text| metrics(text)).collect();
    let unknown: Vec<_> = used.iter().filter(|name| !documented.contains(**name)).collect();
    assert!(unknown.is_empty(), "docs/metrics.md does not have {unknown:?}");
    assert!(used.len() >= 20, "the test finds the names: {used:?}");
}

#[test]
fn panels_have_numbers_of_their_own_and_do_not_lie_on_each_other() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let mut taken = BTreeSet::new();
    for panel in panels {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(x + w <= 24, "{}", panel["title"]);
        for cell in (y..y + h).flat_map(|y| (x..x + w).map(move |x| (x, y))) {
            assert!(taken.insert(cell), "{} lies on another panel", panel["title"]);
        }
    }
}

#[test]
fn each_question_of_a_panel_is_to_the_chosen_prometheus() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        let no_targets = Vec::new();
        let targets = panel["targets"].as_array().unwrap_or(&no_targets);
        assert!(panel["type"] == "row" || !targets.is_empty(), "{} shows nothing", panel["title"]);
        for target in targets {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
        }
    }
}
