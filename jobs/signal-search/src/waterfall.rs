//! Pictures of hits.

/// Channels of a picture on either side of its middle.
pub const HALF_CHANNELS: u64 = 128;
