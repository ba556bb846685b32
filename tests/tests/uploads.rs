//! Files that are sent piece by piece, as browsers send them, and cut by the head.

use bramble_protocol::inputs::InputView;
use bramble_protocol::{Digest, LookKind, Manifest};
use bramble_tests::cluster::{Cluster, Objects, job};
use serde_json::json;

/// Sends `bytes` in two pieces, the first of which breaks off, and answers with the file's name.
fn send(cluster: &Cluster, bytes: &[u8]) -> String {
    let http = cluster.http();
    let tus = |request: ureq::RequestBuilder<ureq::typestate::WithBody>| {
        request.header("tus-resumable", "1.0.0")
    };
    let address = format!("{}/api/v1/uploads", cluster.url);
    let begun = tus(http.post(&address)).header("upload-length", bytes.len().to_string());
    let begun = begun.send_empty().expect("a file is begun");
    assert_eq!(begun.status(), 201);
    let file = begun.headers()["location"].to_str().expect("an address").to_owned();
    let address = format!("{}{file}", cluster.url);
    let append = |from: usize, to: usize| {
        let request = tus(http.patch(&address)).content_type("application/offset+octet-stream");
        request.header("upload-offset", from.to_string()).send(&bytes[from..to])
    };
    let half = bytes.len() / 2;
    append(0, half).expect("a piece is taken");
    // Whoever has lost count asks.
    assert!(append(0, half).is_err(), "this piece is here already");
    let known = http.head(&address).header("tus-resumable", "1.0.0").call().expect("it is known");
    assert_eq!(known.headers()["upload-offset"], half.to_string().as_str());
    append(half, bytes.len()).expect("the rest is taken");
    file.rsplit('/').next().expect("a name").to_owned()
}

fn cut(cluster: &Cluster, module: Digest, upload: &str) -> InputView {
    let request = json!({ "upload": upload, "module": module });
    let answer = cluster.http().post(format!("{}/api/v1/inputs", cluster.url)).send_json(request);
    answer.expect("it is cut").body_mut().read_json().expect("it is an input")
}

fn manifest(cluster: &Cluster, digest: Digest) -> Manifest {
    let store =
        bramble_store::Store::open(&cluster.data().join("store")).expect("the head's store");
    let bytes = store.get_by_digest(&digest, Manifest::BYTES_MAX).expect("a manifest");
    Manifest::decode(&bytes).expect("it is one")
}

#[test]
fn what_a_browser_sends_is_cut_as_the_command_line_cuts_it() {
    let cluster = Cluster::start_with(1, Objects::Own);
    let picture = [b"P5 64 48 255\n".as_slice(), &[7; 64 * 48]].concat();
    let numbers: String = (0..200_000u32).map(|n| format!("{}\n", n * 7_919 % 100_003)).collect();
    let jobs = [("merge-sort", numbers.as_bytes()), ("image-cipher", picture.as_slice())];
    for (name, bytes) in jobs {
        let module = job(name).into_os_string().into_string().expect("a path is text");
        let file = cluster.file("input", bytes);
        cluster.bramble(&["submit", &module, "--input", &file, "-o", "out"]).ok();
        let typed = cluster.job("last").spec;
        let upload = send(&cluster, bytes);
        let sent = cut(&cluster, typed.module, &upload);
        assert_eq!(sent.manifest.map(|it| it.digest), Some(typed.input), "{name}");
        // What was cut is there no more.
        let again = format!("{}/api/v1/uploads/{upload}", cluster.url);
        assert!(cluster.http().head(&again).header("tus-resumable", "1.0.0").call().is_err());
    }
}

#[test]
fn of_a_picture_that_is_cut_by_its_module_a_small_one_is_kept_and_shown() {
    let cluster = Cluster::start_with(1, Objects::Own);
    cluster.bramble(&["submit", "--example", "image-cipher", "-o", "seen.pnm"]).ok();
    let look = manifest(&cluster, cluster.job("last").spec.input).look.expect("it was looked at");
    assert_eq!((look.kind, look.width, look.height), (LookKind::Picture, 640, 640));
    let views = ["1/view/input.png", "1/view/result.png"];
    let pictures = views.map(|view| {
        let answer = cluster.http().get(format!("{}/api/v1/jobs/{view}", cluster.url)).call();
        answer.expect("there is a picture").body_mut().read_to_vec().expect("its bytes")
    });
    assert!(pictures.iter().all(|picture| picture.starts_with(b"\x89PNG")));
    assert_ne!(pictures[0], pictures[1]);

    cluster.bramble(&["submit", "--example", "signal-search", "-o", "hits.tsv"]).ok();
    let look = manifest(&cluster, cluster.job("last").spec.input).look.expect("it was looked at");
    assert_eq!((look.kind, look.width, look.height), (LookKind::Waterfall, 32_768, 16));
}

#[test]
fn when_attempts_ran_is_told_as_data_as_a_table_and_as_a_trace() {
    let cluster = Cluster::start_with(2, Objects::Own);
    cluster.bramble(&["submit", "--example", "merge-sort", "-o", "sorted.txt"]).ok();
    let get = |what: &str| {
        let answer = cluster.http().get(format!("{}/api/v1/jobs/1/{what}", cluster.url)).call();
        answer.expect("it is there").body_mut().read_to_string().expect("it is text")
    };
    let told: bramble_protocol::attempts::Attempts =
        serde_json::from_str(&get("attempts")).expect("they are attempts");
    let tasks = cluster.job("1").tasks.total as usize;
    assert_eq!((told.attempts.len(), told.next, told.dropped), (tasks, tasks as u64, 0));
    for it in &told.attempts {
        assert!(it.node.starts_with("node-") && it.started_at_ms <= it.ended_at_ms, "{it:?}");
        assert!(it.read_us + it.write_us <= it.wall_us && it.wall_us > 0, "{it:?}");
    }
    let rest = get(&format!("attempts?since={}", told.next));
    assert!(rest.contains("\"attempts\":[]"), "{rest}");
    assert_eq!(get("attempts.csv").lines().count(), tasks + 1);
    let trace: serde_json::Value = serde_json::from_str(&get("trace.json")).expect("it is JSON");
    let events = trace["traceEvents"].as_array().expect("a list of events");
    assert_eq!(events.iter().filter(|event| event["ph"] == "X").count(), tasks);
}
