//! The PoE driver against a real SNMP daemon.
