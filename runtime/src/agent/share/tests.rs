//! Shares that hang, fail and lie.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bramble_protocol::ObjectRef;
use bramble_store::{Staged, Store};
use rustix::io::Errno;

use super::copy::Files;
use super::standing::THREADS_MAX;
use super::{Share, ShareAccess};

/// Long enough for whatever is not to hang, also on a busy machine.
const PATIENCE: Duration = Duration::from_millis(300);
const DEADLINE: Duration = Duration::from_secs(60);

/// What the next file that is opened does.
enum File {
    Holds(&'static [u8]),
    FailsToOpen(Errno),
    /// After so many bytes.
    FailsToRead(&'static [u8], Errno),
    /// Opening does not come back before the gate is opened; then it holds this.
    Hangs(&'static [u8]),
    /// Nor does the first read.
    HangsInRead(&'static [u8]),
    /// Each read of one byte takes a while, and all of them longer than anybody's patience.
    IsSlow(&'static [u8]),
}

#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn pass(&self) {
        drop(self.changed.wait_while(self.is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
    }
}

#[derive(Clone, Default)]
struct Fake {
    files: Arc<Mutex<VecDeque<File>>>,
    opened: Arc<Mutex<Vec<String>>>,
    gate: Arc<Gate>,
}

impl Files for Fake {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read>> {
        self.opened.lock().unwrap().push(path.display().to_string());
        let file = self.files.lock().unwrap().pop_front();
        let gate = Arc::clone(&self.gate);
        match file.expect("it is opened no more often than the test says") {
            File::Holds(bytes) => Ok(Box::new(bytes)),
            File::FailsToOpen(errno) => Err(errno.into()),
            File::FailsToRead(bytes, errno) => Ok(Box::new(bytes.chain(Fails(errno)))),
            File::Hangs(bytes) => {
                gate.pass();
                Ok(Box::new(bytes))
            }
            File::HangsInRead(bytes) => Ok(Box::new(Hangs(gate).chain(bytes))),
            File::IsSlow(bytes) => Ok(Box::new(Slow(bytes))),
        }
    }
}

struct Fails(Errno);

impl Read for Fails {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(self.0.into())
    }
}

struct Hangs(Arc<Gate>);

impl Read for Hangs {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.pass();
        Ok(0)
    }
}

struct Slow(&'static [u8]);

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        std::thread::sleep(PATIENCE / 3);
        self.0.read(&mut buffer[..1])
    }
}

struct Try {
    share: Share,
    fake: Fake,
    store: Store,
    _dir: tempfile::TempDir,
}

impl Try {
    fn new(files: impl IntoIterator<Item = File>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("own")).unwrap();
        let fake = Fake::default();
        fake.files.lock().unwrap().extend(files);
        let access = ShareAccess { dir: "/share".into(), patience: PATIENCE };
        let share = Share::over(&access, Box::new(fake.clone()));
        Self { share, fake, store, _dir: dir }
    }

    fn read(&self, bytes: &[u8]) -> Option<Staged> {
        self.share.read(&self.store, &ObjectRef::of(bytes))
    }

    /// Reads an object and whether it was given.
    fn gives(&self, bytes: &[u8]) -> bool {
        let staged = self.read(bytes);
        if let Some(staged) = &staged {
            assert_eq!(staged.object(), ObjectRef::of(bytes));
            assert_eq!(std::fs::read(staged.path()).unwrap(), bytes);
        }
        staged.is_some()
    }

    fn opened(&self) -> usize {
        self.fake.opened.lock().unwrap().len()
    }

    fn staged_files(&self) -> usize {
        std::fs::read_dir(self.store.dir().join("tmp")).unwrap().count()
    }
}

#[track_caller]
fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "waited for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_a_share_gives_is_staged_here_verified() {
    let share = Try::new([File::Holds(b"chunk"), File::Holds(b"")]);
    assert_eq!(share.share.answers(), None);
    assert!(share.gives(b"chunk") && share.gives(b""));
    assert_eq!(share.share.answers(), Some(true));
    let digest = ObjectRef::of(b"chunk").digest.to_string();
    let expected = format!("/share/objects/{}/{digest}", &digest[..2]);
    assert_eq!(share.fake.opened.lock().unwrap()[0], expected);
}

#[test]
fn a_stale_handle_is_opened_anew_from_the_root_three_times() {
    let stale = || File::FailsToOpen(Errno::STALE);
    let in_the_middle = File::FailsToRead(b"ch", Errno::STALE);
    let share = Try::new([stale(), in_the_middle, stale(), File::Holds(b"chunk")]);
    assert!(share.gives(b"chunk"));
    let share = Try::new([stale(), stale(), stale(), stale()]);
    assert!(!share.gives(b"chunk"));
    assert_eq!(share.opened(), 4);
    assert_eq!(share.staged_files(), 0);
}

#[test]
fn what_is_missing_short_wrong_or_broken_is_left_to_the_head_at_once() {
    let files = [
        File::FailsToOpen(Errno::NOENT),
        File::Holds(b"chu"),
        File::Holds(b"chunk and more"),
        File::Holds(b"chumk"),
        File::FailsToRead(b"chu", Errno::IO),
        File::FailsToOpen(Errno::ACCESS),
        File::Holds(b"chunk"),
    ];
    let count = files.len();
    let share = Try::new(files);
    let started = Instant::now();
    for number in 1..count {
        assert!(!share.gives(b"chunk"), "file {number}");
        assert_eq!(share.staged_files(), 0, "file {number}");
    }
    assert!(started.elapsed() < PATIENCE * 10, "nobody has waited");
    assert_ne!(share.share.answers(), Some(false), "single files are no reason to give up");
    assert!(share.gives(b"chunk"));
    assert_eq!(share.opened(), count);
}

#[test]
fn a_share_whose_every_file_fails_is_put_aside() {
    let broken = || File::FailsToRead(b"", Errno::IO);
    let share = Try::new([broken(), broken(), broken(), File::Holds(b"chunk")]);
    for _ in 0..20 {
        assert!(!share.gives(b"chunk"));
    }
    assert_eq!(share.opened(), 3);
    assert_eq!(share.share.answers(), Some(false));
}

#[test]
fn a_share_that_times_out_by_itself_is_put_aside_at_once() {
    let share = Try::new([File::FailsToOpen(Errno::TIMEDOUT)]);
    assert!(!share.gives(b"chunk") && !share.gives(b"chunk"));
    assert_eq!((share.opened(), share.share.answers()), (1, Some(false)));
}

#[test]
fn a_share_that_hangs_is_waited_for_once_and_used_again_when_it_comes_back() {
    for hangs in [File::Hangs(b"chunk"), File::HangsInRead(b"chunk")] {
        let share = Try::new([hangs, File::Holds(b"chunk")]);
        let started = Instant::now();
        assert!(!share.gives(b"chunk"));
        let first = started.elapsed();
        assert!(first >= PATIENCE, "{first:?}");
        assert_eq!(share.share.answers(), Some(false));
        let started = Instant::now();
        for _ in 0..100 {
            assert!(!share.gives(b"chunk"));
        }
        assert!(started.elapsed() < PATIENCE, "nobody waits again");
        assert_eq!(share.opened(), 1);
        share.fake.gate.open();
        wait_for("the thread to come back", || share.share.answers() == Some(true));
        wait_for("what it had begun to be removed", || share.staged_files() == 0);
        assert!(share.gives(b"chunk"));
    }
}

#[test]
fn a_dead_share_holds_no_more_than_a_few_threads() {
    let files = (0..THREADS_MAX).map(|_| File::Hangs(b"chunk")).collect::<Vec<_>>();
    let share = Try::new(files);
    std::thread::scope(|scope| {
        for _ in 0..3 * THREADS_MAX {
            scope.spawn(|| assert!(!share.gives(b"chunk")));
        }
    });
    assert!(share.opened() <= THREADS_MAX);
    share.fake.gate.open();
    wait_for("a thread to come back", || share.share.answers() == Some(true));
}

#[test]
fn a_slow_share_is_not_a_hanging_one() {
    let share = Try::new([File::IsSlow(b"a few bytes")]);
    assert!(share.gives(b"a few bytes"));
    assert_eq!(share.share.answers(), Some(true));
}
