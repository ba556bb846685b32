//! `bramble completions` and `bramble man`, and what a package has beside the program. All of it
//! follows from the command line's own definition, so that it cannot tell of another one.

use std::fs;
use std::path::{Path, PathBuf};

use bramble_setup::{Packaged, packaged};
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use super::Context;
use crate::args::{Cli, Global};
use crate::error::{CliError, CliResult};

/// Where packages have what each shell reads.
const SHELLS: [(Shell, &str); 3] = [
    (Shell::Bash, "usr/share/bash-completion/completions/bramble"),
    (Shell::Zsh, "usr/share/zsh/vendor-completions/_bramble"),
    (Shell::Fish, "usr/share/fish/vendor_completions.d/bramble.fish"),
];

/// Prints what `shell` needs to complete our command lines.
///
/// # Errors
/// When it cannot be printed.
pub(crate) fn completions(context: &Context, shell: Shell) -> CliResult<()> {
    context.output.text(&completion(shell))
}

fn completion(shell: Shell) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut shown(), "bramble", &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The command line as people see it: hidden commands are nobody's business.
fn shown() -> clap::Command {
    let cli = Cli::command();
    let seen: Vec<_> =
        cli.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    // A command cannot lose a subcommand: this is the same one with the others alone.
    let bare = clap::Command::new("bramble").version(env!("CARGO_PKG_VERSION"));
    let mut fresh = <Global as clap::Args>::augment_args(bare)
        .disable_help_subcommand(true)
        .subcommand_required(true);
    if let Some(about) = cli.get_about() {
        fresh = fresh.about(about.clone());
    }
    if let Some(after) = cli.get_after_help() {
        fresh = fresh.after_help(after.clone());
    }
    fresh.subcommands(seen)
}

/// Writes a page for each command that people see into `dir`, which must be there.
///
/// # Errors
/// When a page cannot be written.
pub(crate) fn man(dir: &Path) -> CliResult<()> {
    for (name, page) in pages()? {
        let path = dir.join(name);
        fs::write(&path, page).map_err(|error| CliError::file("write", &path, &error))?;
    }
    Ok(())
}

/// The names and texts of all pages, by name.
fn pages() -> CliResult<Vec<(String, Vec<u8>)>> {
    let mut cli = shown();
    cli.build();
    let mut pages = Vec::new();
    add_pages(&cli, &mut pages)?;
    pages.sort();
    Ok(pages)
}

fn add_pages(command: &clap::Command, pages: &mut Vec<(String, Vec<u8>)>) -> CliResult<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        add_pages(below, pages)?;
    }
    let man = Man::new(command.clone()).manual("bramble").source("bramble");
    let mut page = Vec::new();
    let name = man.get_filename();
    man.render(&mut page).map_err(|error| CliError::file("write", Path::new(&name), &error))?;
    pages.push((name, page));
    Ok(())
}

/// Writes what a package of `kind` has beside the program below `root`.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn package(root: &Path, kind: Packaged) -> CliResult<()> {
    let below = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
    let mut files: Vec<(PathBuf, Vec<u8>)> = packaged(kind)
        .into_iter()
        .map(|file| (below(&file.path), file.text.into_bytes()))
        .collect();
    let man = root.join("usr/share/man/man1");
    files.extend(pages()?.into_iter().map(|(name, page)| (man.join(name), page)));
    files.extend(SHELLS.map(|(shell, path)| (root.join(path), completion(shell).into_bytes())));
    for (path, bytes) in files {
        let dir = path.parent().unwrap_or(root);
        fs::create_dir_all(dir).map_err(|error| CliError::file("make", dir, &error))?;
        fs::write(&path, bytes).map_err(|error| CliError::file("write", &path, &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        let cli = Cli::command();
        let shown = cli.get_subcommands().filter(|command| !command.is_hide_set());
        shown.map(|command| command.get_name().to_owned()).collect()
    }

    #[test]
    fn every_command_that_people_see_has_a_page_and_no_other() {
        let pages = pages().unwrap();
        for name in names() {
            let file = format!("bramble-{name}.1");
            let (_, page) = pages.iter().find(|(page, _)| *page == file).expect(&file);
            let text = String::from_utf8_lossy(page);
            assert!(text.contains(".SH SYNOPSIS") && text.contains("\\-\\-cluster"), "{text}");
        }
        assert!(pages.iter().any(|(name, _)| name == "bramble.1"));
        assert!(!pages.iter().any(|(name, _)| name.starts_with("bramble-internal")));
    }

    #[test]
    fn every_command_that_people_see_is_completed_in_each_shell() {
        for (shell, _) in SHELLS {
            let text = completion(shell);
            for name in names() {
                assert!(text.contains(&name), "{shell} does not complete {name}");
            }
            assert!(!text.contains("bramble__internal"), "{shell} completes what is hidden");
        }
    }

    #[test]
    fn a_package_has_units_pages_and_completions() {
        let dir = tempfile::tempdir().unwrap();
        package(dir.path(), Packaged::Everything).unwrap();
        for path in [
            "usr/lib/systemd/system/bramble-head.service",
            "usr/lib/sysusers.d/bramble.conf",
            "usr/share/man/man1/bramble-submit.1",
            SHELLS[0].1,
        ] {
            assert!(dir.path().join(path).is_file(), "{path}");
        }
    }
}
