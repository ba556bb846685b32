//! Edits of the system's files: twice is once, and nothing that was there is lost.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

use bramble_setup::{Edit, EditError};
use proptest::prelude::*;

fn words() -> Edit {
    Edit::CmdlineTxt(vec!["psi=1".into(), "cgroup_enable=memory".into()])
}

fn lines() -> Edit {
    Edit::ConfigTxt(vec!["dtoverlay=dwc2,dr_mode=peripheral".into()])
}

fn applied(edit: &Edit, old: &str) -> String {
    edit.apply(Some(old)).unwrap()
}

#[test]
fn words_go_to_the_end_of_the_one_line() {
    let old = "console=tty1 root=PARTUUID=1-02 rootwait psi=1\n";
    let new = "console=tty1 root=PARTUUID=1-02 rootwait psi=1 cgroup_enable=memory\n";
    assert_eq!(applied(&words(), old), new);
    assert_eq!(applied(&words(), "root=/dev/a"), "root=/dev/a psi=1 cgroup_enable=memory");
    assert_eq!(words().apply(Some("")), Err(EditError::NoRoot));
    assert_eq!(words().apply(Some("\nroot=/dev/a\n")), Err(EditError::NoRoot));
    assert_eq!(words().apply(None), Err(EditError::Missing));
}

#[test]
fn lines_count_for_every_board_and_are_not_written_twice() {
    let new = applied(&lines(), "[cm4]\ndtoverlay=dwc2,dr_mode=host");
    assert_eq!(
        new,
        "[cm4]\ndtoverlay=dwc2,dr_mode=host\n# bramble setup: begin\n[all]\n\
         dtoverlay=dwc2,dr_mode=peripheral\n# bramble setup: end\n"
    );
    for has in [
        "dtoverlay=dwc2,dr_mode=peripheral\n",
        "[pi4]\na=1\n[all]\ndtoverlay=dwc2,dr_mode=peripheral\r\n",
    ] {
        assert_eq!(applied(&lines(), has), has);
    }
    let other = Edit::ConfigTxt(vec!["dtparam=i2c_arm=on".into()]);
    let changed = applied(&other, &format!("{new}after=1\n"));
    assert!(changed.contains("i2c_arm") && !changed.contains("peripheral"), "{changed}");
    assert!(changed.ends_with("after=1\n"));
}

#[test]
fn a_board_keeps_its_old_names_behind_the_new_one() {
    let edit = Edit::Hosts("p1".into());
    let new = applied(&edit, "127.0.0.1 localhost\n127.0.1.1\traspberrypi\n");
    assert_eq!(new, "127.0.0.1 localhost\n127.0.1.1\tp1\traspberrypi\n");
    assert_eq!(applied(&edit, &new), new);
    assert_eq!(edit.apply(None).unwrap(), "127.0.1.1\tp1\n");
    assert_eq!(Edit::Hostname("p1".into()).apply(Some("raspberrypi\n")).unwrap(), "p1\n");
}

/// Lines as they may stand in `config.txt`, our own marks among them.
fn config_text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "[ -~]{0,20}",
        Just("[all]".to_owned()),
        Just("[pi4]".to_owned()),
        Just("# bramble setup: begin".to_owned()),
        Just("# bramble setup: end".to_owned()),
        Just("dtoverlay=dwc2,dr_mode=peripheral".to_owned()),
    ];
    let ending = prop_oneof![Just("\n"), Just("\r\n")];
    (proptest::collection::vec((line, ending), 0..12), any::<bool>()).prop_map(|(lines, end)| {
        let text: String = lines.into_iter().map(|(line, ending)| line + ending).collect();
        if end { text } else { text.trim_end().to_owned() }
    })
}

proptest! {
    #[test]
    fn config_txt_changed_twice_is_changed_once(old in config_text()) {
        let once = applied(&lines(), &old);
        prop_assert_eq!(applied(&lines(), &once), once.clone());
        let in_force = {
            let mut for_all = true;
            once.lines().map(str::trim).any(|line| {
                if line.starts_with('[') { for_all = line == "[all]"; }
                for_all && line == "dtoverlay=dwc2,dr_mode=peripheral"
            })
        };
        prop_assert!(in_force);
    }

    #[test]
    fn config_txt_loses_nothing(old in "([ -~]{0,20}\n){0,12}[ -~]{0,9}") {
        let new = applied(&lines(), &old);
        prop_assert!(new.starts_with(&old));
    }

    #[test]
    fn cmdline_txt_stays_one_line_and_loses_nothing(
        before in "[ -~\t]{0,40}", after in "[ -~\t]{0,40}", rest in "(\r?\n[ -~]{0,20}){0,3}",
    ) {
        let old = format!("{before} root=/dev/mmcblk0p2 {after}{rest}");
        let new = applied(&words(), &old);
        prop_assert_eq!(applied(&words(), &new), new.clone());
        prop_assert_eq!(new.matches('\n').count(), old.matches('\n').count());
        let first = |text: &str| -> Vec<String> {
            text.lines().next().unwrap_or("").split_whitespace().map(str::to_owned).collect()
        };
        let (was, is) = (first(&old), first(&new));
        prop_assert_eq!(&is[..was.len()], &was[..]);
        prop_assert!(is.iter().any(|word| word == "psi=1"));
        prop_assert!(is.iter().any(|word| word == "cgroup_enable=memory"));
    }
}
