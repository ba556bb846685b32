//! Tries plans by hand: prints, checks, applies under a root, and undoes.
//!
//!     cargo run -p bramble-setup --example setup -- show head
//!     cargo run -p bramble-setup --example setup -- apply node /tmp/card
//!     cargo run -p bramble-setup --example setup -- undo /tmp/card

use std::env;
use std::error::Error;
use std::path::Path;

use bramble_setup::{
    ApplyOptions, Contents, HeadOptions, HeadPlan, Link, NoReloads, NodeEntry, NodeOptions,
    NodePlan, Planned, Wired, apply, check_all, undo,
};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["show", which] => show(&files(which)?),
        ["apply", which, root] => {
            let options = ApplyOptions::default();
            let applied = apply(Path::new(root), &files(which)?, options, &mut NoReloads)?;
            println!("{applied:#?}");
        }
        ["undo", root] => println!("{:#?}", undo(Path::new(root), false, &mut NoReloads)?),
        _ => return Err("use: show head|node, apply head|node ROOT, undo ROOT".into()),
    }
    Ok(())
}

fn files(which: &str) -> Result<Vec<Planned>, Box<dyn Error>> {
    match which {
        "head" => {
            let node = |slot| NodeEntry {
                name: format!("p{slot}"),
                wired: Wired::Slot(slot),
                address: None,
            };
            let options = HeadOptions {
                cluster_hat: true,
                uplink: Some("wlan0".into()),
                nodes: (1..=4).map(node).collect(),
                ..HeadOptions::default()
            };
            Ok(HeadPlan::new(options)?.files())
        }
        "node" => Ok(NodePlan::new(NodeOptions::new("p1", Link::Slot(1)))?.files()),
        other => Err(format!("`{other}` is neither head nor node").into()),
    }
}

fn show(files: &[Planned]) {
    for (file, checked) in files.iter().zip(check_all(files)) {
        println!("==> {} ({:o}): {}", file.path.display(), file.mode, file.why);
        println!("    {:?}", checked.verdict);
        match &file.contents {
            Contents::Whole(text) => println!("{text}"),
            Contents::Edit(edit) => println!("    {}\n", edit.told()),
            Contents::Secret(_) => println!("    (not shown)\n"),
        }
    }
}
