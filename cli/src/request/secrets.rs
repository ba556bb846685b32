//! Reads secrets from where the command line says they are. What is wrong with one is said
//! without showing it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bramble_protocol::{Secret, SecretAccess, Secrets};
use zeroize::Zeroizing;

use crate::args::secrets::SecretArgs;
use crate::error::{CliError, CliResult, Slug};

/// What to do about a secret that was typed wrongly.
const HOW: &str = "name a file, standard input or a variable: --secret key=@key.bin, \
                   --secret key=@-, --secret key=env:KEY";

/// Reads what was typed. `stdin_is_taken` says that standard input is the job's input.
///
/// # Errors
/// When one is not typed as it should be, cannot be read, or is out of bounds.
pub(crate) fn read(typed: &SecretArgs, mut stdin_is_taken: bool) -> CliResult<Secrets> {
    let mut secrets = Secrets::default();
    let readable = typed.readable.iter().map(|typed| (typed, SecretAccess::Read));
    let sealed = typed.sealed.iter().map(|typed| (typed, SecretAccess::Sealed));
    for (typed, access) in readable.chain(sealed) {
        let Some((name, from)) = typed.split_once('=') else {
            return Err(CliError::usage("a secret has a name and a place").help(HOW));
        };
        let bytes = bytes(name, from, &mut stdin_is_taken)?;
        if !secrets.insert(name.into(), Secret::new(bytes, access)) {
            return Err(CliError::usage(format!("the secret `{name}` is given twice")));
        }
    }
    secrets.fault().map_or(Ok(secrets), |fault| Err(CliError::usage(fault)))
}

/// The flag for a secret of a job file, whose path starts where `beside` says.
pub(crate) fn typed(flag: &str, word: &str, beside: impl Fn(&str) -> PathBuf) -> String {
    match word.split_once("=@") {
        Some((name, path)) if path != "-" => {
            format!("--{flag}={name}=@{}", beside(path).display())
        }
        _ => format!("--{flag}={word}"),
    }
}

fn bytes(name: &str, from: &str, stdin_is_taken: &mut bool) -> CliResult<Zeroizing<Vec<u8>>> {
    if let Some(variable) = from.strip_prefix("env:") {
        let value = std::env::var_os(variable).ok_or_else(|| {
            CliError::usage(format!("the variable of the secret `{name}` is not set")).help(HOW)
        })?;
        return Ok(without_line_end(Zeroizing::new(value.into_encoded_bytes())));
    }
    match from.strip_prefix('@') {
        Some("-") if std::mem::replace(stdin_is_taken, true) => {
            Err(CliError::usage("standard input cannot be read twice").help(HOW))
        }
        Some("-") => {
            let failed = |error| {
                let what = format!("cannot read the secret `{name}` from standard input");
                CliError::new(Slug::BadFile, what).because(&error)
            };
            read_all(io::stdin().lock()).map(without_line_end).map_err(failed)
        }
        Some(path) if !path.is_empty() => {
            let path = Path::new(path);
            let failed = |error: io::Error| CliError::file("read", path, &error);
            let file = File::open(path).map_err(failed)?;
            read_all(file).map(without_line_end).map_err(failed)
        }
        _ => Err(CliError::usage(format!("the secret `{name}` must not be typed"))
            .why("others can see command lines, and shells remember them")
            .help(HOW)),
    }
}

/// One byte more than a secret may have, so that a longer one is noticed.
fn read_all(from: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let most = Secrets::BYTES_MAX + "\r\n".len() + 1;
    // Of its full length at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    from.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Editors end a line of text, which does not belong to a passphrase. A key of random bytes may
/// end in any byte: it is not text, and stays as it is.
fn without_line_end(mut bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    let line = bytes.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let is_text = |line: &[u8]| {
        str::from_utf8(line).is_ok_and(|text| !text.chars().any(|c| c.is_control() && c != '\t'))
    };
    if let Some(length) = line.filter(|line| is_text(line)).map(<[u8]>::len) {
        bytes.truncate(length);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_typed(typed: &[&str]) -> CliResult<Secrets> {
        let readable = typed.iter().map(|typed| (*typed).to_owned()).collect();
        read(&SecretArgs { readable, ..SecretArgs::default() }, true)
    }

    #[test]
    fn the_end_of_a_line_of_text_is_left_out_and_no_byte_of_a_key() {
        let clean = |bytes: &[u8]| without_line_end(Zeroizing::new(bytes.to_vec())).to_vec();
        assert_eq!(clean(b"open sesame\n"), b"open sesame");
        assert_eq!(clean(b"open sesame\r\n"), b"open sesame");
        assert_eq!(clean(b"open sesame"), b"open sesame");
        assert_eq!(clean(b"open sesame\n\n"), b"open sesame\n\n");
        assert_eq!(clean("сезам\n".as_bytes()), "сезам".as_bytes());
        assert_eq!(clean(b"\x80\x01key\n"), b"\x80\x01key\n");
        assert_eq!(clean(b"key\x01\n"), b"key\x01\n");
        assert_eq!(clean(b"one\ntwo\n"), b"one\ntwo\n");
    }

    #[test]
    fn a_secret_comes_from_a_file_and_never_from_the_command_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("word");
        std::fs::write(&path, "open sesame\n").unwrap();
        let typed = format!("word=@{}", path.display());
        let secrets = read_typed(&[&typed]).unwrap();
        assert_eq!(secrets.get("word").unwrap().expose(), b"open sesame");
        for wrong in ["word=hunter2", "hunter2", "word=", "word=@", "word=env:NOT_SET_ANYWHERE"] {
            let error = read_typed(&[wrong]).unwrap_err();
            assert_eq!(error.slug(), Some(Slug::Usage), "{wrong}");
            let CliError::Shown(report) = error else { panic!("shown") };
            let all = format!("{} {:?} {:?}", report.what, report.why, report.help);
            assert!(!all.contains("hunter2"), "{all}");
        }
        assert!(read_typed(&["word=@-"]).is_err(), "standard input is the job's input");
        assert!(read_typed(&[&typed, &typed]).is_err(), "given twice");
        std::fs::write(&path, vec![1; 65_537]).unwrap();
        assert!(read_typed(&[&typed]).is_err(), "too long");
        assert_eq!(read_typed(&["word=@/nowhere"]).unwrap_err().slug(), Some(Slug::NoSuchFile));
    }
}
