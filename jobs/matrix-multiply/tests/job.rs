//! The whole job over inputs of many shapes.

use bramble_guest::JobError;
use bramble_guest::local::Run;
use matrix_multiply::JOB;
use proptest::prelude::*;

fn input(kind: &str, [rows, inner, columns]: [usize; 3], numbers: &[[u8; 8]]) -> Vec<u8> {
    let mut input = format!("matrices {kind} {rows} {inner} {columns}\n").into_bytes();
    input.extend(numbers.iter().flatten());
    input
}

fn product(input: &[u8], block: &str) -> Result<Vec<u8>, JobError> {
    let run = Run::new(&JOB).arg("block", block).partitions(3);
    let chunks = run.chunks(input, 1)?;
    let borrowed: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
    run.whole(&borrowed)
}

#[test]
fn pascals_triangle_times_its_mirror_image_is_pascals_square() {
    // A known identity: G. Strang and A. Edelman, "Pascal matrices", Amer. Math. Monthly 111 (2004).
    const N: usize = 20;
    let mut square = [[1_i64; N]; N];
    for row in 1..N {
        for column in 1..N {
            square[row][column] = square[row - 1][column] + square[row][column - 1];
        }
    }
    let lower = |row: usize, column: usize| {
        if column > row { 0 } else { square[row - column][column] }
    };
    let places = || (0..N * N).map(|n| (n / N, n % N));
    let left = places().map(|(row, column)| lower(row, column));
    let right = places().map(|(row, column)| lower(column, row));
    let numbers: Vec<[u8; 8]> = left.chain(right).map(i64::to_le_bytes).collect();
    let mut expected = format!("matrix i64 {N} {N}\n").into_bytes();
    expected.extend(square.iter().flatten().flat_map(|number| number.to_le_bytes()));
    for block in ["1", "7", "20", "4096"] {
        let found = product(&input("i64", [N, N, N], &numbers), block).unwrap();
        assert!(found == expected, "block {block}");
    }
}

#[test]
fn a_product_of_uneven_matrices_is_that_of_numpy() {
    // tests/make.py i64 37 53 29 > m; tests/multiply.py m, with numpy 2.4.6: each
    // number times its place, and the last number.
    let numbers: Vec<[u8; 8]> = (0..37 * 53 + 53 * 29_i64)
        .map(|n| ((n * n * 31 + n * 17) % 2003 - 1001).to_le_bytes())
        .collect();
    let found = product(&input("i64", [37, 53, 29], &numbers), "10").unwrap();
    let (head, numbers) = found.split_at("matrix i64 37 29\n".len());
    assert_eq!(head, b"matrix i64 37 29\n");
    let numbers: Vec<i64> =
        numbers.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect();
    assert_eq!(numbers.len(), 37 * 29);
    let weighed: i64 = numbers.iter().zip(1..).map(|(number, weight)| number * weight).sum();
    assert_eq!((weighed, numbers[37 * 29 - 1]), (5_597_637_931, 4_228_858));
}

#[test]
fn inputs_that_are_no_two_matrices_are_told_apart() {
    let one = [1.0_f64.to_le_bytes(); 2];
    assert!(product(&input("f64", [1, 1, 1], &one), "256").is_ok());
    for (bad, expected) in [
        (Vec::new(), "the input starts with ``"),
        (b"P5 3 3 255\n".to_vec(), "the input starts with `P5 3 3 255`"),
        (input("f32", [1, 1, 1], &one), "it should be `matrices f64"),
        (input("f64", [0, 1, 1], &one), "at least 1"),
        (input("f64", [1, 1, 2], &one), "has 35 bytes"),
        (input("f64", [1, 1, 1], &one[..1]), "should have 35"),
        (vec![b'x'; 1000], "the input starts with `xxx"),
        (b"matrices f64 99999999999 99999999999 99999999999\n".to_vec(), "should have"),
        (b"matrices f64 99999999999999999999999 1 1\n".to_vec(), "it should be"),
    ] {
        match product(&bad, "256") {
            Err(JobError::BadInput(message)) => assert!(message.contains(expected), "{message}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn blocks_of_an_unusable_size_are_refused() {
    let small = input("f64", [1, 1, 1], &[[0; 8]; 2]);
    for block in ["0", "4097"] {
        assert!(matches!(product(&small, block), Err(JobError::BadParam(_))), "{block}");
    }
    let many = input("f64", [300, 1, 300], &[[0; 8]; 600]);
    let error = product(&many, "1").unwrap_err().to_string();
    assert!(error.contains("more than 65536 tasks"), "{error}");
    let long = input("f64", [1, 2000, 1], &[[0; 8]; 4000]);
    let error = product(&long, "4096").unwrap_err().to_string();
    assert!(error.contains("choose a smaller one"), "{error}");
    for chunk in [&b""[..], b"12345678", &[0; 64], &[1; 80]] {
        assert!(Run::new(&JOB).whole(&[chunk]).is_err());
    }
}

#[test]
fn a_product_that_does_not_fit_into_64_bits_is_bad_input() {
    let numbers = [i64::MAX.to_le_bytes(), 2_i64.to_le_bytes()];
    let error = product(&input("i64", [1, 1, 1], &numbers), "256").unwrap_err();
    assert!(matches!(&error, JobError::BadInput(why) if why.contains("use f64")), "{error}");
}

proptest! {
    #[test]
    fn blocks_make_no_difference(
        sizes in [1usize..12, 1..12, 1..12],
        block in 1u32..15,
        seed in any::<u64>(),
    ) {
        let [rows, inner, columns] = sizes;
        let numbers: Vec<[u8; 8]> = (0..(inner * (rows + columns)) as u64)
            .map(|n| (((n + seed % 99) * 2_654_435_761 % 1000) as f64 / 7.0).to_le_bytes())
            .collect();
        let input = input("f64", sizes, &numbers);
        let expected = product(&input, "4096").unwrap();
        prop_assert_eq!(expected.len(), format!("matrix f64 {rows} {columns}\n").len() + 8 * rows * columns);
        prop_assert!(product(&input, &block.to_string()).unwrap() == expected);
    }
}
