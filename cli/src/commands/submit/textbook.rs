//! `--plan textbook`: as many chunks as there are slots, and one merge of all of them at the end.
//!
//! It is how the class of the source document sorted on two boards. The usual plan is faster; this
//! one is there to be compared with it, because its end is work that only one board can do.

use std::cmp::Reverse;

use bramble_protocol::{ModuleInfo, NodeSelector, pack};

use super::plan::fits;
use crate::client::Client;
use crate::error::{CliError, CliResult, Slug};
use crate::output::human;
use crate::request::Submission;

/// A chunk, what it is sorted into, and room for the job's own lists.
const MEMORY_PER_CHUNK: u64 = 4;
/// For the module itself.
const MEMORY_BYTES_MIN: u64 = 16 << 20;

/// Cuts the input into one piece for each slot, of one key range.
///
/// # Errors
/// When the module does not merge or cuts by itself, there is no node, or a piece would be too
/// long.
pub(super) fn apply(
    client: &Client,
    request: &mut Submission,
    module: &ModuleInfo,
) -> CliResult<()> {
    let exports = module.effective_exports(&request.params);
    if !exports.merger || exports.cutter || exports.planner {
        let why = if exports.merger { "it cuts its input itself" } else { "it does not merge" };
        return Err(CliError::new(Slug::BadJob, "this module has no textbook plan")
            .why(why)
            .help("leave out --plan"));
    }
    let Some(bytes) = request.input.bytes() else {
        return Err(CliError::usage("--plan textbook needs to know how long the input is")
            .help("store it in a file first"));
    };
    let slots = slots(client, &request.nodes)?;
    if slots == 0 {
        return Err(CliError::new(Slug::BadJob, "there is no node to plan for")
            .why("the textbook plan has a chunk for each slot")
            .help("look at: bramble nodes"));
    }
    // A little more, because pieces end where a line does: else there would be one piece too many.
    let even = bytes.div_ceil(slots);
    let chunk_bytes = (even + even / 100 + 100).min(bytes.max(1));
    if chunk_bytes > pack::OBJECT_BYTES_MAX {
        let (chunk, most) = (human::size(chunk_bytes), human::size(pack::OBJECT_BYTES_MAX));
        let slots = human::count(slots, "slot");
        let what = format!("{} on {slots}: a chunk would have {chunk}", human::size(bytes));
        return Err(CliError::new(Slug::TooLarge, what)
            .why(format!("a chunk has at most {most}"))
            .help("use more nodes or a smaller input, or leave out --plan"));
    }
    request.chunk_bytes = Some(chunk_bytes);
    request.partitions = Some(1);
    let needed = MEMORY_BYTES_MIN + MEMORY_PER_CHUNK * chunk_bytes;
    if !request.memory_is_chosen && needed > request.limits.memory_bytes_max {
        request.limits.memory_bytes_max = needed;
        request.memory_is_chosen = true;
    }
    Ok(())
}

/// How many tasks the nodes that may be used run at a time.
fn slots(client: &Client, selector: &NodeSelector) -> CliResult<u64> {
    let nodes = client.nodes()?;
    let mut slots: Vec<u64> =
        nodes.iter().filter(|node| fits(node, selector)).map(|node| node.slots.into()).collect();
    if let NodeSelector::AtMost(count) = selector {
        slots.sort_unstable_by_key(|slots| Reverse(*slots));
        slots.truncate(*count as usize);
    }
    Ok(slots.iter().sum())
}
