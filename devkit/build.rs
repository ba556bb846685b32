//! Makes the list of the files that are built into the program: the templates of projects, and
//! the SDK for Rust, which is put into each new project.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let root = here.parent().expect("the crate is in the workspace").to_owned();
    let mut list = String::new();
    add(&mut list, "TEMPLATES", &here.join("templates"));
    add(&mut list, "SDK", &root.join("guest-sdk"));
    // The SDK's manifest takes values from the workspace's.
    let workspace = root.join("Cargo.toml");
    println!("cargo::rerun-if-changed={}", workspace.display());
    writeln!(list, "pub(crate) const WORKSPACE: &str = include_str!({workspace:?});")
        .expect("a String takes all");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("embedded.rs"), list).expect("cargo's own directory can be written");
}

/// Adds all files under `dir`, by their path in it.
fn add(list: &mut String, name: &str, dir: &Path) {
    let mut files = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        // A directory stands for the files that come and go in it.
        println!("cargo::rerun-if-changed={}", dir.display());
        for entry in fs::read_dir(&dir).expect("a directory of the workspace can be read") {
            let path = entry.expect("its entries too").path();
            // A dependency needs neither its own tests nor its examples.
            let skipped = ["target", "tests", "examples", "benches"];
            let is_skipped = skipped.iter().any(|name| path.ends_with(name));
            if path.is_dir() && !is_skipped {
                open.push(path);
            } else if path.is_file() {
                println!("cargo::rerun-if-changed={}", path.display());
                files.push(path);
            }
        }
    }
    files.sort();
    writeln!(list, "pub(crate) const {name}: &[(&str, &str)] = &[").expect("a String takes all");
    for file in files {
        let under = file.strip_prefix(dir).expect("it was found there");
        let under = under.to_str().expect("our own files have plain names").replace('\\', "/");
        writeln!(list, "    ({under:?}, include_str!({file:?})),").expect("a String takes all");
    }
    list.push_str("];\n");
}
