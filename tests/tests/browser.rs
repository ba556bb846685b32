//! What pages do in a real browser, and what pages of other sites cannot do with it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use bramble_tests::browser::Browser;
use bramble_tests::cluster::{job, wait_for};
use bramble_tests::lesson::Lesson;
use serde_json::json;

/// What would show that a script of a user has run.
const OWNED: &str =
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";

/// Serves one page to whoever asks on an address of its own; another site, for a browser.
fn other_site(html: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 8192]);
            let length = html.len();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n";
            let _ = write!(stream, "{head}content-length: {length}\r\n\r\n{html}");
        }
    });
    // The same computer by its other name is another site, whose pages get no cookie of ours.
    format!("http://localhost:{port}/")
}

#[tokio::test]
async fn a_page_of_another_site_cannot_use_a_browser_that_is_signed_in() {
    let Some(lesson) = Lesson::begin().await else { return };
    let head = &lesson.cluster.url;
    let sends_itself = other_site(format!(
        "<form method=post action='{head}/logout'></form><script>document.forms[0].submit()</script>"
    ));
    lesson.browser.open(&sends_itself).await;
    let refused = lesson.browser.until("return document.body.innerText.includes('another site')");
    assert_eq!(refused.await, json!(true));
    assert!(lesson.is_signed_in().await, "a form of another site has signed anna out");

    let asks = other_site(format!(
        "<script>window.said = [];
        const note = name => () => window.said.push(name);
        const post = {{ method: 'POST', credentials: 'include', mode: 'no-cors' }};
        fetch('{head}/api/v1/nodes/node-1/drain', post).then(note('sent'), note('sent'));
        fetch('{head}/api/v1/accounts', {{ credentials: 'include' }})
            .then(note('read'), note('not read'));
        const socket = new WebSocket('{}/api/v1/agent');
        socket.onopen = note('socket'); socket.onerror = note('no socket');</script>",
        head.replacen("http", "ws", 1),
    ));
    lesson.browser.open(&asks).await;
    lesson.browser.until("return window.said.length == 3").await;
    let said = lesson.browser.eval("return window.said.sort()").await;
    assert_eq!(said, json!(["no socket", "not read", "sent"]));
    let nodes = lesson.cluster.bramble(&["nodes", "--json"]).ok().text();
    assert!(!nodes.contains("\"draining\""), "{nodes}");

    let frames = other_site(format!("<iframe src='{head}/login'></iframe>"));
    lesson.browser.open(&frames).await;
    lesson.browser.client.enter_frame(0).await.expect("there is a frame");
    let inside = lesson.browser.client.source().await.expect("a page has a source");
    assert!(!inside.contains("name=\"pin\""), "another site has our form in a frame: {inside}");
    lesson.browser.close().await;
}

#[tokio::test]
async fn what_users_type_and_make_stays_text_or_a_file() {
    let Some(lesson) = Lesson::begin().await else { return };
    let (browser, head) = (&lesson.browser, &lesson.cluster.url);
    browser.click("form[action=\"/logout\"] button").await;
    browser.element("a[href=\"/login\"]").await;
    browser.open(&format!("{head}/login")).await;
    browser.fill("input[name=user]", &format!("\">{OWNED}")).await;
    browser.fill("input[name=pin]", "000000").await;
    browser.click("form[action=\"/login\"] button").await;
    browser.element("[role=alert], .error").await;
    assert!(browser.client.title().await.unwrap().contains("bramble"));

    // A result that would be a page, opened by whoever may have it.
    lesson.sign_in("anna").await;
    let input = lesson.cluster.file("page.html", OWNED.as_bytes());
    let copy = job("copy-stream").into_os_string().into_string().unwrap();
    lesson.cluster.bramble(&["submit", &copy, "--input", &input, "-o", "copy.html"]).ok();
    let before = browser.client.current_url().await.unwrap();
    let go = format!("window.location = '{head}/api/v1/jobs/1/result/0'");
    browser.eval(&go).await;
    let file = wait_for("the result to be saved as a file", || {
        let files = std::fs::read_dir(browser.downloads()).ok()?.map_while(Result::ok);
        let mut files =
            files.filter(|file| file.path().extension().is_none_or(|it| it != "crdownload"));
        files.next().map(|file| file.path())
    });
    assert_eq!(std::fs::read(file).unwrap(), OWNED.as_bytes());
    assert_eq!(browser.client.current_url().await.unwrap(), before, "it was opened as a page");
    assert_ne!(browser.client.title().await.unwrap(), "owned");
    lesson.browser.close().await;
}

#[tokio::test]
async fn a_script_that_gets_into_a_page_is_not_run() {
    let Some(lesson) = Lesson::begin().await else { return };
    let browser = &lesson.browser;
    browser.open(&format!("{}/login", lesson.cluster.url)).await;
    browser.complaints().await;
    let inject = "const script = document.createElement('script');
        script.textContent = \"document.title = 'owned'\";
        document.body.append(script);
        document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">');
        return document.title";
    assert_ne!(browser.eval(inject).await, json!("owned"));
    let complaints = wait_for_complaint(browser).await;
    assert!(complaints.contains("Content Security Policy"), "{complaints}");
    assert!(browser.client.title().await.unwrap().contains("bramble"));
    // Nor can it be read by a script, if there were one, who has signed in.
    assert_eq!(browser.eval("return document.cookie").await, json!(""));
    lesson.browser.close().await;
}

async fn wait_for_complaint(browser: &Browser) -> String {
    let start = std::time::Instant::now();
    loop {
        let complaints = browser.complaints().await.join("\n");
        if !complaints.is_empty() || start.elapsed() > bramble_tests::cluster::DEADLINE {
            return complaints;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
