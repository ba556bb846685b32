//! What a module may import, and the words for one that wants more.

use wasmparser::component_types::ComponentEntityType;

use super::Refusal;
use super::check::Survey;

/// What a job may import of `bramble:job`, all of version 0.1: the items of each interface. A test
/// compares it with the WIT text.
const OFFERED: [(&str, &[&str]); 3] = [
    ("types", &["job-error", "span", "rows", "piece", "task"]),
    (
        "host",
        &[
            "level",
            "log",
            "progress",
            "param",
            "params",
            "ranges",
            "save",
            "load",
            "should-save",
            "stopping",
            "secret",
            "enough",
            "preview",
        ],
    ),
    (
        "io",
        &[
            "source",
            "[method]source.size",
            "[method]source.read",
            "[method]source.read-at",
            "sink",
            "[method]sink.write",
            "[method]sink.write-to",
            "emitter",
            "[method]emitter.emit",
            "[method]emitter.emit-to",
            "groups",
            "[method]groups.next",
        ],
    ),
];
/// The same of `bramble:crypto/ciphers`.
const CIPHERS: &[&str] = &[
    "aead",
    "hash",
    "digest",
    "cost",
    "blocks",
    "crypto-error",
    "key",
    "[static]key.from-secret",
    "[static]key.from-passphrase",
    "[method]key.hkdf",
    "[method]key.hkdf-expand",
    "[method]key.seal",
    "[method]key.open",
    "[method]key.aes256-ctr",
    "digest-of",
];
/// The packages of WASI 0.2 a component may import. Sockets are there for programs that can
/// open one and do not: using one ends the task.
const WASI_PACKAGES: [&str; 6] = ["cli", "clocks", "filesystem", "io", "random", "sockets"];

/// Whether an interface that a component imports is there.
pub(super) fn is_offered(name: &str) -> bool {
    if let Some(of_job) = interface(name, "bramble:job", "0.1.") {
        return OFFERED.iter().any(|(interface, _)| *interface == of_job);
    }
    if interface(name, "bramble:crypto", "0.1.") == Some("ciphers") {
        return true;
    }
    interface(name, "wasi", "0.2.")
        .and_then(|path| path.split('/').next())
        .is_some_and(|package| WASI_PACKAGES.contains(&package))
}

/// The first thing that a component wants of an interface of `bramble:job` and that a later
/// release has added there.
pub(super) fn newer_job(name: &str, types: &wasmparser::types::Types) -> Option<String> {
    let items = match interface(name, "bramble:crypto", "0.1.") {
        Some(_) => CIPHERS,
        None => {
            let of_job = interface(name, "bramble:job", "0.1.")?;
            OFFERED.iter().find(|(interface, _)| *interface == of_job)?.1
        }
    };
    let types = types.as_ref();
    let ComponentEntityType::Instance(id) = types.component_item_for_import(name)?.ty else {
        return None;
    };
    let wanted = types.get(id)?.exports.keys();
    let mut unknown = wanted.filter(|item| !items.contains(&item.as_str()));
    unknown.next().map(|item| crate::sandbox::shown(item))
}

/// `mapper` of `bramble:job/mapper@0.1.2`, `cli/run` of `wasi:cli/run@0.2.6`: the rest of a name
/// after its package or namespace, if its version starts so.
pub(super) fn interface<'a>(name: &'a str, of: &str, version: &str) -> Option<&'a str> {
    let rest = name.strip_prefix(of)?.strip_prefix([':', '/'])?;
    let (path, found) = rest.split_once('@')?;
    found.starts_with(version).then_some(path)
}

pub(super) fn foreign_import(what: &str, survey: Option<&Survey>) -> Refusal {
    let refusal = Refusal::new(format!("the module imports {what}, which bramble does not offer"))
        .detail(
            "a job may import bramble:job/host, bramble:job/io, bramble:crypto/ciphers and WASI \
                 without the network",
        );
    let is_object = survey.is_some_and(|survey| survey.has_linking);
    refusal.help(if what.contains("`bramble:job/") {
        "it was made for a newer bramble: use that, or build it with this release's SDK"
    } else if is_object {
        "this is an object file: link it to a program first"
    } else if what.starts_with("`env.") {
        "`env` is where linkers put functions they did not find: define it, or link its library"
    } else if what.starts_with("`wasi_unstable.") {
        "it was made for an early WASI: build it with a current toolchain"
    } else {
        "build it without what needs this"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart_only_with_its_package_and_version() {
        assert_eq!(interface("bramble:job/mapper@0.1.7", "bramble:job", "0.1."), Some("mapper"));
        assert_eq!(interface("wasi:cli/run@0.2.3", "wasi", "0.2."), Some("cli/run"));
        for other in
            ["bramble:job/mapper", "bramble:job/mapper@0.10.0", "bramble:jobs/mapper@0.1.0"]
        {
            assert_eq!(interface(other, "bramble:job", "0.1."), None, "{other}");
        }
    }

    #[test]
    fn what_is_offered_is_what_the_wit_text_says() {
        let mut resolve = wit_parser::Resolve::default();
        let wit = include_str!("../../../guest-sdk/wit/job.wit");
        let job = resolve.push_str("job.wit", wit).unwrap();
        let wit = include_str!("../../../guest-sdk/wit/deps/crypto/crypto.wit");
        let crypto = resolve.push_str("crypto.wit", wit).unwrap();
        let of_job = OFFERED.map(|(name, items)| (job, name, items));
        for (package, name, items) in of_job.into_iter().chain([(crypto, "ciphers", CIPHERS)]) {
            let interface = &resolve.interfaces[resolve.packages[package].interfaces[name]];
            let types = interface.types.keys();
            let mut said: Vec<&str> =
                types.chain(interface.functions.keys()).map(String::as_str).collect();
            let mut offered = items.to_vec();
            said.sort_unstable();
            offered.sort_unstable();
            assert_eq!(offered, said, "{name}");
        }
    }
}
