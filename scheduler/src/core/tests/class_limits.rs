//! What students of a class may have, and what one job and one task may use.

use bramble_protocol::api::JobState;
use bramble_protocol::user::ClassLimits;
use bramble_protocol::{Limits, UserLimits};

use super::order::job_of;
use super::*;

const MIB: u64 = 1 << 20;

fn of_class(user: &str, class: &str) -> NewJob {
    let mut job = job_of(user, 1);
    job.spec.policy.class = Some(class.into());
    job
}

impl Head {
    fn limit_class(&mut self, class: &str, limits: UserLimits) {
        let (user, class) = (None, Some(class.to_owned()));
        assert_eq!(self.order(Order::Limit { user, class, limits, reset: false }), Answer::Done);
    }

    fn refusal(&mut self, job: NewJob) -> (String, String) {
        match self.try_submit(job) {
            Answer::Rejected(Rejection::Limit { reason, help }) => (reason, help.unwrap()),
            other => panic!("{other:?}"),
        }
    }

    fn limits_of_job(&mut self, job: NewJob) -> Limits {
        let id = self.submit(job);
        self.view(id).spec.limits
    }
}

#[test]
fn limits_of_a_class_are_each_students_until_he_has_his_own() {
    let mut head = Head::new();
    head.limit_class("7b", UserLimits { jobs: Some(1), ..UserLimits::default() });
    head.submit(of_class("ann", "7b"));
    let (reason, help) = head.refusal(of_class("ann", "7b"));
    assert_eq!(reason, "ann has 1 job not ended yet; at most 1");
    assert!(help.contains("bramble users limit ann --jobs N"), "{help}");
    assert!(help.contains("--class 7b --jobs N"), "{help}");
    head.submit(of_class("bob", "7b"));
    head.submit(of_class("eve", "8a"));
    head.submit(of_class("eve", "8a"));
    let user = Some("ann".to_owned());
    let limits = UserLimits { jobs: Some(2), ..UserLimits::default() };
    head.order(Order::Limit { user, class: None, limits, reset: false });
    head.submit(of_class("ann", "7b"));
    head.restart();
    head.refusal(of_class("bob", "7b"));
    let known = ClassLimits {
        class: "7b".into(),
        limits: UserLimits { jobs: Some(1), ..UserLimits::default() },
    };
    assert_eq!(head.core.users().classes, [known]);
    head.order(Order::Forget { user: None, class: Some("7b".into()) });
    assert_eq!(head.core.users().classes, []);
}

#[test]
fn a_class_limits_how_many_tasks_of_a_student_run_at_once() {
    let mut head = Head::new();
    let node = head.node("p1", 4);
    head.limit_class("7b", UserLimits { running: Some(1), ..UserLimits::default() });
    let mut job = job_of("ann", 4);
    job.spec.policy.class = Some("7b".into());
    head.submit(job);
    assert_eq!(head.leases(node).len(), 1);
}

#[test]
fn what_a_job_asks_for_is_refused_and_what_it_leaves_open_is_lowered() {
    let mut head = Head::new();
    let limits = UserLimits {
        task_memory_bytes: Some(32 * MIB),
        task_cpu_ms: Some(10_000),
        task_output_bytes: Some(MIB),
        task_log_bytes: Some(1_000),
        input_bytes: Some(100_000),
        ..UserLimits::default()
    };
    head.limit_class("7b", limits);
    let fitted = head.limits_of_job(of_class("ann", "7b"));
    assert_eq!((fitted.memory_bytes_max, fitted.cpu_ms_max), (32 * MIB, 10_000));
    assert_eq!((fitted.output_bytes_max, fitted.log_bytes_max), (Some(MIB), 1_000));
    let less = Limits { memory_bytes_max: MIB, cpu_ms_max: 500, ..Limits::default() };
    let mut job = of_class("ann", "7b");
    job.spec.limits = less;
    let fitted = head.limits_of_job(job);
    assert_eq!((fitted.memory_bytes_max, fitted.cpu_ms_max), (MIB, 500));
    let cases = [
        (Limits { memory_bytes_max: 128 * MIB, ..Limits::default() }, "--task-memory SIZE"),
        (Limits { cpu_ms_max: 90_000, ..Limits::default() }, "--task-cpu TIME"),
        (Limits { output_bytes_max: Some(2 * MIB), ..Limits::default() }, "--task-output SIZE"),
        (Limits { log_bytes_max: 2_000, ..Limits::default() }, "--task-log SIZE"),
    ];
    for (asked, flag) in cases {
        let mut job = of_class("ann", "7b");
        job.spec.limits = asked;
        let (reason, help) = head.refusal(job);
        assert!(reason.contains("at most") && help.contains(flag), "{reason}: {help}");
    }
    let mut long = of_class("ann", "7b");
    long.manifest.chunks[0].size = 100_001;
    let (reason, help) = head.refusal(long);
    assert_eq!(reason, "the job has 100001 bytes of input; at most 100000");
    assert!(help.contains("bramble users limit ann --input SIZE"), "{help}");
}

#[test]
fn students_have_the_limits_of_a_lesson_and_others_have_not() {
    let mut head = Head::new();
    let greedy = Limits { memory_bytes_max: 1 << 30, ..Limits::default() };
    let mut job = of_class("ann", "7b");
    job.spec.limits = greedy;
    assert!(head.refusal(job).0.contains(&(256 * MIB).to_string()));
    let mut job = job_of("smith", 1);
    job.spec.limits = greedy;
    assert_eq!(head.limits_of_job(job), greedy);
    assert_eq!(head.core.limits_of("ann", Some("7b")).stored_bytes, Some(1 << 30));
    assert_eq!(head.core.limits_of("smith", None).stored_bytes, None);
}

#[test]
fn a_job_whose_attempts_have_used_too_much_time_fails_with_the_limit() {
    let mut head = Head::new();
    let node = head.node("p1", 1);
    head.limit_class("7b", UserLimits { job_cpu_us: Some(5_000_000), ..UserLimits::default() });
    let mut job = job_of("ann", 9);
    job.spec.policy.class = Some("7b".into());
    let id = head.submit(job);
    let lease = head.lease(node);
    head.succeed_in(node, &lease, 4_000_000);
    assert_eq!(head.view(id).state, JobState::Running);
    head.restart();
    let node = head.node("p1", 1);
    head.wait(6_000);
    let lease = head.leases(node).remove(0);
    head.succeed_in(node, &lease, 2_000_000);
    let view = head.view(id);
    assert_eq!(view.state, JobState::Failed);
    let note = view.note.unwrap();
    for words in ["have used 6 s", "may use 5 s", "bramble users limit ann --job-cpu TIME"] {
        assert!(note.contains(words), "{note}");
    }
}

#[test]
fn the_queue_and_explanations_name_no_jobs_that_one_may_not_see() {
    let mut head = Head::new();
    head.node("p1", 1);
    let others = head.submit(job_of("bob", 2));
    let own = head.submit(job_of("ann", 2));
    let may_see = |policy: &bramble_protocol::JobPolicy| policy.user == "ann";
    let queue = head.core.queue_view_of(&may_see);
    assert_eq!(queue.jobs.iter().map(|job| job.job).collect::<Vec<_>>(), [own]);
    let said = format!("{:?}", head.core.explain_to(own, None, &may_see).unwrap());
    assert!(said.contains("busy with a job of somebody else"), "{said}");
    assert!(!said.contains("bob") && !said.contains(&format!("job {others}")), "{said}");
    let all = format!("{:?}", head.core.explain(own, None).unwrap());
    assert!(all.contains(&format!("job {others} of bob")), "{all}");
}
