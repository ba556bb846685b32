//! `bramble nodes token`, `approve`, `reject` and `remove`: who becomes a node, and who stops being one.

use std::time::Duration;

use bramble_protocol::join::{JoinTokenView, NewJoinToken, NodeAdmission};

use super::{Context, now_ms};
use crate::args::nodes::TokenArgs;
use crate::client::Client;
use crate::error::CliResult;
use crate::output::table::Table;
use crate::output::{Format, human};

/// Makes a token, lists those that there are, or makes one useless.
///
/// # Errors
/// When the head refuses it, or cannot be reached.
pub(super) fn token(context: &Context, args: &TokenArgs) -> CliResult<()> {
    let (client, output) = (context.client()?, &context.output);
    if args.list {
        let tokens = client.join_tokens()?;
        return match output.format {
            Format::Json => output.json(&tokens, false),
            _ => output.table(&list(&tokens)),
        };
    }
    if let Some(id) = args.revoke {
        client.revoke_join_token(id)?;
        output.say("Revoked", &format!("join token {id}"));
        return Ok(());
    }
    let issued = client.new_join_token(&NewJoinToken {
        uses: Some(args.uses),
        lasts_ms: Some(args.expires.as_millis() as u64),
        model: args.model.clone(),
        needs_approval: args.needs_approval,
    })?;
    if output.format == Format::Json {
        return output.json(&issued, false);
    }
    let nodes = human::count(issued.view.uses_left.into(), "node");
    let lasts = human::duration(args.expires);
    output.note(&format!("join token {}, for {nodes}, for {lasts}:", issued.view.id));
    output.line(issued.token.expose())?;
    output.note("on the board: bramble agent --head HOST:PORT --join-file FILE");
    Ok(())
}

fn list(tokens: &[JoinTokenView]) -> Table {
    let mut table =
        Table::new([">TOKEN", "MADE BY", ">USES LEFT", ">EXPIRES IN", "MODEL", "NODES"]);
    for token in tokens {
        let left = Duration::from_millis(token.expires_at_ms.saturating_sub(now_ms()));
        let nodes = if token.needs_approval { "wait for approval" } else { "work at once" };
        table.row([
            token.id.to_string().into(),
            token.made_by.as_str().into(),
            token.uses_left.to_string().into(),
            human::duration(left).into(),
            token.model.as_deref().unwrap_or("any").into(),
            nodes.into(),
        ]);
    }
    table
}

/// Approves, rejects or removes nodes, as `what` says.
///
/// # Errors
/// When there is none of a name, or the head refuses it or cannot be reached.
pub(super) fn change(context: &Context, names: &[String], what: &str) -> CliResult<()> {
    let (client, output) = (context.client()?, &context.output);
    for name in names {
        let changed = client.change_node(name, what)?;
        match changed.admission {
            NodeAdmission::Approved => output.say("Approved", &format!("node {name}")),
            NodeAdmission::Rejected => output.say("Rejected", &format!("node {name}")),
            NodeAdmission::Removed => {
                output.say("Removed", &format!("node {name}: its key is dead"));
            }
            NodeAdmission::Pending => output.say("Waits", &format!("node {name}")),
        }
    }
    Ok(())
}

/// Tells an admin who waits to be let in.
pub(super) fn note_pending(context: &Context, client: &Client) {
    // Others may not ask, and need not know.
    let Ok(admissions) = client.admissions() else { return };
    for view in admissions.iter().filter(|view| view.admission == NodeAdmission::Pending) {
        let name = human::safe_field(&view.node);
        context.output.note(&format!("{name} waits to be let in: bramble nodes approve {name}"));
    }
}
