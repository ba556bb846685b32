//! Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write};

/// What a family of series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Grows, and begins at 0 again when the head does.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often a value was in each of several ranges.
    Histogram,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A label's name and value.
pub(crate) type Label<'a> = (&'static str, &'a str);

/// A text that is being written.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

impl Text {
    /// Begins a family of series. Each name may be begun once.
    pub(crate) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {}", kind.name()));
        Family { text: self, name }
    }

    /// The whole.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("a string takes everything");
    }
}

/// A family of series of one name.
pub(crate) struct Family<'a> {
    text: &'a mut Text,
    name: &'static str,
}

impl Family<'_> {
    /// Adds a series: no other of the family may have the same labels.
    pub(crate) fn add(&mut self, labels: &[Label<'_>], value: impl Display) {
        self.add_as("", labels, value);
    }

    /// Adds a series for each value that there is.
    pub(crate) fn add_each<'a, V: Display>(
        &mut self,
        label: &'static str,
        values: impl IntoIterator<Item = (&'a str, Option<V>)>,
    ) {
        for (name, value) in values {
            if let Some(value) = value {
                self.add(&[(label, name)], value);
            }
        }
    }

    /// Adds the series of a histogram without labels. `buckets` has for each upper bound how many
    /// values were at most so large and larger than the bound before; `above` were larger than all.
    pub(crate) fn add_buckets(
        &mut self,
        buckets: impl IntoIterator<Item = (f64, u64)>,
        above: u64,
        sum: f64,
    ) {
        let mut count = 0u64;
        for (bound, more) in buckets {
            count = count.saturating_add(more);
            self.add_as("_bucket", &[("le", &bound.to_string())], count);
        }
        count = count.saturating_add(above);
        self.add_as("_bucket", &[("le", "+Inf")], count);
        self.add_as("_sum", &[], sum);
        self.add_as("_count", &[], count);
    }

    fn add_as(&mut self, ending: &str, labels: &[Label<'_>], value: impl Display) {
        let mut listed = String::new();
        for (index, (name, value)) in labels.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(listed, "{comma}{name}=\"{}\"", escaped(value)).expect("a string takes it");
        }
        let name = self.name;
        match labels {
            [] => self.text.line(format_args!("{name}{ending} {value}")),
            _ => self.text.line(format_args!("{name}{ending}{{{listed}}} {value}")),
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example for the text format in Prometheus' documentation, as far as its series have no
    /// times: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
    #[test]
    fn the_text_is_that_of_the_example_of_prometheus() {
        let mut text = Text::default();
        let mut requests =
            text.family("http_requests_total", Kind::Counter, "The total number of HTTP requests.");
        requests.add(&[("method", "post"), ("code", "200")], 1027);
        requests.add(&[("method", "post"), ("code", "400")], 3);
        let about = "Cannot find file:\n\"FILE.TXT\"";
        text.family("msdos_file_access_time_seconds", Kind::Gauge, "Times.")
            .add(&[("path", "C:\\DIR\\FILE.TXT"), ("error", about)], 1.5);
        text.family("http_request_duration_seconds", Kind::Histogram, "A histogram.").add_buckets(
            [(0.05, 24054), (0.1, 9390), (1.0, 100_948)],
            9928,
            53423.5,
        );
        let expected = "# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method=\"post\",code=\"200\"} 1027
http_requests_total{method=\"post\",code=\"400\"} 3
# HELP msdos_file_access_time_seconds Times.
# TYPE msdos_file_access_time_seconds gauge
msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\FILE.TXT\",error=\"Cannot find file:\\n\\\"FILE.TXT\\\"\"} 1.5
# HELP http_request_duration_seconds A histogram.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le=\"0.05\"} 24054
http_request_duration_seconds_bucket{le=\"0.1\"} 33444
http_request_duration_seconds_bucket{le=\"1\"} 134392
http_request_duration_seconds_bucket{le=\"+Inf\"} 144320
http_request_duration_seconds_sum 53423.5
http_request_duration_seconds_count 144320
";
        assert_eq!(text.finish(), expected);
    }

    #[test]
    fn a_value_that_is_not_there_has_no_series() {
        let mut text = Text::default();
        text.family("a", Kind::Gauge, "A\nB").add_each("n", [("x", Some(0)), ("y", None)]);
        assert_eq!(text.finish(), "# HELP a A\\nB\n# TYPE a gauge\na{n=\"x\"} 0\n");
    }
}
