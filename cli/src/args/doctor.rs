//! `bramble doctor`, as typed.

use std::path::PathBuf;

use clap::Args;

use super::values;

const DOCTOR_EXAMPLES: &str = "\
Examples:
  bramble doctor                           each node: what works, and where to begin with what does not
  bramble doctor p1                        one of them, stage by stage
  bramble doctor --record-fixture my-board on an odd board: the files that its sensors are read from

The stages are power, USB, link, DHCP, agent, share, clock and version. USB, link and DHCP are seen on
the head's own machine only. The exit code is 1 when something is wrong.";

/// `bramble doctor`
#[derive(Args, Debug)]
#[command(after_long_help = DOCTOR_EXAMPLES)]
pub(crate) struct DoctorArgs {
    /// Which nodes [default: all that are known]
    #[arg(value_name = "NODE", value_parser = values::node_name)]
    pub(crate) names: Vec<String>,
    /// Record what this machine's sensors are read from in a new directory, without serial numbers
    /// and addresses, so that an odd board can become a test
    #[arg(long, value_name = "DIR", conflicts_with = "names")]
    pub(crate) record_fixture: Option<PathBuf>,
    /// The agent's directory, whose disk is recorded [default: the service's, or your own agent's]
    #[arg(long, value_name = "DIR", requires = "record_fixture")]
    pub(crate) data: Option<PathBuf>,
    /// The share, of which is recorded how it is mounted [default: /srv/bramble/store]
    #[arg(long, value_name = "DIR", requires = "record_fixture")]
    pub(crate) share: Option<PathBuf>,
}
