//! New projects, from the templates that are built into the program.

use std::fs;
use std::path::{Path, PathBuf};

use crate::embedded::{SDK, TEMPLATES, WORKSPACE, wit, wit_version};
use crate::{DevError, Language};

/// Longest name of a project, in bytes.
const NAME_BYTES_MAX: usize = 60;

/// A project that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Its directory.
    pub dir: PathBuf,
    /// The file that its author changes, in that directory.
    pub source: &'static str,
    /// How many files were written.
    pub files: usize,
}

/// Makes a project called as the last part of `path`, in a directory of that name that is not
/// there yet.
///
/// # Errors
/// When the name cannot be used, the directory is there, or cannot be written.
pub fn create(path: &Path, language: Language) -> Result<Created, DevError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !is_name(&name) {
        return Err(DevError::BadName { name });
    }
    if path.symlink_metadata().is_ok() {
        return Err(DevError::Exists { path: path.to_owned() });
    }
    let files = files(&name, language)?;
    for (file, text) in &files {
        let file = path.join(file);
        let dir = file.parent().unwrap_or(path);
        fs::create_dir_all(dir).map_err(DevError::write(dir))?;
        fs::write(&file, text).map_err(DevError::write(&file))?;
    }
    Ok(Created { dir: path.to_owned(), source: language.source(), files: files.len() })
}

/// What cargo, npm and Go take for a name.
fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_uppercase();
    name.len() <= NAME_BYTES_MAX
        && name.starts_with(first)
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// All files of a project: those of its language before those that all have in common.
fn files(name: &str, language: Language) -> Result<Vec<(String, String)>, DevError> {
    let own = format!("{}/", language.id());
    let mut files: Vec<(String, String)> = Vec::new();
    for dir in [own.as_str(), "common/"] {
        for (path, text) in TEMPLATES {
            let Some(path) = path.strip_prefix(dir) else { continue };
            if !files.iter().any(|(known, _)| known == path) {
                files.push((path.into(), filled(text, name, language)));
            }
        }
    }
    if language == Language::Rust {
        for (path, text) in SDK {
            let text = if path.ends_with("Cargo.toml") {
                own_manifest(text, WORKSPACE)?
            } else {
                (*text).to_owned()
            };
            files.push((format!("sdk/{path}"), text));
        }
    }
    if matches!(language, Language::JavaScript | Language::TypeScript | Language::Python) {
        files.push(("wit/deps/bramble-job/job.wit".into(), wit().to_owned()));
        files.push(("wit/world.wit".into(), world()));
    }
    Ok(files)
}

fn filled(text: &str, name: &str, language: Language) -> String {
    text.replace("{{name}}", name)
        .replace("{{id}}", language.id())
        .replace("{{language}}", language.name())
        .replace("{{source}}", language.source())
        .replace("{{needs}}", language.needs())
        .replace("{{memory_mib}}", &language.memory_mib().to_string())
        .replace("{{wit}}", wit_version())
}

/// The world of a job that maps chunks as bytes.
fn world() -> String {
    let version = wit_version();
    format!(
        "package local:job;\n\n\
         /// What this job imports and exports. Others of bramble:job can be exported as well.\n\
         world job {{\n  \
           include bramble:job/imports@{version};\n  \
           export bramble:job/mapper-bytes@{version};\n\
         }}\n"
    )
}

/// A member's manifest as one that stands by itself: what it takes from the workspace is filled in.
fn own_manifest(member: &str, workspace: &str) -> Result<String, DevError> {
    let parse = |text: &str| {
        text.parse::<toml::Table>().map_err(|error| DevError::BadProject {
            path: "Cargo.toml".into(),
            reason: error.message().to_owned(),
        })
    };
    let (mut member, workspace) = (parse(member)?, parse(workspace)?);
    let of_workspace = workspace["workspace"].as_table().cloned().unwrap_or_default();
    let table = |name: &str| {
        of_workspace.get(name).and_then(toml::Value::as_table).cloned().unwrap_or_default()
    };
    let (package, dependencies) = (table("package"), table("dependencies"));
    if let Some(own) = member.get_mut("package").and_then(toml::Value::as_table_mut) {
        inherit(own, &package);
    }
    fill_dependencies(&mut member, &dependencies);
    // Its code was checked where it comes from, and it is no workspace of its own.
    for section in ["lints", "dev-dependencies"] {
        member.remove(section);
    }
    Ok(format!(
        "# The SDK as it comes with bramble, with what its workspace says filled in.\n{member}"
    ))
}

/// Fills in dependencies, also those of single targets.
fn fill_dependencies(table: &mut toml::Table, known: &toml::Table) {
    for (name, value) in table.iter_mut() {
        let Some(inner) = value.as_table_mut() else { continue };
        if name == "dependencies" {
            inherit(inner, known);
        } else {
            fill_dependencies(inner, known);
        }
    }
}

/// Replaces `{ workspace = true }` by the workspace's value; what else is said there is kept.
fn inherit(table: &mut toml::Table, known: &toml::Table) {
    for (name, value) in table.iter_mut() {
        let Some(asked) = value.as_table() else { continue };
        if asked.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
            continue;
        }
        let Some(found) = known.get(name) else { continue };
        let mut rest = asked.clone();
        rest.remove("workspace");
        *value = match found {
            toml::Value::Table(found) => {
                let mut all = found.clone();
                all.extend(rest);
                // A part of the SDK, named from the root of the repository.
                if let Some(toml::Value::String(path)) = all.get_mut("path") {
                    *path = path.trim_start_matches("guest-sdk/").to_owned();
                }
                toml::Value::Table(all)
            }
            version if rest.is_empty() => version.clone(),
            version => {
                rest.insert("version".into(), version.clone());
                toml::Value::Table(rest)
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_be_filled_in_and_every_project_has_its_parts() {
        for language in Language::ALL {
            let files = files("my-job", language).unwrap();
            let has = |name: &str| files.iter().any(|(path, _)| path == name);
            for name in ["README.md", "bramble.toml", "input/words.txt", "expect/words.txt"] {
                assert!(has(name), "{language} lacks {name}");
            }
            assert!(has(language.source()), "{language} lacks {}", language.source());
            for (path, text) in files.iter().filter(|(path, _)| !path.starts_with("sdk/")) {
                assert!(!text.contains("{{"), "{language}: {path}");
            }
        }
    }

    #[test]
    fn the_sdk_of_a_project_needs_no_workspace() {
        let files = files("my-job", Language::Rust).unwrap();
        let (_, manifest) = files.iter().find(|(path, _)| path == "sdk/Cargo.toml").unwrap();
        assert!(!manifest.contains("workspace = true"), "{manifest}");
        let manifest: toml::Table = manifest.parse().unwrap();
        assert_eq!(manifest["package"]["edition"].as_str(), Some("2024"));
        let bindgen =
            &manifest["target"]["cfg(target_family = \"wasm\")"]["dependencies"]["wit-bindgen"];
        assert!(bindgen["version"].as_str().is_some(), "{manifest}");
    }

    #[test]
    fn what_is_there_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("job");
        create(&path, Language::Wat).unwrap();
        let again = create(&path, Language::C).unwrap_err();
        assert!(matches!(again, DevError::Exists { .. }));
        assert!(!path.join("main.c").exists());
        for bad in ["", "1st", "a b", "-x", "ünder", "a/.."] {
            assert!(create(&dir.path().join(bad), Language::C).is_err(), "{bad}");
        }
    }
}
