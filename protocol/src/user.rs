//! Users, and what each may have.

use serde::{Deserialize, Serialize};

/// What a user may have at a time. A field that is absent is not limited here: an override then
/// leaves it to the default for all. [`UserLimits::NONE`] is no limit at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct UserLimits {
    /// Jobs that have not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u64>,
    /// Tasks that are leased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<u64>,
    /// Input of jobs that have not ended, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queued_bytes: Option<u64>,
    /// Input and results of all jobs that are shown, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_bytes: Option<u64>,
    /// Processor time in one lesson, in microseconds of the reference core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_us: Option<u64>,
    /// Input of one job, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_bytes: Option<u64>,
    /// Bytes that are sent in an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_bytes: Option<u64>,
    /// Memory of one task, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_memory_bytes: Option<u64>,
    /// Processor time of one task, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_cpu_ms: Option<u64>,
    /// Output of one task, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_output_bytes: Option<u64>,
    /// Log of one attempt, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_log_bytes: Option<u64>,
    /// Processor time of all attempts of one job, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_cpu_us: Option<u64>,
}

impl UserLimits {
    /// Stands for no limit, where the default has one.
    pub const NONE: u64 = u64::MAX;

    /// What each student of a class may have of what nobody has limited otherwise. Made for thirty
    /// students on a few boards of 1 GB: a task leaves room for three others on its board, a job
    /// cannot keep the boards busy for a whole lesson, and thirty times what is stored fits on a
    /// card of 64 GB.
    pub const LESSON: Self = Self {
        jobs: None,
        running: None,
        queued_bytes: Some(512 << 20),
        stored_bytes: Some(1 << 30),
        cpu_us: None,
        input_bytes: Some(256 << 20),
        upload_bytes: Some(2 << 30),
        task_memory_bytes: Some(256 << 20),
        task_cpu_ms: Some(300_000),
        task_output_bytes: Some(64 << 20),
        task_log_bytes: Some(1 << 20),
        job_cpu_us: Some(3_600_000_000),
    };

    /// These, and those of `other` where there are none.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            jobs: self.jobs.or(other.jobs),
            running: self.running.or(other.running),
            queued_bytes: self.queued_bytes.or(other.queued_bytes),
            stored_bytes: self.stored_bytes.or(other.stored_bytes),
            cpu_us: self.cpu_us.or(other.cpu_us),
            input_bytes: self.input_bytes.or(other.input_bytes),
            upload_bytes: self.upload_bytes.or(other.upload_bytes),
            task_memory_bytes: self.task_memory_bytes.or(other.task_memory_bytes),
            task_cpu_ms: self.task_cpu_ms.or(other.task_cpu_ms),
            task_output_bytes: self.task_output_bytes.or(other.task_output_bytes),
            task_log_bytes: self.task_log_bytes.or(other.task_log_bytes),
            job_cpu_us: self.job_cpu_us.or(other.job_cpu_us),
        }
    }
}

/// A user, as everybody is shown him.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserView {
    /// Always `bramble.user/1`.
    pub schema: String,
    /// What his jobs say that he is called; empty for jobs of nobody.
    pub user: String,
    /// Jobs that have not ended.
    pub jobs: u64,
    /// Tasks that are leased.
    pub running: u64,
    /// Input of jobs that have not ended, in bytes.
    pub queued_bytes: u64,
    /// Input and results of all jobs that are shown, in bytes.
    pub stored_bytes: u64,
    /// Processor time that counts for the order, in microseconds of the reference core. Half of
    /// it is forgotten in a day.
    pub used_us: u64,
    /// His part of what all users have used, in thousandths.
    pub share_permille: u32,
    /// Processor time in this lesson, in microseconds of the reference core.
    pub lesson_us: u64,
    /// What he may have: his own limits, and the default where he has none.
    pub limits: UserLimits,
}

/// What each student of a class may have who has no limits of his own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClassLimits {
    /// The class.
    pub class: String,
    /// Its limits.
    pub limits: UserLimits,
}

/// `GET /api/v1/users`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserList {
    /// By name.
    pub users: Vec<UserView>,
    /// What a user may have who has no limits of his own.
    pub default: UserLimits,
    /// Classes with limits, which are those of each of their students.
    #[serde(default)]
    pub classes: Vec<ClassLimits>,
    /// When the lesson began; absent when nobody ever began one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lesson_at_ms: Option<u64>,
}
