//! Records as the sort benchmark makes them, and its rules for a sorted file.
//!
//! Format, generator and rules: C. Nyberg's gensort and valsort 1.5,
//! <http://www.ordinal.com/gensort.html>; the constants of the generator are P. L'Ecuyer's, "Tables of
//! linear congruential generators of different sizes and good lattice structure", Mathematics of
//! Computation 68 (1999).

use std::fmt::{self, Display};
use std::io::{self, Read};

use crate::keyed::{KEY_BYTES, RECORD_BYTES};

const FACTOR: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
const SUMMAND: u128 = 0x4a69_6d47_7261_7952_4950_2020_2020_2001;

/// A record.
pub type Record = [u8; RECORD_BYTES];

/// What the bytes of a record are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any bytes in the key.
    Binary,
    /// Printable characters and a line end, so that a record is a line as well.
    Ascii,
}

/// All records from a number on.
#[derive(Clone, Debug)]
pub struct Records {
    kind: Kind,
    number: u128,
    random: u128,
}

impl Records {
    /// Those from number `first` on.
    pub fn from(first: u64, kind: Kind) -> Self {
        // A step is x -> factor*x + summand; two steps are one of the same form.
        let (mut factor, mut summand) = (FACTOR, SUMMAND);
        let (mut left, mut random) = (first, 0_u128);
        while left > 0 {
            if left & 1 == 1 {
                random = random.wrapping_mul(factor).wrapping_add(summand);
            }
            summand = factor.wrapping_mul(summand).wrapping_add(summand);
            factor = factor.wrapping_mul(factor);
            left >>= 1;
        }
        Self { kind, number: first.into(), random }
    }
}

impl Iterator for Records {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        self.random = self.random.wrapping_mul(FACTOR).wrapping_add(SUMMAND);
        let mut record = [0; RECORD_BYTES];
        let number = format!("{:032X}", self.number);
        let random = format!("{:032X}", self.random);
        let filler = |digits: &str| digits.bytes().flat_map(|digit| [digit; 4]).collect::<Vec<_>>();
        let bytes = match self.kind {
            Kind::Binary => [
                &self.random.to_be_bytes()[..KEY_BYTES],
                &[0x00, 0x11],
                number.as_bytes(),
                &[0x88, 0x99, 0xaa, 0xbb],
                &filler(&random[20..]),
                &[0xcc, 0xdd, 0xee, 0xff],
            ]
            .concat(),
            Kind::Ascii => {
                let high = printable((self.random >> 64) as u64).take(8);
                let key: Vec<u8> = high.chain(printable(self.random as u64).take(2)).collect();
                [&key, &b"  "[..], number.as_bytes(), b"  ", &filler(&random[19..]), b"\r\n"]
                    .concat()
            }
        };
        record.copy_from_slice(&bytes);
        self.number += 1;
        Some(record)
    }
}

/// The digits of a number to the base of 95, the lowest first, as characters from the blank on.
fn printable(mut number: u64) -> impl Iterator<Item = u8> {
    std::iter::repeat_with(move || {
        let digit = b' ' + (number % 95) as u8;
        number /= 95;
        digit
    })
}

/// What is known of a file of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many records it has.
    pub records: u64,
    /// How many have the key of the one before.
    pub duplicates: u64,
    /// How many have a smaller key than the one before.
    pub unordered: u64,
    /// The number of the first of these, from 0.
    pub first_unordered: Option<u64>,
    /// The sum of the CRC-32 of all records: the same for every order.
    pub checksum: u128,
}

impl Summary {
    /// Reads all records.
    ///
    /// # Errors
    /// When reading fails, and when the last record is cut off.
    pub fn of(mut file: impl Read) -> io::Result<Self> {
        let mut summary = Self::default();
        let mut before = [0; RECORD_BYTES];
        loop {
            let mut record = Vec::with_capacity(RECORD_BYTES);
            let len = file.by_ref().take(RECORD_BYTES as u64).read_to_end(&mut record)?;
            let record: Record = match record.try_into() {
                Ok(record) => record,
                Err(_) if len == 0 => return Ok(summary),
                Err(_) => {
                    let number = summary.records;
                    let what = format!("record {number} has {len} bytes instead of {RECORD_BYTES}");
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
                }
            };
            if summary.records > 0 {
                summary.compare(&before[..KEY_BYTES], &record[..KEY_BYTES]);
            }
            summary.checksum += u128::from(crc32fast::hash(&record));
            summary.records += 1;
            before = record;
        }
    }

    fn compare(&mut self, before: &[u8], key: &[u8]) {
        if key < before {
            self.unordered += 1;
            self.first_unordered.get_or_insert(self.records);
        }
        self.duplicates += u64::from(key == before);
    }
}

/// As valsort says it.
impl Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(number) = self.first_unordered {
            writeln!(out, "First unordered record is record {number}")?;
        }
        writeln!(out, "Records: {}", self.records)?;
        writeln!(out, "Checksum: {:x}", self.checksum)?;
        match self.unordered {
            0 => {
                writeln!(out, "Duplicate keys: {}", self.duplicates)?;
                write!(out, "SUCCESS - all records are in order")
            }
            unordered => write!(out, "ERROR - there are {unordered} unordered records"),
        }
    }
}
