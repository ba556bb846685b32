//! `bramble setup`: a machine becomes a head or a node, and what it was before.

use std::fs;
use std::path::{Path, PathBuf};

use bramble_protocol::account::Hidden;
use bramble_protocol::error_chain;
use bramble_setup::{
    Applied, ApplyError, ApplyOptions, Checked, Contents, HeadOptions, HeadPlan, NoReloads,
    NodeOptions, NodePlan, Planned, Reloads, SystemReloads, Undone, Verdict, apply, boot_dir,
    check_all, undo, user_problem,
};

use super::Context;
use crate::args::setup::{
    self as typed, Doing, SetupArgs, SetupHeadArgs, SetupNodeArgs, SetupWhat,
};
use crate::error::{CliError, CliResult, Slug};
use crate::output::Output;
use crate::paths;

/// Shows, writes or takes back what a plan says.
///
/// # Errors
/// When the options cannot be carried out, a file is not well-formed, or it cannot be written; then
/// everything is as it was.
pub(crate) fn run(context: &Context, args: &SetupArgs) -> CliResult<()> {
    match &args.what {
        SetupWhat::Head(args) => head(context, args),
        SetupWhat::Node(args) => node(context, args),
        SetupWhat::Undo { force, root } => {
            let mut reloads = reloads(root);
            let undone = undo(root, *force, reloads.as_mut()).map_err(|error| failed(&error))?;
            tell_undone(&context.output, &undone);
            Ok(())
        }
    }
}

fn head(context: &Context, args: &SetupHeadArgs) -> CliResult<()> {
    let usual = HeadOptions::default();
    let options = HeadOptions {
        cluster_hat: args.cluster_hat,
        uplink: args.uplink.clone(),
        inner: args.inner.clone(),
        network: args.network.unwrap_or(usual.network),
        nodes: args.nodes.clone(),
        only_known: args.only_known,
        reach_lan: args.reach_lan,
        share: typed::share(&args.share),
        ..usual
    };
    let (user, uid) = (options.user.clone(), options.uid);
    let plan = HeadPlan::new(options).map_err(|error| {
        CliError::new(Slug::Usage, "this cannot be set up").why(error_chain(&error))
    })?;
    carry_out(context, &args.doing, &plan.files(), &plan.packages(), (&user, uid))
}

fn node(context: &Context, args: &SetupNodeArgs) -> CliResult<()> {
    let mut options = NodeOptions::new(&args.name, args.link());
    if let Some(head) = &args.head {
        options.head.clone_from(head);
    }
    options.share.clone_from(&args.share);
    options.share_mode = typed::share(&args.share_mode).unwrap_or_default();
    options.boot = boot_dir(&args.doing.root);
    for file in &args.ssh_key {
        options.ssh_keys.push(read(file)?.trim().to_owned());
    }
    if let Some(file) = &args.join_file {
        options.join_token = Some(Hidden::new(read(file)?.trim().to_owned()));
    }
    let (user, uid) = (options.user.clone(), options.uid);
    let plan = NodePlan::new(options).map_err(|error| {
        CliError::new(Slug::Usage, "this cannot be set up").why(error_chain(&error))
    })?;
    carry_out(context, &args.doing, &plan.files(), &plan.packages(), (&user, uid))
}

fn read(file: &Path) -> CliResult<String> {
    fs::read_to_string(file).map_err(|error| {
        CliError::new(Slug::Local, format!("cannot read {}", paths::shown(file))).because(&error)
    })
}

fn carry_out(
    context: &Context,
    doing: &Doing,
    files: &[Planned],
    packages: &[&str],
    (user, uid): (&str, u32),
) -> CliResult<()> {
    let output = &context.output;
    if let Some(problem) = user_problem(&doing.root, user, uid) {
        return Err(CliError::new(Slug::Usage, "this cannot be set up").why(problem.to_string()));
    }
    if !doing.apply {
        return show(output, files, packages);
    }
    let options = ApplyOptions { force: doing.force, dry_run: false };
    let mut reloads = reloads(&doing.root);
    let applied = apply(&doing.root, files, options, reloads.as_mut());
    let applied = applied.map_err(|error| {
        failed(&error).help(format!("these must be installed: apt install {}", packages.join(" ")))
    })?;
    tell_applied(output, &applied);
    Ok(())
}

/// A running system is told what changed; a card in a reader is not.
fn reloads(root: &Path) -> Box<dyn Reloads> {
    if root == Path::new("/") { Box::new(SystemReloads) } else { Box::new(NoReloads) }
}

fn failed(error: &ApplyError) -> CliError {
    CliError::new(Slug::Local, "this machine was not set up, and is as it was")
        .why(error_chain(error))
}

fn show(output: &Output, files: &[Planned], packages: &[&str]) -> CliResult<()> {
    let checked = check_all(files);
    for (file, checked) in files.iter().zip(&checked) {
        output.line(&format!("# {}  ({:o})", file.path.display(), file.mode))?;
        output.line(&format!("# {}", file.why))?;
        output.line(&format!("# {}", verdict(checked)))?;
        match &file.contents {
            Contents::Whole(text) => output.line(text)?,
            Contents::Edit(edit) => output.line(&format!("{}\n", edit.told()))?,
            Contents::Secret(_) => output.line("(not shown)\n")?,
        }
    }
    output.note(&format!("needs: apt install {}", packages.join(" ")));
    output.note("nothing was written: add --apply");
    let broken = checked.iter().find(|it| matches!(it.verdict, Verdict::Failed { .. }));
    match broken {
        None => Ok(()),
        Some(checked) => Err(CliError::new(
            Slug::Local,
            format!("{} is not well-formed", checked.path.display()),
        )
        .why(verdict(checked))),
    }
}

fn verdict(checked: &Checked) -> String {
    match &checked.verdict {
        Verdict::Passed { by } => format!("well-formed, says {by}"),
        Verdict::NotChecked { why } => format!("not checked: {why}"),
        Verdict::Failed { by, output } => format!("{by} says: {output}"),
    }
}

fn tell_applied(output: &Output, applied: &Applied) {
    if applied.recovered {
        output.note("an earlier run was broken off, and was put back first");
    }
    for checked in &applied.checked {
        if let Verdict::NotChecked { .. } = checked.verdict {
            output.warn(&format!("{}: {}", checked.path.display(), verdict(checked)));
        }
    }
    let say = |verb: &str, paths: &[PathBuf]| {
        for path in paths {
            output.say(verb, &path.display().to_string());
        }
    };
    say("Wrote", &applied.written);
    say("Removed", &applied.removed);
    for reload in &applied.reloads {
        output.say("Told", &reload.to_string());
    }
    output.say("Finished", &format!("{} files were as they should be", applied.unchanged.len()));
    output.note("to take it all back: bramble setup undo");
}

fn tell_undone(output: &Output, undone: &Undone) {
    for path in undone.restored.iter().chain(&undone.removed) {
        output.say("Restored", &path.display().to_string());
    }
    for (path, kept) in &undone.changed_by_hand {
        let kept = kept.as_ref().map_or(String::new(), |kept| {
            format!("; what was made of it is kept in {}", kept.display())
        });
        output.warn(&format!("{} was changed by hand{kept}", path.display()));
    }
    for (reload, why) in &undone.not_told {
        output.warn(&format!("{reload}: {why}"));
    }
    if undone.restored.is_empty() && undone.removed.is_empty() {
        output.note("nothing was set up here");
    }
}
