//! The site as people use it, in a real browser: jobs by the form, progress, no scripts, no mouse.

use std::fs;

use bramble_tests::browser::Browser;
use bramble_tests::cluster::{DEADLINE, wait_for};
use bramble_tests::lesson::{Lesson, lines, numbers};
use serde_json::json;

/// What was downloaded, once it is whole.
fn downloaded(browser: &Browser) -> Vec<u8> {
    let file = wait_for("the download", || {
        let mut files = fs::read_dir(browser.downloads()).ok()?.map_while(Result::ok);
        files.find(|file| file.path().extension().is_none_or(|it| it != "crdownload"))
    });
    fs::read(file.path()).expect("a file that was downloaded can be read")
}

#[tokio::test]
async fn a_job_is_run_by_the_form_and_its_result_is_what_it_should_be() {
    let Some(lesson) = Lesson::begin().await else { return };
    let browser = &lesson.browser;
    let mut sorted = numbers(20_000);
    let file = lesson.cluster.file("numbers.txt", lines(&sorted).as_bytes());
    lesson.choose("merge-sort", &file).await;
    browser.click("button[value=check]").await;
    let plan = browser.until("return document.querySelector('#problem.done')?.innerText").await;
    assert!(plan.as_str().is_some_and(|plan| plan.contains("chunk")), "{plan}");
    // What was sent for the check need not be sent again.
    browser.click("button[value=run]").await;
    browser.until("return location.pathname.startsWith('/j/')").await;
    // The page changes by itself until the job is done.
    browser.until("return document.querySelector('#now')?.dataset.state == 'done'").await;
    browser.until("return document.querySelector('#stream svg') !== null").await;
    browser.click("#result a[download]").await;
    sorted.sort_unstable();
    assert_eq!(String::from_utf8(downloaded(browser)).unwrap(), lines(&sorted));
    lesson.browser.close().await;
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field_and_what_was_typed_is_kept() {
    let Some(lesson) = Lesson::begin().await else { return };
    let browser = &lesson.browser;
    let file = lesson.cluster.file("numbers.txt", b"3\n1\n2\n");
    lesson.choose("merge-sort", &file).await;
    // A browser would not let it pass.
    browser.eval("document.querySelector('form[data-upload]').noValidate = true").await;
    browser.click("details summary").await;
    browser.eval("document.querySelector('[name=nodes]').type = 'text'").await;
    browser.fill("input[name=nodes]", "many").await;
    browser.fill("input[name=name]", "my own name").await;
    browser.click("button[value=run]").await;
    let said = browser.until("return document.querySelector('#fault-nodes')?.innerText").await;
    assert!(said.as_str().is_some_and(|said| said.contains("whole number")), "{said}");
    let described = "const it = document.querySelector('[name=nodes]');
        return [it.getAttribute('aria-describedby'), it.getAttribute('aria-invalid'),
            document.querySelector('[name=name]').value,
            document.querySelector('#problem a').getAttribute('href'),
            document.querySelector('details.card').open, it.id];";
    let described = browser.eval(described).await;
    let wanted = json!(["fault-nodes", "true", "my own name", "#field-nodes", true, "field-nodes"]);
    assert_eq!(described, wanted);
    // The file need not be sent again.
    browser.fill("input[name=nodes]", "2").await;
    browser.click("button[value=run]").await;
    browser.until("return location.pathname.startsWith('/j/')").await;
    lesson.browser.close().await;
}

#[tokio::test]
async fn progress_is_seen_without_loading_the_page_again() {
    let Some(lesson) = Lesson::begin().await else { return };
    let browser = &lesson.browser;
    let file = lesson.cluster.file("numbers.txt", lines(&numbers(400_000)).as_bytes());
    // Nothing happens before the page looks.
    lesson.cluster.bramble(&["nodes", "drain", "node-1", "--reason", "the page looks first"]).ok();
    lesson.choose("merge-sort", &file).await;
    browser.click("details summary").await;
    browser.fill("input[name=chunk-kib]", "4").await;
    browser.click("button[value=run]").await;
    browser.until("return location.pathname.startsWith('/j/')").await;
    // It stays as long as the page is not loaded again.
    let look = "window.seen = []; new MutationObserver(() => {
        const value = document.querySelector('#now progress')?.value;
        if (value > 0 && !seen.includes(value)) seen.push(value);
    }).observe(document, { subtree: true, childList: true, attributes: true });";
    browser.eval(look).await;
    browser.until("return document.querySelector('#now').dataset.state == 'waiting'").await;
    lesson.cluster.bramble(&["nodes", "undrain", "node-1"]).ok();
    browser.until("return document.querySelector('#now').dataset.state == 'done'").await;
    let seen = browser.eval("return seen").await;
    let seen: Vec<f64> =
        serde_json::from_value(seen).expect("numbers, in the page that was opened");
    assert!(seen.is_sorted() && !seen.is_empty(), "{seen:?}");
    lesson.browser.close().await;
}

/// Makes the browser's line slow, or breaks it.
async fn line(browser: &Browser, offline: bool, bytes_per_second: i64) {
    let conditions = json!({ "offline": offline, "latency": 0, "downloadThroughput": -1,
        "uploadThroughput": bytes_per_second });
    browser.chromium("Network.enable", json!({})).await;
    browser.chromium("Network.emulateNetworkConditions", conditions).await;
}

#[tokio::test]
async fn a_file_goes_on_where_it_stopped_after_the_line_broke_and_the_page_was_closed() {
    let Some(lesson) = Lesson::begin().await else { return };
    let browser = &lesson.browser;
    let mut sorted = numbers(3_000_000);
    let file = lesson.cluster.file("numbers.txt", lines(&sorted).as_bytes());
    lesson.choose("merge-sort", &file).await;
    line(browser, false, 8_000_000).await;
    browser.click("button[value=run]").await;
    browser.until("return document.querySelector('#sending progress')?.value > 0").await;
    line(browser, true, -1).await;
    let at = browser.eval("return Object.entries(localStorage).join()").await;
    assert!(at.as_str().is_some_and(|at| at.contains("/api/v1/uploads/")), "{at}");
    line(browser, false, -1).await;
    lesson.choose("merge-sort", &file).await;
    browser.click("button[value=run]").await;
    browser.until("return document.querySelector('#now')?.dataset.state == 'done'").await;
    assert_eq!(browser.eval("return Object.entries(localStorage).join()").await, at);
    browser.click("#result a[download]").await;
    sorted.sort_unstable();
    assert!(String::from_utf8(downloaded(browser)).unwrap() == lines(&sorted), "other bytes");
    lesson.browser.close().await;
}

#[tokio::test]
async fn everything_works_without_scripts() {
    let Some(lesson) = Lesson::begin().await else { return };
    let browser = &lesson.browser;
    browser.scripts(false).await;
    let mut sorted = numbers(1_000);
    let file = lesson.cluster.file("numbers.txt", lines(&sorted).as_bytes());
    lesson.choose("merge-sort", &file).await;
    browser.click("button[value=run]").await;
    browser.element("#now").await;
    let page = browser.client.current_url().await.unwrap();
    let start = std::time::Instant::now();
    while browser.client.find(fantoccini::Locator::Css("#now[data-state=done]")).await.is_err() {
        assert!(start.elapsed() < DEADLINE, "the job is not done");
        browser.open(page.as_str()).await;
    }
    browser.click("#result a[download]").await;
    sorted.sort_unstable();
    assert_eq!(String::from_utf8(downloaded(browser)).unwrap(), lines(&sorted));
    for path in
        ["/", "/j", "/n", "/n/node-1", "/class", "/me", "/admin", "/help", "/compare?jobs=1"]
    {
        browser.open(&format!("{}{path}", lesson.cluster.url)).await;
        assert!(!browser.text("main h1").await.is_empty(), "{path}");
    }
    lesson.browser.close().await;
}

#[tokio::test]
async fn an_example_is_run_by_keys_alone() {
    /// The element that has the focus, and whether that is to be seen.
    const FOCUSED: &str = "const it = document.activeElement, style = getComputedStyle(it);
        const seen = style.outlineStyle != 'none' || style.boxShadow != 'none';
        return [it.id || it.name || it.textContent.trim(), it.value ?? '', seen || it == document.body]";
    let Some(lesson) = Lesson::begin().await else { return };
    let browser = &lesson.browser;
    let go_to = async |what: &str, value: &str| {
        for _ in 0..200 {
            let focused = browser.eval(FOCUSED).await;
            assert_eq!(focused[2], json!(true), "the focus is not seen: {focused}");
            if focused[0] == what && (value.is_empty() || focused[1] == value) {
                return;
            }
            browser.press('\u{e004}').await;
        }
        panic!("{what} is not reached by the tabulator");
    };
    browser.open(&lesson.cluster.url).await;
    go_to("New job", "").await;
    browser.press('\u{e007}').await;
    browser.until("return location.pathname == '/new'").await;
    go_to("example-merge-sort", "").await;
    browser.press('\u{e007}').await;
    browser.until("return document.querySelector('button[value=run]') !== null").await;
    go_to("do", "run").await;
    browser.press('\u{e007}').await;
    browser.until("return document.querySelector('#now')?.dataset.state == 'done'").await;
    lesson.browser.close().await;
}
