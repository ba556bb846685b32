//! The command does nothing, and does it well.

use std::process::Command;

#[test]
fn it_reads_nothing_and_writes_nothing() {
    let output = Command::new(env!("CARGO_BIN_EXE_noop")).output().unwrap();
    assert!(output.status.success());
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
}
