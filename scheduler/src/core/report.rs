//! Sums of what jobs have taken, by whom they were or where they ran.

use std::collections::BTreeMap;

use bramble_protocol::report::{ReportBy, ReportRow, ReportView};
use bramble_protocol::{JobPolicy, Usage};

use super::Scheduler;
use super::job::{Body, Job};

impl Scheduler {
    /// What all jobs have taken that were submitted since a time in milliseconds since 1970, as
    /// far as they are known and `may_see` allows it.
    pub fn report(
        &self,
        by: ReportBy,
        since_ms: u64,
        may_see: &dyn Fn(&JobPolicy) -> bool,
    ) -> ReportView {
        let mut rows: BTreeMap<String, ReportRow> = BTreeMap::new();
        let mut total = ReportRow::default();
        let jobs = self
            .jobs
            .values()
            .filter(|job| job.submitted_at.0 >= since_ms && may_see(&job.spec.policy));
        for job in jobs {
            let (tasks, usage) = taken(job);
            let energy = (usage.energy_uj, usage.energy_measured_uj);
            total.add(tasks, usage.cpu_us, energy);
            let mut add = |name: String, tasks, cpu_us, energy| {
                let row = rows
                    .entry(name.clone())
                    .or_insert_with(|| ReportRow { name, ..ReportRow::default() });
                row.add(tasks, cpu_us, energy);
                if by == ReportBy::Job {
                    row.title = Some(job.spec.name.clone());
                }
            };
            let policy = &job.spec.policy;
            match by {
                ReportBy::User => add(policy.user.clone(), tasks, usage.cpu_us, energy),
                ReportBy::Class => {
                    add(policy.class.clone().unwrap_or_default(), tasks, usage.cpu_us, energy);
                }
                ReportBy::Job => add(job.id.to_string(), tasks, usage.cpu_us, energy),
                ReportBy::Node => {
                    for node in self.job_view(job).nodes {
                        let energy = (node.energy_uj, node.energy_measured_uj);
                        add(node.name, node.succeeded.into(), node.cpu_us, energy);
                    }
                }
            }
        }
        let mut rows: Vec<ReportRow> = rows.into_values().collect();
        // Those that are alike stay in the order of their names.
        rows.sort_by_key(|row| std::cmp::Reverse((row.energy_uj, row.cpu_us)));
        ReportView { schema: "bramble.report/1".into(), by, since_ms, rows, total }
    }
}

/// Tasks that a job has done itself, and what they used.
fn taken(job: &Job) -> (u64, Usage) {
    let (counts, usage, saved) = match &job.body {
        Body::Pending(_) => return (0, Usage::default()),
        Body::Open(open) => (open.counts, open.usage, open.saved()),
        Body::Ended(ended) => (ended.tasks, ended.usage, ended.saved),
    };
    let reused = saved.map_or(0, |saved| saved.tasks);
    (u64::from(counts.succeeded.saturating_sub(reused)), usage)
}
