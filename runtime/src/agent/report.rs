//! Reports on their way to the head: in messages that it accepts.

use bramble_protocol::AttemptOutcome;
use bramble_protocol::agent::{AttemptReport, FromAgent, MESSAGE_BYTES_MAX};

/// The most reports in one message: the head answers each message as a whole.
const REPORTS_PER_MESSAGE: usize = 512;
/// The most bytes of reports in one message, which leaves room for what is around them.
const BYTES_PER_MESSAGE: usize = MESSAGE_BYTES_MAX / 2;

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

/// Length of a report in JSON, in bytes.
fn length(report: &AttemptReport) -> usize {
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
    use bramble_protocol::{AttemptId, JobId, LeaseId, TaskId, Usage};

    use super::*;

    fn report(number: u64, log: String, message: String) -> AttemptReport {
        let task = TaskId { job: JobId(1), index: 0 };
        AttemptReport {
            lease: LeaseId(number),
            attempt: AttemptId { task, number: 1 },
            outcome: AttemptOutcome::NodeFault { message },
            usage: Usage::default(),
            log,
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
