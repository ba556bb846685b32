//! What is done to pictures: `do=view` and `do=analyse`.

use bramble_guest::prelude::*;

use crate::hex::from_hex;
use crate::pixels::{self, Border, RawShape};
use crate::row_cipher::{self, Keys};
use crate::{analyse, master, view};

pub(crate) fn cut(input: &mut Input, wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    let border = if analyses() { Border::RowBelow } else { Border::None };
    let pixels = |name| param(name).map(|_| param_as(name)).transpose();
    let (width, height) = (pixels("width")?, pixels("height")?);
    let raw = RawShape::from_params(width, height, param_as("channels")?, param_as("bits")?)?;
    pixels::cut(input, raw, wanted_bytes, border)
}

pub(crate) fn map(_task: &Task, chunk: &mut Input, output: &mut Output) -> JobResult {
    let keys = keys()?;
    let name = param_as::<String>("cipher")?;
    let ecb = keys.cipher(&row_cipher::in_ecb_mode(&name), 0)?;
    let chosen = keys.cipher(&name, 0)?;
    if analyses() {
        let new_nonce = row_cipher::has_nonce(&name).then(|| keys.cipher(&name, 1)).transpose()?;
        let ciphers =
            analyse::Ciphers { ecb: &*ecb, chosen: &*chosen, with_new_nonce: new_nonce.as_deref() };
        return analyse::map(chunk, &ciphers, output);
    }
    let view = if param_as("side-by-side")? {
        view::View::SideBySide { ecb: &*ecb, chosen: &*chosen }
    } else {
        view::View::Ciphertext(&*chosen)
    };
    view::map(chunk, &view, output)
}

pub(crate) fn merge(_task: &Task, mut parts: Vec<Input>, output: &mut Output) -> JobResult {
    analyse::merge(&mut parts, output)
}

fn analyses() -> bool {
    param("do").is_some_and(|what| what == "analyse")
}

/// The keys that the user's key and the salt give.
fn keys() -> JobResult<Keys> {
    let salt = param_or("salt", "");
    let salt = from_hex(salt.as_bytes()).ok_or_else(|| {
        JobError::bad_param("`salt` should be hexadecimal digits, two for each byte")
    })?;
    let Some(key) = host::secret("key") else {
        return Ok(Keys::new(b"", &salt));
    };
    Ok(Keys::new(&master::raw_key(&key)?, &salt))
}
