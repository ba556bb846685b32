//! Jobs of people who are gone.

use bramble_protocol::UserLimits;

use super::order::job_of;
use super::*;

fn forget(head: &mut Head, user: Option<&str>, class: Option<&str>) -> Answer {
    let (user, class) = (user.map(Into::into), class.map(Into::into));
    head.order(Order::Forget { user, class })
}

fn job_of_class(user: &str, class: &str) -> NewJob {
    let mut new = job_of(user, 1);
    new.spec.policy.class = Some(class.into());
    new
}

#[test]
fn a_users_jobs_are_stopped_and_not_known_any_more_and_others_stay() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    let running = head.job_of("ann", 2);
    let other = head.job_of("bob", 1);
    let lease = head.leases(node)[0].clone();
    assert_eq!(lease.attempt.task.job, running);
    let answer = forget(&mut head, Some("ann"), None);
    assert_eq!(answer, Answer::Forgotten { canceled: 1, forgotten: 1 });
    head.core.check().unwrap();
    assert!(head.core.job(running).is_none());
    assert_eq!(head.core.owner(other), Some(("bob".into(), None)));
    assert_eq!(head.leases(node)[0].attempt.task.job, other, "the slot is free");
    let again = forget(&mut head, Some("ann"), None);
    assert_eq!(again, Answer::Forgotten { canceled: 0, forgotten: 0 });
}

#[test]
fn a_class_goes_with_all_its_jobs_and_those_that_wait_for_them() {
    let mut head = Head::new();
    let theirs = head.submit(job_of_class("ann", "7b"));
    let mut after = job_of("smith", 1);
    after.spec.policy.after = vec![theirs];
    let waits = head.submit(after);
    let answer = forget(&mut head, None, Some("7b"));
    assert_eq!(answer, Answer::Forgotten { canceled: 2, forgotten: 1 });
    head.core.check().unwrap();
    assert!(head.core.job(theirs).is_none());
    assert!(head.core.job(waits).unwrap().state.is_final());
}

#[test]
fn who_is_called_so_later_begins_with_nothing_used_and_no_limits() {
    let mut head = Head::new();
    let limits = UserLimits { jobs: Some(1), ..UserLimits::default() };
    head.order(Order::Limit { user: Some("ann".into()), class: None, limits, reset: false });
    head.job_of("ann", 1);
    forget(&mut head, Some("ann"), None);
    head.job_of("ann", 1);
    head.job_of("ann", 1);
    head.core.check().unwrap();
}

#[test]
fn nobody_forgets_everybody_by_leaving_out_who_is_meant() {
    let mut head = Head::new();
    head.job_of("ann", 1);
    for (user, class) in [(None, None), (Some("ann"), Some("7b"))] {
        let answer = forget(&mut head, user, class);
        assert!(matches!(answer, Answer::Rejected(Rejection::Unsound { .. })), "{answer:?}");
    }
    assert_eq!(head.core.jobs().len(), 1);
}
