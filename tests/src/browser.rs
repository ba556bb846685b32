//! A real browser for one test: Chromium, driven as the W3C's WebDriver says, by a driver on
//! loopback. What only Chromium can do goes through its own protocol.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster::DEADLINE;

/// What the driver says once it listens.
const LISTENS: &str = "was started successfully on port ";

/// A browser with one window, closed when the test is over.
pub struct Browser {
    /// What drives it.
    pub client: Client,
    driver: Child,
    dir: TempDir,
}

impl Browser {
    /// Starts one; `None` where none is installed, which is a failure in CI.
    pub async fn start() -> Option<Self> {
        let Some(driver) = find("chromedriver") else {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI has no browser: see xtask/src/browser.rs"
            );
            println!("skipped: there is no chromedriver; `cargo xtask test` installs it as root");
            return None;
        };
        let dir = TempDir::new().expect("a temporary directory can be made");
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .env("HOME", dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("the driver can be started");
        let port = port(&mut driver);
        let mut builder =
            ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        builder.capabilities(capabilities(dir.path()));
        let client = builder.connect(&format!("http://127.0.0.1:{port}")).await;
        let client = client.unwrap_or_else(|error| {
            let _ = driver.kill();
            panic!("the browser does not start: {error}")
        });
        Some(Self { client, driver, dir })
    }

    /// Opens a page and waits until it is loaded.
    #[track_caller]
    pub fn open(&self, url: &str) -> impl Future<Output = ()> {
        let (client, url) = (self.client.clone(), url.to_owned());
        async move { client.goto(&url).await.unwrap_or_else(|error| panic!("{url}: {error}")) }
    }

    /// Waits for an element and gives its text.
    pub async fn text(&self, css: &str) -> String {
        self.element(css).await.text().await.expect("an element has a text")
    }

    /// Waits for an element.
    pub async fn element(&self, css: &str) -> fantoccini::elements::Element {
        let wait = self.client.wait().at_most(DEADLINE);
        let found = wait.for_element(Locator::Css(css)).await;
        match found {
            Ok(element) => element,
            Err(error) => {
                let source = self.client.source().await.unwrap_or_default();
                panic!("no {css}: {error}\n{source}")
            }
        }
    }

    /// Types into a field of a form.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.element(css).await;
        field.clear().await.expect("a field can be cleared");
        field.send_keys(text).await.expect("a field can be typed into");
    }

    /// Presses a button or follows a link.
    pub async fn click(&self, css: &str) {
        self.element(css).await.click().await.expect("an element can be clicked");
    }

    /// Presses a key where the focus is, named by its character: see WebDriver's list of keys.
    pub async fn press(&self, key: char) {
        let (down, up) = (KeyAction::Down { value: key }, KeyAction::Up { value: key });
        let pressed =
            self.client.perform_actions(KeyActions::new("keys".into()).then(down).then(up));
        pressed.await.expect("a key can be pressed");
    }

    /// What a script in the page gives. The page's policy does not stop it.
    pub async fn eval(&self, script: &str) -> Value {
        let done = self.client.execute(script, Vec::new()).await;
        done.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// What a script gives to the function that is its last argument.
    pub async fn eval_later(&self, script: &str) -> Value {
        let done = self.client.execute_async(script, Vec::new()).await;
        done.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until a script in the page gives something true.
    pub async fn until(&self, script: &str) -> Value {
        let start = Instant::now();
        loop {
            let value = self.eval(script).await;
            if !matches!(value, Value::Null | Value::Bool(false)) {
                return value;
            }
            if start.elapsed() > DEADLINE {
                let source = self.client.source().await.unwrap_or_default();
                panic!("waited {DEADLINE:?} for `{script}`\n{source}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A command of Chromium's own protocol.
    pub async fn chromium(&self, command: &str, parameters: Value) -> Value {
        let own = Own(json!({ "cmd": command, "params": parameters }));
        let done = self.client.issue_cmd(own).await;
        done.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// The size of what is seen, in CSS pixels, as on a phone or a screen.
    pub async fn resize(&self, width: u32, height: u32) {
        let mobile = width < 600;
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile,
        });
        self.chromium("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// `light` or `dark`.
    pub async fn theme(&self, theme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": theme }]);
        self.chromium("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Switches the scripts of pages off or on.
    pub async fn scripts(&self, on: bool) {
        self.chromium("Emulation.setScriptExecutionDisabled", json!({ "value": !on })).await;
    }

    /// Where the browser puts what it downloads.
    pub fn downloads(&self) -> PathBuf {
        self.dir.path().join("downloads")
    }

    /// What the browser has complained about since the last call: errors of scripts, policies that
    /// were violated, requests that failed.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.client.issue_cmd(Log).await.expect("the driver keeps a log");
        let entries = log.as_array().cloned().unwrap_or_default();
        let message = |entry: &Value| entry["message"].as_str().unwrap_or_default().to_owned();
        entries.iter().map(message).collect()
    }

    /// Ends it.
    pub async fn close(self) {
        let _ = self.client.clone().close().await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // With it go the browsers that it started, also after a test that failed.
        let group = format!("-{}", self.driver.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.driver.wait();
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|path| path.exists())
}

fn port(driver: &mut Child) -> u16 {
    let output = driver.stdout.take().expect("its output is piped");
    let mut lines = BufReader::new(output).lines();
    let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once(LISTENS)?;
        port.trim_end_matches('.').trim().parse().ok()
    });
    // What else it says is read, so that it is never held up.
    std::thread::spawn(move || lines.for_each(drop));
    port.expect("the driver says where it listens")
}

fn capabilities(dir: &Path) -> Capabilities {
    let profile = format!("--user-data-dir={}", dir.join("profile").display());
    let arguments = [
        "--headless=new",
        // Chromium's own sandbox does not start as root, as which CI runs.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--lang=en",
        // Nothing is looked up or fetched but what is on this machine.
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
        "--disable-background-networking",
        "--no-first-run",
        &profile,
    ];
    let options = json!({
        "args": arguments,
        "prefs": {
            "download.default_directory": dir.join("downloads"),
            "download.prompt_for_download": false,
            "intl.accept_languages": "en",
        },
    });
    let mut capabilities = Capabilities::new();
    capabilities.insert("goog:chromeOptions".into(), options);
    capabilities.insert("goog:loggingPrefs".into(), json!({ "browser": "ALL" }));
    // Questions of a page, such as that a script made, stay and are found.
    capabilities.insert("unhandledPromptBehavior".into(), json!("ignore"));
    capabilities
}

/// A command of Chromium's own protocol, sent through the driver.
#[derive(Debug)]
struct Own(Value);

/// What the browser has logged.
#[derive(Debug)]
struct Log;

impl WebDriverCompatibleCommand for Own {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.0.to_string()))
    }
}

impl WebDriverCompatibleCommand for Log {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}
