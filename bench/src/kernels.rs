//! The jobs' own work in the sandbox, beside the same code compiled for this machine.

use anyhow::Result;
use bramble_guest::{Job, local};
use bramble_protocol::Params;
use bramble_tests::{cluster, data};
use merge_sort::gensort::{Kind, Records};

use crate::report::Times;
use crate::slot::Slot;

/// What is measured, the module, the job, its parameters, and the chunk.
type Case<'a> = (&'a str, &'a str, &'static Job, &'a [(&'a str, &'a str)], &'a [u8]);

/// Maps over one chunk, in a runner, beside the same functions natively. Jobs of keys and values
/// are left out: natively they have a stand-in for the host that is made for tests.
pub(crate) fn run(runs: usize) -> Result<()> {
    let mut slot = Slot::new()?;
    let text = data::number_lines(1, 500_000).into_bytes();
    let binary = data::u64_bytes(2, 1_000_000);
    let records: Vec<u8> = Records::from(0, Kind::Binary).take(80_000).flatten().collect();
    let cases: [Case<'_>; 3] = [
        ("500,000 numbers as text", "merge-sort", &merge_sort::JOB, &[("type", "number")], &text),
        ("1,000,000 u64", "merge-sort", &merge_sort::JOB, &[("type", "u64")], &binary),
        ("80,000 records", "merge-sort", &merge_sort::JOB, &[("type", "record")], &records),
    ];
    for (what, name, job, args, input) in cases {
        println!("{name}, map of one chunk: {what}");
        let native = Times::measure(runs, || {
            let run =
                args.iter().fold(local::Run::new(job), |run, (name, value)| run.arg(name, value));
            std::hint::black_box(run.map(input).map_err(|error| anyhow::anyhow!("{error:?}"))?);
            Ok(())
        })?;
        let module = slot.compile(&cluster::job(name))?;
        let chunk = slot.chunk(input)?;
        let params: Params =
            args.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let sandboxed = Times::measure(runs, || {
            slot.map(module, chunk, &params)?;
            Ok(())
        })?;
        native.row("native, in this process", None);
        sandboxed.row("in a runner, with reading and writing", Some(&native));
    }
    Ok(())
}
