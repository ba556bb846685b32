//! Bytes that were changed on their way or on a disk: found out before they are used.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bramble_protocol::api::{JobView, ModuleResponse, SubmitRequest};
use bramble_protocol::{Digest, Manifest, ObjectRef};
use bramble_store::pack::{PackWriter, receive};
use bramble_store::{Store, StoreError};
use bramble_tests::cluster::{Cluster, Objects, fixture, job, wait_for};
use bramble_tests::data;
use bramble_tests::mutate::Mutator;

/// How many changes each kind of object is put through.
const CHANGES: usize = 1000;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

fn file_of(store: &Path, digest: &Digest) -> PathBuf {
    let name = digest.to_string();
    store.join("objects").join(&name[..2]).join(name)
}

/// Overwrites an object although it is protected, as a bad disk or another user would.
fn overwrite(path: &Path, bytes: &[u8]) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Puts `bytes` into a store, changes them there a thousand times, and sees to it that none of
/// the ways to read them gives what was changed.
fn assert_every_change_is_found(seed: u64, bytes: &[u8]) {
    let (dir, store) = store();
    let object = store.put(bytes).unwrap();
    let path = file_of(dir.path(), &object.digest);
    let mut mutator = Mutator::new(seed);
    for _ in 0..CHANGES {
        let changed = mutator.change(bytes);
        overwrite(&path, &changed);
        let is_corrupt = |error: StoreError| matches!(error, StoreError::Corrupt { found, .. } if found == Digest::of(&changed));
        assert!(is_corrupt(store.get(&object).unwrap_err()));
        assert!(is_corrupt(store.get_by_digest(&object.digest, 1 << 30).unwrap_err()));
        assert!(is_corrupt(store.open_verified(&object).unwrap_err()));
    }
    overwrite(&path, bytes);
    assert!(store.get(&object).unwrap() == bytes, "unchanged, it is read again");
}

#[test]
fn a_thousand_changes_of_a_stored_chunk_are_found() {
    assert_every_change_is_found(1, data::number_lines(1, 5_000).as_bytes());
}

#[test]
fn a_thousand_changes_of_a_stored_module_are_found() {
    assert_every_change_is_found(2, &fs::read(job("shout")).unwrap());
}

fn manifest() -> Manifest {
    let chunks = (0..50u32).map(|number| ObjectRef::of(&number.to_le_bytes())).collect();
    Manifest::new(chunks, Some(ObjectRef::of(b"sample")))
}

#[test]
fn a_thousand_changes_of_a_manifest_are_found_by_its_digest_and_none_confuses_its_reader() {
    let bytes = manifest().encode();
    assert_every_change_is_found(3, &bytes);
    // And whoever stores the changed bytes under their own digest gets a manifest that is sound
    // in itself, or none.
    let mut mutator = Mutator::new(4);
    for _ in 0..CHANGES {
        if let Ok(read) = Manifest::decode(&mutator.change(&bytes)) {
            let sum = read.chunks.iter().map(|chunk| u128::from(chunk.size)).sum::<u128>();
            assert_eq!(sum, u128::from(read.total_bytes));
            assert_eq!(Manifest::decode(&read.encode()).unwrap(), read);
        }
    }
}

#[test]
fn a_thousand_changes_of_a_pack_are_refused_and_nothing_unsound_is_stored() {
    let objects: Vec<Vec<u8>> =
        (1..20u8).map(|number| vec![number; 37 * number as usize]).collect();
    let mut writer = PackWriter::new(Vec::new()).unwrap();
    let mut ends = vec![15];
    for bytes in &objects {
        writer.push(&ObjectRef::of(bytes), bytes).unwrap();
        ends.push(ends.last().unwrap() + 40 + bytes.len());
    }
    let pack = writer.finish().unwrap();
    assert_eq!(ends.last(), Some(&pack.len()));

    let (dir, store) = store();
    let mut mutator = Mutator::new(5);
    for _ in 0..CHANGES {
        let changed = mutator.change(&pack);
        match receive(&store, &changed[..]) {
            // Some objects left out at the end, or one sent twice: that is a pack, too.
            Ok(count) => assert!(
                ends.contains(&changed.len()) || changed.len() > pack.len(),
                "{count} objects of a changed pack were taken"
            ),
            Err(error) => assert!(error.is_malformed(), "{error}"),
        }
        assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
    }
    for bytes in stored(&store) {
        assert!(objects.contains(&bytes), "an object that nobody sent");
    }
}

/// The objects of a store, each checked against its name.
fn stored(store: &Store) -> Vec<Vec<u8>> {
    let shards = fs::read_dir(store.dir().join("objects")).unwrap();
    let files = shards.flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap());
    files
        .map(|file| {
            let digest = file.unwrap().file_name().to_str().unwrap().parse().unwrap();
            store.get_by_digest(&digest, 1 << 20).unwrap()
        })
        .collect()
}

#[test]
fn a_changed_module_is_another_module_or_none() {
    let cluster = Cluster::start(0);
    let url = format!("{}/api/v1/modules", cluster.url);
    let text = fs::read(fixture("exits-3.wat")).unwrap();
    let module = wat::parse_bytes(&text).unwrap().into_owned();
    let mut mutator = Mutator::new(6);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..100 {
        let changed = mutator.change(&module);
        match cluster.http().post(&url).send(&changed[..]) {
            Ok(mut response) => {
                let known: ModuleResponse = response.body_mut().read_json().unwrap();
                assert_eq!(known.module.digest, Digest::of(&changed));
                accepted += 1;
            }
            Err(ureq::Error::StatusCode(422)) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(accepted > 0 && refused > 50, "{accepted} accepted, {refused} refused");
}

/// A cluster without agents on which a job waits; its input has one chunk.
fn waiting_job() -> (Cluster, JobView) {
    let mut cluster = Cluster::start(1);
    cluster.kill_agent(0);
    let input = cluster.file("numbers.txt", data::number_lines(3, 2_000).as_bytes());
    let module = job("shout").into_os_string().into_string().unwrap();
    let args = ["submit", &module, "--input", &input, "--detach", "--attempts", "2"];
    let id = cluster.bramble(&args).ok().text().trim().to_owned();
    let view = cluster.job(&id);
    (cluster, view)
}

fn ended(cluster: &Cluster, view: &JobView) -> JobView {
    wait_for("the job to end", || {
        let view = cluster.job(&view.id.to_string());
        view.state.is_final().then_some(view)
    })
}

#[test]
fn a_chunk_that_is_changed_while_its_job_waits_is_never_given_to_the_guest() {
    let (mut cluster, view) = waiting_job();
    let store = Store::open(&cluster.data().join("store")).unwrap();
    let manifest = store.get_by_digest(&view.spec.input, 1 << 20).unwrap();
    let chunk = Manifest::decode(&manifest).unwrap().chunks[0];
    let bytes = store.get(&chunk).unwrap();
    overwrite(&file_of(store.dir(), &chunk.digest), &Mutator::new(7).change(&bytes));
    cluster.start_agent(0, Objects::Shared);
    let failure = ended(&cluster, &view).failure.expect("the job cannot be done");
    assert!(
        ["chunk-corrupt", "chunk-missing"].contains(&failure.outcome.slug()),
        "{:?}",
        failure.outcome
    );
}

#[test]
fn a_chunk_that_is_changed_in_an_agents_own_store_is_fetched_again() {
    let cluster = Cluster::start_with(1, Objects::Own);
    let text = data::prose(4, 500);
    let input = cluster.file("prose.txt", text.as_bytes());
    let module = job("shout").into_os_string().into_string().unwrap();
    let submit = ["submit", &module, "--input", &input, "--no-cache", "-o", "-"];
    cluster.bramble(&submit).ok();
    let chunk = files_named(&cluster.dir().join("node-1"), &Digest::of(text.as_bytes()));
    assert_eq!(chunk.len(), 1, "the agent keeps what it has fetched");
    overwrite(&chunk[0], text.replace("bramble", "BRAMBLY").as_bytes());
    assert_eq!(cluster.bramble(&submit).ok().text(), text.to_uppercase());
}

/// The files under `dir` that hold an object by their name, sound or not.
fn files_named(dir: &Path, digest: &Digest) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_named(&path, digest));
        } else if path.file_name().unwrap().to_str() == Some(&digest.to_string()) {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_module_that_is_changed_on_disk_is_never_run_and_sending_it_again_replaces_it() {
    let cluster = Cluster::start(1);
    let input = cluster.file("numbers.txt", b"1\n2\n");
    let path = fixture("hostile/sleeps-a-year.wat");
    let submit = ["submit", path.to_str().unwrap(), "--input", &input];
    // Only to be looked at, so that it is there and not compiled yet.
    cluster.bramble(&[&submit[..], &["--dry-run"]].concat()).ok();
    let bytes = fs::read(&path).unwrap();
    let object = file_of(&cluster.data().join("store"), &Digest::of(&bytes));
    // Changes that keep the length are the ones that only the digest can tell.
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() = b' ';
    overwrite(&object, &changed);

    let other = job("shout").into_os_string().into_string().unwrap();
    let id = cluster.bramble(&["submit", &other, "--input", &input, "--detach"]).ok();
    let mut spec = cluster.job(id.text().trim()).spec;
    spec.module = Digest::of(&bytes);
    let url = format!("{}/api/v1/jobs", cluster.url);
    let mut answer = cluster
        .http()
        .post(&url)
        .send_json(SubmitRequest { spec, secrets: Default::default() })
        .unwrap();
    let ended = ended(&cluster, &answer.body_mut().read_json().unwrap());
    assert_eq!((ended.state.name(), ended.result_bytes), ("failed", None), "{ended:?}");

    let again = cluster.bramble(&[&submit[..], &["-o", "-"]].concat()).ok();
    assert_eq!(again.text(), "awake\n");
    assert_eq!(fs::read(object).unwrap(), bytes);
}

#[test]
fn a_manifest_with_a_changed_digest_or_length_is_refused_at_submit() {
    let (cluster, view) = waiting_job();
    let store = Store::open(&cluster.data().join("store")).unwrap();
    let sound = store.get_by_digest(&view.spec.input, 1 << 20).unwrap();
    let sound = Manifest::decode(&sound).unwrap();
    let submit = |manifest: &Manifest| {
        let mut spec = view.spec.clone();
        // Put past the head, as somebody with the store in his hands would.
        spec.input = store.put(&manifest.encode()).unwrap().digest;
        let url = format!("{}/api/v1/jobs", cluster.url);
        cluster
            .http()
            .post(&url)
            .send_json(SubmitRequest { spec, secrets: Default::default() })
            .map(drop)
    };
    submit(&sound).unwrap();
    let mut other_digest = sound.clone();
    other_digest.chunks[0].digest = Digest::of(b"other");
    let mut other_length = sound.clone();
    other_length.chunks[0].size += 1;
    other_length.total_bytes += 1;
    let mut huge = sound.clone();
    huge.chunks[0].size = u64::MAX;
    huge.total_bytes = u64::MAX;
    let mut no_chunks = sound;
    no_chunks.chunks.clear();
    no_chunks.total_bytes = 0;
    for changed in [other_digest, other_length, huge, no_chunks] {
        let refused = submit(&changed).unwrap_err();
        assert!(matches!(refused, ureq::Error::StatusCode(422)), "{refused}");
    }
    let jobs = cluster.bramble(&["jobs", "--json"]).ok().stdout;
    let jobs: serde_json::Value = serde_json::from_slice(&jobs).unwrap();
    assert_eq!(jobs.as_array().unwrap().len(), 2, "the first and the sound one");
}
