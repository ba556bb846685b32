//! Files that are built into the program.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The interface that jobs export, as text.
pub(crate) fn wit() -> &'static str {
    let file = SDK.iter().find(|(path, _)| *path == "wit/job.wit");
    file.expect("the SDK has its interface").1
}

/// The version of that interface: `0.1.2`.
pub(crate) fn wit_version() -> &'static str {
    let package = wit().lines().find_map(|line| line.strip_prefix("package bramble:job@"));
    package.expect("the interface says its version").trim_end_matches(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_has_a_version() {
        assert!(wit_version().starts_with("0.1."), "{}", wit_version());
    }
}
