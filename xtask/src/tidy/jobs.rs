//! Every guest job has a test.

use super::sources::Source;
use crate::workspace::GuestJob;

/// A sentence for each job without a test.
pub(crate) fn check(jobs: &[GuestJob], files: &[Source]) -> Vec<String> {
    jobs.iter()
        .filter(|job| job.dir.starts_with("jobs/"))
        .filter(|job| {
            let dir = format!("{}/", job.dir);
            !files.iter().any(|file| file.path.starts_with(&dir) && has_test(&file.text))
        })
        .map(|job| format!("{}: has no test; every job needs one", job.dir))
        .collect()
}

fn has_test(text: &str) -> bool {
    text.lines().map(str::trim).any(|line| line == "#[test]" || line.starts_with("proptest!"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::GuestKind;

    #[test]
    fn a_job_without_a_test_is_named() {
        let job = |name: &str| GuestJob {
            name: name.into(),
            dir: format!("jobs/{name}"),
            target: name.into(),
            kind: GuestKind::Job,
        };
        let file = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
        let files = [
            file("jobs/sort/src/lib.rs", "//! Sorts.\n    #[test]\n"),
            file("jobs/sorted/src/lib.rs", "//! Speaks of #[test] only.\n"),
        ];
        assert_eq!(
            check(&[job("sort"), job("sorted")], &files),
            ["jobs/sorted: has no test; every job needs one"]
        );
    }
}
