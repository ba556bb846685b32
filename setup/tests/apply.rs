//! Files are written all or none, twice is once, and undo brings back what was there.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use bramble_setup::{
    Applied, ApplyError, ApplyOptions, Checker, Contents, Moment, NoReloads, Planned, Reload,
    Reloads, apply, recover, undo,
};
use common::{cluster_hat_head, cluster_hat_node};

/// Writes down what would be told, and refuses one thing if it should.
#[derive(Default)]
struct Recorder {
    told: Vec<(Reload, Moment)>,
    refuses: Option<Reload>,
}

impl Reloads for Recorder {
    fn run(&mut self, reload: &Reload, moment: Moment) -> Result<(), String> {
        self.told.push((reload.clone(), moment));
        match &self.refuses {
            Some(refused) if refused == reload && moment == Moment::Applied => Err("no".into()),
            _ => Ok(()),
        }
    }
}

/// A card as Raspberry Pi OS comes.
fn card() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text, mode) in [
        ("etc/hostname", "raspberrypi\n", 0o644),
        ("etc/hosts", "127.0.0.1\tlocalhost\n127.0.1.1\traspberrypi\n", 0o644),
        ("boot/firmware/config.txt", "dtparam=audio=on\n[all]", 0o755),
        ("boot/firmware/cmdline.txt", "console=tty1 root=PARTUUID=1-02 rootwait\n", 0o755),
        ("etc/chrony/chrony.conf", "pool pool.ntp.org\n", 0o644),
        ("var/lib/dpkg/status", "", 0o644),
    ] {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    root
}

/// All files and directories, with modes and contents.
fn picture(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let mode = fs::symlink_metadata(&path).unwrap().permissions().mode();
            let bytes = if path.is_dir() { Vec::new() } else { fs::read(&path).unwrap() };
            all.insert(path.strip_prefix(root).unwrap().to_owned(), (mode, bytes));
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    all
}

fn applied(root: &Path, plan: &[Planned]) -> Applied {
    apply(root, plan, ApplyOptions::default(), &mut NoReloads).unwrap()
}

fn whole(path: &str, text: &str, after: Vec<Reload>) -> Planned {
    Planned {
        path: path.into(),
        mode: 0o644,
        contents: Contents::Whole(text.into()),
        checked_by: Checker::Shell,
        after,
        why: "a test".into(),
    }
}

#[test]
fn head_and_node_are_written_and_undone_to_the_last_bit() {
    for plan in [cluster_hat_head().files(), cluster_hat_node().files()] {
        let card = card();
        let before = picture(card.path());
        let first = applied(card.path(), &plan);
        assert_eq!(first.written.len(), plan.len());
        let after = picture(card.path());
        let second = applied(card.path(), &plan);
        assert_eq!((second.written.len(), second.reloads.len()), (0, 0));
        assert_eq!(picture(card.path()), after);
        for planned in &plan {
            let path = card.path().join(planned.path.strip_prefix("/").unwrap());
            let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
            let is_edit = matches!(planned.contents, Contents::Edit(_));
            assert!(is_edit || mode == planned.mode, "{}", planned.path.display());
        }
        let undone = undo(card.path(), false, &mut NoReloads).unwrap();
        assert!(undone.changed_by_hand.is_empty());
        assert_eq!(picture(card.path()), before);
        assert_eq!(undo(card.path(), false, &mut NoReloads).unwrap(), Default::default());
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let card = card();
    let before = picture(card.path());
    let options = ApplyOptions { dry_run: true, ..ApplyOptions::default() };
    let mut recorder = Recorder::default();
    let told = apply(card.path(), &cluster_hat_node().files(), options, &mut recorder).unwrap();
    assert!(told.written.contains(&"/etc/hostname".into()) && !told.reloads.is_empty());
    assert!(recorder.told.is_empty());
    assert_eq!(picture(card.path()), before);
}

#[test]
fn a_file_of_somebody_else_is_kept_unless_forced_and_comes_back() {
    let card = card();
    let plan = [whole("/etc/a", "ours\n", vec![]), whole("/etc/b", "ours\n", vec![])];
    fs::write(card.path().join("etc/a"), "theirs\n").unwrap();
    fs::write(card.path().join("etc/b"), "ours\n").unwrap();
    let before = picture(card.path());
    let error = apply(card.path(), &plan, ApplyOptions::default(), &mut NoReloads).unwrap_err();
    assert!(matches!(&error, ApplyError::NotOurs(paths) if paths == &[PathBuf::from("/etc/a")]));
    assert_eq!(picture(card.path()), before);
    let force = ApplyOptions { force: true, ..ApplyOptions::default() };
    apply(card.path(), &plan, force, &mut NoReloads).unwrap();
    assert_eq!(fs::read_to_string(card.path().join("etc/a")).unwrap(), "ours\n");
    undo(card.path(), false, &mut NoReloads).unwrap();
    assert_eq!(picture(card.path()), before);
}

#[test]
fn a_link_is_not_written_through() {
    let card = card();
    let secret = card.path().join("secret");
    fs::write(&secret, "x\n").unwrap();
    symlink(&secret, card.path().join("etc/a")).unwrap();
    let force = ApplyOptions { force: true, ..ApplyOptions::default() };
    let error = apply(card.path(), &[whole("/etc/a", "y\n", vec![])], force, &mut NoReloads);
    assert!(matches!(error.unwrap_err(), ApplyError::NotRegular(_)));
    assert_eq!(fs::read_to_string(secret).unwrap(), "x\n");
    for bad in ["etc/a", "/etc/../a", "/"] {
        let error = apply(card.path(), &[whole(bad, "", vec![])], force, &mut NoReloads);
        assert!(matches!(error.unwrap_err(), ApplyError::Path(_)), "{bad}");
    }
}

#[test]
fn one_file_that_its_tool_refuses_keeps_all_from_being_written() {
    let card = card();
    let before = picture(card.path());
    let plan = [whole("/etc/a", "true\n", vec![]), whole("/etc/b", "if then fi (\n", vec![])];
    let error = apply(card.path(), &plan, ApplyOptions::default(), &mut NoReloads).unwrap_err();
    assert!(matches!(&error, ApplyError::Check { path, .. } if path == Path::new("/etc/b")));
    assert_eq!(picture(card.path()), before);
}

/// A name that a file may have, while its temporary one would be too long: writing it fails, for
/// root too, who may write into directories that are read-only.
fn unwritable(dir: &str) -> String {
    format!("{dir}/{}", "x".repeat(250))
}

#[test]
fn a_disk_that_fails_at_any_file_leaves_everything_as_it_was() {
    let count = 5;
    for fails_at in 0..count {
        let card = card();
        let mut plan: Vec<_> =
            (0..count).map(|n| whole(&format!("/opt/{n}/file"), "new\n", vec![])).collect();
        plan[fails_at].path = unwritable(&format!("/opt/{fails_at}")).into();
        for old in [1, 3] {
            let path = card.path().join(plan[old].path.strip_prefix("/").unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "old\n").unwrap();
        }
        let before = picture(card.path());
        let force = ApplyOptions { force: true, ..ApplyOptions::default() };
        let mut recorder = Recorder::default();
        let error = apply(card.path(), &plan, force, &mut recorder).unwrap_err();
        assert!(matches!(error, ApplyError::Io { what: "write", .. }), "{error:?}");
        assert_eq!(picture(card.path()), before, "fails at {fails_at}");
        assert!(recorder.told.is_empty(), "nobody is told of files that are not there");
    }
}

#[test]
fn a_run_that_is_killed_between_any_two_files_is_put_back_by_the_next() {
    struct Killed(PathBuf, PathBuf);
    impl Reloads for Killed {
        // All files are written, the manifest is not: the state is copied as a power cut leaves it.
        fn run(&mut self, _: &Reload, _: Moment) -> Result<(), String> {
            copy(&self.0, &self.1);
            Ok(())
        }
    }
    let card = card();
    let before = picture(card.path());
    let names = ["/etc/a", "/etc/new/b", "/etc/c"];
    let plan: Vec<_> = names.map(|name| whole(name, "x\n", vec![Reload::Units])).into();
    let cut = tempfile::tempdir().unwrap();
    let mut killed = Killed(card.path().to_owned(), cut.path().to_owned());
    apply(card.path(), &plan, ApplyOptions::default(), &mut killed).unwrap();
    // As many of the files as were written before the power went.
    for written in 0..=names.len() {
        let state = tempfile::tempdir().unwrap();
        copy(cut.path(), state.path());
        for name in &names[written..] {
            fs::remove_file(state.path().join(&name[1..])).unwrap();
        }
        assert!(recover(state.path()).unwrap());
        assert_eq!(picture(state.path()), before, "{written} written");
        assert!(!recover(state.path()).unwrap());
    }
    let again = applied(cut.path(), &plan);
    assert!(again.recovered && again.written.len() == names.len());
    undo(cut.path(), false, &mut NoReloads).unwrap();
    assert_eq!(picture(cut.path()), before);
}

fn copy(from: &Path, to: &Path) {
    for (path, (mode, bytes)) in picture(from) {
        let place = to.join(&path);
        if from.join(&path).is_dir() {
            fs::create_dir_all(&place).unwrap();
        } else {
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(&place, bytes).unwrap();
        }
        fs::set_permissions(&place, fs::Permissions::from_mode(mode & 0o7777)).unwrap();
    }
}

#[test]
fn a_service_that_refuses_its_files_gets_the_old_ones_back() {
    let card = card();
    let restart = |name: &str| Reload::Restart(name.into());
    let enable = Reload::Enable("b.service".into());
    applied(card.path(), &[whole("/etc/a", "one\n", vec![restart("a")])]);
    // Backups that nobody needs may stay until undo.
    let shown = |root: &Path| {
        let mut all = picture(root);
        all.retain(|path, _| !path.starts_with("var/lib/bramble/setup/backups"));
        all
    };
    let before = shown(card.path());
    let plan = [
        whole("/etc/a", "two\n", vec![restart("a")]),
        whole("/etc/b", "b\n", vec![enable.clone()]),
    ];
    let mut recorder = Recorder { refuses: Some(enable.clone()), ..Recorder::default() };
    let error = apply(card.path(), &plan, ApplyOptions::default(), &mut recorder).unwrap_err();
    assert!(matches!(error, ApplyError::Reload { .. }));
    assert_eq!(shown(card.path()), before);
    assert_eq!(
        recorder.told,
        [
            (restart("a"), Moment::Applied),
            (enable.clone(), Moment::Applied),
            (enable.clone(), Moment::BeforeUndo),
            (restart("a"), Moment::Applied),
            (enable, Moment::Undone),
        ]
    );
}

#[test]
fn a_later_plan_replaces_an_earlier_one_and_undo_goes_back_before_both() {
    let card = card();
    fs::write(card.path().join("etc/a"), "one\n").unwrap();
    let before = picture(card.path());
    let units = vec![Reload::Units];
    applied(card.path(), &[whole("/etc/a", "one\n", vec![]), whole("/etc/x/b", "b\n", units)]);
    let mut recorder = Recorder::default();
    let plan = [whole("/etc/a", "two\n", vec![]), whole("/etc/c", "c\n", vec![])];
    let second = apply(card.path(), &plan, ApplyOptions::default(), &mut recorder).unwrap();
    assert_eq!(second.removed, [PathBuf::from("/etc/x/b")]);
    assert!(recorder.told.contains(&(Reload::Units, Moment::Undone)));
    assert!(!card.path().join("etc/x/b").exists());
    undo(card.path(), false, &mut NoReloads).unwrap();
    assert_eq!(picture(card.path()), before);
}

#[test]
fn what_somebody_changed_is_kept_beside_when_it_is_undone() {
    for force in [false, true] {
        let card = card();
        let before = picture(card.path());
        applied(card.path(), &[whole("/etc/a.conf", "ours\n", vec![])]);
        fs::write(card.path().join("etc/a.conf"), "mine\n").unwrap();
        let error = apply(
            card.path(),
            &[whole("/etc/a.conf", "newer\n", vec![])],
            ApplyOptions::default(),
            &mut NoReloads,
        );
        assert!(matches!(error.unwrap_err(), ApplyError::NotOurs(_)));
        let undone = undo(card.path(), force, &mut NoReloads).unwrap();
        let kept = card.path().join("etc/.a.conf.bramble-yours");
        assert_eq!(undone.changed_by_hand.len(), 1);
        assert_eq!(undone.changed_by_hand[0].1.is_some(), !force);
        assert_eq!(kept.exists(), !force);
        if !force {
            assert_eq!(fs::read_to_string(&kept).unwrap(), "mine\n");
            fs::remove_file(kept).unwrap();
        }
        assert_eq!(picture(card.path()), before);
    }
}

#[test]
fn undo_stops_our_services_before_their_files_go() {
    let card = card();
    let enable = Reload::Enable("a.service".into());
    let plan = [whole("/etc/a", "a\n", vec![Reload::Units, enable.clone()])];
    applied(card.path(), &plan);
    let mut recorder = Recorder::default();
    undo(card.path(), false, &mut recorder).unwrap();
    let disabled =
        recorder.told.iter().position(|told| *told == (enable.clone(), Moment::BeforeUndo));
    let reloaded = recorder.told.iter().position(|told| *told == (Reload::Units, Moment::Undone));
    assert!(disabled.unwrap() < reloaded.unwrap());
    let commands = enable.commands(Moment::BeforeUndo);
    assert_eq!(commands, [["systemctl", "disable", "--now", "a.service"]]);
}

#[test]
fn a_list_that_is_damaged_or_newer_is_refused() {
    let card = card();
    let plan = [whole("/etc/a", "a\n", vec![])];
    applied(card.path(), &plan);
    let list = card.path().join("var/lib/bramble/setup/manifest.json");
    let text = fs::read_to_string(&list).unwrap();
    fs::write(&list, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    let error = undo(card.path(), false, &mut NoReloads).unwrap_err();
    assert!(matches!(error, ApplyError::Newer { found: 2, .. }));
    fs::write(&list, &text[..text.len() / 2]).unwrap();
    let error = undo(card.path(), false, &mut NoReloads).unwrap_err();
    assert!(matches!(error, ApplyError::Manifest { .. }));
    assert!(card.path().join("etc/a").exists());
}
