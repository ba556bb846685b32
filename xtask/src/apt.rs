//! Debian's packages, where this is a Debian and installing is allowed.

use std::process::Command;

use crate::process;

/// Installs packages. `what` is said before each line that tells what is done.
///
/// # Errors
/// When this is no Debian, installing needs a password, or a package cannot be had.
pub(crate) fn install(what: &str, packages: &[&str]) -> Result<(), String> {
    if process::find("apt-get").is_none() {
        return Err("apt-get: not found, so this is not a Debian".into());
    }
    let by_root = process::answer(Command::new("id").arg("-u")).as_deref() == Some("0");
    let by_sudo = !by_root && process::answer(Command::new("sudo").args(["-n", "true"])).is_some();
    if !by_root && !by_sudo {
        return Err("apt-get: installing packages needs root".into());
    }
    let apt = |words: &[&str]| {
        println!("{what}: apt-get {}", words.join(" "));
        let mut command = Command::new(if by_root { "apt-get" } else { "sudo" });
        if by_sudo {
            command.args(["-n", "apt-get"]);
        }
        process::run(command.arg("-qq").args(words).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(packages);
    // The lists of a fresh machine are empty or old.
    if apt(&install).is_err() {
        apt(&["update"])
            .and_then(|()| apt(&install))
            .map_err(|error| format!("apt-get: {error}"))?;
    }
    Ok(())
}
