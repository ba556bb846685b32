//! Shows a made-up lesson on real displays, to see whether they are wired and configured right:
//! `show FILE [SECONDS]`, where the file holds `[[display]]` tables.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bramble_displays::{
    ClusterPower, Config, Displays, JobCounts, NodeCounts, PACE, RunningJob, Shown,
};
use bramble_protocol::board::PowerSource;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(file) = words.first() else {
        eprintln!("usage: show FILE [SECONDS]");
        return ExitCode::from(2);
    };
    let config = match Config::read(Path::new(file)) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("show: {file}: {error}");
            return ExitCode::from(2);
        }
    };
    let seconds = words.get(1).and_then(|text| text.parse().ok()).unwrap_or(40);
    let mut displays = Displays::new(Path::new("/"), &config);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(seconds) {
        let now = start.elapsed();
        for notice in displays.show(&lesson(now), now) {
            eprintln!("{notice}");
        }
        std::thread::sleep(PACE);
    }
    displays.off();
    ExitCode::SUCCESS
}

/// Ten seconds each: no node yet, nothing to do, a job at work, an alarm.
fn lesson(now: Duration) -> Shown {
    let scene = now.as_secs() / 10 % 4;
    let here = if scene == 0 { 0 } else { 4 };
    let done_permille = u32::try_from(now.as_millis() / 10 % 1000).unwrap_or(0);
    let job = RunningJob { name: "сортировка".into(), done_permille };
    Shown {
        addresses: vec!["192.168.1.20:8420".into(), "bramble.local:8420".into()],
        class_code: Some("FERN-42".into()),
        nodes: NodeCounts { here, all: 4, hot: 0, lost: 0 },
        hottest_millicelsius: (here > 0).then_some(61_000),
        jobs: JobCounts { running: u32::from(scene >= 2), waiting: 0 },
        running: (scene >= 2).then_some(job),
        alarm: (scene == 3).then(|| "p3 under-voltage".into()),
        power: Some(ClusterPower { milliwatts: 7_400, source: PowerSource::Estimated }),
    }
}
