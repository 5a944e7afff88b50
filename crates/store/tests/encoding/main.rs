//! The stored form: what comes back is what went in, whatever else comes is refused, and rows that
//! older versions wrote are read.

mod frames;
mod tape;

use json::Document;
use proptest::prelude::*;
use stairwell_store::StoreError;
use stairwell_store::encoding::{
    FORM_VERSION, decode_agenda, decode_execution, decode_header, decode_records, encode_agenda,
    encode_execution, encode_header, encode_records,
};
use tape::Tape;

/// Written by version 1. Never changed: rows like these are on somebody's disk.
const VERSION_1: &str = include_str!("../samples/version-1.txt");

/// The same of version 2.
const VERSION_2: &str = include_str!("../samples/version-2.txt");

/// The same of version 3.
const VERSION_3: &str = include_str!("../samples/version-3.txt");

#[test]
fn rows_of_older_versions_are_read() {
    let versions = [(1, VERSION_1), (2, VERSION_2), (3, VERSION_3)];
    let lines = versions
        .into_iter()
        .flat_map(|(version, text)| text.lines().map(move |line| (version, line)));
    for (version, line) in lines {
        let (name, sample) = line.split_once(' ').expect("a name and a row");
        let sample = from_hex(sample);
        // What was read is written in the form of today, and is the same there.
        fn check<T: PartialEq + std::fmt::Debug>(
            (version, sample): (u8, &[u8]),
            decode: impl Fn(&[u8]) -> Result<T, StoreError>,
            encode: impl Fn(&T) -> Vec<u8>,
        ) {
            let value = decode(sample).unwrap();
            let again = encode(&value);
            assert_eq!((sample[0], again[0]), (version, FORM_VERSION));
            assert_eq!(decode(&again).unwrap(), value);
        }
        let sample = (version, &*sample);
        match name {
            "records" => check(sample, decode_records, |records| encode_records(records)),
            "header" => check(sample, decode_header, encode_header),
            "checkpoint" => check(sample, decode_execution, encode_execution),
            "agenda" => check(sample, decode_agenda, encode_agenda),
            other => panic!("what is {other}?"),
        }
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().collect();
    let byte = |pair: &[char]| {
        u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hexadecimal")
    };
    digits.chunks(2).map(byte).collect()
}

fn tapes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..600)
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(tape in tapes()) {
        let mut tape = Tape::new(&tape);
        let records = tape.records();
        prop_assert_eq!(decode_records(&encode_records(&records)), Ok(records));
        let header = tape.header();
        prop_assert_eq!(decode_header(&encode_header(&header)), Ok(header));
        let execution = tape.execution();
        prop_assert_eq!(decode_execution(&encode_execution(&execution)), Ok(execution));
        let agenda = tape.agenda_row();
        prop_assert_eq!(decode_agenda(&encode_agenda(&agenda)), Ok(agenda));
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(mut bytes in tapes()) {
        decode_all(&bytes);
        if let Some(version) = bytes.first_mut() {
            *version = 1 + *version % FORM_VERSION;
        }
        decode_all(&bytes);
    }

    #[test]
    fn damaged_rows_are_decoded_or_refused(tape in tapes(), at in any::<usize>(), bit in 0..8_u8) {
        let mut tape = Tape::new(&tape);
        let execution = encode_execution(&tape.execution());
        let records = encode_records(&tape.records());
        prop_assert!(decode_records(&records[..at % records.len()]).is_err(), "a part is no row");
        for mut row in [records, encode_header(&tape.header()), execution] {
            let at = at % row.len();
            decode_all(&row[..at]);
            row[at] ^= 1 << bit;
            decode_all(&row);
        }
    }
}

/// As long as it neither panics nor asks for the whole memory, any answer is right.
fn decode_all(bytes: &[u8]) {
    let _ = decode_records(bytes);
    let _ = decode_header(bytes);
    let _ = decode_execution(bytes);
    let _ = decode_agenda(bytes);
}

#[test]
fn a_false_count_asks_for_no_memory() {
    // A row that promises 2⁶³ records, and one that promises a text of that length.
    let many = [1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0];
    assert!(matches!(decode_records(&many), Err(StoreError::Corrupt(_))));
    let mut long = vec![1; 17];
    long.extend_from_slice(&many[1..]);
    assert!(matches!(decode_header(&long), Err(StoreError::Corrupt(_))));
}

#[test]
fn what_is_wrong_is_said() {
    let check = |bytes: &[u8], expected: &str| match decode_records(bytes) {
        Err(error) => assert_eq!(error.to_string(), format!("the store is corrupt: {expected}")),
        Ok(records) => panic!("{records:?}"),
    };
    let future = "records: stored form 5, of which this version of Stairwell knows nothing \
                  (it reads 1 to 4)";
    check(&[5, 0], future);
    check(&[], "records: empty");
    check(&[1], "records: the end at byte 1");
    check(&[1, 0, 0], "records: something that does not belong there at byte 2");
    check(&[1, 1, 7], "records: an unknown kind of record at byte 3");
}

#[test]
fn documents_that_were_shared_are_shared_again() {
    let mut tape = Tape::new(&[]);
    let long = Document::from_trusted_text(&format!("[\"{}\"]", "long".repeat(1_000)));
    let records = [tape.exited(long.clone()), tape.entered(long.clone())];
    let row = encode_records(&records);
    assert!(row.len() < long.text().len() + 100, "written once");
    let again = decode_records(&row).unwrap();
    let [exited, entered] = [tape::document(&again[0]), tape::document(&again[1])];
    assert_eq!(exited, &long);
    assert!(exited.is_same(entered));
    assert!(!exited.is_same(&long));
}

#[test]
fn short_texts_are_written_once_and_typical_rows_are_small() {
    let mut tape = Tape::new(&[]);
    let equal =
        || Document::from_trusted_text(r#"{"a":"text of about fifty bytes, which is usual"}"#);
    let records: Vec<_> = (0..20).map(|_| tape.exited(equal())).collect();
    let row = encode_records(&records);
    assert!(row.len() < 20 * 16 + 100, "{} bytes", row.len());
}
