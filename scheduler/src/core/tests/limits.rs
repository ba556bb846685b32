//! What a user may have, pauses, and who may say that somebody goes first.

use bramble_protocol::UserLimits;

use super::order::job_of;
use super::*;

impl Head {
    fn limit(&mut self, user: Option<&str>, limits: UserLimits) {
        let user = user.map(Into::into);
        assert_eq!(
            self.order(Order::Limit { user, class: None, limits, reset: false }),
            Answer::Done
        );
    }

    fn refused_submit(&mut self, new: NewJob) -> (String, String) {
        match self.try_submit(new) {
            Answer::Rejected(Rejection::Limit { reason, help }) => (reason, help.unwrap()),
            other => panic!("{other:?}"),
        }
    }
}

fn only_jobs(max: u64) -> UserLimits {
    UserLimits { jobs: Some(max), ..UserLimits::default() }
}

#[test]
fn ten_thousand_submissions_of_one_user_hurt_nobody_else() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    let mut accepted = 0;
    for _ in 0..10_000 {
        let event = Event::Submit { token: RequestToken(0), job: Box::new(job_of("eve", 1)) };
        let actions = head.core.apply(head.now, event);
        head.perform(actions);
        accepted += u32::from(matches!(head.answers.pop(), Some(Answer::Job(_))));
    }
    head.core.check().unwrap();
    assert_eq!(accepted, 200);
    let running = head.leases(node);
    let job = head.job_of("ann", 1);
    for lease in &running[..2] {
        head.succeed(node, lease);
    }
    let next = head.leases(node);
    assert_eq!(next[0].attempt.task.job, job, "she is next");
}

#[test]
fn a_refusal_names_the_limit_its_value_and_who_can_raise_it() {
    let mut head = Head::new();
    head.limit(Some("ann"), only_jobs(1));
    head.job_of("ann", 1);
    let (reason, help) = head.refused_submit(job_of("ann", 1));
    assert_eq!(reason, "ann has 1 job not ended yet; at most 1");
    assert!(help.contains("bramble users limit ann --jobs N"), "{help}");
    head.job_of("bob", 1);
    head.limit(Some("ann"), only_jobs(UserLimits::NONE));
    head.job_of("ann", 1);
}

#[test]
fn queued_and_stored_bytes_are_limited_by_what_the_jobs_hold() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    // A chunk has 1,000 bytes and a few.
    let limits = UserLimits { queued_bytes: Some(5_000), ..UserLimits::default() };
    head.limit(None, limits);
    let first = head.job_of("ann", 3);
    let (reason, _) = head.refused_submit(job_of("ann", 3));
    assert!(reason.contains("6006 bytes of input in the queue; at most 5000"), "{reason}");
    head.work(&[node]);
    assert!(head.view(first).state.is_final());
    head.job_of("ann", 3);
    head.work(&[node]);
    head.limit(None, UserLimits { stored_bytes: Some(8_000), ..UserLimits::default() });
    let (reason, _) = head.refused_submit(job_of("ann", 3));
    assert!(reason.contains("bytes of inputs and results; at most 8000"), "{reason}");
    head.job_of("bob", 3);
}

#[test]
fn no_more_tasks_of_a_user_run_than_may_and_the_next_starts_when_one_ends() {
    let mut head = Head::new();
    let nodes = [head.node("p1", 4), head.node("p2", 4)];
    head.limit(Some("ann"), UserLimits { running: Some(3), ..UserLimits::default() });
    let id = head.job_of("ann", 20);
    let mut leases: Vec<(ConnectionId, Lease)> = Vec::new();
    let collect = |head: &mut Head, leases: &mut Vec<(ConnectionId, Lease)>| {
        for node in nodes {
            leases.extend(head.leases(node).into_iter().map(|lease| (node, lease)));
        }
    };
    collect(&mut head, &mut leases);
    for _ in 0..17 {
        assert_eq!(leases.len(), 3);
        let text = head.core.explain(id, None).unwrap();
        assert!(text.text.contains("ann has 3 tasks at work"), "{}", text.text);
        let (node, lease) = leases.remove(0);
        head.succeed(node, &lease);
        collect(&mut head, &mut leases);
    }
    assert_eq!(leases.len(), 3);
}

#[test]
fn who_used_up_the_lesson_waits_and_goes_on_in_the_next() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    head.limit(None, UserLimits { cpu_us: Some(2_000_000), ..UserLimits::default() });
    let id = head.job_of("ann", 9);
    let mut done = 0;
    loop {
        let leases = head.leases(node);
        if leases.is_empty() {
            break;
        }
        for lease in leases {
            head.succeed(node, &lease);
            done += 1;
        }
    }
    assert!((3..6).contains(&done), "{done}");
    let note = head.view(id).note.unwrap();
    assert!(note.contains("ann has used the 2 s of processor time"), "{note}");
    head.restart();
    let node = head.node("p1", 1);
    assert_eq!(head.leases(node), [], "a restart is no new lesson");
    let other = head.job_of("bob", 1);
    assert_eq!(head.lease(node).attempt.task.job, other);
    assert_eq!(head.order(Order::Lesson), Answer::Done);
    assert_eq!(head.order_now(), [id]);
    head.restart();
    assert!(head.order_now().contains(&id));
}

#[test]
fn a_paused_class_gets_no_slots_until_it_is_resumed_and_others_go_on() {
    let mut head = Head::new();
    let class = |name: &str| {
        let mut new = job_of("ann", 4);
        new.spec.policy.class = Some(name.into());
        new
    };
    let node = head.node("p1", 1);
    let first = head.submit(class("7b"));
    let other = head.submit(class("8a"));
    let lease = head.lease(node);
    assert_eq!(lease.attempt.task.job, first);
    let pause = Order::Pause { class: Some("7b".into()), reason: "listen".into() };
    assert_eq!(head.order(pause), Answer::Done);
    assert_eq!(head.revoked(node), [], "what runs goes on");
    head.restart();
    assert_eq!(head.order_now(), [other]);
    let text = head.core.explain(first, None).unwrap();
    assert_eq!(text.text, format!("job {first} waits: class 7b is paused: listen"));
    assert_eq!(text.help.as_deref(), Some("bramble queue resume --class 7b"));
    head.order(Order::Pause { class: None, reason: String::new() });
    assert_eq!(head.order_now(), []);
    let node = head.node("p1", 1);
    assert_eq!(head.leases(node), []);
    head.order(Order::Resume { class: Some("7b".into()) });
    assert_eq!(head.leases(node), [], "the whole queue is still paused");
    head.order(Order::Resume { class: None });
    assert_eq!(head.leases(node).len(), 1);
    assert_eq!(head.core.queue_view().paused, []);
}

#[test]
fn a_teacher_can_put_a_job_first_and_that_survives_a_restart() {
    let mut head = Head::new();
    let first = head.job_of("ann", 4);
    let second = head.job_of("bob", 4);
    let answer = head.order(Order::Prioritise { job: second, priority: 10 });
    assert!(matches!(answer, Answer::Job(view) if view.spec.policy.priority == 10));
    assert_eq!(head.order_now(), [second, first]);
    head.restart();
    assert_eq!(head.order_now(), [second, first]);
    assert_eq!(head.view(second).spec.policy.priority, 10);
    let absurd = head.order(Order::Prioritise { job: first, priority: 1_000 });
    assert!(matches!(absurd, Answer::Rejected(Rejection::Unsound { .. })), "{absurd:?}");
    head.cancel(first);
    let late = head.order(Order::Prioritise { job: first, priority: 1 });
    assert!(matches!(late, Answer::Rejected(Rejection::WrongState { .. })), "{late:?}");
}

#[test]
fn users_are_shown_with_their_part_of_all_and_their_limits_survive_a_restart() {
    let mut head = Head::new();
    let node = head.node("p1", 2);
    head.limit(Some("cid"), only_jobs(7));
    head.job_of("ann", 3);
    head.work(&[node]);
    let check = |head: &Head| {
        let users = head.core.users();
        let names: Vec<&str> = users.users.iter().map(|user| user.user.as_str()).collect();
        assert_eq!(names, ["ann", "cid"]);
        assert_eq!(users.users[0].share_permille, 1_000);
        assert_eq!(users.users[0].used_us, 2_700_000);
        assert!(users.users[0].stored_bytes > 3_000);
        assert_eq!(users.users[1].limits.jobs, Some(7));
        assert_eq!(users.users[0].limits.jobs, Some(200));
    };
    check(&head);
    head.restart();
    check(&head);
    let reset = Order::Limit {
        user: Some("cid".into()),
        class: None,
        limits: UserLimits::default(),
        reset: true,
    };
    head.order(reset);
    assert_eq!(head.core.users().users.len(), 1);
    let bad =
        Order::Limit { user: Some("a b".into()), class: None, limits: only_jobs(1), reset: false };
    assert!(matches!(head.order(bad), Answer::Rejected(Rejection::Unsound { .. })));
}
