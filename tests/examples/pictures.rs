//! `cargo xtask pictures`: the site as the documentation shows it, from a cluster that works.

use std::fs;
use std::path::{Path, PathBuf};

use bramble_tests::lesson::{Lesson, lines, numbers};

/// A picture has to be loaded by whoever reads, also over a slow line.
const BYTES_MAX: usize = 150_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let dir = std::env::args_os().nth(1).map(PathBuf::from).expect("where to put the pictures");
    let lesson = Lesson::with_nodes(4).await.expect("Chromium and its driver are there");
    let browser = &lesson.browser;
    browser.resize(1280, 860).await;
    let file = lesson.cluster.file("numbers.txt", lines(&numbers(2_000_000)).as_bytes());
    lesson.choose("merge-sort", &file).await;
    browser.click("details summary").await;
    browser.fill("input[name=chunk-kib]", "64").await;
    browser.click("button[value=run]").await;
    browser.until("return location.pathname.startsWith('/j/')").await;
    let job = browser.client.current_url().await.expect("a page has an address");
    browser.open(&lesson.cluster.url).await;
    browser.until("return document.querySelectorAll('.node[data-state=busy]').length > 2").await;
    keep(&lesson, &dir.join("dashboard.png")).await;
    browser.open(job.as_str()).await;
    browser.until("return document.querySelector('#now')?.dataset.state == 'done'").await;
    browser.until("return document.querySelector('#stream svg') !== null").await;
    browser.eval("document.querySelector('#stream').scrollIntoView()").await;
    keep(&lesson, &dir.join("job.png")).await;
    lesson.browser.close().await;
}

async fn keep(lesson: &Lesson, file: &Path) {
    let png = lesson.browser.client.screenshot().await.expect("a page can be pictured");
    assert!(png.len() <= BYTES_MAX, "{} has {} bytes", file.display(), png.len());
    fs::write(file, png).expect("a picture can be kept");
}
