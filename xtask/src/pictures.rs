//! `cargo xtask pictures`: the pictures of the site in the documentation, made anew.

use anyhow::Result;

use crate::test::{BRAMBLE_BIN_ENV, BRAMBLE_JOBS_ENV};
use crate::workspace::Workspace;
use crate::{browser, build_jobs, process};

/// Where they are kept.
const DIR: &str = "docs/pictures";

/// Starts a cluster, has it work, and pictures its pages.
///
/// # Errors
/// When something does not build, or no browser can be had.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let jobs_dir = build_jobs::run(workspace)?;
    browser::prepare();
    // As the tests are built, so that nothing is compiled twice.
    process::run(process::cargo().args(["build", "--workspace", "--all-targets"]))?;
    let program = workspace.target_dir().join("debug/examples/pictures");
    let mut command = std::process::Command::new(program);
    command.arg(workspace.root().join(DIR));
    command.envs([(BRAMBLE_BIN_ENV, workspace.bramble()), (BRAMBLE_JOBS_ENV, jobs_dir)]);
    process::run(&mut command)?;
    println!("pictures: {DIR}");
    Ok(())
}
