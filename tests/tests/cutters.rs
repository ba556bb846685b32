//! Jobs that make their chunks themselves, through the real binary: pieces of a file behind
//! headers, chunks without a file, and what is declared by the value of a parameter.

use std::fs;
use std::path::Path;

use bramble_protocol::PhaseKind;
use bramble_tests::cluster::{Cluster, Objects, bramble, job};

fn path(path: &Path) -> &str {
    path.to_str().expect("test paths are text")
}

/// A table of `height` rows of `width` bytes, and the same on its side.
fn table(width: usize, height: usize) -> (Vec<u8>, Vec<u8>) {
    let at = |row: usize, column: usize| (row * 7 + column * 13) as u8;
    let rows = (0..height).flat_map(|row| (0..width).map(move |column| at(row, column)));
    let columns = (0..width).flat_map(|column| (0..height).map(move |row| at(row, column)));
    (rows.collect(), columns.collect())
}

#[test]
fn a_job_gathers_its_chunks_from_rows_of_a_file_behind_a_header() {
    let cluster = Cluster::start_with(2, Objects::Own);
    let (rows, columns) = table(30, 2_000);
    let input = cluster.file("table.grid", &rows);
    let module = job("columns");
    let submit = ["submit", path(&module), "--input", &input, "--arg", "width=30", "-o", "-"];
    for size in ["2k", "7k", "1M"] {
        let said = cluster.bramble(&[&submit[..], &["--chunk-size", size]].concat()).ok();
        assert!(said.stdout == columns, "chunks of {size}");
    }
    let views = ["1", "2", "3"].map(|id| cluster.job(id));
    let chunks = views.each_ref().map(|view| view.phases[0].total);
    assert_eq!(chunks, [30, 10, 1], "columns that fit into a chunk");
    let salts = views.each_ref().map(|view| view.spec.params["salt"].clone());
    assert!(salts.iter().all(|salt| salt.len() == 16 && u64::from_str_radix(salt, 16).is_ok()));
    assert!(salts[0] != salts[1] && salts[1] != salts[2], "drawn for each job: {salts:?}");
    assert_eq!(views[0].spec.result_name, "columns-table.turned");

    // The same module merges for another value of a parameter.
    let sum: u64 = rows.iter().map(|byte| u64::from(*byte)).sum();
    let said = cluster.bramble(&[&submit[..], &["--chunk-size", "2k", "--arg", "do=sum"]].concat());
    assert_eq!(said.ok().text(), format!("{sum}\n"));
    let view = cluster.job("last");
    let phases = |view: &bramble_protocol::api::JobView| {
        view.phases.iter().map(|phase| phase.phase).collect::<Vec<_>>()
    };
    assert_eq!(phases(&view), [PhaseKind::Map, PhaseKind::Merge]);
    assert_eq!(phases(&views[0]), [PhaseKind::Map]);
    assert_eq!(view.spec.result_name, "columns-table.txt");

    let torn = cluster.file("torn.grid", &rows[1..]);
    let args = ["submit", path(&module), "--input", &torn, "--arg", "width=30"];
    cluster.bramble(&args).fails(5, &["bad-input", "the last row has no 30 bytes"]);
    cluster.bramble(&["submit", path(&module)]).fails(2, &["which input?", "a table of bytes"]);
    assert_eq!(cluster.job("last").id, view.id, "neither was queued");
}

#[test]
fn a_job_that_works_on_no_input_is_submitted_without() {
    let cluster = Cluster::start(1);
    let module = job("squares");
    let submit = ["submit", path(&module), "--arg", "upto=300"];
    let expected: String = (1..=300u64).map(|number| format!("{}\n", number * number)).collect();
    let said = cluster.bramble(&[&submit[..], &["-o", "-"]].concat()).ok();
    assert_eq!(said.text(), expected);
    let view = cluster.job("last");
    assert_eq!((view.phases[0].total, &*view.spec.result_name), (19, "squares.txt"));
    let dry = cluster.bramble(&[&submit[..], &["--dry-run"]].concat()).ok();
    assert!(dry.text().contains("19 chunks"), "{}", dry.text());
    assert!(dry.stderr.contains("made from the parameters"), "{}", dry.stderr);

    let input = cluster.file("any.txt", b"text\n");
    let with_input = [&submit[..], &["--input", &input]].concat();
    cluster.bramble(&with_input).fails(2, &["works on no input: leave out --input"]);

    let gallery = module.parent().unwrap();
    let mut example = cluster.command(&["submit", "--example", "squares", "-o", "-"]);
    let said = example.env("BRAMBLE_JOBS", gallery).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout).lines().last(), Some("100"));

    let file = format!("[[job]]\nname = \"q\"\nmodule = {module:?}\nparams = {{ upto = 3 }}\n");
    let file = cluster.file("jobs.toml", file.as_bytes());
    let out = cluster.dir().join("out");
    cluster.bramble(&["run", &file, "-o", path(&out)]).ok();
    assert_eq!(fs::read_to_string(out.join("q.txt")).unwrap(), "1\n4\n9\n");
}

#[test]
fn a_trial_runs_both_and_inspect_shows_what_they_declare() {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("table.grid");
    fs::write(&input, table(6, 50).0).unwrap();
    let run = |args: &[&str]| {
        let said = bramble().args(args).output().unwrap();
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.status.success(), "{text}{}", String::from_utf8_lossy(&said.stderr));
        text
    };
    let columns = job("columns");
    let test = ["test", path(&columns), "--input", path(&input), "--arg", "width=6"];
    run(&test);
    run(&[&test[..], &["--arg", "do=sum"]].concat());
    let tried = run(&["test", path(&job("squares")), "--arg", "upto=100"]);
    assert!(tried.contains("7 chunks"), "{tried}");
    let shown = run(&["inspect", path(&columns)]);
    for part in [
        "binary (a table of bytes, row by row; .grid)",
        "do=turn: binary, .turned",
        "if do is sum",
        "turn: the columns as rows",
        "[default: 8 random bytes]",
    ] {
        assert!(shown.contains(part), "{part} in:\n{shown}");
    }
}
