//! What authors of jobs use: a new project in one of several languages, its build by the
//! language's own toolchain, and a trial without a cluster.
//!
//! A trial is run by the scheduler's real core and real runner processes, with one node that is
//! part of this process, so that a job behaves as it would on a cluster.

mod build;
mod create;
mod embedded;
mod error;
mod language;
mod project;
mod section;
mod tools;
mod trial;

pub use build::{Built, build};
pub use create::{Created, create};
pub use error::DevError;
pub use language::Language;
pub use project::{Project, TestSettings};
pub use trial::{
    Bench, Difference, Failure, Order, PhaseUse, Place, Run, Suspect, Trial, TrialError,
    TrialReport, Variant,
};
