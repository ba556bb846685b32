//! `bramble gc`: what the head stores and why, and the removal of what nobody needs.

use bramble_protocol::gc::{GcReason, GcView};

use super::Context;
use crate::args::space::GcArgs;
use crate::error::CliResult;
use crate::output::table::Table;
use crate::output::{Format, human};

/// Collects, or says what would go.
///
/// # Errors
/// When the head cannot be reached or cannot collect now.
pub(crate) fn run(context: &Context, args: &GcArgs) -> CliResult<()> {
    let view = context.client()?.gc(args.dry_run)?;
    let output = &context.output;
    match output.format {
        Format::Json => output.json(&view, false),
        Format::Plain => output.table(&plain(&view)),
        Format::Human => {
            output.table(&table(&view))?;
            let (objects, bytes) = view.freed();
            let what = format!("{}, {}", human::count(objects, "object"), human::size(bytes));
            output.say(if view.dry_run { "Would free" } else { "Freed" }, &what);
            if view.short_bytes > 0 {
                output.warn(&shortage(&view));
            }
            Ok(())
        }
    }
}

/// Why objects are stored, in words.
const fn words(reason: GcReason) -> &'static str {
    match reason {
        GcReason::Open => "work of jobs that have not ended",
        GcReason::Module => "modules",
        GcReason::Result => "results",
        GcReason::Cached => "kept for the same work again",
        GcReason::Input => "inputs of jobs that have ended",
        GcReason::Recent => "used within the last hour",
        GcReason::Unused => "not needed",
    }
}

fn table(view: &GcView) -> Table {
    let goes = if view.dry_run { ">WOULD GO" } else { ">FREED" };
    let mut table = Table::new(["WHAT", ">OBJECTS", ">SIZE", goes]);
    for kind in view.kinds.iter().filter(|kind| kind.objects > 0) {
        table.row([
            words(kind.reason).into(),
            human::thousands(kind.objects).into(),
            human::size(kind.bytes).into(),
            human::size(kind.freed_bytes).into(),
        ]);
    }
    table
}

/// Every reason, in numbers that programs read.
fn plain(view: &GcView) -> Table {
    let mut table = Table::new(["REASON", "OBJECTS", "BYTES", "FREED OBJECTS", "FREED BYTES"]);
    for kind in &view.kinds {
        table.row([
            kind.reason.name().into(),
            kind.objects.to_string().into(),
            kind.bytes.to_string().into(),
            kind.freed_objects.to_string().into(),
            kind.freed_bytes.to_string().into(),
        ]);
    }
    table
}

fn shortage(view: &GcView) -> String {
    let short = human::size(view.short_bytes);
    match view.quota_bytes {
        Some(quota) => format!(
            "{short} more than the {} of --store-quota are needed or were used within the last hour",
            human::size(quota)
        ),
        None => format!(
            "the head's disk has {} free, and {} should be: {short} more must be freed by other means",
            human::size(view.disk_bytes_free),
            human::size(view.disk_bytes_reserved)
        ),
    }
}

#[cfg(test)]
mod tests {
    use bramble_protocol::gc::GcKind;

    use super::*;

    fn view(dry_run: bool) -> GcView {
        let kinds = GcReason::ALL.map(|reason| GcKind {
            reason,
            objects: u64::from(reason == GcReason::Unused) * 3,
            bytes: 4096,
            freed_objects: u64::from(reason == GcReason::Unused) * 2,
            freed_bytes: 0,
        });
        GcView {
            schema: GcView::SCHEMA.into(),
            dry_run,
            kinds: kinds.into(),
            quota_bytes: Some(1 << 30),
            disk_bytes_free: 1 << 30,
            disk_bytes_reserved: 0,
            short_bytes: 1 << 20,
        }
    }

    #[test]
    fn people_see_what_there_is_and_programs_every_reason() {
        assert_eq!(table(&view(true)).tabbed().lines().count(), 1);
        let all = plain(&view(false)).tabbed();
        assert_eq!(all.lines().count(), GcReason::ALL.len());
        assert!(all.ends_with("unused\t3\t4096\t2\t0\n"), "{all}");
    }

    #[test]
    fn a_shortage_names_the_limit_and_the_way_to_it() {
        assert!(shortage(&view(false)).contains("--store-quota"));
        let disk = GcView { quota_bytes: None, ..view(false) };
        assert!(shortage(&disk).contains("disk has 1"), "{}", shortage(&disk));
    }
}
