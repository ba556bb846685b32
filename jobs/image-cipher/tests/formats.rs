//! Pictures of all kinds of files are read to the same samples, wherever they are cut, and damaged
//! ones are refused with what is wrong.
//!
//! The files in `data/` were made by `data/make.py`, with Pillow, tifffile and Python's zlib.

use bramble_guest::local::Run;
use bramble_guest::prelude::*;
use image_cipher::pixels::{Border, RawShape, cut};
use image_cipher::view::{self, View};

bramble_guest::params! {
    struct Params {
        /// Of raw samples.
        width: Option<u32>,
        /// Of raw samples.
        height: Option<u32>,
        /// Of raw samples.
        channels: u8 = 1,
        /// Of raw samples.
        bits: u8 = 8,
    }
}

bramble_guest::job! {
    name: "picture",
    about: "Writes a picture as PGM or PPM.",
    split: Split::Guest,
    params: Params::DECLARED,
    map: map,
    cut: cut_rows,
}

fn cut_rows(input: &mut Input, wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    let Params { width, height, channels, bits } = Params::read()?;
    cut(input, RawShape::from_params(width, height, channels, bits)?, wanted_bytes, Border::None)
}

fn map(_: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    view::map(input, &View::Ciphertext(&|_: u32, _: &mut [u8]| {}), output)
}

const WIDTH: u32 = 21;
const HEIGHT: u32 = 13;

/// The picture of `data/make.py`, of which `shown` says for each channel which one of its it is.
fn expected(shown: &[u32], bits: u32) -> Vec<u8> {
    let kind = if shown.len() == 1 { "P5" } else { "P6" };
    let mut pnm = format!("{kind}\n{WIDTH} {HEIGHT}\n{}\n", (1 << bits) - 1).into_bytes();
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            for c in shown {
                match bits {
                    8 => pnm.push((7 * x + 13 * y + 31 * c + x * y % 5) as u8),
                    _ => pnm.extend(((701 * x + 1301 * y + 3001 * c) as u16).to_be_bytes()),
                }
            }
        }
    }
    pnm
}

fn data(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn read(file: &[u8]) -> JobResult<Vec<u8>> {
    Run::new(&JOB).whole_in_any_chunks(file)
}

/// What is wrong with a file, from the cut or from whichever task finds it.
fn refused(run: &Run, file: &[u8]) -> String {
    match run.whole_in_any_chunks(file) {
        Err(JobError::BadInput(text)) => text,
        other => panic!("{other:?} instead of bad input"),
    }
}

#[test]
fn png_files_are_read_to_their_samples() {
    let (gray, rgb): (&[u32], &[u32]) = (&[0], &[0, 1, 2]);
    for (name, shown, bits) in [
        ("gray8.png", gray, 8),
        ("gray8-alpha.png", gray, 8),
        ("rgb8.png", rgb, 8),
        ("rgba8.png", rgb, 8),
        ("palette.png", &[0, 0, 0], 8),
        ("gray16.png", gray, 16),
        ("rgb16.png", rgb, 16),
        ("interlaced.png", rgb, 8),
    ] {
        assert!(read(&data(name)).unwrap() == expected(shown, bits), "{name}");
    }
}

#[test]
fn a_png_of_one_bit_becomes_black_and_white() {
    let gray = expected(&[0], 8);
    let start = gray.len() - (WIDTH * HEIGHT) as usize;
    let (header, samples) = gray.split_at(start);
    let mut black_and_white = header.to_vec();
    black_and_white.extend(samples.iter().map(|gray| if *gray > 127 { 255 } else { 0 }));
    assert!(read(&data("gray1.png")).unwrap() == black_and_white);
}

#[test]
fn tiff_files_are_read_to_their_samples() {
    let (gray, rgb): (&[u32], &[u32]) = (&[0], &[0, 1, 2]);
    for (name, shown, bits) in [
        ("gray8.tif", gray, 8),
        ("big.tif", gray, 8),
        ("gray16-big-endian.tif", gray, 16),
        ("gray16-little-endian.tif", gray, 16),
        ("rgb8.tif", rgb, 8),
        ("rgba8.tif", rgb, 8),
        ("white-is-zero.tif", gray, 8),
        ("deflate.tif", rgb, 8),
        ("lzw.tif", rgb, 8),
        ("packbits.tif", rgb, 8),
        ("predictor16.tif", rgb, 16),
        ("tiles.tif", rgb, 8),
    ] {
        assert!(read(&data(name)).unwrap() == expected(shown, bits), "{name}");
    }
}

#[test]
fn kinds_of_tiff_that_are_not_read_are_told() {
    let run = Run::new(&JOB);
    assert!(refused(&run, &data("planar.tif")).contains("planar"));
    assert!(refused(&run, &data("float.tif")).contains("32 bits"));
}

#[test]
fn pnm_files_are_read_and_written_again() {
    for (shown, bits) in [(&[0][..], 8), (&[0], 16), (&[0, 1, 2], 8), (&[0, 1, 2], 16)] {
        let pnm = expected(shown, bits);
        assert!(read(&pnm).unwrap() == pnm, "{} channels of {bits} bits", shown.len());
    }
}

#[test]
fn comments_and_any_white_space_may_be_in_a_pnm_header() {
    let pgm = b"P5#made by hand\n# 9 9\r\n\t2 #wide\n 1#high\n255\n\x0ab";
    assert_eq!(read(pgm).unwrap(), b"P5\n2 1\n255\n\nb");
}

#[test]
fn samples_of_fewer_bits_are_scaled_to_white() {
    // Rounded as by `pnmdepth`: 1 of 2 is 127.5, 1 of 3 is 85, 500 of 1000 is 32767.5.
    assert_eq!(read(b"P5 3 1 2\n\x00\x01\x02").unwrap(), b"P5\n3 1\n255\n\x00\x80\xff");
    assert_eq!(read(b"P5 2 1 3\n\x01\x03").unwrap(), b"P5\n2 1\n255\n\x55\xff");
    assert_eq!(read(b"P5 1 1 1000\n\x01\xf4").unwrap(), b"P5\n1 1\n65535\n\x80\x00");
}

#[test]
fn raw_samples_are_read_by_what_the_user_says_of_them() {
    let run = |channels: &str, bits: &str| {
        let run = Run::new(&JOB).arg("width", "21").arg("height", "13");
        run.arg("channels", channels).arg("bits", bits)
    };
    for (shown, bits) in [(&[0][..], 8), (&[0], 16), (&[0, 1, 2], 8), (&[0, 1, 2], 16)] {
        let pnm = expected(shown, bits);
        let bytes = (WIDTH * HEIGHT * bits / 8) as usize * shown.len();
        let run = run(&shown.len().to_string(), &bits.to_string());
        assert!(run.whole_in_any_chunks(&pnm[pnm.len() - bytes..]).unwrap() == pnm);
    }
    let four = [9, 8, 7, 0].repeat((WIDTH * HEIGHT) as usize);
    let ppm = run("4", "8").whole_in_any_chunks(&four).unwrap();
    assert!(ppm.starts_with(b"P6\n21 13\n255\n\x09\x08\x07\x09\x08\x07"));
    assert!(refused(&run("1", "8"), &four).contains("there are 1092"));
    assert!(refused(&run("1", "8"), &four[..272]).contains("cut short"));
    let bad = run("2", "8").whole_in_any_chunks(&four);
    assert!(matches!(bad, Err(JobError::BadParam(text)) if text.contains("`channels` is 2")));
    let half = Run::new(&JOB).arg("width", "3").whole_in_any_chunks(&four);
    assert!(matches!(half, Err(JobError::BadParam(text)) if text.contains("belong together")));
}

#[test]
fn damaged_pnm_files_are_refused_with_the_place() {
    for (file, told) in [
        (&b"P5 2 2 255\nabc"[..], "cut short: 2 x 2 pixels of 1 bytes take 4 bytes from byte 11"),
        (b"P5 2 2 255\nabcde", "more than one picture"),
        (b"P5 2 2 255", "ends after its header"),
        (b"P5 2 2", "ends before the largest value"),
        (b"P5 2 x 255\n", "`x` at byte 5, where the height"),
        (b"P5 2 -2 255\n", "`-` at byte 5"),
        (b"P5 0 2 255\n", "both must be at least 1"),
        (b"P5 99999999999 2 255\n", "`99999999999`: at most 4294967295"),
        (b"P6 4294967295 4294967295 65535\n", "a row of it has 25769803770 bytes"),
        (b"P5 2 2 65536\n", "at most 65535"),
        (b"P5 2 2 0\n", "largest value of a sample is 0"),
        (b"P5 2 2 255#\nabcd", "`#` at byte 10"),
        (b"P5x2 2 255\nabcd", "`x` at byte 2"),
        (b"P5 2 1 3\n\x03\x04", "column 1 of row 0 has the value 4"),
        (b"P2 1 1 255\n7", "plain text"),
        (b"P4 1 1\n7", "neither P5 (PGM) nor P6"),
        (b"P", "neither P5"),
        (b"", "empty"),
        (b"BM123456", "none of PGM (P5), PPM (P6), PNG and TIFF"),
        (&[b'P', b'5', b'#'].repeat(40_000), "more than 65536 bytes"),
    ] {
        let text = refused(&Run::new(&JOB), file);
        assert!(text.contains(told), "{:?} gives {text:?}", file.escape_ascii().to_string());
    }
}

#[test]
fn every_cut_off_png_and_tiff_is_refused() {
    let run = Run::new(&JOB);
    for name in ["rgb8.png", "palette.png", "interlaced.png", "gray16.png"] {
        let whole = data(name);
        for bytes in 8..whole.len() {
            let text = refused(&run, &whole[..bytes]);
            assert!(text.contains("PNG"), "{name} of {bytes} bytes: {text}");
        }
    }
    // tifffile puts the samples last, so that each missing byte is one of theirs.
    for name in ["rgb8.tif", "deflate.tif", "tiles.tif"] {
        let whole = data(name);
        for bytes in (8..whole.len()).step_by(3) {
            let text = refused(&run, &whole[..bytes]);
            assert!(text.contains("TIFF"), "{name} of {bytes} bytes: {text}");
        }
    }
}

#[test]
fn each_flipped_byte_of_a_png_is_noticed() {
    let whole = data("rgb8.png");
    for at in 8..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        let result = Run::new(&JOB).whole_in_any_chunks(&damaged);
        assert!(matches!(result, Err(JobError::BadInput(_))), "byte {at}: {result:?}");
    }
}

#[test]
fn damaged_tiff_files_give_an_error_or_a_picture() {
    for name in ["rgb8.tif", "lzw.tif", "deflate.tif", "tiles.tif"] {
        let whole = data(name);
        for at in 0..whole.len() {
            for bit in [0x01, 0x80] {
                let mut damaged = whole.clone();
                damaged[at] ^= bit;
                let result = Run::new(&JOB).whole_in_any_chunks(&damaged);
                let told = matches!(result, Ok(_) | Err(JobError::BadInput(_)));
                assert!(told, "{name}, byte {at}: {result:?}");
            }
        }
    }
}

/// A TIFF of 2 x 3 gray pixels in 3 strips of one row, `abcdef`, with some of its tags changed.
fn tiff(changed: &[(u16, Vec<u32>)]) -> Vec<u8> {
    const FIRST_STRIP: u32 = 8;
    let mut file = b"II*\0\0\0\0\0efcdab".to_vec();
    let strips = vec![FIRST_STRIP + 4, FIRST_STRIP + 2, FIRST_STRIP];
    // Width, height, bits, compression, photometric, offsets, samples, rows, lengths (TIFF 6.0).
    let mut tags = vec![(256, vec![2]), (257, vec![3]), (258, vec![8]), (259, vec![1])];
    tags.extend([(262, vec![1]), (273, strips), (277, vec![1]), (278, vec![1])]);
    tags.push((279, vec![2, 2, 2]));
    for (tag, values) in changed {
        tags.iter_mut()
            .filter(|(usual, _)| usual == tag)
            .for_each(|(_, now)| now.clone_from(values));
    }
    let mut directory = (tags.len() as u16).to_le_bytes().to_vec();
    for (tag, values) in &tags {
        let long: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        directory.extend([tag.to_le_bytes(), 4_u16.to_le_bytes()].concat());
        directory.extend((values.len() as u32).to_le_bytes());
        if values.len() == 1 {
            directory.extend(long);
        } else {
            directory.extend((file.len() as u32).to_le_bytes());
            file.extend(long);
        }
    }
    let start = file.len() as u32;
    file[4..8].copy_from_slice(&start.to_le_bytes());
    [file, directory, vec![0; 4]].concat()
}

#[test]
fn strips_of_a_tiff_may_lie_anywhere_in_the_file() {
    assert_eq!(read(&tiff(&[])).unwrap(), b"P5\n2 3\n255\nabcdef");
    // All three rows in one place, which is odd and allowed.
    let same = tiff(&[(273, vec![8, 8, 8])]);
    assert_eq!(read(&same).unwrap(), b"P5\n2 3\n255\nefefef");
}

#[test]
fn tags_of_a_tiff_that_cannot_be_are_refused() {
    let huge = u32::MAX;
    for (tag, values, told) in [
        (256, vec![0], "TIFF"),
        (257, vec![0], "TIFF"),
        (256, vec![huge], "a row of it has"),
        (257, vec![huge], "the TIFF is damaged"),
        (258, vec![4], "4 bits"),
        (258, vec![0], "TIFF"),
        (259, vec![7], "TIFF"),
        (262, vec![6], "TIFF"),
        (273, vec![8, 10], "the TIFF is damaged"),
        (273, vec![8, 10, huge], "strip 2 has 1 rows of 2 bytes from byte 4294967295"),
        (278, vec![2], "the TIFF is damaged"),
        (278, vec![0], "TIFF"),
    ] {
        let text = refused(&Run::new(&JOB), &tiff(&[(tag, values.clone())]));
        assert!(text.contains(told), "tag {tag} {values:?} gives {text:?}");
    }
}
