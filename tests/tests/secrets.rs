//! Secrets through the real binary: what reaches the tasks, and that nothing else is left of them.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

use bramble_protocol::api::JobState;
use bramble_tests::cluster::{Cluster, Objects, job, wait_for};

/// A key that is nowhere else on this computer: 24 bytes of the system's chance, as text.
fn key() -> String {
    let mut bytes = [0; 24];
    std::io::Read::read_exact(&mut fs::File::open("/dev/urandom").unwrap(), &mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hidden(text: &[u8], key: &str) -> Vec<u8> {
    text.iter().zip(key.bytes().cycle()).map(|(byte, key)| byte ^ key).collect()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("test paths are text")
}

/// Files under `dir`, and what processes show of themselves, that hold any of `needles`.
fn holders(dir: &Path, processes: &[u32], needles: &[Vec<u8>]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut look = |path: &Path| {
        let bytes = fs::read(path).unwrap_or_default();
        let holds =
            |needle: &Vec<u8>| bytes.windows(needle.len()).any(|window| window == &needle[..]);
        if needles.iter().any(holds) {
            found.push(path.to_owned());
        }
    };
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => dirs.push(entry.path()),
                false => look(&entry.path()),
            }
        }
    }
    for process in processes {
        for file in ["cmdline", "environ"] {
            look(&PathBuf::from(format!("/proc/{process}/{file}")));
        }
    }
    found
}

/// A text as it might be written somewhere: plain, and in hexadecimal as messages have it.
fn forms(key: &str) -> Vec<Vec<u8>> {
    let hex: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
    vec![key.into(), hex.to_uppercase().into(), hex.into()]
}

#[test]
fn a_secret_reaches_the_tasks_and_is_found_nowhere_else() {
    let cluster = Cluster::start_with(2, Objects::Own);
    let key = key();
    let given = tempfile::tempdir().unwrap();
    let key_file = given.path().join("key");
    fs::write(&key_file, format!("{key}\n")).unwrap();
    let secret = format!("key=@{}", key_file.display());
    let text: Vec<u8> = (0..100_000u32).map(|at| (at % 251) as u8).collect();
    let input = cluster.file("in.bin", &text);
    let module = job("sealer");
    let submit = ["submit", path(&module), "--input", &input, "--secret", &secret];

    let chunks = ["--chunk-size", "5k", "-o", "-"];
    let said = cluster.bramble(&[&submit[..], &chunks].concat()).ok();
    assert!(said.stdout == hidden(&text, &key), "the key reached the tasks, without its line end");
    let again = cluster.bramble(&[&submit[..], &chunks].concat()).ok();
    assert!(again.stdout == said.stdout);
    assert_eq!(cluster.job("last").saved, None, "nobody is given what was made with a secret");

    // A task that fails leaves more behind: a log, an account of it, a bundle.
    let bad = cluster.file("bad.bin", b"bad");
    let args = ["submit", path(&module), "--input", &bad, "--secret", &secret];
    let failed = cluster.bramble(&[&args[..], &["--arg", "strictness=strict"]].concat());
    let failed = failed.fails(1, &["starts with `bad`"]);
    cluster.bramble(&["bundle", "3/0", "-o", "bundle.tar"]).ok();
    let bundle = fs::read(cluster.dir().join("bundle.tar")).unwrap();
    let needle = b"--secret 'key=@FILE'";
    assert!(bundle.windows(needle.len()).any(|window| window == needle), "how to run it here");
    let shown = cluster.bramble(&["jobs", "3", "--json"]).ok();
    let logs = cluster.bramble(&["logs", "3"]).ok();
    for said in [&failed, &shown, &logs] {
        assert!(!said.text().contains(&key) && !said.stderr.contains(&key));
    }
    assert!(shown.text().contains(r#""key":"read""#), "its name is shown: {}", shown.text());

    let processes = [cluster.head_process(), cluster.agent_process(0), cluster.agent_process(1)];
    let runners = processes.iter().flat_map(|process| children(*process));
    let processes: Vec<u32> = processes.into_iter().chain(runners).collect();
    assert!(processes.len() > 3, "runners are there to be looked at");
    assert_eq!(holders(cluster.dir(), &processes, &forms(&key)), Vec::<PathBuf>::new());
    assert_eq!(holders(given.path(), &[], &forms(&key)), [key_file], "the search finds what is");
}

fn children(process: u32) -> Vec<u32> {
    let dir = PathBuf::from(format!("/proc/{process}/task"));
    let threads = fs::read_dir(dir).unwrap().map(|thread| thread.unwrap().path().join("children"));
    let lists: Vec<String> = threads.map(|it| fs::read_to_string(it).unwrap_or_default()).collect();
    lists.iter().flat_map(|list| list.split_whitespace()).map(|id| id.parse().unwrap()).collect()
}

#[test]
fn after_a_restart_of_the_head_a_job_asks_for_its_secrets_and_goes_on() {
    let mut cluster = Cluster::start(1);
    let key = key();
    let secret = format!("key=@{}", cluster.file("key", key.as_bytes()));
    let text = vec![7u8; 1_000];
    let input = cluster.file("in.bin", &text);
    let module = job("sealer");
    cluster.bramble(&["queue", "pause", "--reason", "a restart"]).ok();
    cluster.bramble(&["submit", path(&module), "-i", &input, "--secret", &secret, "-d"]).ok();
    cluster.kill_head();
    cluster.start_head();
    cluster.wait_for_nodes(1);
    cluster.bramble(&["queue", "resume"]).ok();
    wait_for("the job to ask", || {
        let note = cluster.job("1").note?;
        note.contains("bramble secret 1 key=@FILE").then_some(())
    });
    let explained = cluster.bramble(&["explain", "1"]).ok();
    assert!(explained.text().contains("bramble secret 1 key=@FILE"), "{}", explained.text());
    let other = format!("word=@{}", cluster.dir().join("key").display());
    cluster.bramble(&["secret", "1", &other]).fails(6, &["`key`"]);
    cluster.bramble(&["secret", "1", "key=hunter2"]).fails(2, &["must not be typed"]);
    cluster.bramble(&["secret", "1", &secret]).ok();
    cluster.bramble(&["watch", "1"]).ok();
    assert!(cluster.bramble(&["get", "1", "-o", "-"]).ok().stdout == hidden(&text, &key));
    cluster.bramble(&["secret", "1", &secret]).fails(6, &["job 1 is done"]);
}

#[test]
fn a_sealed_secret_is_used_by_the_node_and_never_read_by_the_job() {
    let cluster = Cluster::start(2);
    let key: Vec<u8> = (0..32).collect();
    let sealed = format!("key=@{}", cluster.file("key", &key));
    let text: Vec<u8> = (0..500_000u32).map(|at| (at % 253) as u8).collect();
    let input = cluster.file("in.bin", &text);
    let module = job("sealer");
    let seal = |flag: &str, by: &str, cipher: &str| {
        let (by, cipher) = (format!("by={by}"), format!("cipher={cipher}"));
        let args = ["submit", path(&module), "-i", &input, flag, &sealed, "-o", "-"];
        cluster.bramble(&[&args[..], &["--arg", &by, "--arg", &cipher]].concat())
    };
    for cipher in ["aes", "chacha"] {
        let by_host = seal("--sealed", "host", cipher).ok().stdout;
        assert_eq!(by_host.len(), text.len() + text.len().div_ceil(16 << 10) * 16);
        assert!(by_host == seal("--secret", "guest", cipher).ok().stdout, "{cipher}");
    }
    seal("--sealed", "guest", "aes").fails(1, &["the key is missing"]);
    let inspected = cluster.bramble(&["inspect", path(&module)]).ok().text();
    assert!(inspected.contains("bramble:crypto/ciphers@0.1.0"), "{inspected}");
    assert!(
        cluster
            .job("1")
            .spec
            .secrets
            .unwrap()
            .given
            .values()
            .all(|access| *access == bramble_protocol::SecretAccess::Sealed)
    );
    let retried = cluster.bramble(&["retry", "5", "--secret", &sealed]);
    retried.fails(1, &["the key is missing"]);
}

#[test]
fn a_retry_asks_for_the_secrets_again() {
    let cluster = Cluster::start(1);
    let secret = format!("key=@{}", cluster.file("key", b"open sesame"));
    let input = cluster.file("bad.bin", b"bad");
    let module = job("sealer");
    let args = ["submit", path(&module), "-i", &input, "--secret", &secret];
    cluster.bramble(&[&args[..], &["--arg", "strictness=strict"]].concat()).fails(1, &[]);
    cluster.bramble(&["retry", "1"]).fails(6, &["`key`", "bramble retry 1 --secret key=@FILE"]);
    cluster.bramble(&["retry", "1", "--secret", &secret]).fails(1, &["starts with `bad`"]);
    assert_eq!(cluster.job("2").state, JobState::Failed);
}

#[test]
fn a_secret_is_taken_only_as_one() {
    let cluster = Cluster::start(1);
    let file = cluster.file("key", b"hunter2");
    let input = cluster.file("in.bin", b"abc");
    let module = job("sealer");
    let refused = |extra: &[&str], code: i32, words: &[&str]| {
        let args = ["submit", path(&module), "-i", &input, "-o", "-"];
        let said = cluster.bramble(&[&args[..], extra].concat()).fails(code, words);
        assert!(!said.stderr.contains("hunter2"), "{}", said.stderr);
    };
    refused(&["--arg", "key=hunter2"], 6, &["--secret key=@FILE"]);
    refused(&["--secret", "key=hunter2"], 2, &["must not be typed", "key=@key.bin"]);
    refused(&["--secret", "hunter2"], 2, &["a secret has a name"]);
    refused(&["--secret", &format!("word=@{file}")], 6, &["`word`", "it has: key"]);
    refused(&["--secret", &format!("strictness=@{file}")], 6, &["--arg strictness="]);
    let plain = job("caesar");
    let secret = format!("key=@{file}");
    let args = ["submit", path(&plain), "-i", &input, "--secret", &secret];
    cluster.bramble(&args).fails(6, &["WASI command"]);
    let tested = cluster.bramble(&["test", path(&module), "-i", &input, "--secret", &secret]);
    assert!(tested.ok().text().contains("ok"));
}
