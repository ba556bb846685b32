//! `bramble snmp-pass`: what net-snmp's daemon asks about the cluster.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bramble_displays::JobCounts;
use bramble_displays::snmp::{self, PowerState, Snapshot, Tree};
use bramble_protocol::api::JobState;
use bramble_protocol::error_chain;
use bramble_protocol::power::PowerStage;

use super::Context;
use crate::args::sinks::SnmpPassArgs;
use crate::client::Client;
use crate::error::{CliError, CliResult, Slug};

/// How often the head is asked.
const ASK: Duration = Duration::from_secs(5);

/// Answers on standard output what is asked on standard input, until that ends. While the head
/// cannot be reached there is nothing to answer.
///
/// # Errors
/// When what is asked cannot be read, or the answer not be written.
pub(crate) fn run(context: &Context, args: &SnmpPassArgs) -> CliResult<()> {
    let client = context.client()?;
    let base = args.oid.clone().unwrap_or_default();
    let latest = Arc::new(Mutex::new(Arc::new(Tree::default())));
    let (shared, asked) = (Arc::clone(&latest), base);
    // Beside: the daemon waits for each answer, and must not wait for the head.
    let asking = thread::Builder::new().name("asking".into()).spawn(move || {
        loop {
            let tree =
                look(&client).map_or_else(|_| Tree::default(), |now| Tree::new(&asked, &now));
            *shared.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(tree);
            thread::sleep(ASK);
        }
    });
    asking.map_err(|error| CliError::new(Slug::Local, "cannot start a thread").because(&error))?;
    let newest = || Arc::clone(&latest.lock().unwrap_or_else(PoisonError::into_inner));
    snmp::serve(io::stdin().lock(), io::stdout().lock(), newest)
        .map_err(|error| CliError::new(Slug::Local, error_chain(&error)))
}

fn look(client: &Client) -> CliResult<Snapshot> {
    let nodes = client.nodes()?;
    let mut now = Snapshot::of(&client.head()?, &nodes);
    let jobs = client.jobs()?;
    let count = |state| jobs.iter().filter(|job| job.state == state).count() as u32;
    now.jobs =
        Some(JobCounts { running: count(JobState::Running), waiting: count(JobState::Waiting) });
    for row in &mut now.nodes {
        let power =
            nodes.iter().find(|node| node.name == row.name).and_then(|it| it.power.as_ref());
        row.power_state = power.map(|it| match it.stage {
            PowerStage::Off | PowerStage::Queued => PowerState::Off,
            PowerStage::SwitchingOn | PowerStage::Booting => PowerState::Booting,
            PowerStage::Failed => PowerState::Failed,
            _ => PowerState::On,
        });
    }
    Ok(now)
}
