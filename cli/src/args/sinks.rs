//! What tells others of the cluster, as typed.

use bramble_displays::snmp::Oid;
use clap::Args;

const SNMP_PASS_EXAMPLES: &str = "\
Examples:
  pass_persist .1.3.6.1.4.1.8072.9999.9999 /usr/bin/bramble snmp-pass     in snmpd.conf
  printf 'PING\\n' | bramble snmp-pass

What the objects mean is in docs/BRAMBLE-MIB.txt.";

/// `bramble snmp-pass`
#[derive(Args, Debug)]
#[command(after_long_help = SNMP_PASS_EXAMPLES)]
pub(crate) struct SnmpPassArgs {
    /// Under which object identifier all stand [default: .1.3.6.1.4.1.8072.9999.9999]
    #[arg(value_name = "OID", value_parser = oid)]
    pub(crate) oid: Option<Oid>,
}

/// Reads an object identifier.
fn oid(text: &str) -> Result<Oid, String> {
    text.parse::<Oid>().map_err(|error| error.to_string())
}
