//! The child's side: `bramble internal module inspect|compile CLASS MODE MEMORY_BYTES CPU_S`.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use bramble_protocol::{Mode, TargetClass};
use wasmtime::Engine;

use super::{Refusal, kind, wrap};

/// Exit status when the module is refused; standard output then holds the [`Refusal`].
pub(super) const EXIT_REFUSED: u8 = 65;

enum Failure {
    Refused(Refusal),
    Broken(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Reads a module from standard input and writes what was asked for to standard output. `args`
/// are those after `internal module`.
pub fn child_main(args: &[String]) -> ExitCode {
    match serve(args) {
        Ok(answer) => write_out(&answer, ExitCode::SUCCESS),
        Err(Failure::Refused(refusal)) => {
            let answer = serde_json::to_vec(&refusal).expect("texts are always JSON");
            write_out(&answer, ExitCode::from(EXIT_REFUSED))
        }
        Err(Failure::Broken(message)) => {
            eprintln!("bramble module: {message}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &[String]) -> Result<Vec<u8>, Failure> {
    let broken = |message: String| Failure::Broken(message);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (target, limits) = match args[..] {
        ["inspect" | "report", memory, cpu] => (None, [memory, cpu]),
        ["compile", class, mode, memory, cpu] => {
            let class = class.parse::<TargetClass>().map_err(broken)?;
            let mode = Mode::ALL.into_iter().find(|known| known.name() == mode);
            let mode = mode.ok_or_else(|| broken("there is no such mode".into()))?;
            (Some((class, mode)), [memory, cpu])
        }
        _ => return Err(broken("expected inspect or compile CLASS MODE, memory and time".into())),
    };
    let [memory_bytes, cpu_s] = limits.map(str::parse::<u64>);
    let (Ok(memory_bytes), Ok(cpu_s)) = (memory_bytes, cpu_s) else {
        return Err(broken("limits are numbers".into()));
    };
    confine(memory_bytes, cpu_s).map_err(|error| broken(format!("cannot confine: {error}")))?;
    crate::child::end_with_the_pipe(rustix::stdio::stdout());
    let bytes = read_in().map_err(|error| broken(format!("cannot read the module: {error}")))?;
    if args[0] == "report" {
        let report = super::report::of(&bytes);
        return Ok(serde_json::to_vec(&report).expect("a report is always JSON"));
    }
    let module = kind::recognise(&bytes)?;
    let Some((class, mode)) = target else {
        return Ok(serde_json::to_vec(&module.info).expect("a module's info is always JSON"));
    };
    compile(&module, class, mode)
}

fn confine(memory_bytes: u64, cpu_s: u64) -> rustix::io::Result<()> {
    crate::confine::for_compiler(memory_bytes, cpu_s).map(drop)
}

fn read_in() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than is allowed, so that too long is told from just fitting.
    let mut from = io::stdin().lock().take(super::check::MODULE_BYTES_MAX as u64 + 1);
    from.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn compile(module: &kind::Recognised, class: TargetClass, mode: Mode) -> Result<Vec<u8>, Failure> {
    let broken = |error: wasmtime::Error| Failure::Broken(format!("{error:#}"));
    let config = crate::sandbox::engine::compile_config(class, mode).map_err(broken)?;
    let engine = Engine::new(&config).map_err(broken)?;
    let compiled = match module.form {
        kind::Form::Core => engine.precompile_module(&module.binary),
        kind::Form::Component => engine.precompile_component(&module.binary),
        kind::Form::SdkModule => engine.precompile_component(&wrap::component(&module.binary)?),
    };
    compiled.map_err(|error| {
        let detail = format!("{error:#}");
        Failure::Refused(Refusal::new("the module cannot be compiled").detail(detail))
    })
}

fn write_out(answer: &[u8], code: ExitCode) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(answer).and_then(|()| stdout.flush()) {
        Ok(()) => code,
        Err(error) => {
            eprintln!("bramble module: cannot answer: {error}");
            ExitCode::FAILURE
        }
    }
}
