//! Who may import whom.

use std::fs;
use std::path::Path;

use crate::workspace::Workspace;

/// A package of the workspace, as far as the rules go.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Its directory under the root: `scheduler`, `jobs/merge-sort`.
    pub(crate) dir: String,
    /// The directories of the workspace's packages it depends on, for whatever purpose.
    pub(crate) uses: Vec<String>,
    /// The packages from elsewhere it depends on.
    pub(crate) foreign: Vec<String>,
    /// Whether it takes the workspace's lints.
    pub(crate) inherits_lints: bool,
}

/// What may use what of ours. `*` stands for everything.
const EDGES: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("store", &["protocol"]),
    ("hardware", &["protocol"]),
    ("displays", &["protocol"]),
    ("setup", &["protocol"]),
    ("power", &["tls", "protocol"]),
    ("tls", &["protocol"]),
    ("scheduler", &["store", "protocol"]),
    ("runtime", &["guest-sdk/crypto", "hardware", "tls", "store", "protocol"]),
    ("accounts", &["protocol"]),
    ("web", &["accounts", "scheduler", "tls", "store", "protocol"]),
    ("devkit", &["runtime", "scheduler", "store", "protocol"]),
    (
        "cli",
        &[
            "accounts",
            "devkit",
            "web",
            "runtime",
            "scheduler",
            "hardware",
            "power",
            "displays",
            "setup",
            "tls",
            "store",
            "protocol",
        ],
    ),
    ("guest-sdk", &["guest-sdk/crypto"]),
    ("guest-sdk/crypto", &[]),
    ("jobs/*", &["guest-sdk"]),
    ("tests", &["*"]),
    ("bench", &["*"]),
    ("bench/guests/*", &["guest-sdk"]),
    ("xtask", &[]),
];

/// Packages from elsewhere that only some of ours may name. A name that ends in `*` stands for
/// all that begin so.
const FOREIGN: &[(&str, &[&str])] = &[
    ("jsonschema", &["web"]),
    ("schemars", &["protocol", "web"]),
    ("wasmtime*", &["runtime", "bench"]),
    ("cranelift*", &["runtime"]),
    ("axum*", &["web"]),
    ("tower-http", &["web"]),
    ("rusqlite", &["accounts", "scheduler", "bench"]),
    ("wit-bindgen", &["guest-sdk"]),
    ("rcgen", &["tls"]),
    ("rustls*", &["tls"]),
    ("tokio-rustls", &["tls"]),
    ("tokio*", &["power", "scheduler", "tls", "runtime", "web", "cli", "tests", "bench"]),
    ("clap*", &["cli", "bench"]),
];

/// The packages of the workspace as cargo knows them.
pub(crate) fn members(workspace: &Workspace) -> Vec<Member> {
    let packages = workspace.packages();
    let dir_of = |name: &str| packages.iter().find(|package| package.name == name).map(|p| &p.dir);
    packages
        .iter()
        .map(|package| {
            let manifest = workspace.root().join(&package.dir).join("Cargo.toml");
            let mut member = Member {
                dir: package.dir.clone(),
                uses: Vec::new(),
                foreign: Vec::new(),
                inherits_lints: inherits_lints(&manifest),
            };
            for name in &package.dependencies {
                match dir_of(name) {
                    Some(dir) => member.uses.push(dir.clone()),
                    None => member.foreign.push(name.clone()),
                }
            }
            member
        })
        .collect()
}

/// The lints are not part of cargo's metadata, so the two lines are looked for.
fn inherits_lints(manifest: &Path) -> bool {
    let text = fs::read_to_string(manifest).unwrap_or_default();
    let mut lines = text.lines().map(str::trim);
    lines.any(|line| line == "[lints]") && lines.next() == Some("workspace = true")
}

/// A sentence for each rule that is broken.
pub(crate) fn check(members: &[Member]) -> Vec<String> {
    let mut breaches = Vec::new();
    for member in members {
        let Some(allowed) = allowed_for(&member.dir) else {
            breaches.push(format!(
                "{}: the table of edges in xtask/src/tidy/edges.rs has no row for it",
                member.dir
            ));
            continue;
        };
        for used in &member.uses {
            if !allowed.contains(&"*") && !allowed.contains(&used.as_str()) {
                breaches.push(format!(
                    "{}: depends on {used}, but may use {} of ours",
                    member.dir,
                    or_nothing(allowed)
                ));
            }
        }
        for name in &member.foreign {
            if let Some(keepers) = keepers_of(name)
                && !keepers.iter().any(|keeper| matches(keeper, &member.dir))
            {
                breaches.push(format!(
                    "{}: depends on {name}, which belongs into {} alone",
                    member.dir,
                    keepers.join(", ")
                ));
            }
        }
        if !member.inherits_lints {
            breaches.push(format!(
                "{}/Cargo.toml: lacks `[lints]` with `workspace = true`",
                member.dir
            ));
        }
    }
    breaches
}

fn allowed_for(dir: &str) -> Option<&'static [&'static str]> {
    EDGES.iter().find(|(pattern, _)| matches(pattern, dir)).map(|(_, allowed)| *allowed)
}

fn keepers_of(name: &str) -> Option<&'static [&'static str]> {
    FOREIGN.iter().find(|(pattern, _)| matches(pattern, name)).map(|(_, keepers)| *keepers)
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

fn or_nothing(names: &[&str]) -> String {
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(dir: &str, uses: &[&str], foreign: &[&str]) -> Member {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Member { dir: dir.into(), uses: owned(uses), foreign: owned(foreign), inherits_lints: true }
    }

    #[test]
    fn edges_of_the_table_pass() {
        let members = [
            member("protocol", &[], &["serde"]),
            member("web", &["scheduler", "store", "protocol"], &["axum", "tower-http", "tokio"]),
            member("jobs/merge-sort", &["guest-sdk"], &[]),
            member("tests", &["scheduler", "jobs/merge-sort"], &["proptest"]),
            member("runtime", &["hardware"], &["wasmtime", "wasmtime-wasi"]),
        ];
        assert_eq!(check(&members), Vec::<String>::new());
    }

    #[test]
    fn an_edge_upwards_is_named_with_what_is_allowed() {
        let breaches = check(&[member("scheduler", &["store", "web"], &[])]);
        assert_eq!(breaches, ["scheduler: depends on web, but may use store, protocol of ours"]);
        let breaches = check(&[member("guest-sdk", &["protocol"], &[])]);
        assert_eq!(
            breaches,
            ["guest-sdk: depends on protocol, but may use guest-sdk/crypto of ours"]
        );
    }

    #[test]
    fn jobs_use_the_sdk_and_no_other_job() {
        let breaches = check(&[member("jobs/words", &["guest-sdk", "jobs/merge-sort"], &[])]);
        assert_eq!(
            breaches,
            ["jobs/words: depends on jobs/merge-sort, but may use guest-sdk of ours"]
        );
    }

    #[test]
    fn foreign_packages_stay_where_they_belong() {
        let breaches = check(&[member("cli", &[], &["wasmtime-wasi", "tokio"])]);
        assert_eq!(
            breaches,
            ["cli: depends on wasmtime-wasi, which belongs into runtime, bench alone"]
        );
        assert_eq!(check(&[member("protocol", &[], &["tokio-util"])]).len(), 1);
    }

    #[test]
    fn a_new_crate_needs_a_row_and_every_crate_the_lints() {
        assert!(check(&[member("helpers", &[], &[])])[0].contains("has no row"));
        let bare = Member { inherits_lints: false, ..member("store", &[], &[]) };
        assert!(check(&[bare])[0].contains("[lints]"));
    }
}
