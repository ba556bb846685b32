//! Landlock: no file by name, no TCP port, no signal and no abstract socket to the outside.

use bramble_protocol::{Confinement, Wall};
use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetError, RulesetStatus, Scope,
};

/// Denies all that the kernel's Landlock knows, for this thread and those it starts.
pub(super) fn deny_everything(report: &mut Confinement) {
    let abi = match restrict() {
        Ok(status) if status.ruleset != RulesetStatus::NotEnforced => match status.landlock {
            LandlockStatus::Available { effective_abi, .. } => effective_abi,
            _ => ABI::Unsupported,
        },
        Ok(_) => ABI::Unsupported,
        Err(error) => {
            for wall in [Wall::Files, Wall::Tcp, Wall::Signals] {
                report.note(wall, Err(&error));
            }
            return;
        }
    };
    for (wall, since) in [(Wall::Files, ABI::V1), (Wall::Tcp, ABI::V4), (Wall::Signals, ABI::V6)] {
        let missing =
            || format!("this kernel's Landlock is too old or off (version {})", abi as i32);
        report.note(wall, if abi >= since { Ok(()) } else { Err(missing()) });
    }
}

fn restrict() -> Result<RestrictionStatus, RulesetError> {
    // The crate leaves out what the running kernel does not know.
    Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .restrict_self()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_landlock_alone_no_file_is_opened_and_no_port_bound() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // It holds for the thread that asks for it, and so for no other test.
        let restricted = std::thread::spawn(move || {
            let mut report = Confinement::default();
            deny_everything(&mut report);
            let open = std::fs::File::open(file.path()).is_ok();
            let make = std::fs::File::create(file.path().with_extension("new")).is_ok();
            let bind = std::net::TcpListener::bind("127.0.0.1:0").is_ok();
            (report, open, make, bind)
        });
        let (report, open, make, bind) = restricted.join().unwrap();
        if !report.has(Wall::Files) {
            eprintln!("skipped: {:?}", report.missing);
            return;
        }
        assert!(!open && !make);
        assert_eq!(bind, !report.has(Wall::Tcp));
    }
}
