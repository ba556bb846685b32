//! The main job through the real binary: a module goes in by the command line, real nodes work
//! on it, the result comes back.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::io::Write;
use std::process::Stdio;

use bramble_protocol::api::JobState;
use bramble_tests::cluster::{Cluster, Objects, Said, fixture, job, wait_for};
use bramble_tests::data;

fn path(path: &std::path::Path) -> &str {
    path.to_str().expect("test paths are text")
}

#[test]
fn numbers_sorted_on_two_nodes_equal_an_independent_sort() {
    let cluster = Cluster::start(2);
    let numbers = data::number_lines(1, 50_000);
    let input = cluster.file("numbers.txt", numbers.as_bytes());
    let module = job("merge-sort");
    let args = ["submit", path(&module), "--input", &input, "-o", "sorted.txt"];
    let said = cluster.bramble(&args).ok();
    assert!(said.stderr.contains("Finished"), "{}", said.stderr);
    let sorted = std::fs::read_to_string(cluster.dir().join("sorted.txt")).unwrap();
    assert!(sorted == data::sorted_number_lines(&numbers), "the result is not the sorted input");

    let view = cluster.job("last");
    assert_eq!(view.state, JobState::Done);
    assert_eq!(view.nodes.len(), 2, "both nodes took part: {:?}", view.nodes);
    assert_eq!(view.result_bytes, Some(numbers.len() as u64));
    let phases: Vec<_> = view.phases.iter().map(|phase| phase.phase.name()).collect();
    assert_eq!(phases, ["ranges", "map", "merge"]);
}

#[test]
fn a_job_kept_to_one_node_gives_the_same_bytes() {
    let cluster = Cluster::start(2);
    let numbers = data::u64_bytes(2, 60_000);
    let input = cluster.file("numbers.u64", &numbers);
    let module = job("merge-sort");
    let sort = |nodes: &str, partitions: &str| {
        let mut args = vec!["submit", path(&module), "--input", &input, "--arg", "type=u64"];
        args.extend(["--nodes", nodes, "--partitions", partitions, "--chunk-size", "64k"]);
        args.extend(["-o", "-"]);
        cluster.bramble(&args).ok().stdout
    };
    let expected = data::sorted_u64_bytes(&numbers);
    assert!(sort("2", "5") == expected, "two nodes, five ranges");
    assert!(sort("1", "1") == expected, "one node, one range");
    assert_eq!(cluster.job("last").nodes.len(), 1);
    assert!(sort("node-2", "3") == expected, "a named node");
    assert_eq!(cluster.job("last").nodes[0].name, "node-2");
}

#[test]
fn words_are_counted_over_all_chunks() {
    let cluster = Cluster::start(2);
    let text = data::prose(3, 4_000);
    let input = cluster.file("prose.txt", text.as_bytes());
    let module = job("word-count");
    let args = ["submit", path(&module), "--input", &input, "--chunk-size", "8k", "-o", "-"];
    let said = cluster.bramble(&args).ok();
    assert_eq!(said.text(), data::counted_words(&text));
}

#[test]
fn a_plain_wasi_program_filters_chunk_by_chunk_and_takes_arguments() {
    let cluster = Cluster::start(2);
    let input = cluster.file("plain.txt", b"Hello, Bramble!\nxyz\n");
    let module = job("caesar");
    let filter = |extra: &[&str]| {
        let mut args = vec!["submit", path(&module), "--input", &input, "-o", "-"];
        args.extend(["--chunk-size", "16"]);
        args.extend(extra);
        cluster.bramble(&args).ok().text()
    };
    assert_eq!(filter(&["--arg", "shift=1"]), "Ifmmp, Csbncmf!\nyza\n");
    assert_eq!(filter(&["--", "2"]), "Jgnnq, Dtcodng!\nzab\n");
}

#[test]
fn standard_input_is_an_input_and_standard_output_takes_the_result() {
    let cluster = Cluster::start(1);
    let module = job("merge-sort");
    let mut command = cluster.command(&["submit", path(&module), "--input", "-", "-o", "-", "-q"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"30\n4\n100").unwrap();
    let said = Said::from(child.wait_with_output().unwrap()).ok();
    assert_eq!(said.text(), "4\n30\n100\n");
    assert_eq!(said.stderr, "");
}

#[test]
fn what_the_cluster_has_is_not_sent_again() {
    let cluster = Cluster::start(1);
    let numbers = data::number_lines(4, 40_000);
    let input = cluster.file("numbers.txt", numbers.as_bytes());
    let module = job("merge-sort");
    let args = ["submit", path(&module), "--input", &input, "--chunk-size", "64k"];
    let first = cluster.bramble(&args).ok();
    assert!(!first.stderr.contains("already there"), "{}", first.stderr);
    let second = cluster.bramble(&args).ok();
    assert!(second.stderr.contains("sent 0 B"), "{}", second.stderr);

    // The same chunk over and over is one object.
    let before = objects(&cluster);
    let repeated = cluster.file("repeated.txt", "12345678901234\n".repeat(10_000).as_bytes());
    let args = ["submit", path(&module), "--input", &repeated, "--chunk-size", "15", "-d"];
    cluster.bramble(&args).ok();
    let added = objects(&cluster) - before;
    assert!(added < 10, "10,000 equal chunks became {added} objects");
}

fn objects(cluster: &Cluster) -> usize {
    let folders = std::fs::read_dir(cluster.data().join("store/objects")).unwrap();
    folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
}

#[test]
fn a_detached_job_can_be_watched_fetched_and_looked_up() {
    let cluster = Cluster::start(2);
    let numbers = data::number_lines(5, 20_000);
    let input = cluster.file("numbers.txt", numbers.as_bytes());
    let module = job("merge-sort");
    let args = ["submit", path(&module), "--input", &input, "-d", "-q", "--name", "nightly"];
    let id = cluster.bramble(&args).ok().text().trim().to_owned();
    cluster.bramble(&["watch", &id]).ok();
    let listed = cluster.bramble(&["jobs"]).ok().text();
    assert!(listed.contains("nightly") && listed.contains("done"), "{listed}");
    cluster.bramble(&["get", &id, "-o", "out.txt"]).ok();
    let sorted = std::fs::read_to_string(cluster.dir().join("out.txt")).unwrap();
    assert_eq!(sorted, data::sorted_number_lines(&numbers));
    assert_eq!(cluster.bramble(&["get", &id, "-o", "-"]).ok().text(), sorted);
}

#[test]
fn a_job_that_never_ends_by_itself_can_be_cancelled() {
    let cluster = Cluster::start(1);
    let input = cluster.file("input.txt", b"x\n");
    let module = fixture("endless.wat");
    let args = ["submit", path(&module), "--input", &input, "-d", "-q", "--cpu-time", "1h"];
    let id = cluster.bramble(&args).ok().text().trim().to_owned();
    wait_for("the job to run", || (cluster.job(&id).state == JobState::Running).then_some(()));
    cluster.bramble(&["cancel", &id]).ok();
    assert_eq!(cluster.job(&id).state, JobState::Canceled);
    cluster.bramble(&["watch", &id]).fails(1, &["cancel"]);
    // The slot is free again.
    let sorted = cluster.file("numbers.txt", b"2\n1\n");
    let module = job("merge-sort");
    let args = ["submit", path(&module), "--input", &sorted, "-o", "-"];
    assert_eq!(cluster.bramble(&args).ok().text(), "1\n2\n");
}

#[test]
fn agents_without_the_shared_directory_fetch_and_send_over_the_network() {
    let cluster = Cluster::start_with(2, Objects::Own);
    let numbers = data::number_lines(6, 30_000);
    let input = cluster.file("numbers.txt", numbers.as_bytes());
    let module = job("merge-sort");
    let args = ["submit", path(&module), "--input", &input, "--chunk-size", "32k", "-o", "-"];
    let said = cluster.bramble(&args).ok();
    assert!(said.text() == data::sorted_number_lines(&numbers));
}

#[test]
fn nodes_report_load_and_memory() {
    let cluster = Cluster::start(2);
    let shown = cluster.bramble(&["nodes"]).ok().text();
    assert!(shown.contains("node-1") && shown.contains("node-2"), "{shown}");
    let nodes: Vec<bramble_protocol::api::NodeView> =
        serde_json::from_slice(&cluster.bramble(&["nodes", "--json"]).ok().stdout).unwrap();
    for node in nodes {
        assert!(node.status.memory_bytes_total.unwrap() > 0);
        assert!(node.status.load_milli.is_some());
        assert_eq!(node.slots, 1);
    }
}

#[test]
fn json_lines_end_with_the_finished_job() {
    let cluster = Cluster::start(1);
    let input = cluster.file("numbers.txt", b"3\n1\n2\n");
    let module = job("merge-sort");
    let said = cluster.bramble(&["submit", path(&module), "--input", &input, "--json"]).ok();
    let text = said.text();
    let last = text.lines().last().expect("at least one line");
    let view: bramble_protocol::api::JobView = serde_json::from_str(last).unwrap();
    assert_eq!(view.state, JobState::Done);
    assert_eq!(view.schema, "bramble.job/1");
}
