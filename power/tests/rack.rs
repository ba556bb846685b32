//! What a rack takes from power.toml, and what it refuses.

use bramble_power::{Config, OpenError, PowerError, Rack, State};

fn open(text: &str) -> Result<Rack, OpenError> {
    Rack::open(&Config::parse(text).expect("it is a power.toml"), "/nowhere".as_ref())
}

#[test]
fn nodes_are_switched_and_keep_their_state_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!(
        "[[switch]]\ndriver = 'simulated'\nfile = '{}'\nnodes = {{ p1 = 1, p2 = 2 }}\nwatts = {{ p1 = 2.5 }}",
        dir.path().join("outlets").display()
    );
    let mut rack = open(&text).unwrap();
    assert!(!dir.path().join("outlets").exists(), "opening writes nothing");
    rack.switch("p2", true).unwrap();
    let mut again = open(&text).unwrap();
    assert_eq!(again.read("p2").unwrap(), State::On);
    assert_eq!(again.read("p1").unwrap(), State::Off);
    assert_eq!(again.facts("p1").unwrap().watts, Some(2.5));
    assert_eq!(again.nodes().collect::<Vec<_>>(), ["p1", "p2"]);
    assert!(matches!(again.read("p3"), Err(PowerError::UnknownNode { .. })));
}

#[test]
fn what_must_not_be_switched_is_refused() {
    let two = "[[switch]]\ndriver = 'simulated'\nnodes = { p1 = 1 }\n".repeat(2);
    assert!(matches!(open(&two), Err(OpenError::TwoOutlets { .. })));
    let one = "[[switch]]\ndriver = 'simulated'\nnodes = { p1 = 1, p2 = 1 }";
    assert!(matches!(open(one), Err(OpenError::OneOutlet { .. })));
    let beyond = "[[switch]]\ndriver = 'simulated'\nnodes = { p1 = 17 }";
    assert!(matches!(open(beyond), Err(OpenError::Outlet { .. })));
    let own = "[[switch]]\ndriver = 'poe-snmp'\nhost = '127.0.0.1'\nsecret-file = '/x'\n\
               head-port = 3\nnodes = { p1 = 3 }";
    assert!(matches!(open(own), Err(OpenError::Outlet { .. } | OpenError::Setting { .. })));
    let watts = "[[switch]]\ndriver = 'simulated'\nnodes = { p1 = 1 }\nwatts = { p1 = -1.0 }";
    assert!(matches!(open(watts), Err(OpenError::Watts { .. })));
}

#[test]
fn a_setting_that_nobody_knows_is_refused_with_its_line() {
    for text in
        ["[[switch]]\ndriver = 'simulated'\nnodes = {}\noutlet = 3", "[[switch]]\ndriver = 'x'"]
    {
        let refused = Config::parse(text).unwrap_err().to_string();
        assert!(refused.contains("line") && refused.contains("docs/power.md"), "{refused}");
    }
}

#[test]
fn every_example_of_the_docs_is_understood() {
    let docs = include_str!("../../docs/power.md");
    let examples: Vec<_> = docs.split("```toml\n").skip(1).collect();
    assert_eq!(examples.len(), 9);
    for example in examples {
        Config::parse(example.split("```").next().unwrap()).unwrap();
    }
}

#[test]
fn what_only_wakes_is_not_switched_off() {
    let text =
        "[[switch]]\ndriver = 'wake-on-lan'\nmacs = ['02:00:5e:10:00:01']\nnodes = { pc = 1 }";
    let mut rack = open(text).unwrap();
    assert!(matches!(rack.switch("pc", false), Err(PowerError::CannotSwitchOff { .. })));
}
