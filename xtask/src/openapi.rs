//! `cargo xtask openapi`: the API's description, as a file in the repository.

use std::fs;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

/// Where it is kept, so that a change of the API is seen as one of this file.
const DOCUMENT: &str = "docs/openapi.json";

/// Writes the document that this version serves.
///
/// # Errors
/// When the API does not compile, or the file cannot be written.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut command = process::cargo();
    command.args(["run", "--quiet", "--package", "bramble-web", "--example", "openapi"]);
    let text = process::output(&mut command)?;
    let file = workspace.root().join(DOCUMENT);
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    println!("openapi: {DOCUMENT}");
    Ok(())
}
