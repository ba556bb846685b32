//! Rules of the project that no compiler checks.

mod edges;
mod jobs;
mod security;
mod sources;

use std::fs;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// Checks all rules and prints each breach.
///
/// # Errors
/// When a rule is broken, or the sources cannot be read.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let files = sources::read_all(workspace.root(), workspace.target_dir())?;
    let mut breaches = edges::check(&edges::members(workspace));
    breaches.extend(sources::check(&files));
    breaches.extend(jobs::check(&workspace.jobs()?, &files));
    let page = workspace.root().join("SECURITY.md");
    let page = fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()));
    breaches.extend(security::check(&page?, &files));
    if breaches.is_empty() {
        println!("tidy: {} source files, no breach", files.len());
        return Ok(());
    }
    for breach in &breaches {
        eprintln!("tidy: {breach}");
    }
    bail!("{} broken rules; ARCHITECTURE.md and CONTRIBUTING.md say why they hold", breaches.len())
}
