//! What a node is called when nobody has named it.

use bramble_protocol::node::is_node_name;

/// Longest name in bytes, with room for a number behind it.
const NAME_BYTES_MAX: usize = 56;

/// The machine's host name without its domain, changed where a node may not be called so.
pub fn default_node_name() -> String {
    node_name(&rustix::system::uname().nodename().to_string_lossy())
}

fn node_name(host: &str) -> String {
    let label = host.split('.').next().unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name: String = label.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    let name = name.trim_matches('-');
    let name = &name[..name.len().min(NAME_BYTES_MAX)];
    if is_node_name(name) {
        name.to_owned()
    } else if name.is_empty() {
        "node".to_owned()
    } else {
        format!("node-{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_host_name_becomes_a_node_name() {
        let cases = [
            ("raspberrypi", "raspberrypi"),
            ("pi4.lab.example.org", "pi4"),
            ("Zero_2", "Zero_2"),
            ("bücherei pi", "b-cherei-pi"),
            ("214", "node-214"),
            ("all", "node-all"),
            ("any.local", "node-any"),
            ("", "node"),
            ("...", "node"),
            ("日本", "node"),
        ];
        for (host, expected) in cases {
            assert_eq!(node_name(host), expected, "{host:?}");
        }
        for host in ["x".repeat(300), "9".repeat(300), cases.map(|case| case.0).concat()] {
            assert!(is_node_name(&node_name(&host)), "{host:?}");
        }
        assert!(is_node_name(&default_node_name()));
    }
}
