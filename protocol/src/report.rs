//! What jobs have taken of the cluster, in sums.

use serde::{Deserialize, Serialize};

/// What a report has a row for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ReportBy {
    /// Each user.
    #[default]
    User,
    /// Each class.
    Class,
    /// Each job.
    Job,
    /// Each node.
    Node,
}

impl ReportBy {
    /// Its name. Never changes.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Class => "class",
            Self::Job => "job",
            Self::Node => "node",
        }
    }
}

/// `GET /api/v1/report`: what the jobs have taken that the head knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReportView {
    /// Always `bramble.report/1`.
    pub schema: String,
    /// What the rows are.
    pub by: ReportBy,
    /// Only jobs that were submitted since this time are counted, in milliseconds since 1970.
    pub since_ms: u64,
    /// Those that took most energy first, then most processor time.
    pub rows: Vec<ReportRow>,
    /// All jobs together.
    pub total: ReportRow,
}

/// What some jobs have taken, in attempts that succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReportRow {
    /// Whose they are, or where they ran; empty where nobody said.
    pub name: String,
    /// The name of the job, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How many jobs.
    pub jobs: u64,
    /// How many of their tasks were done.
    pub tasks: u64,
    /// Processor time, in microseconds.
    pub cpu_us: u64,
    /// What they took of what the nodes draw, in millionths of a joule; 0 where that is not known.
    pub energy_uj: u64,
    /// The part of `energy_uj` that comes from sensors; the rest is estimated.
    pub energy_measured_uj: u64,
}

impl ReportRow {
    /// Adds what a job took.
    pub fn add(&mut self, tasks: u64, cpu_us: u64, (energy_uj, measured_uj): (u64, u64)) {
        self.jobs += 1;
        self.tasks += tasks;
        self.cpu_us = self.cpu_us.saturating_add(cpu_us);
        self.energy_uj = self.energy_uj.saturating_add(energy_uj);
        self.energy_measured_uj = self.energy_measured_uj.saturating_add(measured_uj);
    }
}
