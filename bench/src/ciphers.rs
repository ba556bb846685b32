//! Sealing by the host for a guest, by the guest's own code, and by the same crate natively.

use std::time::Duration;

use anyhow::{Context, Result};
use bramble_crypto::{Aead, Blocks, Key};
use bramble_protocol::{Params, Secret, SecretAccess, Secrets};
use bramble_tests::cluster::job;
use rustix::time::{ClockId, clock_gettime};

use crate::report::median;
use crate::slot::Slot;

/// Length of what is sealed, in bytes.
const TEXT_BYTES: usize = 32 << 20;
/// As the guest does it: blocks of 16 KiB, sixteen in one call.
const BLOCK_BYTES: usize = 16 << 10;
const CALL_BYTES: usize = 16 * BLOCK_BYTES;

/// Measures and prints. All times are of the processor, so that what else runs matters little.
pub(crate) fn run(runs: usize) -> Result<()> {
    println!("ciphers: {} MiB in blocks of 16 KiB, processor time", TEXT_BYTES >> 20);
    let text: Vec<u8> = (0..TEXT_BYTES).map(|at| ((at * 31) >> 3) as u8).collect();
    let mut slot = Slot::new()?;
    let module = slot.compile(&job("sealer"))?;
    let chunk = slot.chunk(&text)?;
    let mut secrets = Secrets::default();
    secrets.insert("key".into(), Secret::new(vec![7; 32].into(), SecretAccess::Read));
    let mut seal = |by: &str, cipher: &str| {
        let params = [("by", by), ("cipher", cipher), ("keep", "tags")];
        let params: Params = params.map(|(name, value)| (name.into(), value.into())).into();
        several(runs, || slot.cpu_of_map(module, chunk, &params, &secrets))
    };
    let read = seal("nobody", "aes")?;
    println!("  reading alone                      {:8.1} ms", ms(read));
    for (cipher, aead) in [("aes", Aead::Aes256Gcm), ("chacha", Aead::ChaCha20Poly1305)] {
        let native = several(runs, || native(aead, &text))?;
        println!("  {aead:?}, natively: {:.1} ms", ms(native));
        for by in ["host", "guest"] {
            let net = seal(by, cipher)?.saturating_sub(read);
            let ratio = net.as_secs_f64() / native.as_secs_f64();
            println!("    by the {by:<6} without reading     {:8.1} ms {ratio:8.2}x", ms(net));
        }
    }
    Ok(())
}

fn several(runs: usize, mut run: impl FnMut() -> Result<Duration>) -> Result<Duration> {
    run()?;
    Ok(median((0..runs.max(1)).map(|_| run()).collect::<Result<_>>()?))
}

fn native(aead: Aead, text: &[u8]) -> Result<Duration> {
    let cipher = Key::new(vec![7; 32].into()).cipher(aead).context("a key of 32 bytes")?;
    let begun = cpu();
    let mut first = 0;
    for part in text.chunks(CALL_BYTES) {
        let blocks = Blocks { len: BLOCK_BYTES, nonce: &[0; 12], first, step: 1 };
        std::hint::black_box(cipher.seal(&blocks, b"", part)?);
        first += (CALL_BYTES / BLOCK_BYTES) as u64;
    }
    Ok(cpu().saturating_sub(begun))
}

/// Processor time of this thread.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
