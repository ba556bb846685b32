//! The guest modules as `cargo xtask build-jobs` makes them: what the head finds in each.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use bramble_protocol::ModuleKind;
use bramble_protocol::api::ModuleResponse;
use bramble_tests::cluster::{Cluster, job};

fn inspected(cluster: &Cluster, name: &str) -> ModuleResponse {
    let module = std::fs::read(job(name)).unwrap();
    let url = format!("{}/api/v1/modules", cluster.url);
    let mut response = ureq::post(&url).send(&module[..]).expect("the head accepts the module");
    response.body_mut().read_json().expect("the answer is a ModuleResponse")
}

#[test]
fn every_job_of_the_repository_is_accepted_with_what_it_exports() {
    let cluster = Cluster::start(0);
    let expected = [
        ("caesar", ModuleKind::Command, vec![]),
        ("gc-content", ModuleKind::Job, vec!["planner", "mapper"]),
        ("merge-sort", ModuleKind::Job, vec!["partitioner", "mapper", "merger"]),
        ("noop", ModuleKind::Command, vec![]),
        ("primes", ModuleKind::Job, vec!["mapper"]),
        ("shout", ModuleKind::Job, vec!["mapper-bytes"]),
        ("word-count", ModuleKind::Job, vec!["partitioner", "mapper-pairs", "combiner", "reducer"]),
    ];
    for (name, kind, exports) in &expected {
        let found = inspected(&cluster, name).module;
        assert_eq!(found.kind, *kind, "{name}");
        let all = [
            ("planner", found.exports.planner),
            ("partitioner", found.exports.partitioner),
            ("mapper", found.exports.mapper),
            ("mapper-bytes", found.exports.mapper_bytes),
            ("mapper-pairs", found.exports.mapper_pairs),
            ("combiner", found.exports.combiner),
            ("reducer", found.exports.reducer),
            ("merger", found.exports.merger),
        ];
        let there: Vec<_> =
            all.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect();
        assert_eq!(there, *exports, "{name}");
    }
    let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../jobs")).unwrap();
    let mut jobs: Vec<String> = folders
        .map(|folder| folder.unwrap())
        .filter(|folder| folder.path().join("Cargo.toml").exists())
        .map(|folder| folder.file_name().into_string().unwrap())
        .collect();
    jobs.sort();
    let known: Vec<_> = expected.iter().map(|(name, ..)| *name).collect();
    assert_eq!(jobs, known, "a job is missing from this test");
}

#[test]
fn a_job_made_with_the_sdk_declares_its_name_and_parameters() {
    let cluster = Cluster::start(0);
    let first = inspected(&cluster, "merge-sort");
    let declared = first.module.declared;
    assert_eq!(declared.name.as_deref(), Some("merge-sort"));
    assert!(declared.params.iter().any(|param| param.name == "type"), "{:?}", declared.params);
    assert!(!first.known);
    assert!(inspected(&cluster, "merge-sort").known, "the second time it is there already");
}
