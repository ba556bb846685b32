//! Installs a package on a copy of this system that is thrown away, uses it, and removes it again.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Kind, Machine};
use crate::cluster::Scratch;
use crate::process;

/// Run by a shell in a mount namespace of its own: everything that is written goes to memory. `$1` is a
/// scratch directory, `$2` the package's file, `$3` its name, `$4` its units, `$5` not empty when its
/// program can be run here.
const SCRIPT: &str = r#"
set -eu
mount -t tmpfs bramble "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay bramble -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --bind /dev "$1/root/dev"
cp "$2" "$1/root/tmp/package.deb"
chroot "$1/root" sh -eu -c '
    dpkg --force-depends --force-architecture --install /tmp/package.deb >/tmp/dpkg.log 2>&1 ||
        { cat /tmp/dpkg.log; exit 1; }
    if [ -n "$3" ]; then bramble --version; fi
    if command -v systemd-sysusers >/dev/null; then id -u bramble; fi
    for unit in $2; do
        said=$(systemd-analyze verify "/usr/lib/systemd/system/$unit" 2>&1 | grep "$unit" || true)
        if [ -n "$said" ]; then echo "$said"; exit 1; fi
    done
    mkdir -p /var/lib/bramble-agent && touch /var/lib/bramble-agent/key
    dpkg --remove "$1" >/dev/null
    test ! -e /usr/bin/bramble
    test -e /var/lib/bramble-agent/key
    test -e /etc/default/bramble-agent
    dpkg --purge "$1" >/dev/null
    test ! -e /var/lib/bramble-agent
    test ! -e /etc/default/bramble-agent
    test ! -e /usr/lib/systemd/system/bramble-agent.service
    test ! -e /usr/share/doc/$1
' check "$3" "$4" "$5"
"#;

/// Does all that with `deb`.
///
/// # Errors
/// When a step fails, or this is not root on a Linux with overlays.
pub(super) fn run(deb: &Path, machine: &Machine, kind: Kind) -> Result<()> {
    if process::answer(Command::new("id").arg("-u")).as_deref() != Some("0") {
        bail!("--check installs the package on a copy of this system, which only root can make");
    }
    let scratch = Scratch::new()?;
    let deb = deb.canonicalize().with_context(|| format!("cannot find {}", deb.display()))?;
    let own = process::answer(Command::new("dpkg").arg("--print-architecture"));
    let runs = if own.as_deref() == Some(machine.debian) { "yes" } else { "" };
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", SCRIPT, "check"]).arg(scratch.path()).arg(deb);
    command.args([kind.name(), super::control::units(kind), runs]);
    process::run(&mut command).with_context(|| format!("{} failed its check", kind.name()))?;
    println!("package: {} installs, its units are sound, purge leaves nothing", kind.name());
    Ok(())
}
