//! A cluster of boards that are not there, for preparing a lesson.

use std::fs;
use std::process::{Child, Command, Stdio};

use bramble_protocol::api::NodeView;
use bramble_protocol::power::{PowerList, PowerStage};
use bramble_tests::cluster::{bramble, wait_for};

/// `bramble up --simulate`, stopped at the end.
struct Up {
    dir: tempfile::TempDir,
    child: Child,
    url: String,
}

impl Up {
    fn start(boards: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory can be made");
        let mut command = bramble();
        command.args(["up", "--simulate", boards, "--boot-time", "300ms"]);
        command.args(["--listen", "127.0.0.1:0", "--data"]).arg(dir.path());
        let log = fs::File::create(dir.path().join("up.log")).expect("a log can be written");
        let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("it can be started");
        let url = wait_for("the cluster", || {
            let record = fs::read(dir.path().join("up.json")).ok()?;
            let record: serde_json::Value = serde_json::from_slice(&record).ok()?;
            (record["ready"] == true).then(|| record["url"].as_str().map(str::to_owned))?
        });
        Self { dir, child, url }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = bramble();
        command.args(["--cluster", &self.url]).args(args).env("BRAMBLE_DATA", self.dir.path());
        command
    }

    fn ok(&self, args: &[&str]) -> Vec<u8> {
        let said = self.command(args).output().expect("the program can be started");
        assert!(said.status.success(), "{args:?}: {}", String::from_utf8_lossy(&said.stderr));
        said.stdout
    }

    fn nodes(&self) -> Vec<NodeView> {
        serde_json::from_slice(&self.ok(&["nodes", "--json"])).expect("it is a list")
    }

    fn wait_for_stage(&self, node: &str, stage: PowerStage) {
        wait_for(stage.slug(), || {
            let all: PowerList = serde_json::from_slice(&self.ok(&["power", "--json"])).ok()?;
            let view = all.nodes.into_iter().find(|view| view.outlet.node == node)?;
            (view.stage == stage).then_some(())
        });
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

#[test]
fn simulated_boards_are_slow_and_warm_and_can_be_switched_and_say_what_they_are() {
    let up = Up::start("2xZero2W");
    let nodes = up.nodes();
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["zero2w-1", "zero2w-2"]);
    for node in &nodes {
        let model = node.status.model.as_deref();
        assert_eq!((model, node.slots), (Some("Raspberry Pi Zero 2 W (simulated)"), 4));
        assert!(node.status.temperature_millicelsius.is_some_and(|it| it > 24_000));
        let board = node.status.board.as_ref().expect("a board tells of itself");
        assert!(board.power.is_some_and(|power| (600..=1_750).contains(&power.milliwatts)));
    }
    wait_for("their speed", || {
        let speeds = up.nodes().into_iter().map(|node| node.speed).collect::<Option<Vec<u32>>>()?;
        assert!(speeds.iter().all(|speed| *speed <= 90), "{speeds:?}");
        Some(())
    });
    let input = up.dir.path().join("numbers.txt");
    fs::write(&input, "3\n1\n2\n").expect("it can be written");
    let input = input.display().to_string();
    let sorted = up.ok(&["submit", "--example", "sort", "--input", &input, "-o", "-"]);
    assert_eq!(String::from_utf8_lossy(&sorted), "1\n2\n3\n");

    up.ok(&["power", "off", "zero2w-2"]);
    up.wait_for_stage("zero2w-2", PowerStage::Off);
    let sorted =
        up.ok(&["submit", "--example", "sort", "--input", &input, "--no-cache", "-o", "-"]);
    assert_eq!(String::from_utf8_lossy(&sorted), "1\n2\n3\n");
    up.ok(&["power", "on", "zero2w-2"]);
    up.wait_for_stage("zero2w-2", PowerStage::On);
}

#[test]
fn boards_that_there_are_not_are_refused_with_those_that_there_are() {
    let said = bramble().args(["up", "--simulate", "4xPentium"]).output().expect("it starts");
    let text = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(2));
    assert!(text.contains("Zero2W") && text.contains("4xPentium"), "{text}");
}
