//! A node: options, what may be wrong with them, and the list of its files.

mod board;
mod services;

use std::path::{Path, PathBuf};

use bramble_protocol::account::Hidden;
use bramble_protocol::join::JoinToken;
use bramble_protocol::node::is_node_name;

use crate::head::directory;
use crate::names;
use crate::plan::{PlanError, Planned, Problem, ShareMode};

/// How a node reaches its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// As a USB device in this slot of a Cluster HAT.
    Slot(u8),
    /// By this network interface.
    Interface(String),
}

/// What `bramble setup node` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeOptions {
    /// The node's name, which is its host name too.
    pub name: String,
    /// How it reaches its head.
    pub link: Link,
    /// Where the head listens: `10.66.0.1:8420`.
    pub head: String,
    /// The head's directory of objects, mounted here under the same path and given to the agent.
    /// None: objects come over HTTP.
    pub share: Option<PathBuf>,
    /// What the agent may do there: what the head's plan says.
    pub share_mode: ShareMode,
    /// A token to join by.
    pub join_token: Option<Hidden>,
    /// Whom people sign in as.
    pub ssh_user: String,
    /// Public keys, as in a `.pub` file, whose owners may sign in so.
    pub ssh_keys: Vec<String>,
    /// Tasks at a time. Without it, as many as there are processors.
    pub slots: Option<u32>,
    /// Whom the agent runs as.
    pub user: String,
    /// His number, the same on all machines.
    pub uid: u32,
    /// Where a Raspberry Pi keeps `config.txt`. None on other boards.
    pub boot: Option<PathBuf>,
    /// Where the program is.
    pub program: PathBuf,
}

impl NodeOptions {
    /// A node called `name` that reaches its head by `link`, with everything else as usual.
    pub fn new(name: &str, link: Link) -> Self {
        Self {
            name: name.into(),
            link,
            head: "10.66.0.1:8420".into(),
            share: None,
            share_mode: ShareMode::ReadOnly,
            join_token: None,
            ssh_user: "pi".into(),
            ssh_keys: Vec::new(),
            slots: None,
            user: "bramble".into(),
            uid: 842,
            boot: Some("/boot/firmware".into()),
            program: "/usr/bin/bramble".into(),
        }
    }
}

/// Where the board under `root` keeps `config.txt`, if it is a Raspberry Pi: since Bookworm in
/// another place than before. Seen from that root.
pub fn boot_dir(root: &Path) -> Option<PathBuf> {
    let known = ["boot/firmware", "boot"].into_iter();
    let found = known.map(Path::new).find(|dir| root.join(dir).join("cmdline.txt").is_file());
    found.map(|dir| Path::new("/").join(dir))
}

/// The files of a node, from options that can be carried out.
#[derive(Clone, Debug)]
pub struct NodePlan {
    options: NodeOptions,
    /// The head's host, without its port.
    head_host: String,
}

impl NodePlan {
    /// Checks the options.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn new(options: NodeOptions) -> Result<Self, PlanError> {
        let mut problems = problems(&options);
        let head = head_host(&options.head);
        if head.is_none() {
            problems.push(Problem::HeadUrl(options.head.clone()));
        }
        match head {
            Some(head_host) if problems.is_empty() => Ok(Self { options, head_host }),
            _ => Err(PlanError(problems)),
        }
    }

    /// The options.
    pub fn options(&self) -> &NodeOptions {
        &self.options
    }

    /// The packages of Debian that its files are for.
    pub fn packages(&self) -> Vec<&'static str> {
        let mut packages = vec!["network-manager", "systemd-timesyncd"];
        if self.options.share.is_some() {
            packages.push("nfs-common");
        }
        if !self.options.ssh_keys.is_empty() {
            packages.push("openssh-server");
        }
        packages
    }

    /// Every file, in the order in which they are written.
    pub fn files(&self) -> Vec<Planned> {
        let mut files = board::files(self);
        files.extend(services::files(self));
        files
    }
}

/// The host of `HOST:PORT`, with or without `https://` before it.
fn head_host(head: &str) -> Option<String> {
    let address = head.strip_prefix("https://").unwrap_or(head);
    let (host, port) = address.split_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    let plain = names::is_domain(&host.to_ascii_lowercase());
    (plain && port > 0).then(|| host.to_owned())
}

fn problems(options: &NodeOptions) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !names::is_dns_label(&options.name) {
        problems.push(Problem::Label { what: "node", name: options.name.clone() });
    } else if !is_node_name(&options.name) {
        problems.push(Problem::Reserved(options.name.clone()));
    }
    match &options.link {
        Link::Slot(slot @ (0 | 253..)) => problems.push(Problem::Slot(*slot)),
        Link::Interface(name) if !names::is_interface(name) => {
            problems.push(Problem::Interface(name.clone()));
        }
        _ => {}
    }
    problems.extend(options.share.as_deref().and_then(directory));
    for path in options.boot.iter().chain([&options.program]) {
        if !names::is_plain_path(path) {
            problems.push(Problem::Path(path.clone()));
        }
    }
    for user in [&options.user, &options.ssh_user] {
        if !names::is_user(user) {
            problems.push(Problem::User(user.clone()));
        }
    }
    if !(100..=999).contains(&options.uid) {
        problems.push(Problem::Uid(options.uid));
    }
    let token = options.join_token.as_ref();
    if token.is_some_and(|token| token.expose().trim().parse::<JoinToken>().is_err()) {
        problems.push(Problem::Token);
    }
    for key in options.ssh_keys.iter().filter(|key| !is_public_key(key)) {
        problems.push(Problem::Key(key.chars().take(20).collect()));
    }
    problems
}

/// Whether this is one public key on one line. Options before the kind could say anything, so none
/// are taken.
pub(crate) fn is_public_key(line: &str) -> bool {
    let line = line.trim();
    let mut words = line.split(' ');
    let kinds = ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com"];
    let is_kind = words.next().is_some_and(|kind| kinds.contains(&kind));
    let in_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let is_body = words.next().is_some_and(|body| body.len() >= 40 && body.chars().all(in_base64));
    is_kind && is_body && line.len() <= 8192 && !line.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_named_by_host_and_port() {
        assert_eq!(head_host("10.66.0.1:8420").as_deref(), Some("10.66.0.1"));
        assert_eq!(head_host("https://lab.local:80").as_deref(), Some("lab.local"));
        for bad in ["10.66.0.1", "http://10.66.0.1:1", "a b:1", "h:0", "h:99999", ":8420", "h:1/x"]
        {
            assert_eq!(head_host(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_plain_public_keys_are_taken() {
        let body = "A".repeat(60);
        assert!(is_public_key(&format!("ssh-ed25519 {body} me@lab")));
        let bad = [
            format!("command=\"x\" ssh-ed25519 {body}"),
            format!("ssh-ed25519 {body}\nssh-rsa {body}"),
            "-----BEGIN OPENSSH PRIVATE KEY-----".into(),
            "ssh-ed25519 short".into(),
        ];
        for bad in bad {
            assert!(!is_public_key(&bad), "{bad}");
        }
    }
}
