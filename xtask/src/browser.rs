//! The browser that tests drive: Debian's Chromium and its driver.

use crate::apt::Apt;
use crate::process;

/// Debian's packages of both.
const PACKAGES: [&str; 2] = ["chromium", "chromium-driver"];

/// Sees that the browser is there, and installs it where that is allowed. Where it cannot be had,
/// its tests say that they are skipped; in CI they fail.
pub(crate) fn prepare() {
    if process::find("chromedriver").is_some() {
        return;
    }
    let installed = Apt::find("browser").and_then(|apt| apt.install(&PACKAGES));
    if let Err(fault) = installed {
        println!("browser: {fault}");
        println!(
            "browser: tests in a browser are skipped; on Debian and Ubuntu, as root: apt-get \
             install --no-install-recommends {}",
            PACKAGES.join(" ")
        );
    }
}
