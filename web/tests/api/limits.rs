//! What teachers limit for their classes, and what people are told of the jobs of others.

use bramble_protocol::UserLimits;
use bramble_protocol::explain::QueueView;
use bramble_protocol::user::UserList;
use bramble_protocol::{Order, ProblemKind};

use crate::access::School;

fn limit(class: &str, limits: UserLimits) -> Order {
    Order::Limit { user: None, class: Some(class.into()), limits, reset: false }
}

#[tokio::test]
async fn a_teacher_limits_his_own_class_and_refusals_say_what_and_who() {
    let school = School::start().await;
    let one = UserLimits { jobs: Some(1), ..UserLimits::default() };
    let refused = school.post(&school.anna, "/api/v1/orders", &limit("7b", one)).await;
    refused.problem(ProblemKind::NotAllowed);
    let refused = school.post(&school.jones, "/api/v1/orders", &limit("7b", one)).await;
    assert!(!refused.status.is_success(), "{refused:?}");
    school.post(&school.smith, "/api/v1/orders", &limit("7b", one)).await.ok::<()>();
    let shown = |list: UserList| list.classes.into_iter().map(|it| it.class).collect::<Vec<_>>();
    assert_eq!(shown(school.get(&school.smith, "/api/v1/users").await.ok()), ["7b"]);
    assert!(shown(school.get(&school.jones, "/api/v1/users").await.ok()).is_empty());
    school.job(&school.anna, &[b"a"]).await;
    let spec = school.upload(&school.anna, &[b"b"]).await;
    let problem = school.submit(&school.anna, &spec).await.problem(ProblemKind::LimitReached);
    assert_eq!(problem.title, "anna has 1 job not ended yet; at most 1");
    assert!(format!("{problem:?}").contains("--class 7b --jobs N"), "{problem:?}");
    school.job(&school.boris, &[b"c"]).await;
    school.job(&school.boris, &[b"d"]).await;
}

#[tokio::test]
async fn what_a_student_sends_in_an_hour_is_limited_and_others_go_on() {
    let school = School::start().await;
    let little = UserLimits { upload_bytes: Some(100), ..UserLimits::default() };
    school.post(&school.smith, "/api/v1/orders", &limit("7b", little)).await.ok::<()>();
    // The last body that begins below the limit is taken whole.
    school.upload(&school.anna, &[&[7; 200]]).await;
    for path in ["/api/v1/objects", "/api/v1/modules"] {
        let answer = school.call(Some(&school.anna), "POST", path, "x").await;
        let problem = answer.problem(ProblemKind::LimitReached);
        assert!(problem.title.contains("in this hour; at most 100"), "{problem:?}");
        assert!(format!("{problem:?}").contains("bramble users limit anna --upload SIZE"));
    }
    school.upload(&school.boris, &[&[7; 200]]).await;
}

#[tokio::test]
async fn the_queue_and_explanations_show_a_student_his_own_jobs_only() {
    let school = School::start().await;
    let boris = school.job(&school.boris, &[b"secret plans"]).await;
    let anna = school.job(&school.anna, &[b"a"]).await;
    let jobs = |view: QueueView| view.jobs.into_iter().map(|job| job.job).collect::<Vec<_>>();
    assert_eq!(jobs(school.get(&school.anna, "/api/v1/queue").await.ok()), [anna.id]);
    assert_eq!(jobs(school.get(&school.smith, "/api/v1/queue").await.ok()), [anna.id]);
    assert_eq!(jobs(school.get(&school.jones, "/api/v1/queue").await.ok()), [boris.id]);
    let mut all = jobs(school.get(&school.head.token, "/api/v1/queue").await.ok());
    all.sort_unstable();
    assert_eq!(all, [boris.id, anna.id]);
    let explained = format!("/api/v1/jobs/{}/explain", anna.id);
    let said = school.get(&school.anna, &explained).await;
    assert!(!format!("{said:?}").contains("boris"), "{said:?}");
}
