//! The head's hands on the switches: a thread that does what the scheduler wants switched, and looks
//! now and then how things are.

use std::path::Path;
use std::thread;
use std::time::Duration;

use bramble_power::{Config, Rack};
use bramble_protocol::error_chain;
use bramble_scheduler::{Handle, Switch};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::error::{CliError, CliResult, Slug};
use crate::paths;

/// How often the switches are asked how things are, because others may switch, too.
const LOOK: Duration = Duration::from_secs(30);

/// Opens the switches of a configuration, tells the scheduler of them, and serves it from then on,
/// until it stops.
///
/// # Errors
/// When the file is none, a switch cannot be used, or the scheduler has stopped.
pub(super) async fn serve(handle: &Handle, file: &Path) -> CliResult<()> {
    let shown = paths::shown(file);
    let unusable = |why: String| {
        CliError::new(Slug::DataUnusable, format!("the switches in {shown} cannot be used"))
            .why(why)
            .help("docs/power.md has an example for each driver")
    };
    let config = Config::read(file).map_err(|error| unusable(error_chain(&error)))?;
    let offset_s = jiff::Zoned::now().offset().seconds();
    let policy = config.policy(offset_s).map_err(|error| unusable(error_chain(&error)))?;
    let mut rack =
        Rack::open(&config, Path::new("/")).map_err(|error| unusable(error_chain(&error)))?;
    // Reading may take as long as a command may.
    let looked = tokio::task::spawn_blocking(move || (rack.outlets(), rack)).await;
    let (outlets, rack) = looked.map_err(|error| unusable(error.to_string()))?;
    for outlet in &outlets {
        for warning in &outlet.warnings {
            tracing::warn!(node = outlet.node, "power of {}: {warning}", outlet.node);
        }
    }
    let nodes = outlets.len();
    let switches = handle.supply(outlets, policy).await;
    let switches = switches.map_err(|error| unusable(error_chain(&error)))?;
    let work = Work { rack, handle: handle.clone(), switches };
    let runtime = tokio::runtime::Handle::current();
    let started = thread::Builder::new().name("power".into()).spawn(move || work.run(&runtime));
    started.map_err(|error| CliError::new(Slug::Local, "cannot start a thread").because(&error))?;
    tracing::info!(nodes, "the power of {nodes} nodes can be switched");
    Ok(())
}

struct Work {
    rack: Rack,
    handle: Handle,
    switches: mpsc::Receiver<Switch>,
}

impl Work {
    fn run(mut self, runtime: &tokio::runtime::Handle) {
        let mut look_at = Instant::now() + LOOK;
        loop {
            // Inside, because a timer belongs to the runtime in which it is made.
            let next = runtime
                .block_on(async { tokio::time::timeout_at(look_at, self.switches.recv()).await });
            let told = match next {
                Ok(Some(switch)) => self.switch(runtime, switch),
                // The scheduler has stopped.
                Ok(None) => return,
                Err(_) => {
                    let told = self.look(runtime);
                    look_at = Instant::now() + LOOK;
                    told
                }
            };
            if told.is_err() {
                return;
            }
        }
    }

    fn switch(
        &mut self,
        runtime: &tokio::runtime::Handle,
        Switch { node, on }: Switch,
    ) -> Result<(), bramble_scheduler::CommandError> {
        let way = if on { "on" } else { "off" };
        let fault = self.rack.switch(&node, on).err().map(|error| error_chain(&error));
        match &fault {
            None => tracing::info!(node, "{node} was switched {way}"),
            Some(fault) => tracing::warn!(node, fault, "{node} was not switched {way}: {fault}"),
        }
        runtime.block_on(self.handle.power_switched(node, on, fault))
    }

    fn look(
        &mut self,
        runtime: &tokio::runtime::Handle,
    ) -> Result<(), bramble_scheduler::CommandError> {
        let nodes: Vec<String> = self.rack.nodes().map(str::to_owned).collect();
        for node in nodes {
            match self.rack.read(&node) {
                Ok(state) => runtime.block_on(self.handle.power_read(node, state.supply()))?,
                Err(error) => {
                    tracing::debug!(node, error = error_chain(&error), "cannot read the power");
                }
            }
        }
        Ok(())
    }
}
