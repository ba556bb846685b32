//! The search for drifting signals: in the sandbox, natively, and by turboSETI.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use bramble_guest::local;
use bramble_protocol::Params;
use bramble_tests::cluster;
use signal_search::JOB;
use signal_search::synthetic::Observation;

use crate::report::Times;
use crate::slot::Slot;

/// What a client cuts by when nobody says otherwise.
const CHUNK_BYTES: usize = 8 << 20;

/// 16 rows of 1,048,576 channels, drifts of up to 4 Hz/s either way: all chunks one after the other
/// in one runner, the same natively in one thread, and by the turboSETI of a Python that has it.
pub(crate) fn run(runs: usize, python: Option<&Path>) -> Result<()> {
    println!("drifting signals in 16 x 1,048,576 powers, 785 lines from each channel");
    // turboSETI does not level the band.
    let observation = Observation { is_flat: true, ..Observation::lesson(1 << 20) };
    let file = observation.to_bytes();
    let native = local::Run::new(&JOB);
    let failed = |error| anyhow::anyhow!("{error:?}");
    let chunks = native.chunks(&file, CHUNK_BYTES).map_err(failed)?;
    let alone = Times::measure(runs, || {
        for chunk in &chunks {
            std::hint::black_box(native.map(chunk).map_err(failed)?);
        }
        Ok(())
    })?;
    let mut slot = Slot::new()?;
    let module = slot.compile(&cluster::job("signal-search"))?;
    let stored = chunks.iter().map(|chunk| slot.chunk(chunk)).collect::<Result<Vec<_>>>()?;
    let sandboxed = Times::measure(runs, || {
        for chunk in &stored {
            slot.map(module, *chunk, &Params::default())?;
        }
        Ok(())
    })?;
    alone.row("native, one thread", None);
    sandboxed.row("one runner, with reading and writing", Some(&alone));
    if let Some(python) = python {
        turbo_seti(runs, python, &file)?.row("turboSETI, one process", Some(&sandboxed));
    }
    Ok(())
}

/// From the start of Python to its end, so that its compiled kernels are those it has on disk.
fn turbo_seti(runs: usize, python: &Path, file: &[u8]) -> Result<Times> {
    const SCRIPT: &str = "
from turbo_seti.find_doppler.find_doppler import FindDoppler
FindDoppler('flat.fil', max_drift=4.0, snr=12.5, n_coarse_chan=1, blank_dc=False).search()
";
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("flat.fil"), file)?;
    Times::measure(runs, || {
        let mut command = Command::new(python);
        command.args(["-c", SCRIPT]).current_dir(dir.path());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().context("starting Python")?;
        ensure!(status.success(), "turboSETI failed: has it numpy before 2.3?");
        Ok(())
    })
}
