//! A command that does nothing, to measure what a task costs besides its work.

fn main() {}
