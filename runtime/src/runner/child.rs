//! The runner's own side: `bramble internal runner --store DIR --label LABEL --class CLASS --key KEY`.

use std::io::{self, BufReader};
use std::path::Path;
use std::process::ExitCode;

use bramble_store::{Staged, Store};

use super::wire::{FRAME_BYTES_MAX, Reply, Request, read_frame, write_frame};
use crate::artefact::Trust;
use crate::sandbox::{Sandbox, TaskEnd};

/// Stack of the thread that runs guests: theirs and the host's part.
const STACK_BYTES: usize = 4 << 20;

/// Runs tasks from standard input until it ends. `args` are those after `internal runner`.
///
/// Standard output carries the replies and nothing else; a guest cannot reach it.
pub fn child_main(args: &[String]) -> ExitCode {
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let ["--store", dir, "--label", label, "--class", class, "--key", key] = args[..] else {
        eprintln!("bramble runner: expected --store DIR --label LABEL --class CLASS --key KEY");
        return ExitCode::from(2);
    };
    let (Ok(class), Ok(key)) = (class.parse(), key.parse()) else {
        eprintln!("bramble runner: that is no class, or no key");
        return ExitCode::from(2);
    };
    match serve(Path::new(dir), label, Trust { class, key }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bramble runner: {message}");
            ExitCode::FAILURE
        }
    }
}

fn serve(dir: &Path, label: &str, trust: Trust) -> Result<(), String> {
    crate::child::confine().map_err(|error| format!("cannot confine itself: {error}"))?;
    crate::child::end_with_the_pipe(rustix::stdio::stdin());
    let store =
        Store::open(dir).map_err(|error| bramble_protocol::error_chain(&error))?.labelled(label);
    std::thread::Builder::new()
        .name("guest".into())
        .stack_size(STACK_BYTES)
        .spawn(move || answer_all(store, trust))
        .map_err(|error| format!("cannot start a thread: {error}"))?
        .join()
        .map_err(|_| "the thread that runs guests panicked".to_owned())?
}

fn answer_all(store: Store, trust: Trust) -> Result<(), String> {
    let mut sandbox =
        Sandbox::new(store, trust).map_err(|error| bramble_protocol::error_chain(&error))?;
    let broken = |error: io::Error| format!("cannot talk to the agent: {error}");
    let mut requests = BufReader::new(io::stdin().lock());
    // Not the standard library's: it would look for line ends in each reply.
    let mut replies = std::fs::File::from(
        rustix::io::dup(rustix::stdio::stdout()).map_err(|error| broken(error.into()))?,
    );
    while let Some(request) = read_frame::<Request>(&mut requests).map_err(broken)? {
        let end = match request {
            Request::Run(work) => sandbox.run(&work),
            Request::Plan(work) => sandbox.plan(&work),
        };
        write_frame(&mut replies, &reply(end)).map_err(broken)?;
    }
    Ok(())
}

fn reply(end: TaskEnd) -> Reply {
    let TaskEnd { outcome, staged, spans, usage, log } = end;
    let staged = staged.into_iter().map(hand_over).collect();
    Reply { outcome, staged, spans, usage, log }
}

/// Gives a staged file to the agent: it is no longer removed when this process forgets it.
fn hand_over(staged: Staged) -> (bramble_protocol::ObjectRef, String) {
    let (object, path) = staged.into_parts();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    (object, name)
}

const _: () = assert!(FRAME_BYTES_MAX as usize > 2 * (1 << 20), "a frame holds the longest log");
