//! Mines as a coin's miners do: looks for a number that makes a hash start with many zeros.
//!
//! A header and a nonce of 4 bytes (little-endian) are hashed twice by SHA-256, and the hash is
//! read backwards: as Bitcoin has it, so that its blocks can be checked. Each task tries a range
//! of nonces from its start. Who finds one says [`host::enough`], so that the tasks after it stop;
//! those before it go on, because the lowest nonce is the result.

use bramble_guest::prelude::*;
use sha2::{Digest, Sha256};

bramble_guest::params! {
    struct Params {
        /// What comes before the nonce, as hexadecimal digits; left out, the first block of
        /// Bitcoin.
        header: Option<String>,
        /// How many zero bits the hash must start with; each more doubles the work: 0 to 256.
        bits: u32 = 24,
        /// The first nonce to try.
        from: u32 = 0,
        /// How many nonces are tried at most; all that there are when left out.
        nonces: Option<u64>,
        /// How many tasks share the work.
        tasks: u32 = 1024,
    }
}

bramble_guest::job! {
    name: "miner",
    about: "Looks for the lowest nonce that gives a header a hash with many zeros.",
    input: InputKind::NONE,
    split: Split::Guest,
    params: Params::DECLARED,
    result: ResultKind::TABLE,
    map: map,
    cut: cut,
}

/// The header of Bitcoin's first block without its nonce: version, no block before it, the root of
/// its transactions, the time (3 January 2009, 18:15:05 UTC), the difficulty.
const FIRST_BLOCK: &str = "01000000\
    0000000000000000000000000000000000000000000000000000000000000000\
    3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a\
    29ab5f49ffff001d";
/// A nonce has 32 bits.
const NONCES_END: u64 = 1 << 32;
/// Longer headers are a mistake: a file, say.
const HEADER_BYTES_MAX: usize = 1 << 20;
/// Nonces between two reports of progress.
const BLOCK: u64 = 1 << 16;

fn cut(_input: &mut Input, _wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    let params = Params::read()?;
    header_of(&params)?;
    if params.bits > 256 {
        return Err(JobError::bad_param("`bits` goes up to 256, which is what a hash has"));
    }
    let from = u64::from(params.from);
    let nonces = params.nonces.unwrap_or(NONCES_END);
    if nonces == 0 {
        return Err(JobError::bad_param("`nonces` must be at least 1"));
    }
    let shares = shares(from..from.saturating_add(nonces).min(NONCES_END), params.tasks);
    Ok(shares.map(|share| vec![Piece::numbers(&[share.start, share.end])]).collect())
}

fn map(_task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    let params = Params::read()?;
    let header = header_of(&params)?;
    let [from, end] = input.all_numbers()?;
    // All that the header needs of the first hash is done once.
    let begun = Sha256::new_with_prefix(&header);
    for nonce in from..end {
        let hash = hash_of(&begun, nonce as u32);
        if leading_zeros(&hash) >= params.bits {
            writeln!(output, "nonce\t{nonce}\nhash\t{}", hex_backwards(&hash))?;
            host::enough();
            return Ok(());
        }
        if nonce % BLOCK == 0 {
            progress(nonce - from, end - from);
        }
    }
    Ok(())
}

/// SHA-256 of SHA-256 of the header, of which `begun` knows, and the nonce.
fn hash_of(begun: &Sha256, nonce: u32) -> [u8; 32] {
    let first = begun.clone().chain_update(nonce.to_le_bytes()).finalize();
    Sha256::digest(first).into()
}

/// Zero bits at the start of a hash that is read backwards.
fn leading_zeros(hash: &[u8; 32]) -> u32 {
    let zero_bytes = hash.iter().rev().take_while(|byte| **byte == 0).count();
    let next = hash.iter().rev().nth(zero_bytes).map_or(0, |byte| byte.leading_zeros());
    8 * zero_bytes as u32 + next
}

fn hex_backwards(hash: &[u8]) -> String {
    hash.iter().rev().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of the header.
fn header_of(params: &Params) -> JobResult<Vec<u8>> {
    let digits = params.header.as_deref().unwrap_or(FIRST_BLOCK);
    if digits.len() > 2 * HEADER_BYTES_MAX {
        return Err(JobError::bad_param(format!("`header` has at most {HEADER_BYTES_MAX} bytes")));
    }
    let value = |digit: u8| (digit as char).to_digit(16);
    let bytes: Option<Vec<u8>> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some((value(*high)? * 16 + value(*low)?) as u8),
            _ => None,
        })
        .collect();
    bytes.ok_or_else(|| {
        let digits = bramble_guest::quote(digits);
        JobError::bad_param(format!(
            "`header` cannot be {digits}; it is pairs of digits, 0 to 9 and a to f"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bramble_guest::local::Run;

    fn mined(args: &[(&str, &str)]) -> JobResult<String> {
        let run = args.iter().fold(Run::new(&JOB), |run, (name, value)| run.arg(name, value));
        Ok(String::from_utf8(run.whole_in_any_chunks(b"")?).unwrap())
    }

    #[test]
    fn the_first_block_of_bitcoin_is_mined_again() {
        // Block 0: nonce 2,083,236,893. Its hash starts with 43 zero bits; 32 were asked for.
        let expected = "nonce\t2083236893\n\
                        hash\t000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f\n";
        for (bits, tasks) in [("32", "1"), ("43", "7")] {
            let args = [("from", "2083230000"), ("nonces", "10000")];
            let found = mined(&[&args[..], &[("bits", bits), ("tasks", tasks)]].concat()).unwrap();
            assert_eq!(found, expected);
        }
        let args = [("from", "2083230000"), ("nonces", "10000"), ("bits", "44")];
        assert_eq!(mined(&args).unwrap(), "");
    }

    #[test]
    fn the_lowest_nonce_is_found_whatever_the_tasks() {
        // Python's hashlib: see tests/mine.py.
        let of = |tasks| mined(&[("header", "6272616d626c65"), ("bits", "12"), ("tasks", tasks)]);
        for tasks in ["1", "100", "65536"] {
            let args = [("header", "6272616d626c65"), ("bits", "12"), ("tasks", tasks)];
            let args = [&args[..], &[("nonces", "100000")]].concat();
            assert_eq!(
                mined(&args).unwrap(),
                "nonce\t5163\nhash\t0006d16b39f79405bf5c749c75c4808da06340bcb1f7412fe75f7002c69ac795\n",
                "{tasks}"
            );
        }
        assert!(of("1024").unwrap().starts_with("nonce\t5163\n"));
    }

    #[test]
    fn no_zeros_wanted_is_met_by_the_first_nonce() {
        let found = mined(&[("bits", "0"), ("from", "7"), ("tasks", "3")]).unwrap();
        assert!(found.starts_with("nonce\t7\nhash\t"), "{found}");
        let last = mined(&[("bits", "0"), ("from", "4294967295")]).unwrap();
        assert!(last.starts_with("nonce\t4294967295\n"), "{last}");
    }

    #[test]
    fn zeros_are_counted_from_the_end_of_the_hash() {
        let mut hash = [0; 32];
        assert_eq!(leading_zeros(&hash), 256);
        hash[0] = 1;
        assert_eq!(leading_zeros(&hash), 255);
        hash[31] = 0x1f;
        assert_eq!(leading_zeros(&hash), 3);
    }

    #[test]
    fn unusable_parameters_are_named() {
        let bad = [
            ("header", "abc", "pairs of digits"),
            ("header", "zz", "pairs of digits"),
            ("header", "é1", "pairs of digits"),
            ("bits", "257", "up to 256"),
            ("nonces", "0", "at least 1"),
        ];
        for (name, value, expected) in bad {
            match mined(&[(name, value)]) {
                Err(JobError::BadParam(message)) => {
                    assert!(message.contains(expected), "{message}");
                }
                other => panic!("{name} {value}: {other:?}"),
            }
        }
    }
}
