//! How every page looks: on a phone and on a screen, by day and at night, for people who do not see
//! or point, in every language, and how much of it has to be sent.
//!
//! Pictures of all are left in `site` beside the tests, for whoever wants to look.

use std::fs;
use std::path::PathBuf;

use bramble_tests::browser::Browser;
use bramble_tests::cluster::job;
use bramble_tests::lesson::Lesson;
use serde_json::{Value, json};

/// The most that a page may have sent, with all that it needs, in bytes.
const PAGE_BYTES_MAX: u64 = 60_000;

/// Texts of the page that are in no other language than English although they are not marked so.
/// The pseudo-language puts marks around each text that it knows.
const UNTRANSLATED: &str = r#"
    const found = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const node = walk.currentNode, at = node.parentElement;
        if (!at.checkVisibility() || at.closest('code, pre, time, [lang], [data-name], .brand, svg, option')) continue;
        const whole = at.closest('p, li, td, th, dd, dt, h1, h2, h3, label, summary, span, button, a, div');
        let depth = 0, out = '';
        for (const c of whole.textContent) {
            if (c == '⟦') depth++; else if (c == '⟧') depth--; else if (depth == 0) out += c;
        }
        const names = /node-\d+|anna|boris|vera|merge-sort|trap|word-count|\b[KMG]?iB\b|\bMHz\b|\bGHz\b|\bs\b|\bmin\b|\bh\b|\bd\b|bramble|x86-64|aarch64|FERN|[A-Z]+-\d+|\b[kM]?B\b|\bJ\b|°C/g;
        if (/\p{L}{2,}/u.test(out.replace(names, '')) && !found.includes(out.trim())) found.push(out.trim());
    }
    return found;"#;

/// What is wrong for people who do not see or point, by axe-core: rules of WCAG 2.2 A and AA.
const AXE: &str = r#"
    const told = arguments[arguments.length - 1];
    axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then((all) =>
        told(all.violations.map((it) => it.id + ': ' + it.nodes.map((node) => node.html.slice(0, 160) + ' ' + (node.any[0]?.message ?? '')).join(' | '))));"#;

/// Bytes that came over the wire for the page and what it needs, without users' pictures, and
/// the addresses of what is not from here.
const SENT: &str = r#"
    const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    const own = all.filter((it) => !/\/view\/|\/previews\/|\/live/.test(it.name));
    return [own.reduce((sum, it) => sum + it.encodedBodySize, 0),
            all.map((it) => it.name).filter((name) => !name.startsWith(location.origin))];"#;

/// A cluster with everything that pages can show.
async fn furnished() -> Option<(Lesson, Vec<String>)> {
    let lesson = Lesson::begin().await?;
    let cluster = &lesson.cluster;
    let file = cluster.file("numbers.txt", b"3\n1\n2\n");
    let module = |name: &str| job(name).into_os_string().into_string().expect("a path is text");
    cluster.bramble(&["submit", &module("merge-sort"), "--input", &file, "-o", "sorted.txt"]).ok();
    let trap = cluster.file(
        "trap.wat",
        b"(module (memory (export \"memory\") 1)
        (func (export \"_start\") unreachable))",
    );
    let failed = cluster.bramble(&["submit", &trap, "--input", &file]);
    assert_ne!(failed.code, 0, "a trap is no success");
    cluster.bramble(&["submit", "--example", "image-cipher", "-o", "seen.pnm"]).ok();
    cluster.bramble(&["submit", "--example", "signal-search", "-o", "hits.tsv"]).ok();
    cluster.bramble(&["class", "new", "8B"]).ok();
    cluster.bramble(&["user", "add", "boris", "--class", "8B"]).ok();
    let paths = [
        "/",
        "/?kiosk=1",
        "/j",
        "/j/1",
        "/j/2",
        "/j/3",
        "/j/4",
        "/n",
        "/n/node-1",
        "/new",
        "/class",
        "/class/8B",
        "/me",
        "/admin",
        "/help",
        "/help/api",
        "/help/api/types",
        "/compare?jobs=1.2",
        "/nothing",
    ];
    let mut paths: Vec<String> = paths.map(str::to_owned).into();
    lesson.browser.open(&format!("{}/new", cluster.url)).await;
    lesson.browser.click("#example-merge-sort").await;
    lesson.browser.until("return location.pathname.length > 40").await;
    let form = lesson.browser.eval("return location.pathname + location.search").await;
    paths.push(form.as_str().expect("an address").to_owned());
    Some((lesson, paths))
}

/// Where pictures of pages are left.
fn pictures() -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("site");
    fs::create_dir_all(&dir).expect("a directory for pictures can be made");
    dir
}

async fn keep_picture(browser: &Browser, path: &str, width: u32, theme: &str) {
    let name: String =
        path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(24).collect();
    let height = browser.eval("return document.documentElement.scrollHeight").await;
    browser.resize(width, height.as_u64().unwrap_or(800).clamp(600, 6_000) as u32).await;
    let png = browser.client.screenshot().await.expect("a page can be pictured");
    fs::write(pictures().join(format!("{name}-{width}-{theme}.png")), png)
        .expect("a picture can be kept");
    browser.resize(width, 800).await;
}

#[tokio::test]
async fn pages_fit_their_screen_can_be_used_by_everybody_and_are_light() {
    let Some((lesson, paths)) = furnished().await else { return };
    let browser = &lesson.browser;
    let axe = std::env::var_os("BRAMBLE_AXE").map(|path| fs::read_to_string(path).unwrap());
    assert!(
        axe.is_some() || std::env::var_os("CI").is_none(),
        "CI has no axe: see xtask/src/axe.rs"
    );
    let mut faults: Vec<String> = Vec::new();
    browser.complaints().await;
    for (width, theme) in [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")] {
        browser.resize(width, 800).await;
        browser.theme(theme).await;
        for path in &paths {
            let mut fault = |what: String| faults.push(format!("{path} {width} {theme}: {what}"));
            browser.open(&format!("{}{path}", lesson.cluster.url)).await;
            let wide = "return document.documentElement.scrollWidth - innerWidth";
            let too_wide = browser.eval(wide).await.as_i64().unwrap_or(0);
            if too_wide > 0 {
                fault(format!("{too_wide} pixels too wide"));
            }
            let sent = browser.eval(SENT).await;
            if sent[0].as_u64().unwrap_or(u64::MAX) > PAGE_BYTES_MAX {
                fault(format!("{} bytes", sent[0]));
            }
            if sent[1] != json!([]) {
                fault(format!("asks others: {}", sent[1]));
            }
            if let Some(axe) = &axe {
                browser.eval(axe).await;
                let violations = browser.eval_later(AXE).await;
                if violations != json!([]) {
                    fault(violations.to_string());
                }
            }
            for complaint in browser.complaints().await {
                // That there is nothing is what this page is for.
                if path != "/nothing" {
                    fault(complaint);
                }
            }
            keep_picture(browser, path, width, theme).await;
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    lesson.browser.close().await;
}

#[tokio::test]
async fn no_text_is_left_untranslated() {
    let Some((lesson, paths)) = furnished().await else { return };
    let browser = &lesson.browser;
    let mut faults: Vec<String> = Vec::new();
    for lang in ["qps", "ru"] {
        let cookie = json!({ "name": "lang", "value": lang, "url": lesson.cluster.url });
        browser.chromium("Network.setCookie", cookie).await;
        for path in &paths {
            browser.open(&format!("{}{path}", lesson.cluster.url)).await;
            let spoken = browser.eval("return document.documentElement.lang").await;
            assert_eq!(spoken, lang, "{path}");
            let title = browser.text("main h1").await;
            assert!(!title.contains("⟦") || lang == "qps", "{path}: {title}");
            // The reference of the API is for programmers, and in English.
            if lang == "qps" && !path.starts_with("/help/api") {
                let left = browser.eval(UNTRANSLATED).await;
                if left != json!([]) {
                    faults.push(format!("{path}: {left}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    lesson.browser.close().await;
}

/// What a page says when there is nothing is a page, too.
#[tokio::test]
async fn a_page_that_is_not_there_is_said_so_in_the_language_of_the_reader() {
    let Some(lesson) = Lesson::begin().await else { return };
    lesson.browser.open(&format!("{}/j/99", lesson.cluster.url)).await;
    let page = lesson
        .browser
        .eval("return [document.querySelector('main') !== null, document.title]")
        .await;
    assert_eq!(page[0], Value::Bool(true), "{page}");
    lesson.browser.close().await;
}
