//! Accounts, classes and sessions over a real file.

use std::os::unix::fs::PermissionsExt;

use bramble_accounts::{Accounts, AccountsError, AdminToken, Deed, Deeds, SessionKind};
use bramble_protocol::Digest;
use bramble_protocol::account::{Hidden, LoginAnswer, LoginRequest, NewAccount, NewClass, Role};
use tempfile::TempDir;

const NOW: u64 = 1_800_000_000_000;
const DAY: u64 = 24 * 3_600_000;

struct School {
    dir: TempDir,
    accounts: Accounts,
}

impl School {
    fn new() -> Self {
        let dir = TempDir::new().expect("a directory can be made");
        let accounts =
            Accounts::open(&dir.path().join("accounts.sqlite")).expect("they can be opened");
        let school = Self { dir, accounts };
        school.add("smith", Role::Teacher, None);
        school
    }

    fn again(self) -> Self {
        let Self { dir, accounts } = self;
        drop(accounts);
        let accounts =
            Accounts::open(&dir.path().join("accounts.sqlite")).expect("they can be opened");
        Self { dir, accounts }
    }

    fn add(&self, user: &str, role: Role, class: Option<&str>) -> Hidden {
        let new = NewAccount { user: user.into(), role, class: class.map(Into::into) };
        self.accounts.add_user(&new, NOW).expect("the name is free").pin
    }

    fn class(&self, class: &str, open: bool, ends_at_ms: Option<u64>) -> String {
        let new = NewClass { class: class.into(), teacher: None, open, ends_at_ms };
        let class = self.accounts.new_class(&new, "smith", NOW).expect("the name is free");
        class.code.expect("it is not over")
    }

    fn login(
        &self,
        code: Option<&str>,
        user: &str,
        pin: &str,
        new_pin: Option<&str>,
        now_ms: u64,
    ) -> Result<LoginAnswer, AccountsError> {
        let hidden = |text: &str| Hidden::new(text.into());
        let request = LoginRequest {
            code: code.map(Into::into),
            user: user.into(),
            pin: hidden(pin),
            new_pin: new_pin.map(hidden),
        };
        self.accounts.login(&request, SessionKind::Browser, None, now_ms)
    }
}

#[test]
fn a_student_of_the_roster_signs_in_with_the_pin_he_was_given_and_must_choose_his_own() {
    let school = School::new();
    let code = school.class("7b", false, None);
    let roster = school.accounts.import_roster("7b", "Anna\nBoris\n", NOW).unwrap();
    let pin = roster.added[0].pin.expose();
    let sign_in = |pin: &str, new: Option<&str>| school.login(Some(&code), "anna", pin, new, NOW);
    assert!(matches!(sign_in(pin, None), Err(AccountsError::NewPinNeeded)));
    assert!(matches!(sign_in(pin, Some("1234")), Err(AccountsError::BadPin(_))));
    assert!(matches!(sign_in(pin, Some(pin)), Err(AccountsError::BadPin(_))));
    let session = sign_in(pin, Some("4711")).unwrap();
    assert_eq!((session.user.as_str(), session.role), ("Anna", Role::Student));
    assert!(matches!(sign_in(pin, None), Err(AccountsError::WrongPin)), "the first PIN is dead");
    sign_in("4711", None).unwrap();
    let known = school.accounts.import_roster("7b", "Anna\nVera\n", NOW).unwrap();
    assert_eq!((known.known, known.added.len()), (vec!["Anna".to_owned()], 1));
}

#[test]
fn nobody_gets_another_ones_name_nor_one_that_looks_like_it() {
    let school = School::new();
    let code = school.class("7b", true, None);
    school.accounts.import_roster("7b", "anna\n", NOW).unwrap();
    let join = |name: &str, pin: &str| school.login(Some(&code), name, pin, None, NOW);
    // On the roster and never here before: the name is not free for whoever comes first.
    assert!(matches!(join("anna", "4711"), Err(AccountsError::WrongPin)));
    // The first and last letters are Cyrillic.
    assert!(matches!(join("аnnа", "4711"), Err(AccountsError::WrongPin)));
    join("boris", "4711").unwrap();
    assert!(matches!(join("Boris", "4712"), Err(AccountsError::WrongPin)));
    assert!(matches!(join("smith", "4711"), Err(AccountsError::WrongPin)));
    join("boris", "4711").unwrap();
}

#[test]
fn a_class_that_is_not_open_takes_nobody_who_is_not_on_its_roster() {
    let school = School::new();
    let code = school.class("7b", false, None);
    let other = school.class("8a", true, None);
    school.accounts.import_roster("7b", "anna\n", NOW).unwrap();
    assert!(matches!(
        school.login(Some(&code), "eve", "4711", None, NOW),
        Err(AccountsError::WrongPin)
    ));
    let pin = school.accounts.reset_pin("anna").unwrap().pin;
    for code in [Some(other.as_str()), Some("NOCODE"), None] {
        let answer = school.login(code, "anna", pin.expose(), Some("4711"), NOW);
        assert!(matches!(answer, Err(AccountsError::WrongPin)), "{code:?}");
    }
}

#[test]
fn a_session_is_known_by_its_token_only_and_survives_a_restart() {
    let school = School::new();
    let pin = school.accounts.reset_pin("smith").unwrap().pin;
    let session = school.login(None, "smith", pin.expose(), Some("correct horse"), NOW).unwrap();
    let school = school.again();
    let identity = school.accounts.authenticate(session.token.expose(), NOW).unwrap();
    assert_eq!((identity.user.as_str(), identity.role), ("smith", Role::Teacher));
    assert_eq!(school.accounts.authenticate("brt_", NOW), None);
    let file = std::fs::read(school.dir.path().join("accounts.sqlite")).unwrap();
    let wal = std::fs::read(school.dir.path().join("accounts.sqlite-wal")).unwrap_or_default();
    for secret in [session.token.expose(), "correct horse"] {
        for stored in [&file, &wal] {
            assert!(!stored.windows(secret.len()).any(|it| it == secret.as_bytes()));
        }
    }
    school.accounts.authenticate(session.token.expose(), NOW + 29 * DAY).unwrap();
    assert_eq!(school.accounts.authenticate(session.token.expose(), NOW + 31 * DAY), None);
}

#[test]
fn a_session_that_is_ended_is_dead_at_once_and_nobody_ends_anothers() {
    let school = School::new();
    let code = school.class("7b", true, None);
    let anna = school.login(Some(&code), "anna", "4711", None, NOW).unwrap();
    let boris = school.login(Some(&code), "boris", "4712", None, NOW).unwrap();
    let of = |it: &LoginAnswer| school.accounts.authenticate(it.token.expose(), NOW);
    let session = of(&anna).unwrap().session;
    assert!(school.accounts.end_session("boris", session).is_err());
    school.accounts.end_session("anna", session).unwrap();
    assert_eq!(of(&anna), None);
    school.accounts.reset_pin("boris").unwrap();
    assert_eq!(of(&boris), None, "another PIN ends the sessions of the old one");
}

#[test]
fn a_class_that_ends_takes_its_sessions_with_it() {
    let school = School::new();
    let code = school.class("7b", true, Some(NOW + DAY));
    let anna = school.login(Some(&code), "anna", "4711", None, NOW).unwrap();
    assert_eq!(anna.expires_at_ms, Some(NOW + DAY));
    assert!(school.accounts.authenticate(anna.token.expose(), NOW + DAY - 1).is_some());
    assert_eq!(school.accounts.authenticate(anna.token.expose(), NOW + DAY), None);
    assert!(school.login(Some(&code), "anna", "4711", None, NOW + DAY).is_err());
    let code = school.class("8a", true, None);
    let vera = school.login(Some(&code), "vera", "4711", None, NOW).unwrap();
    let closed = school.accounts.close_class("8a", NOW).unwrap();
    assert_eq!((closed.code, closed.closed_at_ms), (None, Some(NOW)));
    assert_eq!(school.accounts.authenticate(vera.token.expose(), NOW), None);
}

#[test]
fn tries_are_limited_and_counted_before_their_result_is_known() {
    let school = School::new();
    let code = school.class("7b", true, None);
    school.login(Some(&code), "anna", "4711", None, NOW).unwrap();
    let mut refused = 0;
    for guess in 0..12 {
        match school.login(Some(&code), "anna", &format!("{guess:04}"), None, NOW) {
            Err(AccountsError::TooManyTries { .. }) => refused += 1,
            Err(AccountsError::WrongPin) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(refused, 4, "after eight");
    let right = school.login(Some(&code), "anna", "4711", None, NOW);
    assert!(matches!(right, Err(AccountsError::TooManyTries { .. })), "also with the right PIN");
    school.login(Some(&code), "anna", "4711", None, NOW + 60_000).unwrap();
}

#[test]
fn a_removed_user_leaves_nothing_and_the_last_admin_stays() {
    let school = School::new();
    let code = school.class("7b", true, None);
    let anna = school.login(Some(&code), "anna", "4711", None, NOW).unwrap();
    let digest = Digest::of(b"chunk");
    school.accounts.hold("anna", &[digest], NOW).unwrap();
    school.accounts.remove_user("anna").unwrap();
    assert_eq!(school.accounts.authenticate(anna.token.expose(), NOW), None);
    assert_eq!(school.accounts.not_held("anna", &[digest]).unwrap(), [digest]);
    school.login(Some(&code), "anna", "4712", None, NOW).unwrap();
    assert_eq!(school.accounts.remove_class("7b").unwrap(), ["anna"]);
    assert!(school.accounts.user("anna").is_err() && school.accounts.class("7b", NOW).is_err());
    let path = school.dir.path().join("admin.token");
    school.accounts.ensure_admin(&path, NOW).unwrap();
    let error = school.accounts.remove_user("admin").unwrap_err();
    assert!(matches!(error, AccountsError::LastAdmin(_)));
}

#[test]
fn the_admin_token_is_made_once_for_its_owner_and_replaced_when_others_could_read_it() {
    let school = School::new();
    let path = school.dir.path().join("admin.token");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    let token = || std::fs::read_to_string(&path).unwrap().trim().to_owned();
    assert_eq!(school.accounts.ensure_admin(&path, NOW).unwrap(), AdminToken::Made);
    let first = token();
    assert_eq!(mode(), 0o600);
    let school = school.again();
    let identity = school.accounts.authenticate(&first, NOW + 1000 * DAY).unwrap();
    assert_eq!(identity.role, Role::Admin);
    assert_eq!(school.accounts.ensure_admin(&path, NOW).unwrap(), AdminToken::Kept);
    assert_eq!(token(), first);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(school.accounts.ensure_admin(&path, NOW).unwrap(), AdminToken::Replaced);
    assert_eq!(mode(), 0o600);
    assert_eq!(school.accounts.authenticate(&first, NOW), None);
    assert!(school.accounts.authenticate(&token(), NOW).is_some());
}

#[test]
fn a_program_is_let_in_by_eight_letters_once() {
    let school = School::new();
    let code = school.class("7b", true, None);
    let anna = school.login(Some(&code), "anna", "4711", None, NOW).unwrap();
    let anna = school.accounts.authenticate(anna.token.expose(), NOW).unwrap();
    let asked = school.accounts.begin_code(None, NOW).unwrap();
    assert_eq!(asked.code.len(), 8);
    let poll = |now| school.accounts.poll_code(asked.secret.expose(), now);
    assert_eq!(poll(NOW).unwrap(), None);
    assert!(school.accounts.confirm_code("AAAAAAAA", &anna, None, NOW).is_err());
    let typed = asked.code.to_lowercase();
    let typed = format!("{}-{}", &typed[..4], &typed[4..]);
    school.accounts.confirm_code(&typed, &anna, None, NOW).unwrap();
    assert!(school.accounts.confirm_code(&asked.code, &anna, None, NOW).is_err(), "once");
    assert_eq!(poll(NOW).unwrap().unwrap().user, "anna");
    assert!(poll(NOW).is_err(), "the session is given once");
    let late = school.accounts.begin_code(None, NOW).unwrap();
    let after = NOW + 11 * 60_000;
    assert!(school.accounts.confirm_code(&late.code, &anna, None, after).is_err());
}

#[test]
fn what_one_has_sent_says_nothing_to_another() {
    let school = School::new();
    let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
    school.accounts.hold("anna", &[one], NOW).unwrap();
    assert_eq!(school.accounts.not_held("anna", &[one, two]).unwrap(), [two]);
    assert_eq!(school.accounts.not_held("boris", &[one, two]).unwrap(), [one, two]);
    let school = school.again();
    assert_eq!(school.accounts.not_held("anna", &[one]).unwrap(), []);
    school.accounts.forget_objects(&[one]).unwrap();
    assert_eq!(school.accounts.not_held("anna", &[one]).unwrap(), [one]);
}

#[test]
fn the_audit_log_tells_who_did_what_and_whether_somebody_changed_it() {
    let school = School::new();
    let from = Some("::ffff:10.0.0.7".parse().unwrap());
    for number in 0..5 {
        let subject = format!("job {number}");
        let who = if number % 2 == 0 { "anna" } else { "boris" };
        let deed = Deed { who, from, action: "submit", subject: &subject, detail: "" };
        school.accounts.record(&deed, NOW + number).unwrap();
    }
    let list = school.accounts.audit(&Deeds { count: 2, ..Deeds::default() }).unwrap();
    assert!(list.intact);
    let subjects: Vec<&str> = list.entries.iter().map(|it| it.subject.as_str()).collect();
    assert_eq!(subjects, ["job 4", "job 3"]);
    assert_eq!(list.entries[0].from, "10.0.0.7");
    let of_boris = Deeds { count: 10, who: Some("boris".into()), ..Deeds::default() };
    assert_eq!(school.accounts.audit(&of_boris).unwrap().entries.len(), 2);
    let file = rusqlite::Connection::open(school.dir.path().join("accounts.sqlite")).unwrap();
    let change = "UPDATE audit SET who = 'eve' WHERE number = 2";
    assert!(file.execute(change, []).is_err(), "not even by mistake");
    assert!(file.execute("DELETE FROM audit WHERE number = 2", []).is_err());
    file.execute_batch("DROP TRIGGER audit_keeps").unwrap();
    file.execute(change, []).unwrap();
    let school = school.again();
    assert!(!school.accounts.audit(&Deeds::default()).unwrap().intact);
}

#[test]
fn a_copy_of_the_accounts_is_as_good_as_they_are() {
    let school = School::new();
    let pin = school.accounts.reset_pin("smith").unwrap().pin;
    let copy = school.dir.path().join("copy.sqlite");
    school.accounts.copy_to(&copy).unwrap();
    let copied = Accounts::open(&copy).unwrap();
    let request = LoginRequest {
        code: None,
        user: "smith".into(),
        pin,
        new_pin: Some(Hidden::new("correct horse".into())),
    };
    copied.login(&request, SessionKind::CommandLine, None, NOW).unwrap();
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("accounts.sqlite");
    drop(Accounts::open(&path).unwrap());
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(file);
    let error = Accounts::open(&path).unwrap_err();
    assert!(matches!(error, AccountsError::NewerFormat { found: 99, .. }), "{error}");
}
