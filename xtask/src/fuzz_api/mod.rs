//! `cargo xtask fuzz-api`: the HTTP API is asked whatever its OpenAPI document allows, and more.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::cluster::{Cluster, Interrupt, Scratch};
use crate::python::Tool;
use crate::test::build_bramble;
use crate::workspace::Workspace;
use crate::{build_jobs, process};

const TOOL: Tool = Tool { program: "schemathesis", package: "schemathesis==4.32.5", sha256: &[] };
/// What is looked at in each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,ignored_auth";
/// What the head may answer besides: too much to do, and a disk that is full.
const SETTINGS: &str = "[checks.not_a_server_error]\n\
                        expected-statuses = [\"2xx\", \"3xx\", \"4xx\", 503, 507]\n";
const HOOKS: &str = include_str!("hooks.py");
const SIGN_IN: &str = include_str!("sign_in.py");
/// Streams that end when their job does are not waited for.
const NOT_ASKED: &str = "/events$";
/// Whoever has signed in is to stay so.
const NOT_ASKED_SIGNED_IN: &str = "/events$|/logout$|/me/sessions/";
/// Seconds after which an answer counts as never given.
const ANSWER_SECONDS_MAX: &str = "20";
/// The node that the cluster has.
const NODE: &str = "node-1";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Args {
    max_examples: u32,
    seed: Option<u64>,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    /// Somebody who has not signed in.
    Anybody,
    /// A student with a job of his own.
    Student,
    /// An admin.
    Admin,
}

fn parse(words: &[String]) -> Result<Args> {
    let mut args = Args { max_examples: 20, seed: None };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a number"))?;
        let is_no_number = || format!("{word} {value} is not a number");
        match word.as_str() {
            "--max-examples" => args.max_examples = value.parse().with_context(is_no_number)?,
            "--seed" => args.seed = Some(value.parse().with_context(is_no_number)?),
            _ => bail!("fuzz-api takes --max-examples N and --seed N, not {word}"),
        }
    }
    Ok(args)
}

/// Starts a cluster on loopback and has it asked, as each sort of caller.
///
/// # Errors
/// When something does not build or start. What was found is told by the exit code.
pub(crate) fn run(workspace: &Workspace, words: &[String]) -> Result<ExitCode> {
    let args = parse(words)?;
    let program = TOOL.install(workspace)?;
    let jobs_dir = build_jobs::run(workspace)?;
    build_bramble()?;
    ask(workspace, &program, &jobs_dir, &args)
}

/// The same for a moment, with what is built already; the same requests each time.
///
/// # Errors
/// As for [`run`], but not where the tool cannot be had.
pub(crate) fn briefly(workspace: &Workspace, jobs_dir: &Path) -> Result<ExitCode> {
    let program = match TOOL.install(workspace) {
        Ok(program) => program,
        Err(error) => {
            println!("fuzz-api: skipped, there is no {}: {error:#}", TOOL.program);
            return Ok(ExitCode::SUCCESS);
        }
    };
    ask(workspace, &program, jobs_dir, &Args { max_examples: 10, seed: Some(6) })
}

fn ask(workspace: &Workspace, program: &Path, jobs_dir: &Path, args: &Args) -> Result<ExitCode> {
    let module = jobs_dir.join("merge-sort.wasm");
    let interrupt = Interrupt::listen()?;
    let scratch = Scratch::new()?;
    let dir = scratch.path();
    let data = dir.join("data");
    fs::write(dir.join("schemathesis.toml"), SETTINGS).context("cannot write the settings")?;
    fs::write(dir.join("hooks.py"), HOOKS).context("cannot write the hooks")?;
    let mut found = Vec::new();
    for caller in [Caller::Anybody, Caller::Student, Caller::Admin] {
        interrupt.check()?;
        // One for each, because what one does is in the way of the next.
        let mut cluster = Cluster::start(&workspace.bramble(), &data.join(caller.name()), 1)?;
        if caller != Caller::Anybody && !cluster.admin_token_file().exists() {
            // A head that knows no accounts.
            cluster.stop()?;
            continue;
        }
        let token = caller.sign_in(&mut cluster, dir)?;
        let known = known(&cluster, dir, &module)?;
        println!("fuzz-api: as {}", caller.name());
        let mut command = command(program, dir, cluster.url(), args, token.as_deref());
        command.env("BRAMBLE_FUZZ_KNOWN", known.to_string());
        let status = command.status();
        let status =
            status.with_context(|| format!("cannot start {}", process::shown(&command)))?;
        if !status.success() {
            found.push(caller.name());
        }
        // A head that has died meanwhile cannot be stopped, which is an error.
        cluster.stop()?;
    }
    if found.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("fuzz-api: faults were found as {}", found.join(", "));
    Ok(ExitCode::FAILURE)
}

impl Caller {
    const fn name(self) -> &'static str {
        match self {
            Self::Anybody => "anybody",
            Self::Student => "student",
            Self::Admin => "admin",
        }
    }

    /// His token. What the cluster is asked to do from now on is his.
    fn sign_in(self, cluster: &mut Cluster, dir: &Path) -> Result<Option<String>> {
        let admin = cluster.admin_token_file();
        let file = match self {
            Self::Anybody => return Ok(None),
            Self::Admin => admin,
            Self::Student => {
                let (script, file) = (dir.join("sign_in.py"), dir.join("student.token"));
                fs::write(&script, SIGN_IN).context("cannot write the way to sign in")?;
                let mut python = Command::new("python3");
                python.arg(&script).arg(cluster.url()).arg(&admin);
                // The program reads no token that others can.
                let mut made = File::options();
                let mut made = made.create_new(true).write(true).mode(0o600).open(&file)?;
                made.write_all(process::output(&mut python)?.as_bytes())?;
                file
            }
        };
        let token = fs::read_to_string(&file).context("cannot read the token")?;
        cluster.ask_by(file);
        Ok(Some(token.trim().to_owned()))
    }
}

/// What the cluster has, after a job of it: what the hooks put into requests.
fn known(cluster: &Cluster, dir: &Path, module: &Path) -> Result<Value> {
    let (input, output) = (dir.join("input.txt"), dir.join("output.txt"));
    let lines: Vec<String> = (0..1000).rev().map(|number| number.to_string()).collect();
    fs::write(&input, lines.join("\n") + "\n").context("cannot write an input")?;
    let job = cluster.sort(module, &input, &output, 1)?.job;
    let of_spec = |name: &str| job["spec"][name].clone();
    let path = json!({ "id": job["id"], "index": 0, "name": NODE, "digest": of_spec("input") });
    // What a job may be called and when its clock starts is left to be made up.
    let taken = ["module", "input", "params", "args", "command", "nodes", "limits", "mode"];
    let spec: Map<String, Value> =
        taken.iter().map(|name| ((*name).to_owned(), of_spec(name))).collect();
    Ok(json!({ "path": path, "spec": spec, "module_file": module }))
}

fn command(program: &Path, dir: &Path, url: &str, args: &Args, token: Option<&str>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).env("SCHEMATHESIS_HOOKS", "hooks");
    command.env("PYTHONPATH", dir).env("PYTHONDONTWRITEBYTECODE", "1");
    command.args(["--config-file", "schemathesis.toml", "run"]);
    command.arg(format!("{url}/api/v1/openapi.json")).args(["--url", url]);
    command.args(["--checks", CHECKS, "--request-timeout", ANSWER_SECONDS_MAX]);
    command.args(["--max-examples", &args.max_examples.to_string(), "--warnings", "off"]);
    command.args(["--exclude-path", "/api/v1/agent", "--exclude-path-regex"]);
    command.arg(if token.is_some() { NOT_ASKED_SIGNED_IN } else { NOT_ASKED });
    if let Some(seed) = args.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if let Some(token) = token {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_of_examples_and_seed_may_be_given_and_nothing_else() {
        let args = |text: &str| parse(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        let all = args("--max-examples 3 --seed 7").expect("both are numbers");
        assert_eq!(all, Args { max_examples: 3, seed: Some(7) });
        for wrong in ["--seed", "--seed x", "--hours 3"] {
            assert!(args(wrong).is_err(), "{wrong}");
        }
    }
}
