//! Keys and values: what a map of pairs emits, and what a combiner or reducer is given.

use wasmtime::component::Resource;

use super::bindings::bramble::job;
use super::host::Host;

/// A guest's handle to where its pairs go.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Emitter;

/// A guest's handle to sorted pairs.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Groups;

impl job::io::HostEmitter for Host {
    fn emit(&mut self, _emitter: Resource<Emitter>, _frames: Vec<u8>) -> wasmtime::Result<()> {
        Err(wasmtime::format_err!("not built yet"))
    }

    fn emit_to(
        &mut self,
        _emitter: Resource<Emitter>,
        _partition: u32,
        _frames: Vec<u8>,
    ) -> wasmtime::Result<()> {
        Err(wasmtime::format_err!("not built yet"))
    }

    fn drop(&mut self, emitter: Resource<Emitter>) -> wasmtime::Result<()> {
        self.table().delete(emitter)?;
        Ok(())
    }
}

impl job::io::HostGroups for Host {
    fn next(&mut self, _groups: Resource<Groups>, _max: u32) -> wasmtime::Result<Vec<u8>> {
        Err(wasmtime::format_err!("not built yet"))
    }

    fn drop(&mut self, groups: Resource<Groups>) -> wasmtime::Result<()> {
        self.table().delete(groups)?;
        Ok(())
    }
}
