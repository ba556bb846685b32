//! `bramble submit` as a checked request: every flag and file is looked at before a socket opens.

pub(crate) mod example;
pub(crate) mod file;
pub(crate) mod input;
pub(crate) mod samples;
pub(crate) mod secrets;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bramble_protocol::job::CommandOptions;
use bramble_protocol::policy::{JobPolicy, Prefer};
use bramble_protocol::{JobId, Limits, Mode, NodeSelector, Params, Secrets, SplitRule, pack};

use crate::args::queue;
use crate::args::submit::{PlanName, Preferred, SubmitArgs};
use crate::args::values::{JobNumber, Param};
use crate::commands::fetch::{Target, file_name};
use crate::error::{CliError, CliResult, Slug};
use crate::output::{Format, Output, human};
use crate::paths;
use input::Input;

/// The largest module that is sent, in bytes.
pub(crate) const MODULE_BYTES_MAX: u64 = 64 << 20;

/// All that is needed to run a job, with nothing left that can be wrong on this side.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    /// The module's bytes, and the file's name for people.
    pub(crate) module: Vec<u8>,
    /// Name of the module's file, for people.
    pub(crate) module_name: String,
    /// What to work on.
    pub(crate) input: Arc<Input>,
    /// Whether that is only what an example works on when nothing is typed.
    pub(crate) input_is_sample: bool,
    /// Where `-o` says that the result goes.
    pub(crate) output: Option<Target>,
    /// What people will call the job, when they said so.
    pub(crate) name: Option<String>,
    /// What the result's file is to be called, when `-o` said so.
    pub(crate) result_name: Option<String>,
    /// Parameters.
    pub(crate) params: Params,
    /// Secrets.
    pub(crate) secrets: Secrets,
    /// Command-line arguments.
    pub(crate) args: Vec<String>,
    /// What is said of a WASI command.
    pub(crate) command: CommandOptions,
    /// Which nodes.
    pub(crate) nodes: NodeSelector,
    /// What each task may use.
    pub(crate) limits: Limits,
    /// Whether the memory among the limits was typed, and not what is usual.
    pub(crate) memory_is_chosen: bool,
    /// Whether the result must be the same bytes on every kind of processor.
    pub(crate) mode: Mode,
    /// Where the virtual clock starts, when the user chose, in milliseconds since 1970.
    pub(crate) clock_ms: Option<u64>,
    /// How the job is treated beside others.
    pub(crate) policy: JobPolicy,
    /// How the work is to be shared, when the user chose.
    pub(crate) plan: Option<PlanName>,
    /// Key ranges, when the user chose.
    pub(crate) partitions: Option<u32>,
    /// The longest a chunk may be, in bytes, when the user chose.
    pub(crate) chunk_bytes: Option<u64>,
    /// Where to cut, when the user chose.
    pub(crate) split: Option<SplitRule>,
    /// Whether not to wait.
    pub(crate) detach: bool,
    /// How long to wait.
    pub(crate) timeout: Option<Duration>,
    /// Whether only to check and count.
    pub(crate) dry_run: bool,
}

impl Submission {
    /// Checks what was typed and opens the files. Opens no socket.
    ///
    /// # Errors
    /// When a flag does not fit, or a file cannot be used.
    pub(crate) fn check(args: SubmitArgs, output: &Output) -> CliResult<Self> {
        let params = params(&args.params)?;
        let limits = limits(&args)?;
        if let Some(bytes) = args.chunk_size.filter(|bytes| *bytes > pack::OBJECT_BYTES_MAX) {
            let (typed, most) = (human::size(bytes), human::size(pack::OBJECT_BYTES_MAX));
            return Err(CliError::usage(format!("--chunk-size is {typed}; at most {most}")));
        }
        let to_stdout = args.output.as_deref() == Some(Path::new("-"));
        if to_stdout && output.format == Format::Json {
            return Err(CliError::usage("--json and -o - both want standard output")
                .help("name a file: -o FILE"));
        }
        let (module_path, sample) = match (&args.example, &args.module) {
            (Some(name), _) => (example::find(name)?, Some(name.as_str())),
            (None, Some(path)) => (path.clone(), None),
            (None, None) => return Err(CliError::usage("which module? name its file")),
        };
        let module = read_module(&module_path)?;
        let from = args.input.as_deref().map(upstream).transpose()?.flatten();
        let cuts = args.dry_run
            || args.split.is_some()
            || args.chunk_size.is_some()
            || args.plan.is_some();
        if from.is_some() && cuts {
            let what = "the result of a job is not cut: its parts are the chunks";
            return Err(
                CliError::usage(what).help("leave out --split, --chunk-size, --plan and --dry-run")
            );
        }
        let input = match (&args.input, sample) {
            (Some(path), _) => match from {
                // Only what it is called: nothing of it is sent.
                Some(id) => Input::sample(&format!("job-{id}"), Vec::new()),
                None => Input::open(path)?,
            },
            (None, Some(example)) => samples::sample(example).on_disk()?,
            // Only the module knows whether it needs one.
            (None, None) => Input::absent(),
        };
        if args.split == Some(SplitRule::Guest) && !input.is_plain_file() && !input.is_absent() {
            return Err(CliError::usage("--split guest needs a plain file as its input")
                .why("the module's planner reads it in any order"));
        }
        let secrets = secrets::read(&args.secrets, args.input.as_deref() == Some(Path::new("-")))?;
        let target = target(args.output.as_deref(), &input)?;
        let command = args.program.options(&args.args);
        let result_name = match &target {
            Some(Target::File { path, .. }) => {
                path.file_name().map(|name| file_name(&name.to_string_lossy()))
            }
            _ => None,
        };
        Ok(Self {
            module,
            module_name: module_name(&module_path),
            input: Arc::new(input),
            input_is_sample: args.input.is_none(),
            output: target,
            name: name(args.name.as_deref())?.or(args.example),
            result_name,
            params,
            secrets,
            args: args.args,
            command,
            nodes: args.nodes,
            limits,
            memory_is_chosen: args.memory.is_some(),
            mode: if args.verify.is_some() { Mode::Verify } else { Mode::Fast },
            clock_ms: args.clock.map(crate::args::values::Clock::ms),
            policy: JobPolicy {
                user: match args.user {
                    Some(user) => user,
                    None => whose()?,
                },
                class: args.class,
                priority: args.priority,
                max_fails: args.max_fails,
                retry_guest: args.retry_guest,
                after: args.after.iter().map(|job| job.0).collect(),
                input_from: from,
                cache: !args.no_cache,
                quorum: args.verify.unwrap_or(1),
                prefer: match args.prefer {
                    Preferred::Time => Prefer::Time,
                    Preferred::Energy => Prefer::Energy,
                },
                ..JobPolicy::default()
            },
            plan: args.plan,
            partitions: args.partitions,
            chunk_bytes: args.chunk_size,
            split: args.split,
            detach: args.detach,
            timeout: args.timeout,
            dry_run: args.dry_run,
        })
    }
}

/// The job whose result is meant by `job:17`; `None` for a file.
fn upstream(typed: &Path) -> CliResult<Option<JobId>> {
    let Some(number) = typed.to_str().and_then(|typed| typed.strip_prefix("job:")) else {
        return Ok(None);
    };
    match number.parse::<JobNumber>() {
        Ok(JobNumber(id)) => Ok(Some(id)),
        Err(fault) => Err(CliError::usage(fault)
            .help("a result is named by its job, such as --input job:17; a file as ./job:17")),
    }
}

/// Whose jobs these are when nobody says: as the environment says, else whoever has signed in.
///
/// # Errors
/// When the environment names nobody that there can be.
pub(crate) fn whose() -> CliResult<String> {
    if let Some(user) = paths::variable(paths::USER_ENV) {
        return queue::user(&user.to_string_lossy())
            .map_err(|why| CliError::usage(format!("{} is no user", paths::USER_ENV)).why(why));
    }
    Ok(String::new())
}

/// Parameters as typed.
///
/// # Errors
/// When one is given twice.
pub(crate) fn params(typed: &[Param]) -> CliResult<Params> {
    let mut params = Params::new();
    for param in typed {
        if params.insert(param.name.clone(), param.value.clone()).is_some() {
            return Err(CliError::usage(format!("--arg {}=… is given twice", param.name)));
        }
    }
    Ok(params)
}

fn limits(args: &SubmitArgs) -> CliResult<Limits> {
    let mut limits = Limits::default();
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if let Some(bytes) = args.memory {
        limits.memory_bytes_max = bytes;
    }
    if let Some(time) = args.cpu_time {
        limits.cpu_ms_max = ms(time);
        // Whoever allows an hour of processor time means more than five minutes on the wall.
        limits.wall_ms_max =
            limits.wall_ms_max.max(ms(time).saturating_mul(2)).min(Limits::WALL_MS_HARD_MAX);
    }
    if let Some(time) = args.time_limit {
        limits.wall_ms_max = ms(time);
    }
    limits.output_bytes_max = args.output_limit;
    if let Some(attempts) = args.attempts {
        limits.attempts_max = attempts;
    }
    limits.fault().map_or(Ok(limits), |fault| Err(CliError::usage(fault)))
}

fn name(typed: Option<&str>) -> CliResult<Option<String>> {
    let Some(typed) = typed else { return Ok(None) };
    if typed.trim().is_empty() || typed.chars().any(char::is_control) {
        return Err(CliError::usage("--name must not be empty, nor hold control characters"));
    }
    if typed.chars().count() > 100 {
        return Err(CliError::usage("--name must have at most 100 characters"));
    }
    Ok(Some(typed.into()))
}

fn target(typed: Option<&Path>, input: &Input) -> CliResult<Option<Target>> {
    let Some(typed) = typed else { return Ok(None) };
    let own_name =
        if input.is_absent() { "result.out".into() } else { format!("{}.out", input.name()) };
    Target::choose(Some(typed), &own_name, false).map(Some)
}

fn module_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| human::safe_field(&name.to_string_lossy()))
}

/// Reads the file of a module.
///
/// # Errors
/// When it is not there, cannot be one, or is too large.
pub(crate) fn read_module(path: &Path) -> CliResult<Vec<u8>> {
    let shown = path.display();
    let failed = |error: std::io::Error| CliError::file("read", path, &error);
    let bad = |what: String| CliError::new(Slug::BadFile, what);
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            failed(error).help("the module comes first: bramble submit MODULE --input FILE")
        }
        _ => failed(error),
    })?;
    if metadata.is_dir() {
        return Err(
            bad(format!("{shown} is a directory, not a module")).help("name the .wasm file in it")
        );
    }
    let mut module = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MODULE_BYTES_MAX + 1).read_to_end(&mut module).map_err(failed)?;
    if module.is_empty() {
        return Err(bad(format!("the module {shown} is empty"))
            .help("build it again: the last build may have failed"));
    }
    if module.len() as u64 > MODULE_BYTES_MAX {
        let most = human::size(MODULE_BYTES_MAX);
        return Err(CliError::new(Slug::TooLarge, format!("the module {shown} is too large"))
            .why(format!("at most {most} can be sent"))
            .help("strip its debug sections, or build it for release"));
    }
    Ok(module)
}

/// Where a module's file could be, for messages.
pub(crate) fn joined(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command, ProgressStyle};

    fn output(format: Format) -> Output {
        Output { format, quiet: true, verbose: false, progress: ProgressStyle::None }
    }

    /// Checks a command line in a directory with `job.wasm` (not looked into) and `in.txt`.
    fn check(words: &[&str], format: Format) -> CliResult<Submission> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("job.wasm"), "module").unwrap();
        fs::write(dir.path().join("in.txt"), "line\n").unwrap();
        fs::write(dir.path().join("empty"), "").unwrap();
        let words =
            words.iter().map(|word| word.replace("@", &format!("{}/", dir.path().display())));
        let words = ["bramble".to_owned(), "submit".to_owned()].into_iter().chain(words);
        let cli = Cli::try_parse_from(words).map_err(|error| CliError::usage(error.to_string()))?;
        let Command::Submit(args) = cli.command else { panic!("submit was typed") };
        Submission::check(*args, &output(format))
    }

    fn slug(words: &[&str]) -> Option<Slug> {
        check(words, Format::Human).err().and_then(|error| error.slug())
    }

    #[test]
    fn a_sound_command_line_becomes_a_request_with_its_defaults() {
        let request = check(&["@job.wasm", "-i", "@in.txt"], Format::Human).unwrap();
        assert_eq!(request.limits, Limits::default());
        assert_eq!(request.nodes, NodeSelector::Any);
        assert_eq!((request.module_name.as_str(), request.input.name()), ("job.wasm", "in.txt"));
        assert_eq!((request.output, request.split, request.name), (None, None, None));
        assert_eq!(request.mode, Mode::Fast);
        let words = ["@job.wasm", "-i", "@in.txt", "--verify"];
        assert_eq!(check(&words, Format::Human).unwrap().mode, Mode::Verify);
    }

    #[test]
    fn limits_are_read_in_their_units() {
        let words = [
            "@job.wasm",
            "-i",
            "@in.txt",
            "--memory",
            "128M",
            "--cpu-time",
            "10m",
            "--output-limit",
            "1G",
            "--attempts",
            "2",
            "--nodes",
            "p1,p3",
        ];
        let request = check(&words, Format::Human).unwrap();
        assert_eq!(request.limits.memory_bytes_max, 128 << 20);
        assert_eq!((request.limits.cpu_ms_max, request.limits.wall_ms_max), (600_000, 1_200_000));
        assert_eq!(request.limits.output_bytes_max, Some(1 << 30));
        assert_eq!(request.limits.attempts_max, 2);
        assert_eq!(request.nodes, NodeSelector::Named(vec!["p1".into(), "p3".into()]));
    }

    #[test]
    fn files_that_cannot_be_used_are_told_apart() {
        assert_eq!(slug(&["@none.wasm", "-i", "@in.txt"]), Some(Slug::NoSuchFile));
        assert_eq!(slug(&["@job.wasm", "-i", "@none.txt"]), Some(Slug::NoSuchFile));
        assert_eq!(slug(&["@empty", "-i", "@in.txt"]), Some(Slug::BadFile));
        assert_eq!(slug(&["@job.wasm", "-i", "@empty"]), Some(Slug::BadFile));
        assert_eq!(slug(&["@", "-i", "@in.txt"]), Some(Slug::BadFile));
        assert_eq!(slug(&["@job.wasm", "-i", "@"]), Some(Slug::BadFile));
        assert_eq!(slug(&["@job.wasm", "-i", "@in.txt", "-o", "@no/out"]), Some(Slug::NoSuchFile));
    }

    #[test]
    fn flags_that_do_not_fit_are_refused() {
        let base = ["@job.wasm", "-i", "@in.txt"];
        for words in [
            &["--memory", "8G"][..],
            &["--memory", "1k"],
            &["--chunk-size", "1G"],
            &["--chunk-size", "0"],
            &["--arg", "a=1", "--arg", "a=2"],
            &["--nodes", "0"],
            &["--attempts", "0"],
            &["--split", "paragraphs"],
            &["--name", ""],
            &["--detach", "--timeout", "5s"],
            &["--detach", "-o", "@out"],
            &["--example", "sort"],
        ] {
            let all: Vec<&str> = base.iter().chain(words).copied().collect();
            assert_eq!(slug(&all), Some(Slug::Usage), "{words:?}");
        }
        assert_eq!(slug(&["@job.wasm"]), None, "the module says whether it needs an input");
        assert_eq!(slug(&["@job.wasm", "-i", "-", "--split", "guest"]), Some(Slug::Usage));
    }

    #[test]
    fn a_job_may_wait_for_others_and_work_on_the_result_of_one() {
        let words = ["@job.wasm", "-i", "job:17", "--after", "3", "--after", "4", "--no-cache"];
        let policy = check(&words, Format::Human).unwrap().policy;
        assert_eq!(policy.input_from, Some(JobId(17)));
        assert_eq!(policy.after, [JobId(3), JobId(4)]);
        assert!(!policy.cache);
        assert_eq!(slug(&["@job.wasm", "-i", "job:last"]), Some(Slug::Usage));
        assert_eq!(slug(&["@job.wasm", "-i", "job:1", "--split", "bytes"]), Some(Slug::Usage));
        assert_eq!(slug(&["@job.wasm", "-i", "@in.txt", "--after", "0"]), Some(Slug::Usage));
    }

    #[test]
    fn json_and_a_result_cannot_share_standard_output() {
        let words = ["@job.wasm", "-i", "@in.txt", "-o", "-"];
        assert!(check(&words, Format::Human).is_ok());
        assert!(check(&words, Format::Json).is_err());
    }

    #[test]
    fn a_result_is_called_as_its_file() {
        let request =
            check(&["@job.wasm", "-i", "@in.txt", "-o", "@a.txt"], Format::Human).unwrap();
        assert_eq!(request.result_name.as_deref(), Some("a.txt"));
    }
}
