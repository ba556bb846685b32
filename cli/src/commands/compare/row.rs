//! The rows of a comparison, and what each is beside the others.

use bramble_protocol::energy::Taken;
use serde::Serialize;

use super::measure::{Run, Spread, serial_share};

/// One combination on some nodes.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) module: String,
    /// The parameters that are compared.
    pub(super) varied: Vec<(String, String)>,
    /// As typed: a number, a name, or all.
    pub(super) nodes: String,
    pub(super) runs: Vec<Run>,
    /// Why it was given up.
    pub(super) fault: Option<String>,
}

/// A row as it is shown, in JSON as it is.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    pub(super) module: String,
    #[serde(serialize_with = "as_map")]
    pub(super) params: Vec<(String, String)>,
    pub(super) nodes: String,
    /// Nodes that did something, in the run with most of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nodes_used: Option<u32>,
    /// Each run, in the order in which they ran, in milliseconds.
    pub(super) runs_ms: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) median_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_ms: Option<f64>,
    /// Input over time, in millions of bytes a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mb_per_s: Option<f64>,
    /// Beside the same on one node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) speed_up: Option<f64>,
    /// Speed-up by node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) efficiency: Option<f64>,
    /// The part of the work that did not run side by side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) serial_share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) joules: Option<f64>,
    /// Where that is from: `measured`, `estimated`, or `partly-measured`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) joules_source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result_bytes: Option<u64>,
    /// Length of the result over that of the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

fn as_map<S: serde::Serializer>(
    params: &[(String, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(params.iter().map(|(name, value)| (name, value)))
}

impl Row {
    fn time(&self) -> Option<Spread> {
        Spread::of(self.runs.iter().map(|run| run.wall_s))
    }

    fn is_same_work(&self, other: &Self) -> bool {
        self.module == other.module && self.varied == other.varied
    }
}

impl Figures {
    /// What is combined, in one line: `cipher=ecb engine=wasm`.
    pub(super) fn combination(&self, several_modules: bool) -> String {
        let mut words: Vec<String> =
            self.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if several_modules || words.is_empty() {
            words.insert(0, self.module.clone());
        }
        words.join(" ")
    }

    /// The same without the names of the parameters: `ecb, wasm`.
    pub(super) fn values(&self, several_modules: bool) -> String {
        let module = (several_modules || self.params.is_empty()).then_some(&self.module);
        let values = self.params.iter().map(|(_, value)| value);
        module.into_iter().chain(values).map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// The figures of all rows.
pub(super) fn figures(rows: &[Row]) -> Vec<Figures> {
    rows.iter().map(|row| figure(row, rows)).collect()
}

fn figure(row: &Row, rows: &[Row]) -> Figures {
    let time = row.time();
    let last = row.runs.last();
    let nodes_used = row.runs.iter().map(|run| run.nodes).max();
    let alone =
        |other: &&Row| other.is_same_work(row) && other.runs.iter().all(|run| run.nodes == 1);
    let alone = rows.iter().filter(alone).find_map(Row::time);
    let speed_up = match (alone, time, nodes_used) {
        (Some(alone), Some(time), Some(2..)) => Some(alone.median / time.median),
        _ => None,
    };
    let on = |of: fn(f64, u32) -> Option<f64>| {
        speed_up.zip(nodes_used).and_then(|(speed_up, nodes)| of(speed_up, nodes))
    };
    let taken = row.runs.iter().map(|run| run.taken).collect::<Option<Vec<Taken>>>();
    let taken = taken.unwrap_or_default();
    let joules = Spread::of(taken.iter().map(|it| it.joules)).map(|spread| spread.median);
    let input = last.map(|run| run.input_bytes as f64).filter(|bytes| *bytes > 0.0);
    Figures {
        module: row.module.clone(),
        params: row.varied.clone(),
        nodes: row.nodes.clone(),
        nodes_used,
        runs_ms: row.runs.iter().map(|run| run.wall_s * 1e3).collect(),
        median_ms: time.map(|time| time.median * 1e3),
        min_ms: time.map(|time| time.min * 1e3),
        max_ms: time.map(|time| time.max * 1e3),
        mb_per_s: input.zip(time).map(|(bytes, time)| bytes / 1e6 / time.median),
        speed_up,
        efficiency: on(|speed_up, nodes| Some(speed_up / f64::from(nodes))),
        serial_share: on(serial_share),
        joules,
        joules_source: joules.map(|_| source(&taken)),
        result_bytes: last.map(|run| run.result_bytes),
        result_ratio: input.zip(last).map(|(bytes, run)| run.result_bytes as f64 / bytes),
        error: row.fault.clone(),
    }
}

fn source(taken: &[Taken]) -> &'static str {
    let is = |share: f64| taken.iter().all(|it| (it.measured - share).abs() < 0.005);
    match (is(0.0), is(1.0)) {
        (true, _) => "estimated",
        (_, true) => "measured",
        _ => "partly-measured",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn row(value: &str, nodes: u32, walls_s: &[f64]) -> Row {
        let run = |wall_s: &f64| Run {
            wall_s: *wall_s,
            nodes,
            taken: None,
            input_bytes: 8_000_000,
            result_bytes: 2_000_000,
        };
        Row {
            module: "sort.wasm".into(),
            varied: vec![("type".into(), value.into())],
            nodes: nodes.to_string(),
            runs: walls_s.iter().map(run).collect(),
            fault: None,
        }
    }

    #[test]
    fn a_row_is_compared_with_the_same_work_on_one_node() {
        let rows = [
            row("u32", 1, &[8.0, 9.0, 8.0]),
            row("u64", 1, &[16.0]),
            row("u32", 2, &[5.0]),
            row("u64", 2, &[8.0]),
        ];
        let figures = figures(&rows);
        let speed_ups: Vec<_> = figures.iter().map(|it| it.speed_up).collect();
        assert_eq!(speed_ups, [None, None, Some(1.6), Some(2.0)]);
        assert_eq!(figures[2].efficiency, Some(0.8));
        // Karp and Flatt: (1/1.6 - 1/2) / (1 - 1/2).
        assert!((figures[2].serial_share.unwrap() - 0.25).abs() < 1e-12);
        assert_eq!((figures[0].mb_per_s, figures[0].result_ratio), (Some(1.0), Some(0.25)));
        assert_eq!(figures[0].joules_source, None, "an unknown board has no estimate");
    }
}
