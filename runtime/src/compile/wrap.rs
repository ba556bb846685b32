//! Makes a component of a core module that was built with an SDK.

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::ComponentEncoder;

use super::Refusal;

/// Wraps a core module whose imports and exports follow `bramble:job`. What it imports of WASI
/// preview 1 is adapted to WASI 0.2.
pub(super) fn component(module: &[u8]) -> Result<Vec<u8>, Refusal> {
    let encoded = ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|encoder| {
            encoder.adapter(
                WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )
        })
        .and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| {
        Refusal::new("the module does not fit the interface that it says it has")
            .detail(format!("{error:#}"))
            .help("build it with the SDK of this release, and do not strip its custom sections")
    })
}
