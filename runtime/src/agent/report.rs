//! Reports on their way to the head: in messages that it accepts.

use bramble_protocol::AttemptOutcome;
use bramble_protocol::agent::{AttemptReport, FromAgent, MESSAGE_BYTES_MAX};

/// The most reports in one message: the head answers each message as a whole.
const REPORTS_PER_MESSAGE: usize = 512;
/// The most bytes of reports in one message, which leaves room for what is around them.
const BYTES_PER_MESSAGE: usize = MESSAGE_BYTES_MAX / 2;

/// The most bytes that JSON makes of one byte of text.
const ESCAPED_BYTES_MAX: usize = 6;
/// The most bytes that it makes of the name and length of an output.
const OUTPUT_BYTES_MAX: usize = 128;
/// The most that all else takes: numbers with their names.
const OTHER_BYTES_MAX: usize = 1 << 10;
/// Up to this bound a report counts with the bound. A full message of such has less than
/// [`BYTES_PER_MESSAGE`].
const SHORT_BYTES: usize = BYTES_PER_MESSAGE / REPORTS_PER_MESSAGE;

/// Packs reports into messages, in their order.
pub(super) fn messages(reports: Vec<AttemptReport>) -> Vec<FromAgent> {
    let mut messages = Vec::new();
    let mut group = Vec::new();
    let mut bytes = 0;
    for report in reports {
        let length = length(&report);
        let is_full = group.len() == REPORTS_PER_MESSAGE || bytes + length > BYTES_PER_MESSAGE;
        if is_full && !group.is_empty() {
            messages.push(FromAgent::Reports { reports: std::mem::take(&mut group) });
            bytes = 0;
        }
        bytes += length;
        group.push(report);
    }
    if !group.is_empty() {
        messages.push(FromAgent::Reports { reports: group });
    }
    messages
}

/// A report that fits into a message. Only a runner that somebody has taken over says so much
/// that it would not, and what it says is of no use.
pub(super) fn bounded(mut report: AttemptReport) -> AttemptReport {
    if length(&report) > BYTES_PER_MESSAGE {
        report.log = String::new();
    }
    if length(&report) > BYTES_PER_MESSAGE {
        let message = "the runner's report was too long to be passed on".into();
        report.outcome = AttemptOutcome::NodeFault { message };
    }
    report
}

/// Length of a report in JSON, in bytes; or a bound on it, which costs nothing to know, for the
/// many that are short.
fn length(report: &AttemptReport) -> usize {
    let texts = report.log.len() + report.outcome.text_bytes();
    let outputs = match &report.outcome {
        AttemptOutcome::Succeeded { outputs } => outputs.len(),
        _ => 0,
    };
    let bound = ESCAPED_BYTES_MAX * texts + OUTPUT_BYTES_MAX * outputs + OTHER_BYTES_MAX;
    if bound <= SHORT_BYTES { bound } else { exact_length(report) }
}

fn exact_length(report: &AttemptReport) -> usize {
    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, report).expect("a report is always JSON");
    counter.0
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bramble_protocol::{AttemptId, Digest, JobId, LeaseId, ObjectRef, TaskId, Usage};

    use super::*;

    fn report(number: u64, log: String, message: String) -> AttemptReport {
        let task = TaskId { job: JobId(1), index: 0 };
        AttemptReport {
            lease: LeaseId(number),
            attempt: AttemptId { task, number: 1 },
            outcome: AttemptOutcome::NodeFault { message },
            usage: Usage::default(),
            log,
            enough: false,
        }
    }

    #[test]
    fn long_logs_are_spread_over_messages_that_the_head_accepts_and_none_is_lost() {
        // As JSON each of these control characters takes six bytes.
        let log = "\u{1}".repeat(128 << 10);
        let reports: Vec<_> = (0..60).map(|n| report(n, log.clone(), String::new())).collect();
        let messages = messages(reports.clone());
        let mut sent = Vec::new();
        for message in messages {
            assert!(serde_json::to_vec(&message).unwrap().len() <= MESSAGE_BYTES_MAX);
            let FromAgent::Reports { reports } = message else { panic!("{message:?}") };
            sent.extend(reports);
        }
        assert_eq!(sent, reports);
    }

    #[test]
    fn the_bound_on_a_reports_length_holds() {
        let all = Usage {
            wall_us: u64::MAX,
            cpu_us: u64::MAX,
            reference_us: u64::MAX,
            read_us: u64::MAX,
            write_us: u64::MAX,
            memory_bytes_peak: u64::MAX,
            bytes_in: u64::MAX,
            bytes_out: u64::MAX,
            log_bytes_dropped: u64::MAX,
            log_lines_dropped: u64::MAX,
            memory_refusals: u64::MAX,
            host_calls: u64::MAX,
            fuel_used: u64::MAX,
            energy_uj: 14,
            energy_measured_uj: 15,
        };
        let mut one = report(u64::MAX, "\u{1}".repeat(100), String::new());
        one.usage = all;
        one.attempt.task = TaskId { job: JobId(u64::MAX), index: u32::MAX };
        let output = ObjectRef { digest: Digest::ZERO, size: u64::MAX };
        let digest = Digest::ZERO;
        for outcome in [
            AttemptOutcome::Succeeded { outputs: vec![output; 20] },
            AttemptOutcome::NodeFault { message: "\u{1}".repeat(100) },
            AttemptOutcome::ChunkCorrupt { expected: digest, found: digest },
            AttemptOutcome::ChunkMissing { digest, message: "\"".repeat(100) },
        ] {
            one.outcome = outcome;
            assert!(exact_length(&one) <= length(&one), "{one:?}");
        }
    }

    #[test]
    fn many_short_reports_are_not_one_message() {
        let reports = (0..1_000).map(|n| report(n, String::new(), String::new())).collect();
        assert_eq!(messages(reports).len(), 2);
    }

    #[test]
    fn what_could_never_be_sent_becomes_a_fault_of_the_node() {
        let long = "x".repeat(MESSAGE_BYTES_MAX);
        let bounded_log = bounded(report(1, long.clone(), "why".into()));
        assert_eq!(bounded_log, report(1, String::new(), "why".into()));
        let bounded = bounded(report(1, String::new(), long));
        assert!(bounded.outcome.message().contains("too long"));
        assert_eq!(messages(vec![bounded]).len(), 1);
    }
}
