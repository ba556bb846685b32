//! What a module is: a job, a command, or neither, and then why not.

use std::borrow::Cow;

use bramble_protocol::module::Exports;
use bramble_protocol::{Digest, ModuleInfo, ModuleKind};

use super::check::{self, Survey};
use super::declared::declared;
pub(super) use super::offer::{foreign_import, is_offered};
use super::offer::{interface, newer_job};
use super::{Refusal, wrap};

/// The interfaces a job may export, all of version 0.1.
const JOB_INTERFACES: [&str; 9] = [
    "planner",
    "cutter",
    "partitioner",
    "mapper",
    "mapper-bytes",
    "mapper-pairs",
    "combiner",
    "reducer",
    "merger",
];
pub(super) const PREVIEW1: &str = "wasi_snapshot_preview1";

/// A module that bramble can run.
pub(super) struct Recognised<'a> {
    pub(super) binary: Cow<'a, [u8]>,
    pub(super) form: Form,
    pub(super) info: ModuleInfo,
}

/// How a module's code is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Core,
    Component,
    /// A core module that is to be wrapped into a component.
    SdkModule,
}

/// Checks a module as it was uploaded, and says what it is.
pub(super) fn recognise(bytes: &[u8]) -> Result<Recognised<'_>, Refusal> {
    let binary = check::binary(bytes)?;
    let survey = check::survey(&binary)?;
    let types = check::validate(&binary)?;
    let (form, kind, exports) = if survey.is_component {
        let (kind, exports) = component(&survey, &types)?;
        (Form::Component, kind, exports)
    } else if survey.exports.iter().any(|(name, _)| is_job_export(name)) {
        (Form::SdkModule, ModuleKind::Job, sdk_module(&survey, &binary)?)
    } else {
        command(&survey, &types)?;
        (Form::Core, ModuleKind::Command, Exports::default())
    };
    let declared = declared(&survey, &exports)?;
    let info = ModuleInfo {
        digest: Digest::of(bytes),
        size_bytes: bytes.len() as u64,
        kind,
        exports,
        declared,
    };
    Ok(Recognised { binary, form, info })
}

fn component(
    survey: &Survey,
    types: &wasmparser::types::Types,
) -> Result<(ModuleKind, Exports), Refusal> {
    for name in &survey.component_imports {
        if !is_offered(name) {
            return Err(foreign_import(&format!("`{name}`"), None));
        }
        if let Some(item) = newer_job(name, types) {
            return Err(foreign_import(&format!("`{item}` of `{name}`"), None));
        }
    }
    let interfaces = || {
        let of = survey.component_exports.iter().filter(|(_, is_interface)| *is_interface);
        of.map(|(name, _)| name.as_str())
    };
    if interfaces().any(|name| name.starts_with("bramble:job/")) {
        return Ok((ModuleKind::Job, job_exports(interfaces())?));
    }
    if interfaces().any(|name| interface(name, "wasi", "0.2.") == Some("cli/run")) {
        return Ok((ModuleKind::Command, Exports::default()));
    }
    let names: Vec<&str> = survey.component_exports.iter().map(|(name, _)| name.as_str()).collect();
    Err(Refusal::new("the component is made for another world")
        .detail(format!("it exports {}; a job exports {}", list(&names), wanted()))
        .help("build it for one of the worlds of bramble:job, or as a WASI command"))
}

/// Reads the names of the exports of `bramble:job`, and checks them against one another.
fn job_exports<'a>(names: impl Iterator<Item = &'a str>) -> Result<Exports, Refusal> {
    let mut exports = Exports::default();
    for name in names.filter(|name| name.starts_with("bramble:job/")) {
        match interface(name, "bramble:job", "0.1.").ok_or_else(|| unknown(name))? {
            "planner" => exports.planner = true,
            "cutter" => exports.cutter = true,
            "partitioner" => exports.partitioner = true,
            "mapper" => exports.mapper = true,
            "mapper-bytes" => exports.mapper_bytes = true,
            "mapper-pairs" => exports.mapper_pairs = true,
            "combiner" => exports.combiner = true,
            "reducer" => exports.reducer = true,
            "merger" => exports.merger = true,
            _ => return Err(unknown(name)),
        }
    }
    match misfit(&exports) {
        Some((title, detail, help)) => Err(Refusal::new(title).detail(detail).help(help)),
        None => Ok(exports),
    }
}

fn unknown(name: &str) -> Refusal {
    Refusal::new(format!("the module exports `{name:.100}`, which this bramble does not know"))
        .detail(format!(
            "it was made for a newer bramble; this one has {} at version 0.1",
            JOB_INTERFACES.map(|name| format!("`{name}`")).join(", ")
        ))
        .help("use a newer bramble, or build the module with this release's SDK")
}

/// Exports that make no job together: what is wrong, why, and what would help.
fn misfit(exports: &Exports) -> Option<(&'static str, &'static str, &'static str)> {
    let maps_plainly = exports.mapper || exports.mapper_bytes;
    if !maps_plainly && !exports.mapper_pairs {
        return Some((
            "the module has nothing that maps a chunk",
            "it exports other interfaces of bramble:job, but neither mapper nor mapper-bytes nor \
             mapper-pairs",
            "export bramble:job/mapper, bramble:job/mapper-bytes or bramble:job/mapper-pairs",
        ));
    }
    if maps_plainly && exports.mapper_pairs {
        return Some((
            "the module maps a chunk in two ways",
            "it exports mapper-pairs beside mapper or mapper-bytes",
            "export one of them",
        ));
    }
    if exports.mapper_pairs && !exports.reducer {
        return Some((
            "the module maps to pairs but has nothing that reduces them",
            "it exports mapper-pairs and no reducer",
            "export bramble:job/reducer too, or bramble:job/mapper instead of mapper-pairs",
        ));
    }
    if (exports.reducer || exports.combiner) && !exports.mapper_pairs {
        return Some((
            "the module reduces or combines pairs that it never emits",
            "it exports reducer or combiner, but not mapper-pairs",
            "export bramble:job/mapper-pairs",
        ));
    }
    if exports.reducer && exports.merger {
        return Some((
            "the module has both a reducer and a merger",
            "a job ends in one of them",
            "leave one of them out",
        ));
    }
    if exports.partitioner && !exports.merger && !exports.reducer {
        return Some((
            "the module has a partitioner but no merger",
            "key ranges are of use only to a job that merges or reduces them",
            "export bramble:job/merger or bramble:job/reducer, or leave the partitioner out",
        ));
    }
    None
}

/// Checks a core module with exports of `bramble:job` by wrapping it.
fn sdk_module(survey: &Survey, binary: &[u8]) -> Result<Exports, Refusal> {
    for (module, name, _) in &survey.imports {
        let offered = module == PREVIEW1 || is_offered(module) || module.starts_with("[export]");
        if !offered {
            return Err(foreign_import(&format!("`{module}.{name}`"), Some(survey)));
        }
    }
    let names = survey.exports.iter().filter(|(name, _)| is_job_export(name));
    let exports = job_exports(names.map(|(name, _)| name.split('#').next().unwrap_or(name)))?;
    if !survey.has_component_type {
        return Err(Refusal::new("the module has lost the description of its interface")
            .detail("it exports functions of bramble:job, but has no section `component-type`")
            .help("build it with the SDK, and do not strip its custom sections"));
    }
    let wrapped = wrap::component(binary)?;
    let (_, found) = component(&check::survey(&wrapped)?, &check::validate(&wrapped)?)?;
    if found != exports {
        return Err(Refusal::new("the module's exports do not fit the interface it says it has"));
    }
    Ok(exports)
}

/// Checks a core module that is no job: it must be a command of WASI preview 1.
fn command(survey: &Survey, types: &wasmparser::types::Types) -> Result<(), Refusal> {
    let foreign = survey.imports.iter().find(|(module, name, kind)| {
        module != PREVIEW1 || *kind != "function" || !PREVIEW1_FUNCTIONS.contains(&name.as_str())
    });
    let start = survey.exports.iter().any(|(name, kind)| name == "_start" && *kind == "function");
    if let Some((module, name, _)) = foreign {
        return Err(foreign_import(&format!("`{module}.{name}`"), Some(survey)));
    }
    if !start {
        let names: Vec<&str> = survey.exports.iter().map(|(name, _)| name.as_str()).collect();
        let refusal = Refusal::new("the module has no entry point that bramble knows")
            .detail(format!("it exports {}; a job needs {}", list(&names), wanted()));
        return Err(refusal.help(if survey.has_linking {
            "this is an object file: link it to a program first"
        } else {
            "build it as a program (a WASI command), or with the SDK"
        }));
    }
    if !start_takes_nothing(types) {
        return Err(Refusal::new("the module's `_start` takes or returns values")
            .detail("a WASI command starts without either"));
    }
    let has_memory =
        survey.exports.iter().any(|(name, kind)| name == "memory" && *kind == "memory");
    if !survey.imports.is_empty() && !has_memory {
        return Err(Refusal::new("the module does not export its memory")
            .detail("it imports functions of WASI, which need the export `memory`"));
    }
    Ok(())
}

fn start_takes_nothing(types: &wasmparser::types::Types) -> bool {
    let types = types.as_ref();
    let mut exports = types.core_exports().into_iter().flatten();
    exports.any(|(name, ty)| match ty {
        wasmparser::types::EntityType::Func(id) if name == "_start" => {
            let ty = types.get(id).expect("the id came from there").unwrap_func();
            ty.params().is_empty() && ty.results().is_empty()
        }
        _ => false,
    })
}

fn is_job_export(name: &str) -> bool {
    name.starts_with("bramble:job/") && name.contains('#')
}

fn wanted() -> String {
    "`_start` (a WASI command), or bramble:job/mapper, mapper-bytes or mapper-pairs".into()
}

/// The first few names of a list, in words.
fn list(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    if names.is_empty() {
        return "nothing".into();
    }
    let shown: Vec<String> =
        names.iter().take(SHOWN).map(|name| format!("`{}`", crate::sandbox::shown(name))).collect();
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// All functions of WASI preview 1.
pub(super) const PREVIEW1_FUNCTIONS: [&str; 46] = [
    "args_get",
    "args_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_advise",
    "fd_allocate",
    "fd_close",
    "fd_datasync",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_fdstat_set_rights",
    "fd_filestat_get",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "fd_pread",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_pwrite",
    "fd_read",
    "fd_readdir",
    "fd_renumber",
    "fd_seek",
    "fd_sync",
    "fd_tell",
    "fd_write",
    "path_create_directory",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_open",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_symlink",
    "path_unlink_file",
    "poll_oneoff",
    "proc_exit",
    "proc_raise",
    "random_get",
    "sched_yield",
    "sock_accept",
    "sock_recv",
    "sock_send",
    "sock_shutdown",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_must_make_a_job_together() {
        let fault = |interfaces: &[&str]| {
            let names: Vec<String> =
                interfaces.iter().map(|name| format!("bramble:job/{name}@0.1.2")).collect();
            job_exports(names.iter().map(String::as_str)).err().map(|refusal| refusal.title)
        };
        for good in [
            &["mapper"][..],
            &["mapper", "merger"],
            &["mapper-bytes", "merger"],
            &["planner", "partitioner", "mapper", "merger"],
            &["mapper-pairs", "reducer"],
            &["planner", "partitioner", "mapper-pairs", "combiner", "reducer"],
        ] {
            assert_eq!(fault(good), None, "{good:?}");
        }
        for (bad, expected) in [
            (&["planner"][..], "nothing that maps"),
            (&["combiner", "reducer"], "nothing that maps"),
            (&["mapper", "mapper-pairs", "reducer"], "in two ways"),
            (&["mapper-pairs"], "nothing that reduces"),
            (&["mapper-pairs", "combiner", "merger"], "nothing that reduces"),
            (&["mapper", "reducer"], "never emits"),
            (&["mapper-bytes", "combiner"], "never emits"),
            (&["mapper-pairs", "reducer", "merger"], "both a reducer and a merger"),
            (&["mapper", "partitioner"], "a partitioner but no merger"),
            (&["mapper", "sorter"], "does not know"),
        ] {
            let title = fault(bad).unwrap_or_default();
            assert!(title.contains(expected), "{bad:?}: {title}");
        }
    }

    #[test]
    fn a_long_list_of_names_is_cut() {
        assert_eq!(list(&[]), "nothing");
        assert_eq!(list(&["a", "b"]), "`a`, `b`");
        assert!(list(&["a"; 20]).ends_with("`a` and 12 more"));
    }

    #[test]
    fn a_module_with_any_byte_changed_is_accepted_or_refused_and_nothing_worse() {
        let module = wat::parse_str(
            r#"(module
              (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
              (memory (export "memory") 1) (table 2 funcref) (elem (i32.const 0) func 0)
              (data (i32.const 0) "text")
              (func (export "_start") (local i32 i64) (call 0 (i32.const 0))))"#,
        )
        .unwrap();
        for at in 0..module.len() {
            for change in [1, 0x7f, 0x80, 0xff] {
                let mut changed = module.clone();
                changed[at] ^= change;
                if let Err(refusal) = recognise(&changed) {
                    assert!(!refusal.title.is_empty());
                }
            }
        }
    }
}
