//! The command line as typed. What it means together is checked in [`crate::request`].

pub(crate) mod cluster;
pub(crate) mod compare;
pub(crate) mod develop;
pub(crate) mod doctor;
pub(crate) mod jobs;
pub(crate) mod manual;
pub(crate) mod nodes;
pub(crate) mod people;
pub(crate) mod power;
pub(crate) mod program;
pub(crate) mod queue;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod secrets;
pub(crate) mod setup;
#[cfg(feature = "head")]
pub(crate) mod sinks;
pub(crate) mod space;
pub(crate) mod submit;
pub(crate) mod values;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Examples at the end of the long help.
const EXAMPLES: &str = "\
Examples:
  bramble up                                   start a small cluster on this computer
  bramble submit --example sort                run a job from the gallery on it
  bramble submit sort.wasm --input numbers.txt -o sorted.txt
  bramble jobs                                 what has run, what runs
  bramble new myjob --lang rust                start a job of your own
  bramble help exit-codes                      what the exit code says

More help:  bramble help COMMAND · bramble help exit-codes · bramble help environment";

/// Run WebAssembly jobs on a cluster of small computers.
#[derive(Debug, Parser)]
#[command(
    name = "bramble",
    version,
    about,
    after_help = EXAMPLES,
    disable_help_subcommand = true,
    help_expected = true,
    propagate_version = false,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    /// Flags that every command has.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command has.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The head's address, such as http://lab.local:8420 [env: BRAMBLE_CLUSTER]
    ///
    /// Without it: the local cluster that `bramble up` started, else http://127.0.0.1:8420.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) cluster: Option<String>,
    /// Answer in JSON: lists as one array, streams as one object per line
    #[arg(long, global = true, conflicts_with = "plain")]
    pub(crate) json: bool,
    /// Answer in lines of fields between tabs, nothing shortened
    #[arg(long, global = true)]
    pub(crate) plain: bool,
    /// Say nothing but the answer and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more, such as what is sent
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// Colours: auto means only on a terminal, and not when NO_COLOR is set
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub(crate) color: When,
    /// How progress is shown: auto means a bar on a terminal and lines elsewhere
    #[arg(long, global = true, value_enum, value_name = "HOW", default_value_t)]
    pub(crate) progress: ProgressStyle,
    /// Never ask anything; what would be asked is an error
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How to show progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressStyle {
    /// A bar on a terminal, lines elsewhere.
    #[default]
    Auto,
    /// A bar.
    Bar,
    /// A line when something changes.
    Lines,
    /// Nothing.
    None,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a cluster on this computer: a head and some nodes
    Up(cluster::UpArgs),
    /// Stop the cluster that `bramble up` started
    Down(cluster::DownArgs),
    /// Save all that a head must not forget, also while it runs
    Backup(cluster::BackupArgs),
    /// Put a backup back in the place of a head's data
    Restore(cluster::RestoreArgs),
    /// Run the head of a cluster of several machines
    Head(cluster::HeadArgs),
    /// Run the agent that makes this machine a node
    Agent(cluster::AgentArgs),
    /// Run a job: send a module and its input, wait, fetch the result
    Submit(Box<submit::SubmitArgs>),
    /// Run the same input through several algorithms and show what each takes
    Compare(Box<compare::CompareArgs>),
    /// Run the jobs of a file, of which one may work on the result of another
    Run(run::RunArgs),
    /// List jobs, or show some in detail
    #[command(visible_aliases = ["ls", "ps"])]
    Jobs(jobs::JobsArgs),
    /// Follow a job until it ends
    Watch(jobs::WatchArgs),
    /// Show what the tasks of a job logged
    Logs(jobs::LogsArgs),
    /// Fetch what it takes to look for the fault of a task that failed
    Bundle(jobs::BundleArgs),
    /// Fetch a job's result, checking every byte
    Get(jobs::GetArgs),
    /// Stop jobs
    Cancel(jobs::CancelArgs),
    /// Try a job again that failed: only what did not succeed is run
    Retry(jobs::RetryArgs),
    /// Give a job its secrets again, which a head forgets when it is restarted
    Secret(secrets::SecretCommandArgs),
    /// List the nodes, or show one in detail; take nodes out of work and back
    Nodes(nodes::NodesArgs),
    /// Show which nodes have power; switch nodes on and off
    Power(power::PowerArgs),
    /// Sum up what jobs have taken: tasks, processor time and energy, by user, class, job or node
    Report(report::ReportArgs),
    /// Find where nodes hang, from power to version, and what to do about it
    Doctor(doctor::DoctorArgs),
    /// Make this machine a head or a node: its network, its services, and the way back
    Setup(setup::SetupArgs),
    /// Answer net-snmp's daemon about the cluster: to be named in snmpd.conf
    #[cfg(feature = "head")]
    SnmpPass(sinks::SnmpPassArgs),
    /// Say why a job or a task waits, and why it runs where it does
    Explain(queue::ExplainArgs),
    /// Show whose turn it is and why; pause the queue or a class
    Queue(queue::QueueArgs),
    /// Put a job before others, or after them
    Priority(queue::PriorityArgs),
    /// Show what users have used and may have; set their limits
    Users(queue::UsersArgs),
    /// Begin a session with a head: by a browser, a PIN or a token
    Login(people::LoginArgs),
    /// End a session with a head
    Logout(people::LogoutArgs),
    /// Show who the head takes you for, and your sessions
    Whoami(people::WhoamiArgs),
    /// Make, list and remove accounts; import rosters; reset PINs
    User(people::UserArgs),
    /// Make, list, close and remove classes
    Class(people::ClassArgs),
    /// Show what was done, by whom, from where
    Audit(people::AuditArgs),
    /// Remove what nobody needs from the head's disk, or show what is there and why
    Gc(space::GcArgs),
    /// Make a new project for a job
    New(develop::NewArgs),
    /// Build a project by its language's own toolchain
    Build(develop::BuildArgs),
    /// Run a job here, without a cluster, in several ways, and compare what comes out
    Test(Box<develop::TestArgs>),
    /// Show what a module is and needs, and why it would be refused
    Inspect(develop::InspectArgs),
    /// Explain a command or a topic: exit-codes, environment
    Help(HelpArgs),
    /// Print what a shell needs to complete bramble's command lines
    Completions(manual::CompletionsArgs),
    /// Write a page of the manual for every command, for those who make packages
    #[command(hide = true)]
    Man(manual::ManArgs),
    /// Print the version
    Version,
    /// For bramble itself
    #[command(hide = true)]
    Internal(cluster::InternalArgs),
}

/// `bramble help`
#[derive(Args, Debug)]
pub(crate) struct HelpArgs {
    /// A command, or one of: exit-codes, environment
    #[arg(value_name = "TOPIC")]
    pub(crate) topic: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed_and_every_flag_has_help() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_that_people_use_has_examples() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            if command.is_hide_set() || matches!(name, "version" | "help" | "down") {
                continue;
            }
            assert!(command.get_after_long_help().is_some(), "{name} has no examples");
        }
    }
}
