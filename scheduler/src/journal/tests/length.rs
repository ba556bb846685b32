//! A journal is as long as the state, not as the past.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::*;

fn rows(place: &Place) -> (i64, i64) {
    let connection = rusqlite::Connection::open(&place.path).unwrap();
    let sql = "SELECT count(*), sum(length(body)) FROM records";
    connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

impl Life {
    fn start_keeping(place: &Place, jobs_ended_max: usize) -> Self {
        let journal = place.open().unwrap();
        let config = Config { jobs_ended_max, ..Config::default() };
        let restored = journal.restore(config).unwrap();
        let now = Timestamp(restored.latest_at_ms.max(5_000));
        let mut life = Self { journal, core: restored.scheduler, now, sent: Vec::new() };
        let started = life.core.start(life.now);
        life.perform(vec![Action::Append(started)]);
        life
    }
}

/// A head that does `jobs` different jobs and starts anew after each.
fn live(place: &Place, jobs: u32) {
    for number in 1..=jobs {
        let mut life = Life::start_keeping(place, 3);
        life.connect();
        let drain = |reason: &str| bramble_protocol::Order::Drain {
            node: "p1".into(),
            reason: reason.into(),
        };
        for order in
            [drain("one"), drain("two"), bramble_protocol::Order::Undrain { node: "p1".into() }]
        {
            life.apply(Event::Order { token: RequestToken(0), order: Box::new(order) });
        }
        life.submit_numbered(number, 20);
        life.work(20);
        assert_eq!(life.core.open_jobs(), 0);
    }
}

#[test]
fn a_long_past_leaves_no_more_than_a_short_one() {
    let (short, long) = (place(), place());
    live(&short, 6);
    live(&long, 30);
    let ((few, few_bytes), (many, many_bytes)) = (rows(&short), rows(&long));
    assert_eq!(many, few);
    assert!(many_bytes < few_bytes + 200, "{many_bytes} bytes instead of {few_bytes}");
}

#[test]
fn no_number_of_a_job_is_given_twice_though_all_older_ones_are_forgotten() {
    let place = place();
    live(&place, 9);
    let mut life = Life::start_keeping(&place, 1);
    life.connect();
    life.submit(1);
    let newest = life.core.jobs()[0].id;
    assert_eq!(newest, JobId(10));
    life.apply(Event::Cancel { token: RequestToken(0), job: newest });
    drop(life);
    let mut life = Life::start_keeping(&place, 1);
    life.submit(1);
    assert_eq!(life.core.jobs()[0].id, JobId(11));
}

#[test]
fn a_job_that_ended_is_shown_as_before_though_the_journal_dropped_its_chunks() {
    let place = place();
    let mut life = Life::start(&place);
    life.connect();
    life.submit(7);
    life.work(7);
    let before = life.core.jobs();
    drop(life);
    assert!(rows(&place).1 < 6_000, "{} bytes", rows(&place).1);
    assert_eq!(place.restore().unwrap().scheduler.jobs(), before);
}

#[test]
fn a_journal_is_read_by_its_owner_alone_also_one_that_others_could_read() {
    let place = place();
    drop(Life::start(&place));
    let path = &place.path;
    let others = |path: &Path| fs::metadata(path).unwrap().mode() & 0o077;
    assert_eq!(others(path), 0);
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let life = Life::start(&place);
    assert_eq!(others(path), 0);
    assert_eq!(others(&life.journal.copy().unwrap()), 0);
}
