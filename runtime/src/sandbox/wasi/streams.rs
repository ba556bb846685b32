//! Standard input, output and error of a guest. None of them ever waits.

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use wasmtime_wasi::cli::{IsTerminal, StdinStream, StdoutStream};
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use crate::sandbox::fault::Fault;
use crate::sandbox::host::{SharedOutputs, SharedSource};
use crate::sandbox::log::Log;
use crate::sandbox::source::BLOCK_BYTES_MAX;

/// Most bytes a guest may write at once.
const PERMIT_BYTES: usize = 64 << 10;

/// The task's input.
#[derive(Clone)]
pub(super) struct InputBytes {
    pub(super) source: SharedSource,
    pub(super) fault: Fault,
}

/// The task's first output.
#[derive(Clone)]
pub(super) struct OutputBytes {
    pub(super) outputs: SharedOutputs,
    pub(super) fault: Fault,
}

/// The log.
#[derive(Clone)]
pub(super) struct LogStream(pub(super) Log);

impl InputStream for InputBytes {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let mut source = self.source.lock();
        if source.left() == 0 {
            return Err(StreamError::Closed);
        }
        match source.read(size.min(BLOCK_BYTES_MAX)) {
            Ok(block) => Ok(block.into()),
            Err(outcome) => Err(StreamError::Trap(self.fault.stop(outcome))),
        }
    }
}

impl OutputStream for OutputBytes {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let written = self.outputs.lock().write(0, &bytes);
        written.map_err(|outcome| StreamError::Trap(self.fault.stop(outcome)))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT_BYTES)
    }
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT_BYTES)
    }
}

macro_rules! never_waits {
    ($($stream:ty),*) => {$(
        #[wasmtime_wasi::async_trait]
        impl Pollable for $stream {
            async fn ready(&mut self) {}
        }

        impl IsTerminal for $stream {
            fn is_terminal(&self) -> bool {
                false
            }
        }
    )*};
}
never_waits!(InputBytes, OutputBytes, LogStream);

// The asynchronous forms belong to WASI 0.3, which is not linked.

impl StdinStream for InputBytes {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }
}

impl StdoutStream for OutputBytes {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}
