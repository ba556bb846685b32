//! The one error of the program: what went wrong, why, what to do, and the exit code it means.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use bramble_protocol::{ProblemKind, error_chain};

/// Defines [`Slug`] with the name and exit code of each, in one table.
macro_rules! slugs {
    ($($(#[$doc:meta])* $variant:ident = $name:literal => $exit:ident,)*) => {
        /// A stable name for a sort of error; shown at its end, and an anchor in the manual.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Slug { $($(#[$doc])* $variant,)* }

        impl Slug {
            /// Every slug, for tests.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name as shown.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How the program ends after it.
            pub(crate) const fn exit(self) -> Exit {
                match self { $(Self::$variant => Exit::$exit,)* }
            }
        }
    };
}

slugs! {
    /// Flags or arguments that do not fit together.
    Usage = "usage" => Usage,
    /// A task of the job failed for good.
    JobFailed = "job-failed" => JobFailed,
    /// The job was cancelled.
    JobCanceled = "job-canceled" => JobFailed,
    /// A trial gave different results, or not the expected one.
    TestFailed = "test-failed" => JobFailed,
    /// A language's toolchain failed.
    BuildFailed = "build-failed" => JobFailed,
    /// A toolchain is not installed.
    MissingTool = "missing-tool" => NotFound,
    /// A directory is no project, or its `bramble.toml` cannot be used.
    BadProject = "bad-project" => NotFound,
    /// Nobody listens at the cluster's address.
    Unreachable = "unreachable" => Cluster,
    /// The head has another key than before.
    HeadChanged = "head-changed" => Refused,
    /// The head answered with something that is no answer, or with a fault of its own.
    HeadFault = "head-fault" => Cluster,
    /// The head has as much to do as it accepts.
    Busy = "busy" => Cluster,
    /// The disk of the head, or of this computer, is full.
    DiskFull = "disk-full" => Cluster,
    /// Bytes that do not match their digest.
    Corrupt = "corrupt" => Cluster,
    /// This computer failed to do something that usually works.
    Local = "local-fault" => Cluster,
    /// A head or an agent of a local cluster did not start, or keeps dying.
    ClusterDown = "cluster-down" => Cluster,
    /// Nobody has signed in here, or the session is over.
    SignInNeeded = "sign-in-needed" => NotAllowed,
    /// The class code, the name or the PIN is wrong, or another PIN must be chosen.
    WrongPin = "wrong-pin" => NotAllowed,
    /// Too many tries.
    TooManyTries = "too-many-tries" => NotAllowed,
    /// Who asks may not do this.
    NotAllowed = "not-allowed" => NotAllowed,
    /// No such account, class or session.
    NoSuchAccount = "no-such-account" => NotFound,
    /// There is one of this name already.
    NameTaken = "name-taken" => Refused,
    /// A job file that is no such, or asks for what cannot be.
    BadJobFile = "bad-job-file" => NotFound,
    /// A file or directory that is not there.
    NoSuchFile = "no-such-file" => NotFound,
    /// A file that is there and of no use: a directory, empty, unreadable.
    BadFile = "bad-file" => NotFound,
    /// The input changed, shrank or vanished while it was read.
    InputChanged = "input-changed" => NotFound,
    /// The input cannot be cut into chunks as asked.
    BadInput = "bad-input" => NotFound,
    /// No such job.
    NoSuchJob = "no-such-job" => NotFound,
    /// No such node.
    NoSuchNode = "no-such-node" => NotFound,
    /// A limit of the user or the class is reached.
    LimitReached = "limit-reached" => Refused,
    /// The head does not have the object, or the page.
    NotFound = "not-found" => NotFound,
    /// No module of that name among the examples.
    NoSuchExample = "no-such-example" => NotFound,
    /// The module cannot be run as a job.
    BadModule = "bad-module" => Refused,
    /// The head refuses the job as it is.
    BadJob = "bad-job" => Refused,
    /// Larger than allowed.
    TooLarge = "too-large" => Refused,
    /// The job is not in a state that allows this.
    WrongState = "wrong-state" => Refused,
    /// A file that would be overwritten.
    OutputExists = "output-exists" => Refused,
    /// Another process uses the data directory.
    DataLocked = "data-locked" => Refused,
    /// The data directory was written by a newer version.
    DataNewer = "data-newer" => Refused,
    /// The data directory cannot be used.
    DataUnusable = "data-unusable" => Refused,
    /// The address to listen on is taken, or not of this computer.
    AddressInUse = "address-in-use" => Refused,
    /// The head refuses the agent.
    AgentRefused = "agent-refused" => Refused,
    /// `--timeout` passed; the job goes on.
    TimeoutPassed = "timeout-passed" => Timeout,
    /// Ctrl-C.
    Interrupted = "interrupted" => Interrupted,
}

/// How the program ends. `bramble help exit-codes` explains each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Exit {
    /// The job failed or was cancelled.
    JobFailed,
    /// A wrong flag or argument.
    Usage,
    /// The cluster, or this computer, does not work.
    Cluster,
    /// Not signed in, or not allowed.
    NotAllowed,
    /// No such job, node or file, or a file of no use.
    NotFound,
    /// Refused.
    Refused,
    /// `--timeout` passed.
    Timeout,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    /// Every way to end but success, for the list in the help and for tests.
    pub(crate) const ALL: [Self; 8] = [
        Self::JobFailed,
        Self::Usage,
        Self::Cluster,
        Self::NotAllowed,
        Self::NotFound,
        Self::Refused,
        Self::Timeout,
        Self::Interrupted,
    ];

    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::JobFailed => 1,
            Self::Usage => 2,
            Self::Cluster => 3,
            Self::NotAllowed => 4,
            Self::NotFound => 5,
            Self::Refused => 6,
            Self::Timeout => 7,
            Self::Interrupted => 130,
        }
    }

    /// What it means, for `bramble help exit-codes`.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::JobFailed => {
                "the job failed, or was cancelled; a build or a test failed; doctor found something"
            }
            Self::Usage => "wrong flags or arguments; nothing was done",
            Self::Cluster => {
                "the cluster cannot be reached or does not work, or this computer fails (disk full)"
            }
            Self::NotAllowed => "not signed in, or not allowed",
            Self::NotFound => "no such job, node, file or tool, or a file that cannot be used",
            Self::Refused => "refused: a bad module or job, too large, or in use by another",
            Self::Timeout => "--timeout passed; the job goes on",
            Self::Interrupted => "Ctrl-C; a submitted job goes on",
        }
    }
}

/// How a command that did not fail ends, other than with success.
#[derive(Debug)]
pub(crate) enum CliError {
    /// An error to be shown.
    Shown(Box<Report>),
    /// All has been said already: end with this.
    Silent(u8),
    /// Whoever read our standard output stopped reading, which is their right.
    PipeClosed,
}

/// An error as the user sees it.
#[derive(Debug)]
pub(crate) struct Report {
    /// Its sort.
    pub(crate) slug: Slug,
    /// What went wrong.
    pub(crate) what: String,
    /// Why, in lines.
    pub(crate) why: Vec<String>,
    /// What to do next, in lines.
    pub(crate) help: Vec<String>,
    /// Shown instead of the slug, where another name says more.
    pub(crate) label: Option<String>,
}

/// The result of everything here that can fail.
pub(crate) type CliResult<T> = Result<T, CliError>;

impl CliError {
    /// An error that says what went wrong.
    pub(crate) fn new(slug: Slug, what: impl Into<String>) -> Self {
        let (why, help) = (Vec::new(), Vec::new());
        Self::Shown(Box::new(Report { slug, what: what.into(), why, help, label: None }))
    }

    /// A wrong use of flags.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Slug::Usage, what)
    }

    /// Something that this program was built without.
    #[cfg(not(feature = "head"))]
    pub(crate) fn agent_only(what: &str) -> Self {
        Self::new(Slug::Usage, format!("this bramble cannot {what}"))
            .why("it is built for nodes: an agent and a client, without compiler and database")
            .help("use the full program, which is built with its default features")
    }

    /// Adds why, one or more lines.
    #[must_use]
    pub(crate) fn why(mut self, why: impl Into<String>) -> Self {
        if let Self::Shown(report) = &mut self {
            report.why.push(why.into());
        }
        self
    }

    /// Adds the causes of `error` as why: its own text and each source's.
    #[must_use]
    pub(crate) fn because(self, error: &dyn Error) -> Self {
        self.why(error_chain(error))
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        if let Self::Shown(report) = &mut self {
            report.help.push(help.into());
        }
        self
    }

    /// Shows `label` instead of the slug.
    #[must_use]
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        if let Self::Shown(report) = &mut self {
            report.label = Some(label.into());
        }
        self
    }

    /// A failed file operation: tells a missing file, a refused one and a full disk apart.
    pub(crate) fn file(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let shown = path.display();
        match error.kind() {
            ErrorKind::NotFound => Self::new(Slug::NoSuchFile, format!("no such file: {shown}"))
                .help("check the name; it is looked for from the current directory on"),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                Self::new(Slug::DiskFull, format!("cannot {doing} {shown}: the disk is full"))
                    .help("free some space, then try again")
            }
            ErrorKind::PermissionDenied
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::InvalidFilename => {
                Self::new(Slug::BadFile, format!("cannot {doing} {shown}")).because(error)
            }
            _ => Self::new(Slug::Local, format!("cannot {doing} {shown}")).because(error),
        }
    }

    /// A failed write to standard output.
    pub(crate) fn stdout(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::PipeClosed,
            std::io::ErrorKind::StorageFull => {
                Self::new(Slug::DiskFull, "cannot write to standard output: the disk is full")
            }
            _ => Self::new(Slug::Local, "cannot write to standard output").because(error),
        }
    }

    /// The number that the shell will see.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Shown(report) => report.slug.exit().code(),
            Self::Silent(code) => *code,
            Self::PipeClosed => 0,
        }
    }

    /// The same for `main`.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    /// The sort of a shown error.
    pub(crate) fn slug(&self) -> Option<Slug> {
        match self {
            Self::Shown(report) => Some(report.slug),
            Self::Silent(_) | Self::PipeClosed => None,
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shown(report) => f.write_str(&report.what),
            Self::Silent(code) => write!(f, "ended with exit code {code}"),
            Self::PipeClosed => f.write_str("the reader of standard output went away"),
        }
    }
}

impl Error for CliError {}

/// The sort of error that a refusal of the head means.
pub(crate) const fn slug_of_problem(kind: ProblemKind) -> Slug {
    match kind {
        ProblemKind::SignInNeeded => Slug::SignInNeeded,
        ProblemKind::WrongPin | ProblemKind::NewPinNeeded => Slug::WrongPin,
        ProblemKind::TooManyTries => Slug::TooManyTries,
        ProblemKind::NotAllowed => Slug::NotAllowed,
        ProblemKind::NoSuchAccount => Slug::NoSuchAccount,
        ProblemKind::NameTaken => Slug::NameTaken,
        ProblemKind::BadModule => Slug::BadModule,
        ProblemKind::BadJob => Slug::BadJob,
        ProblemKind::NoSuchJob => Slug::NoSuchJob,
        ProblemKind::NoSuchNode => Slug::NoSuchNode,
        ProblemKind::LimitReached => Slug::LimitReached,
        ProblemKind::NoSuchObject | ProblemKind::NotFound => Slug::NotFound,
        ProblemKind::WrongState | ProblemKind::NoResult => Slug::WrongState,
        ProblemKind::TooLarge => Slug::TooLarge,
        ProblemKind::DiskFull => Slug::DiskFull,
        ProblemKind::Corrupt => Slug::Corrupt,
        ProblemKind::Busy => Slug::Busy,
        ProblemKind::BadRequest | ProblemKind::Internal => Slug::HeadFault,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io;

    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_manual() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 130]);
    }

    #[test]
    fn every_slug_has_its_own_name_and_an_exit_code_that_is_listed() {
        let names: HashSet<_> = Slug::ALL.iter().map(|slug| slug.name()).collect();
        assert_eq!(names.len(), Slug::ALL.len());
        assert!(Slug::ALL.iter().all(|slug| Exit::ALL.contains(&slug.exit())));
        let used: HashSet<_> = Slug::ALL.iter().map(|slug| slug.exit()).collect();
        assert_eq!(used.len(), Exit::ALL.len(), "an exit code that no error has");
    }

    #[test]
    fn file_errors_are_told_apart() {
        let slug = |kind: io::ErrorKind| {
            CliError::file("read", Path::new("/x"), &io::Error::from(kind)).slug()
        };
        assert_eq!(slug(io::ErrorKind::NotFound), Some(Slug::NoSuchFile));
        assert_eq!(slug(io::ErrorKind::PermissionDenied), Some(Slug::BadFile));
        assert_eq!(slug(io::ErrorKind::StorageFull), Some(Slug::DiskFull));
        assert_eq!(slug(io::ErrorKind::Interrupted), Some(Slug::Local));
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let error = CliError::stdout(&io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(error.code(), 0);
    }

    #[test]
    fn a_chain_names_each_cause_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot open the store")]
        struct Outer(#[source] io::Error);
        let error = Outer(io::Error::other("no space"));
        assert_eq!(error_chain(&error), "cannot open the store: no space");
    }
}
