//! Tasks of the project: `cargo xtask help` lists them.

mod apt;
mod axe;
mod browser;
mod build_jobs;
mod c_programs;
mod cluster;
mod cross;
mod demo;
mod deny;
mod emulated;
mod fuzz;
mod fuzz_api;
mod openapi;
mod package;
mod pictures;
mod process;
mod python;
mod soak;
mod test;
mod tidy;
mod toolchain;
mod vm_lab;
mod workspace;

use std::env;
use std::process::ExitCode;

use workspace::Workspace;

const HELP: &str = "\
Tasks of the project

Usage: cargo xtask TASK

  test [ARGS]   build everything and run all tests; ARGS go to the test runner,
                as in: cargo xtask test -p bramble-store
  demo          sort 500,000 numbers on one node and on two, on a cluster of this computer
  build-jobs    build the guest modules into target/jobs
  soak [--minutes N] [--seed N]
                kill head and agents at random moments while they sort, for 10 minutes or
                as said, after a few thousand seeds of the simulator
  cross [BOARD] build the agent's program for boards, without head and compiler, into
                target/<triple>/debug; BOARD is aarch64 (the default) or armv7;
                --if-possible skips one whose tools cannot be had
  cross --demo  sort numbers on nodes that run what `cross` built, in an emulator
  deny          check licences, sources and versions of dependencies (deny.toml);
                --advisories also asks for known faults, from a database on GitHub;
                --if-possible skips all that where cargo-deny cannot be had
  fuzz [--seconds N] [--quick] [TARGET...]
                run the fuzzers of fuzz/ over what reads bytes from others, a minute each;
                --quick leaves out those that take minutes to build
  fuzz-api [--max-examples N] [--seed N]
                start a cluster and have its API asked whatever its OpenAPI document allows
                and more: no fault, no hang, every answer as described
  openapi       write docs/openapi.json, the description of the HTTP API
  package [--agent] [--debug] [--program FILE] [--check] [MACHINE...]
                make Debian's packages in target/packages for amd64 (the default), arm64 or
                armhf: of the release profile, of the tests' profile (--debug), or of a program
                that is built (FILE); --agent makes the small one alone; --check installs each
                on a copy of this system, tries it, and removes it
  pictures      make the pictures of the site in docs/pictures anew, in a real browser
  vm-lab [--built]
                two emulated machines with Debian's kernel: real NFS whose server is stopped in
                the middle of a job, and a stand-in for the expander of a Cluster HAT; takes 5
                to 10 minutes. --built uses program and modules as they are
  tidy          check what no compiler checks: import edges, file sizes, a test for every job
  help          this text

Environment:
  BRAMBLE_GUEST_TOOLCHAIN=rustup|debian   how guests are compiled [default: what is there]";

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let task = args.next().unwrap_or_else(|| "help".into());
    let rest: Vec<String> = args.collect();
    match run(&task, &rest) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  why: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(task: &str, rest: &[String]) -> anyhow::Result<ExitCode> {
    const WITH_ARGUMENTS: [&str; 8] =
        ["test", "cross", "deny", "fuzz", "fuzz-api", "package", "soak", "vm-lab"];
    if !WITH_ARGUMENTS.contains(&task) && !rest.is_empty() {
        eprintln!("error: `{task}` takes no arguments\n\n{HELP}");
        return Ok(ExitCode::from(2));
    }
    match task {
        "test" => test::run(&Workspace::load()?, rest),
        "demo" => demo::run(&Workspace::load()?).map(|()| ExitCode::SUCCESS),
        "soak" => soak::run(&Workspace::load()?, rest),
        "cross" => cross::run(&Workspace::load()?, rest).map(|()| ExitCode::SUCCESS),
        "build-jobs" => build_jobs::run(&Workspace::load()?).map(|_| ExitCode::SUCCESS),
        "deny" => deny::run(&Workspace::load()?, rest).map(|()| ExitCode::SUCCESS),
        "fuzz" => fuzz::run(&Workspace::load()?, rest),
        "fuzz-api" => fuzz_api::run(&Workspace::load()?, rest),
        "openapi" => openapi::run(&Workspace::load()?).map(|()| ExitCode::SUCCESS),
        "package" => package::run(&Workspace::load()?, rest).map(|()| ExitCode::SUCCESS),
        "pictures" => pictures::run(&Workspace::load()?).map(|()| ExitCode::SUCCESS),
        "vm-lab" => vm_lab::run(&Workspace::load()?, rest),
        "tidy" => tidy::run(&Workspace::load()?).map(|()| ExitCode::SUCCESS),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprintln!("error: there is no task `{task}`\n\n{HELP}");
            Ok(ExitCode::from(2))
        }
    }
}
