//! Commands about who people are, as typed.

use std::path::PathBuf;
use std::time::Duration;

use bramble_protocol::account::Role;
use clap::{Args, Subcommand};

use super::queue::{class, user};
use super::values;

const LOGIN_EXAMPLES: &str = "\
Examples:
  bramble login                                shows eight letters, which you confirm in a browser
  bramble --cluster http://lab.local:8420 login
  bramble login --user smith                   asks for the password here
  bramble login --user anna --code FERN42 --pin-file pin.txt --new-pin-file own.txt
  bramble login --token-file admin.token       keeps a token that you were given

On the head's own computer its user needs no login.";

/// `bramble login`
#[derive(Args, Debug)]
#[command(after_long_help = LOGIN_EXAMPLES)]
pub(crate) struct LoginArgs {
    /// Who signs in, with a PIN or password instead of a browser
    #[arg(long, value_name = "NAME", value_parser = user)]
    pub(crate) user: Option<String>,
    /// The class's code, for students
    #[arg(long, value_name = "CODE", requires = "user")]
    pub(crate) code: Option<String>,
    /// The file with the PIN; - for standard input; asked for when absent
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(crate) pin_file: Option<PathBuf>,
    /// The file with another PIN to have from now on
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(crate) new_pin_file: Option<PathBuf>,
    /// The file with a token; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    pub(crate) token_file: Option<PathBuf>,
}

const LOGOUT_EXAMPLES: &str = "\
Examples:
  bramble logout                               end the session of this computer's user
  bramble logout --session 17                  end another one of yours: bramble whoami";

/// `bramble logout`
#[derive(Args, Debug)]
#[command(after_long_help = LOGOUT_EXAMPLES)]
pub(crate) struct LogoutArgs {
    /// Another session of yours, as `bramble whoami` numbers them
    #[arg(long, value_name = "N")]
    pub(crate) session: Option<u64>,
}

const WHOAMI_EXAMPLES: &str = "\
Examples:
  bramble whoami                               your name, role and sessions
  bramble whoami --json | jq -r .user";

/// `bramble whoami`
#[derive(Args, Debug)]
#[command(after_long_help = WHOAMI_EXAMPLES)]
pub(crate) struct WhoamiArgs {}

const USER_EXAMPLES: &str = "\
Examples:
  bramble user list
  bramble user add smith --role teacher        prints a PIN for the first time
  bramble user add anna --class 7b
  bramble user import roster.csv --class 7b    a name a line, or a column called name
  bramble user reset-pin anna                  prints another PIN, ends the sessions
  bramble user remove anna                     with all jobs and results

What people have used and may have: bramble users";

/// `bramble user`
#[derive(Args, Debug)]
#[command(after_long_help = USER_EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct UserArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: UserAction,
}

/// What can be done to accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum UserAction {
    /// List the accounts that you look after
    #[command(after_long_help = USER_EXAMPLES)]
    List,
    /// Make an account, and a PIN to sign in with for the first time
    #[command(after_long_help = USER_EXAMPLES)]
    Add {
        /// What the person is called
        #[arg(value_name = "NAME", value_parser = user)]
        name: String,
        /// viewer, student, teacher or admin
        #[arg(long, value_name = "ROLE", default_value = "student")]
        role: Role,
        /// The class that a student belongs to
        #[arg(long, value_name = "NAME", value_parser = class)]
        class: Option<String>,
    },
    /// Put all on a roster into a class, with a PIN for each
    #[command(after_long_help = USER_EXAMPLES)]
    Import {
        /// The roster: a name a line, or CSV with a column called name
        #[arg(value_name = "FILE")]
        roster: PathBuf,
        /// The class
        #[arg(long, value_name = "NAME", value_parser = class)]
        class: String,
    },
    /// Give somebody another PIN, and end his sessions
    #[command(after_long_help = USER_EXAMPLES)]
    ResetPin {
        /// Who
        #[arg(value_name = "NAME", value_parser = user)]
        name: String,
    },
    /// Remove somebody, with all jobs and results
    #[command(after_long_help = USER_EXAMPLES)]
    Remove {
        /// Who
        #[arg(value_name = "NAME", value_parser = user)]
        name: String,
    },
}

const CLASS_EXAMPLES: &str = "\
Examples:
  bramble class new 7b                         prints the code by which students join
  bramble class new club --open --ends 90d     takes whoever has the code
  bramble class list
  bramble class close 7b                       nobody joins or signs in; results stay
  bramble class remove 7b                      with its students, their jobs and results";

/// `bramble class`
#[derive(Args, Debug)]
#[command(after_long_help = CLASS_EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct ClassArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: ClassAction,
}

/// What can be done to classes.
#[derive(Debug, Subcommand)]
pub(crate) enum ClassAction {
    /// List your classes
    #[command(after_long_help = CLASS_EXAMPLES)]
    List,
    /// Make a class
    #[command(after_long_help = CLASS_EXAMPLES)]
    New {
        /// What it is called
        #[arg(value_name = "NAME", value_parser = class)]
        name: String,
        /// Let students join who are not on the roster
        #[arg(long)]
        open: bool,
        /// When it ends by itself, from now, as 90d
        #[arg(long, value_name = "TIME", value_parser = values::duration)]
        ends: Option<Duration>,
        /// Whose class it is, if not yours
        #[arg(long, value_name = "NAME", value_parser = user)]
        teacher: Option<String>,
    },
    /// Close a class: nobody joins it or signs in any more
    #[command(after_long_help = CLASS_EXAMPLES)]
    Close {
        /// Which
        #[arg(value_name = "NAME", value_parser = class)]
        name: String,
    },
    /// Remove a class with its students, their jobs and results
    #[command(after_long_help = CLASS_EXAMPLES)]
    Remove {
        /// Which
        #[arg(value_name = "NAME", value_parser = class)]
        name: String,
    },
}

const AUDIT_EXAMPLES: &str = "\
Examples:
  bramble audit                                the latest hundred entries
  bramble audit --who anna --count 20
  bramble audit --action login
  bramble audit --count 1000 --json > audit.json";

/// `bramble audit`
#[derive(Args, Debug)]
#[command(after_long_help = AUDIT_EXAMPLES)]
pub(crate) struct AuditArgs {
    /// How many entries
    #[arg(long, value_name = "N", default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) count: u32,
    /// Only those before this number
    #[arg(long, value_name = "N")]
    pub(crate) before: Option<u64>,
    /// Only what this person did
    #[arg(long, value_name = "NAME", value_parser = user)]
    pub(crate) who: Option<String>,
    /// Only this: login, submit, cancel, user-add, class-new, drain, ...
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Option<String>,
}
