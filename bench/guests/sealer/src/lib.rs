//! Seals its chunk in blocks of 16 KiB, by the host's ciphers or by its own: for tests of secrets
//! and for measuring ciphers. All of its nonces start at zero, as no real job's should.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};
use bramble_guest::crypto::{Aead, Blocks, Key, TAG_BYTES};
use bramble_guest::prelude::*;
use chacha20poly1305::ChaCha20Poly1305;

/// Bytes of text in each block.
const BLOCK_BYTES: usize = 16 << 10;
/// Blocks in one call of the host.
const BLOCKS_MAX: usize = 16;

bramble_guest::job! {
    name: "sealer",
    about: "Seals blocks of 16 KiB with a secret key.",
    split: Split::Bytes,
    params: [
        Param::new("key", "what to seal with: 32 bytes, or any number for the way `add`").secret(),
        Param::new("by", "who seals: `host`, `guest`, `nobody`; `add` adds the key to each byte")
            .choices(&["host", "guest", "nobody", "add"])
            .default("add"),
        Param::new("cipher", "with what").choices(&["aes", "chacha"]).default("aes"),
        Param::new("keep", "whether what was sealed is the result, or only its tags")
            .choices(&["all", "tags"])
            .default("all"),
        Param::new("strictness", "whether an input that starts with `bad` is refused")
            .choices(&["lax", "strict"])
            .default("lax"),
    ],
    result: ResultKind::BINARY,
    map: seal,
}

fn seal(task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    let is = |name: &str, value: &str| param(name).as_deref() == Some(value);
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    if is("strictness", "strict") && bytes.starts_with(b"bad") {
        return Err(JobError::bad_input("the input starts with `bad`"));
    }
    let is_aes = is("cipher", "aes");
    let keep = |sealed: &[u8], output: &mut Output| match is("keep", "all") {
        true => output.write_all(sealed),
        false => sealed
            .chunks(BLOCK_BYTES + TAG_BYTES)
            .try_for_each(|block| output.write_all(&block[block.len() - TAG_BYTES..])),
    };
    if is("by", "host") {
        let key = Key::from_secret("key")?;
        let aead = if is_aes { Aead::Aes256Gcm } else { Aead::ChaCha20Poly1305 };
        let mut blocks = Blocks::of(BLOCK_BYTES as u32, [0; 12]);
        for text in bytes.chunks(BLOCKS_MAX * BLOCK_BYTES) {
            keep(&key.seal(aead, &blocks, b"", text)?, output)?;
            blocks.first += BLOCKS_MAX as u64;
        }
        return Ok(());
    }
    if is("by", "nobody") {
        return Ok(());
    }
    let key = host::secret("key").ok_or_else(|| JobError::bad_param("the key is missing"))?;
    if is("by", "add") {
        // As if the input had not been cut.
        let begin = (task.offset % key.len() as u64) as usize;
        for (byte, key) in bytes.iter_mut().zip(key.iter().cycle().skip(begin)) {
            *byte ^= key;
        }
        output.write_all(&bytes)?;
        return Ok(());
    }
    let unfit = |_| JobError::bad_param("the key must have 32 bytes");
    let sealed = if is_aes {
        own(&Aes256Gcm::new_from_slice(&key).map_err(unfit)?, &bytes)?
    } else {
        own(&ChaCha20Poly1305::new_from_slice(&key).map_err(unfit)?, &bytes)?
    };
    keep(&sealed, output)?;
    Ok(())
}

/// Seals by the job's own code.
fn own<A: AeadInOut>(cipher: &A, text: &[u8]) -> JobResult<Vec<u8>> {
    let mut sealed = Vec::with_capacity(text.len() + text.len() / BLOCK_BYTES * TAG_BYTES + 64);
    for (number, block) in text.chunks(BLOCK_BYTES).enumerate() {
        let mut nonce = Nonce::<A>::default();
        let place = nonce.len() - 8;
        nonce[place..].copy_from_slice(&(number as u64).to_be_bytes());
        let begin = sealed.len();
        sealed.extend_from_slice(block);
        let tag = cipher.encrypt_inout_detached(&nonce, b"", (&mut sealed[begin..]).into());
        sealed.extend_from_slice(&tag.map_err(|_| JobError::failed("the block is too long"))?);
    }
    Ok(sealed)
}
