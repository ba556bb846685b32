//! Commands that lie to WASI preview 1 about lengths and places: each makes one call, then ends
//! well if it was let go on.

use super::{Case, Expected};

/// Writes, reads and asks with pointers that leave memory, counts that overflow, and lengths of
/// gigabytes.
const TABLE: &[(&str, &str)] = &[
    (
        "write-list-outside",
        "(call $fd_write (i32.const 1) (i32.const -8) (i32.const 1) (i32.const 0))",
    ),
    (
        "write-list-at-the-edge",
        "(call $fd_write (i32.const 1) (i32.const 65532) (i32.const 1) (i32.const 0))",
    ),
    (
        "write-list-endless",
        "(call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 0))",
    ),
    (
        "write-buffer-outside",
        "(call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 0))",
    ),
    (
        "write-buffer-wraps",
        "(call $fd_write (i32.const 1) (i32.const 24) (i32.const 1) (i32.const 0))",
    ),
    (
        "write-count-outside",
        "(call $fd_write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const -4))",
    ),
    (
        "write-unaligned",
        "(call $fd_write (i32.const 1) (i32.const 33) (i32.const 1) (i32.const 1))",
    ),
    (
        "log-buffer-outside",
        "(call $fd_write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 0))",
    ),
    (
        "read-buffer-outside",
        "(call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 0))",
    ),
    (
        "read-list-endless",
        "(call $fd_read (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0))",
    ),
    ("random-gigabytes", "(call $random_get (i32.const 0) (i32.const -1))"),
    ("random-outside", "(call $random_get (i32.const 65530) (i32.const 64))"),
    ("random-all-memory", "(call $random_get (i32.const 0) (i32.const 65536))"),
    ("args-outside", "(call $args_get (i32.const -4) (i32.const -4))"),
    ("environ-outside", "(call $environ_get (i32.const 0) (i32.const 65535))"),
    ("sizes-outside", "(call $args_sizes_get (i32.const -1) (i32.const 65534))"),
    ("clock-outside", "(call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 65532))"),
    ("clock-unknown", "(call $clock_time_get (i32.const 99) (i64.const 0) (i32.const 0))"),
    (
        "poll-list-outside",
        "(call $poll_oneoff (i32.const -48) (i32.const 0) (i32.const 1) (i32.const 0))",
    ),
    (
        "poll-endless",
        "(call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0))",
    ),
    ("poll-nothing", "(call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))"),
    (
        "poll-events-outside",
        "(call $poll_oneoff (i32.const 64) (i32.const 65530) (i32.const 1) (i32.const 0))",
    ),
    (
        "poll-overlapping",
        "(call $poll_oneoff (i32.const 0) (i32.const 8) (i32.const 1000) (i32.const 12))",
    ),
    (
        "readdir-gigabytes",
        "(call $fd_readdir (i32.const 3) (i32.const 0) (i32.const -1) (i64.const -1) (i32.const 0))",
    ),
    ("prestat-outside", "(call $fd_prestat_get (i32.const 3) (i32.const -1))"),
    (
        "path-outside",
        "(call $path_open (i32.const 3) (i32.const 0) (i32.const -16) (i32.const 4096) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0))",
    ),
    (
        "path-gigabytes",
        "(call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const -1) (i32.const -1) (i64.const -1) (i64.const -1) (i32.const -1) (i32.const -1))",
    ),
    (
        "seek-standard-output",
        "(call $fd_seek (i32.const 1) (i64.const -9223372036854775808) (i32.const 9) (i32.const -1))",
    ),
    (
        "allocate-exabytes",
        "(call $fd_allocate (i32.const 1) (i64.const 0) (i64.const 9223372036854775807))",
    ),
    ("truncate-standard-output", "(call $fd_filestat_set_size (i32.const 1) (i64.const -1))"),
    (
        "receive-gigabytes",
        "(call $sock_recv (i32.const 0) (i32.const 16) (i32.const 1) (i32.const -1) (i32.const 0) (i32.const 0))",
    ),
];

/// Each is stopped, or told that it is wrong; both are fine, because nothing left its memory.
pub(super) fn cases() -> Vec<Case> {
    let expected = Expected::Contained;
    TABLE
        .iter()
        .map(|(name, call)| Case::new(format!("lie-{name}"), module(call), expected))
        .collect()
}

fn module(call: &str) -> String {
    format!(
        r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir"
    (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get"
    (func $fd_prestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_allocate"
    (func $fd_allocate (param i32 i64 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size"
    (func $fd_filestat_set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "sock_recv"
    (func $sock_recv (param i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; Buffers that leave memory: one by its length, one by wrapping round; and one that does not.
  (data (i32.const 16) "\00\ff\00\00\ff\ff\ff\ff\f0\ff\ff\ff\20\00\00\00\40\00\00\00\04\00\00\00")
  (func (export "_start") (drop {call})))"#
    )
}
