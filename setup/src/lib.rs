//! What turns a fresh card into a head or a node: the files it takes, their checks, and the way back.
//!
//! [`HeadPlan`] and [`NodePlan`] say which files there are to be and why, as pure functions of their
//! options. [`check_all`] has each file checked by the tool that will read it, in a scratch
//! directory. [`apply()`] writes them under a root, so that tests can show it a tree of their own, and
//! [`undo`] restores what was there. [`doctor`] finds the first stage at which a node hangs.

mod apply;
mod check;
mod edits;
mod head;
mod names;
mod node;
mod plan;
mod text;
mod units;

pub mod doctor;

pub use apply::{
    Applied, ApplyError, ApplyOptions, NoReloads, Reloads, SystemReloads, Undone, apply, recover,
    undo,
};
pub use check::{Checked, Verdict, check, check_all};
pub use edits::{Edit, EditError};
pub use head::{HeadOptions, HeadPlan, NodeEntry, Wired};
pub use names::{Mac, NameError, Subnet, is_dns_label, user_problem};
pub use node::{Link, NodeOptions, NodePlan, boot_dir};
pub use plan::{Checker, Contents, Moment, PlanError, Planned, Problem, Reload, ShareMode};
pub use units::{Packaged, PackagedFile, packaged};
