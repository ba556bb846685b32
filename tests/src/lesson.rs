//! A cluster, and somebody who uses it in a real browser.

use crate::browser::Browser;
use crate::cluster::Cluster;

/// A head with a class, a student of it, and the page in which he has signed in.
pub struct Lesson {
    /// The head and its nodes.
    pub cluster: Cluster,
    /// The browser.
    pub browser: Browser,
}

impl Lesson {
    /// With a node and an admin, `anna`, signed in. `None` where there is no browser.
    pub async fn begin() -> Option<Self> {
        Self::with_nodes(1).await
    }

    /// The same with as many nodes as said.
    pub async fn with_nodes(nodes: usize) -> Option<Self> {
        let browser = Browser::start().await?;
        let cluster = Cluster::start(nodes);
        cluster.bramble(&["user", "add", "anna", "--role", "admin"]).ok();
        let lesson = Self { cluster, browser };
        lesson.sign_in("anna").await;
        Some(lesson)
    }

    /// Resets a PIN and signs in with it, by the form.
    pub async fn sign_in(&self, user: &str) {
        let said = self.cluster.bramble(&["user", "reset-pin", user, "--json"]).ok();
        let pin: serde_json::Value = serde_json::from_slice(&said.stdout).expect("it is JSON");
        let pin = pin[0]["pin"].as_str().expect("a PIN was given");
        self.browser.open(&format!("{}/login", self.cluster.url)).await;
        self.browser.fill("input[name=user]", user).await;
        self.browser.fill("input[name=pin]", pin).await;
        self.browser.fill("input[name=new_pin]", "walrus-719352").await;
        self.browser.click("form[action=\"/login\"] button").await;
        self.browser.element("form[action=\"/logout\"]").await;
    }

    /// Chooses an example of the gallery and a file for it.
    pub async fn choose(&self, example: &str, file: &str) {
        self.browser.open(&format!("{}/new", self.cluster.url)).await;
        self.browser.click(&format!("#example-{example}")).await;
        let field = self.browser.element("input[type=file][name=file]").await;
        field.send_keys(file).await.expect("a file can be chosen");
    }

    /// Whether the browser has signed in.
    pub async fn is_signed_in(&self) -> bool {
        self.browser.open(&self.cluster.url).await;
        let source = self.browser.client.source().await.expect("a page has a source");
        source.contains("action=\"/logout\"")
    }
}

/// Numbers that are in no order.
pub fn numbers(count: u64) -> Vec<u64> {
    (0..count).map(|place| place * 7_919 % 100_003).collect()
}

/// Numbers as a file, one on each line.
pub fn lines(numbers: &[u64]) -> String {
    numbers.iter().map(|number| format!("{number}\n")).collect()
}
