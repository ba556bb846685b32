//! Results as files: in whole, by ranges, and what is sent when a chunk is damaged.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use bramble_protocol::agent::{AttemptReport, FromAgent};
use bramble_protocol::api::{JobView, ResultView};
use bramble_protocol::{AttemptOutcome, Digest, ProblemKind, Usage};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::ServiceExt;

use crate::agent::say;
use crate::nodes::AtWork;
use crate::support::{Answer, TestHead};

/// Longer than what is read at once, and nowhere the same.
fn long(seed: u32) -> Vec<u8> {
    (0..50_000u32).flat_map(|number| (number ^ seed << 20).to_le_bytes()).collect()
}

/// A job whose result are these chunks.
async fn done(chunks: &[&[u8]]) -> AtWork {
    let mut at_work = AtWork::on(TestHead::start(), chunks).await;
    let report = |lease: bramble_protocol::agent::Lease| AttemptReport {
        lease: lease.id,
        attempt: lease.attempt,
        outcome: AttemptOutcome::Succeeded { outputs: lease.work.inputs },
        usage: Usage::default(),
        log: String::new(),
        enough: false,
    };
    let reports = at_work.leases.clone().into_iter().map(report).collect();
    say(&mut at_work.socket, &FromAgent::Reports { reports }).await;
    let path = format!("/api/v1/jobs/{}", at_work.job.id);
    loop {
        let job: JobView = at_work.get(&path).await.ok();
        if job.state.is_final() {
            assert_eq!(job.state.name(), "done", "{job:?}");
            return at_work;
        }
        tokio::task::yield_now().await;
    }
}

impl AtWork {
    fn file(&self) -> String {
        format!("/api/v1/jobs/{}/result/file", self.job.id)
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.served.head.send(request.body(Body::empty()).unwrap()).await
    }

    async fn range(&self, path: &str, range: &str) -> Answer {
        self.ask(Method::GET, path, &[("range", range)]).await
    }
}

#[tokio::test]
async fn a_result_comes_as_one_file_with_its_name_and_nothing_runs_in_a_browser() {
    let (one, two) = (long(1), long(2));
    let at_work = done(&[&one, b"short\n", &two]).await;
    let answer = at_work.get(&at_work.file()).await;
    assert_eq!(answer.status, StatusCode::OK);
    let whole = [&one[..], b"short\n", &two].concat();
    assert!(answer.body == whole, "{} of {} bytes", answer.body.len(), whole.len());
    assert_eq!(answer.header("content-length"), whole.len().to_string());
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("content-security-policy"), "sandbox");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"copy.txt\"");
    assert_eq!(answer.header("accept-ranges"), "bytes");
    // The tag, made anew from what the API says of the chunks.
    let path = format!("/api/v1/jobs/{}/result", at_work.job.id);
    let result: ResultView = at_work.get(&path).await.ok();
    let mut named = Vec::new();
    for chunk in &result.manifest.chunks {
        named.extend_from_slice(chunk.digest.as_bytes());
        named.extend_from_slice(&chunk.size.to_le_bytes());
    }
    let tag = format!("\"{}\"", Digest::of(&named));
    assert_eq!(answer.header("etag"), tag);
    let again = at_work.ask(Method::GET, &at_work.file(), &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(again.header("etag"), tag);
    let head = at_work.ask(Method::HEAD, &at_work.file(), &[("range", "bytes=0-1")]).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.header("content-length"), whole.len().to_string());
    assert_eq!(head.header("etag"), tag);
}

#[tokio::test]
async fn ranges_are_parts_of_the_whole_also_across_chunks() {
    let (one, two) = (long(1), long(2));
    let at_work = done(&[&one, b"short\n", &two]).await;
    let whole = [&one[..], b"short\n", &two].concat();
    let last = whole.len() - 1;
    for (from, to) in [(0, 0), (0, last), (199_990, 200_020), (200_000, 200_005), (1, last - 1)] {
        let answer = at_work.range(&at_work.file(), &format!("bytes={from}-{to}")).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{from}-{to}");
        assert!(answer.body == whole[from..=to], "{from}-{to}");
        let range = format!("bytes {from}-{to}/{}", whole.len());
        assert_eq!(answer.header("content-range"), range);
        assert_eq!(answer.header("content-length"), (to - from + 1).to_string());
    }
    let part = format!("/api/v1/jobs/{}/result/0", at_work.job.id);
    let answer = at_work.range(&part, "bytes=-5").await;
    assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(answer.body, one[one.len() - 5..]);
    assert_eq!(answer.header("etag"), format!("\"{}\"", Digest::of(&one)));
}

#[tokio::test]
async fn a_node_goes_on_with_an_object_where_it_broke_off() {
    let one = long(1);
    let at_work = AtWork::on(TestHead::start(), &[&one]).await;
    let path = format!("/api/v1/objects/{}", Digest::of(&one));
    let answer = at_work.range(&path, "bytes=150000-").await;
    assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
    assert!(answer.body == one[150_000..]);
    at_work.served.head.damage(&Digest::of(&one));
    // Its first bytes lie elsewhere than those that are asked for.
    at_work.range(&path, "bytes=-5").await.problem(ProblemKind::Corrupt);
}

#[tokio::test]
async fn a_range_behind_the_end_is_refused_and_what_has_changed_is_sent_whole() {
    let at_work = done(&[b"one\n", b"two\n"]).await;
    let answer = at_work.range(&at_work.file(), "bytes=8-").await;
    assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(answer.header("content-range"), "bytes */8");
    assert_eq!(answer.problem(ProblemKind::BadRequest).status, 416);
    for headers in [
        [("range", "bytes=0-1"), ("if-range", "\"another\"")],
        [("range", "bytes=0-1,4-5"), ("if-range", "\"another\"")],
        [("range", "bytes=5-4"), ("accept", "*/*")],
    ] {
        let answer = at_work.ask(Method::GET, &at_work.file(), &headers).await;
        assert_eq!((answer.status, answer.body.as_ref()), (StatusCode::OK, &b"one\ntwo\n"[..]));
    }
    let answer = at_work.ask(Method::GET, &at_work.file(), &[("if-match", "\"another\"")]).await;
    assert_eq!(answer.problem(ProblemKind::BadRequest).status, 412);
    let tag = at_work.get(&at_work.file()).await.header("etag").to_owned();
    let same = [("range", "bytes=2-5"), ("if-range", tag.as_str())];
    let answer = at_work.ask(Method::GET, &at_work.file(), &same).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (206, &b"e\ntw"[..]));
}

#[tokio::test]
async fn a_result_that_is_not_there_has_no_file() {
    let at_work = AtWork::on(TestHead::start(), &[b"one\n"]).await;
    at_work.get(&at_work.file()).await.problem(ProblemKind::NoResult);
    at_work.get("/api/v1/jobs/99/result/file").await.problem(ProblemKind::NoSuchJob);
}

#[tokio::test]
async fn a_damaged_first_chunk_is_a_problem_and_a_later_one_breaks_the_connection() {
    let (one, two) = (long(1), long(2));
    let at_work = done(&[&one, &two]).await;
    let head = &at_work.served.head;
    head.damage(&Digest::of(&two));
    let request = Request::get(at_work.file())
        .header("authorization", format!("Bearer {}", head.token))
        .body(Body::empty())
        .unwrap();
    let response = head.app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let pieces: Vec<_> = response.into_body().into_data_stream().collect().await;
    let (last, sound) = pieces.split_last().unwrap();
    assert!(last.is_err(), "a short file would be taken for the whole");
    let sound: Vec<u8> = sound.iter().flat_map(|it| it.as_ref().unwrap().to_vec()).collect();
    assert!(sound == one, "nothing of the damaged chunk was sent");
    let set_aside = head.store.dir().join("corrupt");
    assert_eq!(std::fs::read_dir(set_aside).unwrap().count(), 1);

    let at_work = done(&[&one, &two]).await;
    at_work.served.head.damage(&Digest::of(&one));
    at_work.get(&at_work.file()).await.problem(ProblemKind::Corrupt);
    // A range of what is sound is sent.
    let answer = at_work.range(&at_work.file(), "bytes=200000-200003").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (206, &two[..4]));
}

/// What is answered over a socket to a request with this first line: the headers, and the body as
/// far as it comes.
async fn over_a_socket(at_work: &AtWork, line: &str, headers: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(at_work.served.address).await.unwrap();
    let token = &at_work.served.head.token;
    let request = format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         {headers}connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // It may break off.
    let _ = stream.read_to_end(&mut answer).await;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let body = answer.split_off(end);
    (String::from_utf8(answer).unwrap().to_lowercase(), body)
}

#[tokio::test]
async fn over_a_socket_lengths_are_kept_and_a_damaged_file_comes_up_short() {
    let (one, two) = (long(1), long(2));
    let at_work = done(&[&one, &two]).await;
    let whole = [&one[..], &two].concat();
    let length = format!("content-length: {}\r\n", whole.len());
    let get = format!("GET {}", at_work.file());
    let (headers, body) = over_a_socket(&at_work, &get, "").await;
    assert!(headers.starts_with("http/1.1 200 ") && headers.contains(&length), "{headers}");
    assert!(body == whole);
    let (headers, body) = over_a_socket(&at_work, &get, "range: bytes=100000-299999\r\n").await;
    assert!(headers.starts_with("http/1.1 206 "), "{headers}");
    assert!(headers.contains("content-length: 200000\r\n"), "{headers}");
    assert!(body == whole[100_000..300_000]);
    let (headers, body) = over_a_socket(&at_work, &get.replace("GET", "HEAD"), "").await;
    assert!(headers.contains(&length) && body.is_empty(), "{headers}");
    at_work.served.head.damage(&Digest::of(&two));
    let (headers, body) = over_a_socket(&at_work, &get, "").await;
    assert!(headers.contains(&length), "{headers}");
    assert!(body == one, "{} bytes", body.len());
}
