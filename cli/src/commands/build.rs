//! `bramble build`: a module from a project.

use bramble_devkit::{Project, build};
use bramble_runtime::compile::{CompileLimits, Compiler, ModuleError};

use super::Context;
use super::inspect::{kind_and_phases, refused};
use super::new::shown;
use crate::args::develop::BuildArgs;
use crate::error::{CliError, CliResult, Slug};
use crate::output::human;
use crate::paths;
use crate::request::read_module;

/// Builds a project, and looks at the module as a head would.
///
/// # Errors
/// When a tool is missing or fails, or the module would be refused.
pub(crate) fn run(context: &Context, args: &BuildArgs) -> CliResult<()> {
    let project = Project::open(&args.dir).map_err(|error| shown(&error))?;
    make(context, &project)
}

/// The same for a project that was opened already.
///
/// # Errors
/// Likewise.
pub(super) fn make(context: &Context, project: &Project) -> CliResult<()> {
    let output = &context.output;
    output.say("Building", &format!("{}  {}", project.name, project.language.name()));
    let built = build(project).map_err(|error| shown(&error))?;
    let module = read_module(&built.module)?;
    let compiler = Compiler::new(paths::program()?, CompileLimits::default());
    let info = compiler.inspect(&module).map_err(|error| module_error(&error))?;
    let name = built.module.file_name().unwrap_or_default().to_string_lossy();
    let size = human::size(built.bytes);
    output.say("Built", &format!("{name}  {size} · {}", kind_and_phases(&info)));
    Ok(())
}

/// Why a module cannot be used, as the user sees it.
pub(super) fn module_error(error: &ModuleError) -> CliError {
    if error.is_retryable() {
        return CliError::new(Slug::Local, "the module could not be checked").because(error);
    }
    refused(&error.to_refusal())
}
