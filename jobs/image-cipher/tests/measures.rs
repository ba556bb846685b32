//! The measures are those that numpy computes, whatever the tiles, and are exact when merged.
//!
//! Expected values were printed by `data/measures.py` (numpy 2.4.6), whose two ciphers are the ones
//! here: easy to write in any language, and as bad and as good as is needed.

use bramble_guest::local::Run;
use bramble_guest::prelude::*;
use image_cipher::analyse::{self, Ciphers};
use image_cipher::drawing::penguin;
use image_cipher::pixels::{Border, cut};

bramble_guest::job! {
    name: "measures",
    about: "Measures a picture and two ciphertexts.",
    split: Split::Guest,
    map: map,
    merge: merge,
    cut: cut_rows,
}

fn cut_rows(input: &mut Input, wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    cut(input, None, wanted_bytes, Border::RowBelow)
}

fn map(_: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    let add_one = |_: u32, row: &mut [u8]| {
        row.iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
    };
    let (chosen, other) = (keystream(1), keystream(2));
    let ciphers = Ciphers { ecb: &add_one, chosen: &chosen, with_new_nonce: Some(&other) };
    analyse::map(input, &ciphers, output)
}

fn merge(_: &Task, mut parts: Vec<Input>, output: &mut Output) -> JobResult {
    analyse::merge(&mut parts, output)
}

/// `SplitMix64`, counting from the nonce, the row and the column.
fn keystream(nonce: u64) -> impl Fn(u32, &mut [u8]) {
    move |y, row| {
        for (x, byte) in (1..).zip(row) {
            let at: u64 = (nonce << 40) + (u64::from(y) << 20) + x;
            let mixed = at.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            *byte ^= (mixed ^ (mixed >> 31)) as u8;
        }
    }
}

fn table(picture: &[u8]) -> String {
    let table = Run::new(&JOB).whole_in_any_chunks(picture).expect("it is a picture");
    String::from_utf8(table).expect("a table is text")
}

/// Names and values only.
fn values(table: &str) -> String {
    let line = |line: &str| line.splitn(3, '\t').take(2).collect::<Vec<_>>().join("\t") + "\n";
    table.lines().skip(1).map(line).collect()
}

fn gray16() -> Vec<u8> {
    let mut pgm = b"P5\n40 48\n65535\n".to_vec();
    for y in 0..48_u32 {
        pgm.extend((0..40).flat_map(|x| ((701 * x + 1301 * y) as u16).to_be_bytes()));
    }
    pgm
}

#[test]
fn a_picture_in_colour_has_the_measures_that_numpy_computes() {
    let expected = "\
plain.entropy-bits-per-byte\t3.309913\n\
plain.chi-square\t565299.75\n\
plain.correlation-horizontal\t0.874714\n\
plain.correlation-vertical\t0.851594\n\
plain.correlation-diagonal\t0.801085\n\
ecb.entropy-bits-per-byte\t3.309913\n\
ecb.chi-square\t565299.75\n\
ecb.correlation-horizontal\t0.875779\n\
ecb.correlation-vertical\t0.852338\n\
ecb.correlation-diagonal\t0.802366\n\
cipher.entropy-bits-per-byte\t7.990355\n\
cipher.chi-square\t245.83\n\
cipher.correlation-horizontal\t0.013311\n\
cipher.correlation-vertical\t0.002719\n\
cipher.correlation-diagonal\t-0.004833\n\
ecb.npcr-percent\t0.0054\n\
ecb.uaci-percent\t0.0000\n\
cipher.same-nonce.npcr-percent\t0.0054\n\
cipher.same-nonce.uaci-percent\t0.0000\n\
cipher.new-nonce.npcr-percent\t99.6799\n\
cipher.new-nonce.uaci-percent\t33.2996\n";
    assert_eq!(values(&table(&penguin(96, 64))), expected);
}

#[test]
fn a_picture_of_16_bits_has_the_measures_that_numpy_computes() {
    let expected = "\
plain.entropy-bits-per-byte\t7.974877\n\
plain.chi-square\t134.00\n\
plain.correlation-horizontal\t0.941598\n\
plain.correlation-vertical\t0.893121\n\
plain.correlation-diagonal\t0.835536\n\
ecb.entropy-bits-per-byte\t7.974877\n\
ecb.chi-square\t134.00\n\
ecb.correlation-horizontal\t0.941653\n\
ecb.correlation-vertical\t0.890051\n\
ecb.correlation-diagonal\t0.832533\n\
cipher.entropy-bits-per-byte\t7.949211\n\
cipher.chi-square\t263.33\n\
cipher.correlation-horizontal\t0.044028\n\
cipher.correlation-vertical\t-0.020921\n\
cipher.correlation-diagonal\t0.007924\n\
ecb.npcr-percent\t0.0521\n\
ecb.uaci-percent\t0.0000\n\
cipher.same-nonce.npcr-percent\t0.0521\n\
cipher.same-nonce.uaci-percent\t0.0000\n\
cipher.new-nonce.npcr-percent\t100.0000\n\
cipher.new-nonce.uaci-percent\t32.3694\n";
    assert_eq!(values(&table(&gray16())), expected);
}

#[test]
fn verdicts_tell_good_ciphertext_from_bad() {
    let table = table(&penguin(96, 64));
    let verdict = |name: &str| {
        let line = table.lines().find(|line| line.starts_with(&format!("{name}\t")));
        line.unwrap_or_else(|| panic!("no {name}")).rsplit('\t').next().unwrap().to_owned()
    };
    for name in [
        "cipher.entropy-bits-per-byte",
        "cipher.chi-square",
        "cipher.correlation-horizontal",
        "cipher.correlation-vertical",
        "cipher.correlation-diagonal",
        "cipher.new-nonce.npcr-percent",
        "cipher.new-nonce.uaci-percent",
    ] {
        assert_eq!(verdict(name), "as random", "{name}");
    }
    assert_eq!(verdict("ecb.correlation-vertical"), "neighbours are alike");
    assert_eq!(verdict("ecb.entropy-bits-per-byte"), "bytes can be guessed in part");
    assert_eq!(verdict("ecb.chi-square"), "some bytes are far more common than others");
    assert_eq!(verdict("ecb.npcr-percent"), "the change shows: 1 of 18432 samples differ");
    let told = "a nonce used twice tells what was changed: 1 of 18432 samples differ";
    assert_eq!(verdict("cipher.same-nonce.uaci-percent"), told);
}

#[test]
fn ranges_are_those_of_the_literature() {
    // Wu, Noonan, Agaian 2011, table of critical values for 256 x 256 and 0.1 %: NPCR 99.5341 %,
    // UACI 33.1594 % to 33.7677 %; expectations 99.6094 % and 33.4635 %. The quantiles of
    // chi-square are scipy's: `chi2.ppf([0.0005, 0.9995], 255)`.
    let table = table(&[b"P5 256 256 255\n".as_slice(), &[7; 65_536]].concat());
    for line in [
        "cipher.new-nonce.npcr-percent\t99.6094, at least 99.5341",
        "cipher.new-nonce.uaci-percent\t33.4635, 33.1594 to 33.7677",
        "plain.chi-square\t255, 187.17 to 335.92",
        // 8 − chi2.ppf(0.999, 255) / (2 · ln 2 · 65536)
        "plain.entropy-bits-per-byte\t8, at least 7.996362",
        // norm.ppf(0.9995) / sqrt(255 · 256)
        "plain.correlation-horizontal\t0, -0.012879 to 0.012879",
    ] {
        let (name, range) = line.split_once('\t').unwrap();
        let found = table.lines().find(|line| line.starts_with(&format!("{name}\t"))).unwrap();
        assert_eq!(found.split('\t').nth(2).unwrap(), range, "{name}");
    }
}

#[test]
fn a_picture_of_one_colour_has_no_entropy_and_no_correlation() {
    let table = table(&[b"P5 64 32 255\n".as_slice(), &[7; 2048]].concat());
    assert!(table.contains("plain.entropy-bits-per-byte\t0.000000\t"));
    // 255 N: all of them are in one of 256 places.
    assert!(table.contains("plain.chi-square\t522240.00\t"));
    assert!(table.contains("plain.correlation-diagonal\t-\t0, "));
    assert!(table.contains("\tall samples are the same\n"));
}

#[test]
fn the_smallest_pictures_are_measured_without_a_verdict() {
    for picture in [&b"P5 1 1 255\nx"[..], b"P5 1 2 255\nxy", b"P5 2 1 65535\nabcd"] {
        let table = table(picture);
        assert!(table.contains("plain.chi-square\t"));
        assert!(table.contains("\ttoo few bytes to tell\n"));
        assert!(!table.contains("NaN") && !table.contains("inf"), "{table}");
    }
}

#[test]
fn parts_may_be_merged_in_any_order_and_any_groups() {
    let run = Run::new(&JOB);
    let picture = penguin(50, 40);
    let parts: Vec<Vec<u8>> = run
        .chunks(&picture, 700)
        .unwrap()
        .iter()
        .map(|chunk| run.map(chunk).unwrap().remove(0))
        .collect();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    assert!(parts.len() > 8);
    let (some, others) = parts.split_at(5);
    let (some, others) = (run.merge(some).unwrap(), run.merge(others).unwrap());
    assert_eq!(run.merge(&[&others, &some]).unwrap(), run.merge(&parts).unwrap());
    assert!(run.merge(&parts).unwrap().starts_with(b"name\tvalue\texpected\tverdict\n"));
}

#[test]
fn parts_of_something_else_are_refused() {
    let run = Run::new(&JOB);
    let part = |picture: &[u8]| run.map(&run.chunks(picture, 700).unwrap()[0]).unwrap().remove(0);
    let (one, other) = (part(&penguin(50, 40)), part(&penguin(50, 41)));
    assert!(run.merge(&[&one, &other]).is_err());
    assert!(run.merge(&[&one[..one.len() - 1]]).is_err());
    assert!(run.merge(&[b"name"]).is_err());
    assert!(run.merge(&[]).is_err());
}
