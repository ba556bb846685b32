//! `bramble new`: a project for a job.

use bramble_devkit::{DevError, Language, create};
use serde::Serialize;

use super::Context;
use crate::args::develop::NewArgs;
use crate::error::{CliError, CliResult, Slug};
use crate::output::table::Table;
use crate::output::{Format, human};

#[derive(Serialize)]
struct Listed {
    id: &'static str,
    name: &'static str,
    about: &'static str,
    needs: &'static str,
}

/// Makes a project, or lists the languages.
///
/// # Errors
/// When the name cannot be used, or the directory is there already.
pub(crate) fn run(context: &Context, args: &NewArgs) -> CliResult<()> {
    let Some(path) = args.path.as_ref().filter(|_| !args.list) else { return list(context) };
    let language: Language = args.language.parse().map_err(CliError::usage)?;
    let created = create(path, language).map_err(|error| shown(&error))?;
    let dir = human::safe_field(&path.display().to_string());
    let files = human::count(created.files as u64, "file");
    context.output.say("Created", &format!("{dir}  {files} · {}", language.name()));
    context.output.note(&format!(
        "            write your job in {dir}/{}, then:\n            cd {dir} && bramble build && \
         bramble test",
        created.source
    ));
    Ok(())
}

fn list(context: &Context) -> CliResult<()> {
    let listed = Language::ALL.map(|language| Listed {
        id: language.id(),
        name: language.name(),
        about: language.about(),
        needs: language.needs(),
    });
    if context.output.format == Format::Json {
        return context.output.json(&listed, false);
    }
    let mut table = Table::new(["LANG", "WHAT A JOB IS", "BUILDING NEEDS"]);
    for language in &listed {
        // Commands to type follow after the colon; the manual has them.
        let needs = language.needs.split(": ").next().unwrap_or(language.needs);
        let needs = if context.output.format == Format::Plain { language.needs } else { needs };
        table.row([language.id, language.about, needs].map(Into::into));
    }
    context.output.table(&table)
}

/// An error of a project as the user sees it.
pub(super) fn shown(error: &DevError) -> CliError {
    let what = error.to_string();
    let shown = match error {
        DevError::Read { path, source } => return CliError::file("read", path, source),
        DevError::Write { path, source } => return CliError::file("write", path, source),
        DevError::Exists { .. } => CliError::new(Slug::OutputExists, what),
        DevError::BadName { .. } => CliError::usage(what),
        DevError::NoProject { .. } | DevError::BadProject { .. } => {
            CliError::new(Slug::BadProject, what)
        }
        DevError::MissingTool { .. } => CliError::new(Slug::MissingTool, what),
        DevError::Start { source, .. } => CliError::new(Slug::Local, what).because(source),
        DevError::ToolFailed { .. } | DevError::NothingBuilt { .. } => {
            CliError::new(Slug::BuildFailed, what)
        }
        DevError::BadModule { .. } => CliError::new(Slug::BadModule, what),
    };
    match error.help() {
        Some(help) => shown.help(help),
        None => shown,
    }
}
