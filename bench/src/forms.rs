//! What it costs to bring bytes into a guest and out again, by each form of the interface.

use anyhow::Result;
use bramble_protocol::Params;
use bramble_tests::{cluster, data};

use crate::report::Times;
use crate::slot::Slot;

/// Guests that copy their chunk, and what form they have.
const FORMS: [(&str, &str); 3] = [
    ("copy-stream", "mapper, blocks of 64 KiB"),
    ("copy-bytes", "mapper-bytes, the whole chunk"),
    ("copy-command", "WASI command, blocks of 64 KiB"),
];

/// Chunks of 1 and of 16 MiB, from asking the runner to its answer: verified while read, copied by
/// the guest, hashed and written. Beside the same bytes copied in memory.
pub(crate) fn run(runs: usize) -> Result<()> {
    let mut slot = Slot::new()?;
    for mib in [1usize, 16] {
        println!("a chunk of {mib} MiB through a guest that copies it");
        let bytes = data::u64_bytes(7, (mib << 20) / 8);
        let chunk = slot.chunk(&bytes)?;
        let copy = Times::measure(runs, || {
            std::hint::black_box(bytes.clone());
            Ok(())
        })?;
        let hash = Times::measure(runs, || {
            std::hint::black_box(bramble_protocol::Digest::of(&bytes));
            Ok(())
        })?;
        copy.row("copy in memory", None);
        hash.row("BLAKE3 once, one thread", Some(&copy));
        for (guest, what) in FORMS {
            let module = slot.compile(&cluster::job(guest))?;
            let times = Times::measure(runs, || {
                slot.map(module, chunk, &Params::new())?;
                Ok(())
            })?;
            times.row(what, Some(&copy));
            println!("  {:>10.0} MiB/s", mib as f64 / times.median().as_secs_f64());
        }
    }
    Ok(())
}
