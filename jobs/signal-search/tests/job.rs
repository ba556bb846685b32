//! The whole job on observations with known signals, and on wrong ones.

use bramble_guest::{JobError, local::Run};
use signal_search::JOB;
use signal_search::filterbank::Sample;
use signal_search::synthetic::{Observation, Tone};

fn run() -> Run {
    Run::new(&JOB)
}

fn whole(run: &Run, input: &[u8]) -> Result<String, JobError> {
    let chunks = run.chunks(input, 256 << 10)?;
    let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
    run.whole(&chunks).map(|bytes| String::from_utf8(bytes).expect("a text"))
}

/// The fields of each hit.
fn hits(table: &str) -> Vec<Vec<&str>> {
    table.lines().skip(9).map(|line| line.split('\t').map(str::trim).collect()).collect()
}

/// Drift rate and index of each hit, in order of the index.
fn places(table: &str) -> Vec<(f64, u64)> {
    let place = |hit: &Vec<&str>| {
        (hit[1].parse().expect("a drift rate"), hit[5].parse().expect("an index"))
    };
    let mut places: Vec<(f64, u64)> = hits(table).iter().map(place).collect();
    places.sort_by_key(|(_, index)| *index);
    places
}

fn tone(channel: f64, drift: f64, power: f32) -> Tone {
    Tone { channel, drift, power }
}

/// Some start before a border of 2,048 channels and end behind it, or start and end near the ends
/// of the band.
fn crossing() -> Observation {
    let tones = vec![
        tone(3.5, 0.5, 15.0),
        tone(4090.5, 2.0, 30.0),
        tone(8193.5, -1.0, 20.0),
        tone(14_335.5, 0.0, 20.0),
        tone(14_400.5, 2.2, 30.0),
        tone(30_719.5, 1.0, 20.0),
        tone(32_760.5, -0.2, 15.0),
    ];
    Observation { tones, ..Observation::new(32_768, 16) }
}

#[test]
fn every_signal_is_found_once_wherever_the_band_is_cut() {
    let file = crossing().to_bytes();
    let table = run().arg("max_drift", "0.5").whole_in_any_chunks(&file).unwrap();
    let table = String::from_utf8(table).unwrap();
    let found: Vec<u64> = places(&table).iter().map(|(_, index)| *index).collect();
    let starts = [3, 4090, 8193, 14_335, 14_400, 30_719, 32_760];
    let near = |(found, start): (&u64, &u64)| found.abs_diff(*start) <= 1;
    assert!(found.len() == starts.len() && found.iter().zip(&starts).all(near), "{table}");
    let flags: Vec<&str> = hits(&table).iter().map(|hit| hit[12]).collect();
    assert_eq!(flags.iter().filter(|flag| **flag == "zero-drift").count(), 1, "{table}");
}

/// turboSETI 2.3.2 with blimpy 2.1.4 and numpy 2.2.6 from PyPI found these on the same file:
///
/// ```text
/// cargo run --release -p signal-search --example observation -- flat.fil 131072 flat
/// FindDoppler("flat.fil", max_drift=4.0, snr=10.0, n_coarse_chan=1, blank_dc=False).search()
/// ```
///
/// Drift_Rate, Uncorrected_Frequency and Index of each hit. It does not report a drift of 0; what
/// it reports for the two transmitters without drift are the next lines beside them.
const TURBO_SETI: [(f64, f64, u64); 6] = [
    (-0.163268, 8421.346437, 14417),
    (0.091838, 8421.302490, 30146),
    (-0.948996, 8421.251210, 48500),
    (-0.020409, 8421.159671, 81263),
    (0.336740, 8421.126711, 93060),
    (0.020409, 8421.079099, 110101),
];

#[test]
fn drifting_signals_are_those_that_turbo_seti_finds() {
    let observation = Observation { is_flat: true, ..Observation::lesson(131_072) };
    let table = whole(&run(), &observation.to_bytes()).unwrap();
    let mut hits = hits(&table);
    hits.sort_by_key(|hit| hit[5].parse::<u64>().unwrap());
    assert_eq!(hits.len(), TURBO_SETI.len(), "{table}");
    for (hit, (drift, mhz, index)) in hits.iter().zip(&TURBO_SETI) {
        if hit[12] == "zero-drift" {
            assert!(index.abs_diff(hit[5].parse().unwrap()) <= 1, "{hit:?}");
        } else {
            let expected = (format!("{drift:.6}"), format!("{mhz:.6}"), index.to_string());
            assert_eq!((hit[1].into(), hit[3].into(), hit[5].into()), expected);
        }
    }
}

#[test]
fn a_receiver_with_a_curved_band_finds_the_same() {
    let flat = Observation { is_flat: true, ..Observation::lesson(131_072) };
    let curved = Observation { is_flat: false, ..flat.clone() };
    let of = |observation: Observation| places(&whole(&run(), &observation.to_bytes()).unwrap());
    assert_eq!(of(flat), of(curved));
}

#[test]
fn a_signal_near_a_stronger_one_is_found() {
    let tones = vec![tone(5000.5, 0.0, 60.0), tone(5050.5, 1.0, 20.0)];
    let file = Observation { tones, ..Observation::new(16_384, 16) }.to_bytes();
    let table = whole(&run(), &file).unwrap();
    let starts: Vec<u64> = places(&table).iter().map(|(_, index)| *index).collect();
    assert!(starts.len() == 2 && starts[0] == 5000 && starts[1].abs_diff(5050) <= 1, "{table}");
}

#[test]
fn noise_alone_gives_an_empty_table() {
    let table = whole(&run(), &Observation::new(65_536, 16).to_bytes()).unwrap();
    assert_eq!(table.lines().count(), 9, "{table}");
    assert!(table.lines().all(|line| line.starts_with('#')));
}

#[test]
fn samples_of_any_kind_and_order_give_the_same_signals() {
    for sample in [Sample::U8, Sample::I8, Sample::U16, Sample::F32] {
        for (streams, step) in [(1, 1.0), (2, -1.0)] {
            let mut observation = crossing();
            observation.tones = observation.tones[1..3].to_vec();
            observation.is_flat = true;
            observation.header.sample = sample;
            observation.header.streams = streams;
            observation.header.step_mhz *= step;
            let table = whole(&run().arg("max_drift", "0.5"), &observation.to_bytes()).unwrap();
            let found = places(&table);
            let indices: Vec<u64> = found.iter().map(|(_, index)| *index).collect();
            let is_near = |at: usize, start: u64| indices[at].abs_diff(start) <= 1;
            assert!(indices.len() == 2 && is_near(0, 4090) && is_near(1, 8193), "{table}");
            // Towards later channels, which are lower frequencies when they descend.
            assert_eq!(found[0].0 < 0.0, step > 0.0, "{table}");
        }
    }
}

#[test]
fn any_number_of_rows_and_channels_will_do() {
    for (channels, rows) in [(1, 1), (1, 5), (3, 16), (200, 1), (200, 3), (5000, 17)] {
        let mut observation = Observation::new(channels, rows);
        observation.tones = vec![tone(channels as f64 / 2.0 + 0.5, 0.0, 50.0)];
        let file = observation.to_bytes();
        let table = run().arg("max_drift", "0.1").whole_in_any_chunks(&file).unwrap();
        let table = String::from_utf8(table).unwrap();
        let indices: Vec<u64> = places(&table).iter().map(|(_, index)| *index).collect();
        let expected: &[u64] = if channels < 10 { &[] } else { &[channels / 2] };
        assert_eq!(indices, expected, "{channels} x {rows}: {table}");
    }
}

#[test]
fn a_drift_larger_than_the_band_is_searched_within_it() {
    let tones = vec![tone(20.5, 10.0, 120.0)];
    let file = Observation { tones, ..Observation::new(1000, 16) }.to_bytes();
    let table = whole(&run().arg("max_drift", "1e6"), &file).unwrap();
    // It passes through ten channels in the first row, and any of them may be the best start.
    assert!((20..30).contains(&places(&table)[0].1), "{table}");
}

#[test]
fn samples_that_are_no_numbers_and_constant_ones_are_no_signals() {
    let mut file = crossing().to_bytes();
    let start = file.len() - 16 * 32_768 * 4;
    for (at, bad) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX].iter().enumerate() {
        for channel in [20_000, 20_100, 25_000] {
            let at = start + ((3 + at) * 32_768 + channel) * 4;
            file[at..at + 4].copy_from_slice(&bad.to_le_bytes());
        }
    }
    let run = run().arg("max_drift", "0.5");
    let table = String::from_utf8(run.whole_in_any_chunks(&file).unwrap()).unwrap();
    assert_eq!(hits(&table).len(), 7, "{table}");
    file[start..].fill(0x42);
    assert_eq!(hits(&whole(&run, &file).unwrap()).len(), 0);
}

#[test]
fn a_stretch_of_rows_is_searched_alone() {
    let file = crossing().to_bytes();
    let run = run().arg("max_drift", "0.5").arg("first_row", "4").arg("rows", "8");
    let places = places(&whole(&run, &file).unwrap());
    assert!(places.iter().any(|(_, index)| index.abs_diff(4090 + 8) <= 1), "{places:?}");
    let error = whole(&run.arg("first_row", "16"), &file).unwrap_err();
    assert!(matches!(&error, JobError::BadParam(why) if why.contains("0 to 15")), "{error}");
}

#[test]
fn the_middle_of_coarse_channels_is_left_out_on_demand() {
    let tones = vec![tone(2048.5, 0.0, 50.0), tone(6144.5, 0.0, 50.0), tone(3000.5, 0.0, 50.0)];
    let file = Observation { tones, ..Observation::new(8192, 8) }.to_bytes();
    let run = run().arg("coarse_channels", "2");
    assert_eq!(hits(&whole(&run, &file).unwrap()).len(), 3);
    let table = String::from_utf8(run.arg("blank_dc", "true").whole_in_any_chunks(&file).unwrap());
    let table = table.unwrap();
    assert_eq!(
        hits(&table).iter().map(|hit| (hit[5], hit[10])).collect::<Vec<_>>(),
        [("3000", "0")]
    );
}

#[test]
fn a_file_that_is_cut_off_is_searched_as_far_as_it_goes() {
    let file = crossing().to_bytes();
    let run = run().arg("max_drift", "0.5");
    let short = &file[..file.len() - 5 * 32_768 * 4 - 7];
    assert!(hits(&whole(&run, short).unwrap()).len() >= 6);
    assert!(
        run.logged().iter().any(|line| line.contains("its 10 whole rows")),
        "{:?}",
        run.logged()
    );
    let error = whole(&run, &file[..400]).unwrap_err();
    assert!(matches!(&error, JobError::BadInput(why) if why.contains("one row")), "{error}");
}

#[test]
fn wrong_files_chunks_and_parameters_are_refused() {
    let input = crossing().to_bytes();
    let refused = |run: Run, input: &[u8]| whole(&run, input).unwrap_err();
    assert!(matches!(refused(run(), b""), JobError::BadInput(_)));
    assert!(matches!(refused(run(), b"RIFF....WAVE"), JobError::BadInput(_)));
    let cases =
        [("max_drift", "-1"), ("max_drift", "1e7"), ("min_snr", "0"), ("coarse_channels", "0")];
    for (name, value) in cases {
        let error = refused(run().arg(name, value), &input);
        assert!(matches!(&error, JobError::BadParam(why) if why.contains(name)), "{error}");
    }
    let chunk = run().chunks(&input, 1 << 20).unwrap().swap_remove(0);
    let mut wide = chunk.clone();
    wide[8..16].fill(0xff);
    let mut outside = chunk.clone();
    outside[16..24].fill(0x77);
    for bad in [&chunk[..20], &chunk[..chunk.len() - 1], &wide, &outside, &input] {
        assert!(matches!(run().map(bad), Err(JobError::BadInput(_))));
    }
}

/// The PNG's size, and its shades.
fn decoded(png: &[u8]) -> (usize, usize, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG");
    let mut shades = vec![0; reader.output_buffer_size().expect("a small picture")];
    let info = reader.next_frame(&mut shades).expect("its shades");
    (info.width as usize, info.height as usize, shades)
}

#[test]
fn the_strongest_hits_are_shown_as_received_and_without_their_drift() {
    let run = run().arg("max_drift", "0.5").arg("output", "waterfalls").arg("pictures", "3");
    let sheet = run.whole_in_any_chunks(&crossing().to_bytes()).unwrap();
    let (width, height, shades) = decoded(&sheet);
    assert_eq!((width, height), (256 + 4 + 256, 3 * (64 + 4)));
    let mean = |strip: usize, column: usize| {
        let rows = (0..64).map(|row| u32::from(shades[(strip * 68 + row) * width + column]));
        rows.sum::<u32>() / 64
    };
    for strip in 0..3 {
        let upright = (127..=129).map(|column| mean(strip, 260 + column)).max().unwrap();
        assert!(upright > 150, "upright in the middle: {upright}");
        assert!(mean(strip, 260 + 100) < 70, "noise beside it");
    }
    // The strongest does not drift, so that it is upright on both sides; the next two do.
    let brightest = |strip| (0..256).map(|column| mean(strip, column)).max().unwrap();
    let found = [brightest(0), brightest(1), brightest(2)];
    assert!(found[0] > 200 && found[1] < 100 && found[2] < 100, "{found:?}");
}

#[test]
fn a_search_without_hits_has_an_empty_picture() {
    let file = Observation::new(4096, 16).to_bytes();
    let sheet = run().arg("output", "waterfalls").whole_in_any_chunks(&file).unwrap();
    assert!(decoded(&sheet).2.iter().all(|shade| *shade == 0));
}

#[test]
fn what_a_task_found_is_shown_while_others_work() {
    let run = run();
    whole(&run, &crossing().to_bytes()).unwrap();
    let previews = run.previews();
    assert!(!previews.is_empty());
    assert!(previews.iter().all(|(media, png)| media == "image/png" && png.len() < 64 << 10));
}

/// A tone whose frequency grows evenly, in voltages: its phase grows by the square of the time.
fn voltages(samples: usize, at_hz: f64, hz_per_s: f64, rate_hz: f64) -> Vec<u8> {
    let mut noise = 1_u64;
    let mut next = || {
        noise =
            noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (f64::from((noise >> 32) as u32) / f64::from(u32::MAX) - 0.5) * 100.0
    };
    let mut bytes = Vec::new();
    for number in 0..samples {
        let time = number as f64 / rate_hz;
        let phase = std::f64::consts::TAU * (at_hz + hz_per_s * time / 2.0) * time;
        bytes.push((8.0 * phase.cos() + next()) as i8 as u8);
        bytes.push((8.0 * phase.sin() + next()) as i8 as u8);
    }
    bytes
}

#[test]
fn a_tone_in_voltages_becomes_spectra_and_is_found_with_its_frequency_and_drift() {
    // 16 rows of 8 spectra of 1,024 channels of 15.625 Hz, in 8.39 s; 30 Hz/s is 16 channels.
    let recording = voltages(16 * 8 * 1024, 3000.0, 30.0, 16_000.0);
    let spectra = run()
        .arg("output", "spectra")
        .arg("rate_hz", "16000")
        .arg("centre_mhz", "1420")
        .arg("fft_len", "1024")
        .arg("spectra_per_row", "8")
        .whole_in_any_chunks(&recording)
        .unwrap();
    let table = whole(&run().arg("max_drift", "60"), &spectra).unwrap();
    let hits = hits(&table);
    assert_eq!(hits.len(), 1, "{table}");
    let (drift, mhz): (f64, f64) = (hits[0][1].parse().unwrap(), hits[0][3].parse().unwrap());
    assert!((drift - 30.0).abs() < 3.0, "{table}");
    assert!((mhz - 1420.003).abs() < 32e-6, "{table}");
}

#[test]
fn spectra_need_a_rate_and_a_whole_row() {
    let run = run().arg("output", "spectra");
    let error = whole_error(&run, &[0; 1 << 20]);
    assert!(matches!(&error, JobError::BadParam(why) if why.contains("rate_hz")), "{error}");
    let run = run.arg("rate_hz", "1e6");
    assert!(matches!(whole_error(&run, &[0; 1000]), JobError::BadInput(_)));
    assert!(matches!(whole_error(&run, b""), JobError::BadInput(_)));
    assert!(matches!(whole_error(&run.arg("fft_len", "1"), &[0; 1000]), JobError::BadParam(_)));
}

fn whole_error(run: &Run, input: &[u8]) -> JobError {
    run.chunks(input, 1 << 20).expect_err("a cut that is refused")
}
