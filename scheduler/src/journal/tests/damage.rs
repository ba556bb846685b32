//! Bytes that change or vanish: nothing that was acknowledged is lost without a word.

use bramble_protocol::api::JobView;

use super::*;

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        // Constants of Knuth's MMIX generator.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// A head's files as a crash leaves them, and what it had acknowledged: all, and all but the last
/// group.
struct Crashed {
    place: Place,
    file: Vec<u8>,
    log: Vec<u8>,
    /// Length of the log before the last group.
    log_before: usize,
    all: Vec<JobView>,
    before: Vec<JobView>,
}

impl Crashed {
    fn new() -> Self {
        let place = place();
        let mut life = Life::start(&place);
        life.connect();
        for number in 0..8 {
            life.submit_numbered(number, 5);
            life.work(3);
        }
        let log_path = place.log_path();
        let (before, log_before) = (life.core.jobs(), fs::metadata(&log_path).unwrap().len());
        life.submit_numbered(8, 40);
        let crashed = Self {
            file: fs::read(&place.path).unwrap(),
            log: fs::read(&log_path).unwrap(),
            log_before: log_before as usize,
            all: life.core.jobs(),
            before,
            place: super::place(),
        };
        assert!(crashed.log.len() > crashed.log_before && log_before > 50_000);
        crashed
    }

    /// What a head makes of these files; `None` when it refuses them.
    fn read(&self, file: &[u8], log: &[u8]) -> Option<Vec<JobView>> {
        fs::write(&self.place.path, file).unwrap();
        fs::write(self.place.log_path(), log).unwrap();
        match self.place.restore() {
            Ok(restored) => Some(restored.scheduler.jobs()),
            Err(error) => {
                let text = error_chain(&error);
                assert!(text.contains("journal.sqlite"), "{text}");
                None
            }
        }
    }
}

impl Place {
    fn log_path(&self) -> PathBuf {
        self.path.with_extension("sqlite-wal")
    }
}

/// What was done must be there. Which attempts were under way is never written.
fn done(jobs: &[JobView]) -> Vec<(u64, u32)> {
    jobs.iter().map(|job| (job.id.0, job.tasks.succeeded)).collect()
}

#[test]
fn a_bit_that_flips_in_the_file_is_noticed_or_changes_nothing() {
    let (place, bytes) = filled();
    let expected = done(&place.restore().unwrap().scheduler.jobs());
    let mut dice = Dice(1);
    let mut refused = 0;
    for _ in 0..1_000 {
        let mut flipped = bytes.clone();
        let at = dice.below(bytes.len());
        flipped[at] ^= 1 << dice.below(8);
        fs::write(&place.path, &flipped).unwrap();
        match place.restore() {
            Ok(restored) => assert_eq!(done(&restored.scheduler.jobs()), expected, "byte {at}"),
            Err(error) => {
                let text = error_chain(&error);
                assert!(text.contains("journal.sqlite"), "byte {at}: {text}");
                refused += 1;
            }
        }
    }
    assert!(refused > 500, "only {refused} flips were noticed");
}

#[test]
fn a_crash_loses_nothing_that_was_acknowledged() {
    let crashed = Crashed::new();
    let read = crashed.read(&crashed.file, &crashed.log).unwrap();
    assert_eq!(done(&read), done(&crashed.all));
}

#[test]
fn a_last_group_that_was_cut_anywhere_is_there_whole_or_not_at_all() {
    let crashed = Crashed::new();
    for length in (crashed.log_before..crashed.log.len()).step_by(499) {
        let read = crashed.read(&crashed.file, &crashed.log[..length]);
        assert_eq!(done(&read.unwrap()), done(&crashed.before), "cut at {length}");
    }
}

#[test]
fn a_bit_that_flips_in_the_log_before_the_last_group_is_refused() {
    let crashed = Crashed::new();
    let mut dice = Dice(2);
    for _ in 0..300 {
        let mut log = crashed.log.clone();
        let at = dice.below(crashed.log_before);
        log[at] ^= 1 << dice.below(8);
        match crashed.read(&crashed.file, &log) {
            None => assert_eq!(fs::read(crashed.place.log_path()).unwrap(), log, "byte {at}"),
            // Some bytes of the log mean nothing, such as its count of checkpoints.
            Some(read) => assert_eq!(done(&read), done(&crashed.all), "byte {at}"),
        }
    }
}
