//! The site as people use it, in a real browser: jobs by the form, progress, no scripts, no mouse.

use std::fs;

use bramble_tests::browser::Browser;
use bramble_tests::cluster::{DEADLINE, wait_for};
use bramble_tests::lesson::Lesson;
use serde_json::json;

/// Numbers that are in no order, one on each line.
fn numbers(count: u64) -> Vec<u64> {
    (0..count).map(|place| place * 7_919 % 100_003).collect()
}

fn lines(numbers: &[u64]) -> String {
    numbers.iter().map(|number| format!("{number}\n")).collect()
}

/// What was downloaded, once it is whole.
fn downloaded(browser: &Browser) -> Vec<u8> {
    let file = wait_for("the download", || {
        let mut files = fs::read_dir(browser.downloads()).ok()?.map_while(Result::ok);
        files.find(|file| file.path().extension().is_none_or(|it| it != "crdownload"))
    });
    fs::read(file.path()).expect("a file that was downloaded can be read")
}

/// Chooses an example of the gallery and a file for it.
async fn choose(lesson: &Lesson, example: &str, file: &str) {
    lesson.browser.open(&format!("{}/new", lesson.cluster.url)).await;
    lesson.browser.click(&format!("#example-{example}")).await;
    let field = lesson.browser.element("input[type=file][name=file]").await;
    field.send_keys(file).await.expect("a file can be chosen");
}

#[tokio::test]
async fn a_job_is_run_by_the_form_and_its_result_is_what_it_should_be() {
    let Some(lesson) = Lesson::begin().await else { return };
    let browser = &lesson.browser;
    let mut sorted = numbers(20_000);
    let file = lesson.cluster.file("numbers.txt", lines(&sorted).as_bytes());
    choose(&lesson, "merge-sort", &file).await;
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
async fn progress_is_seen_without_loading_the_page_again() {
    let Some(lesson) = Lesson::begin().await else { return };
    let browser = &lesson.browser;
    let file = lesson.cluster.file("numbers.txt", lines(&numbers(200_000)).as_bytes());
    choose(&lesson, "merge-sort", &file).await;
    browser.click("details summary").await;
    browser.fill("input[name=chunk-kib]", "4").await;
    browser.click("button[value=run]").await;
    browser.until("return location.pathname.startsWith('/j/')").await;
    // It stays as long as the page is not loaded again.
    browser.eval("window.stays = true").await;
    browser.until("return document.querySelector('#now progress')?.value > 0").await;
    browser.until("return document.querySelector('#now').dataset.state == 'done'").await;
    assert_eq!(browser.eval("return window.stays").await, json!(true));
    lesson.browser.close().await;
}

#[tokio::test]
async fn everything_works_without_scripts() {
    let Some(lesson) = Lesson::begin().await else { return };
    let browser = &lesson.browser;
    browser.scripts(false).await;
    let mut sorted = numbers(1_000);
    let file = lesson.cluster.file("numbers.txt", lines(&sorted).as_bytes());
    choose(&lesson, "merge-sort", &file).await;
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
