//! What was lost when a table was mended: key ranges whose rows up to a certain number are gone.
//!
//! A row in such a range may be missing, or an older version of it may show that a lost one had
//! replaced. So nothing in it is believed but what was written since. The ranges are in the file
//! `LOST` of the database's folder, a line for each, with a checksum over all of them:
//!
//! | part of a line | |
//! | --- | --- |
//! | tree | `history` or `index` |
//! | bound | `after` or `from`: whether the first key is outside of the range or in it |
//! | first, last | keys, in hexadecimal digits |
//! | newest | the greatest number of a row in the table |
//! | byte, file | where the block was |

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use lsm_tree::Slice;
use xxhash_rust::xxh3::xxh3_64;

use crate::OpenError;
use crate::database::Table;

/// The name of the file.
const LOST_FILE: &str = "LOST";

/// Keys of a tree, and the number up to which nothing of them is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LostRange {
    pub(crate) table: Table,
    /// Whether `first` itself is in the range.
    pub(crate) is_from: bool,
    pub(crate) first: Slice,
    /// In the range.
    pub(crate) last: Slice,
    pub(crate) newest: u64,
    /// The file, without the folder of the database, and where in it the block was.
    pub(crate) file: String,
    pub(crate) byte: u64,
}

impl LostRange {
    pub(crate) fn covers(&self, table: Table, key: &[u8]) -> bool {
        let is_behind_first = if self.is_from { key >= &*self.first } else { key > &*self.first };
        table == self.table && is_behind_first && key <= &*self.last
    }

    /// Whether a key of that range, whose ends are in it, may be lost.
    pub(crate) fn meets(&self, table: Table, first: &[u8], last: &[u8]) -> bool {
        let is_behind_first = if self.is_from { last >= &*self.first } else { last > &*self.first };
        table == self.table && is_behind_first && first <= &*self.last
    }

    /// The part of it whose keys begin with that letter.
    pub(crate) fn of_letter(&self, letter: u8) -> Option<LostRange> {
        let (begin, end) = ([letter], [letter + 1]);
        let mut part = self.clone();
        if *part.first < begin[..] {
            (part.first, part.is_from) = (Slice::from(begin.as_slice()), true);
        }
        if *part.last >= end[..] {
            // What follows the letter is a hash of 16 bytes, a time, or the number of a kind.
            part.last = Slice::from([[letter].as_slice(), &[0xFF; 17]].concat());
        }
        (part.first <= part.last && part.last.starts_with(&begin)).then_some(part)
    }

    /// What is told of it.
    pub(crate) fn describe(&self) -> String {
        let keys = [&self.first, &self.last].map(|key| key.escape_ascii().to_string());
        format!("{} at byte {}: keys {} to {}", self.file, self.byte, keys[0], keys[1])
    }

    fn line(&self) -> String {
        let bound = if self.is_from { "from" } else { "after" };
        let (first, last) = (digits(&self.first), digits(&self.last));
        let table = self.table.name();
        let LostRange { newest, byte, file, .. } = self;
        format!("{table} {bound} {first} {last} {newest} {byte} {file}\n")
    }

    fn parse(line: &str) -> Option<LostRange> {
        let mut parts = line.splitn(7, ' ');
        let name = parts.next()?;
        let table = Table::ALL.into_iter().find(|table| table.name() == name)?;
        let is_from = match parts.next()? {
            "from" => true,
            "after" => false,
            _ => return None,
        };
        let (first, last) = (bytes(parts.next()?)?.into(), bytes(parts.next()?)?.into());
        let (newest, byte) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let file = parts.next()?.to_owned();
        Some(LostRange { table, is_from, first, last, newest, file, byte })
    }
}

/// Reads what was lost of the database in that folder.
///
/// # Errors
/// Where the file is not as it was written.
pub(crate) fn read(database: &Path) -> Result<Vec<LostRange>, OpenError> {
    let path = database.join(LOST_FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) if error.kind() == ErrorKind::InvalidData => String::new(),
        Err(error) => return Err(OpenError::io(&path)(error)),
    };
    parse(&text).ok_or_else(|| OpenError::corrupt(&path, "not a list of what was lost"))
}

fn parse(text: &str) -> Option<Vec<LostRange>> {
    let (body, sum) = text.split_at_checked(text.rfind("sum ")?)?;
    let is_whole =
        sum.strip_prefix("sum ")?.trim_end() == format!("{:016x}", xxh3_64(body.as_bytes()));
    is_whole.then(|| body.lines().map(LostRange::parse).collect())?
}

/// Writes what was lost, so that the file is as before or as it shall be, whatever happens.
pub(crate) fn write(database: &Path, ranges: &[LostRange]) -> io::Result<()> {
    let path = database.join(LOST_FILE);
    if ranges.is_empty() {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => return File::open(database)?.sync_all(),
        }
    }
    let mut text: String = ranges.iter().map(LostRange::line).collect();
    let sum = xxh3_64(text.as_bytes());
    writeln!(text, "sum {sum:016x}").map_err(io::Error::other)?;
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, &path)?;
    File::open(database)?.sync_all()
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: &[u8], last: &[u8], is_from: bool) -> LostRange {
        LostRange {
            table: Table::Index,
            is_from,
            first: first.into(),
            last: last.into(),
            newest: 7,
            file: "index/tables/3".to_owned(),
            byte: 4096,
        }
    }

    #[test]
    fn what_was_lost_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(read(folder.path()).expect("no file"), []);
        let ranges = [range(b"a\x00\xFF", b"b", true), range(b"", b"c", false)];
        write(folder.path(), &ranges).expect("written");
        assert_eq!(read(folder.path()).expect("readable"), ranges);
        let path = folder.path().join(LOST_FILE);
        let text = fs::read_to_string(&path).expect("readable");
        for damaged in [text.replace("4096", "4097"), text[1..].to_owned(), String::new()] {
            fs::write(&path, damaged).expect("written");
            assert!(matches!(read(folder.path()), Err(OpenError::Corrupt { .. })));
        }
        write(folder.path(), &[]).expect("removed");
        assert_eq!(read(folder.path()).expect("no file"), []);
    }

    #[test]
    fn a_range_covers_what_is_between_its_ends() {
        let lost = range(b"b", b"d", false);
        let covered = [b"a", b"b", b"c", b"d", b"e"].map(|key| lost.covers(Table::Index, key));
        assert_eq!(covered, [false, false, true, true, false]);
        assert!(range(b"b", b"d", true).covers(Table::Index, b"b"));
        assert!(!lost.covers(Table::History, b"c"));
        assert!(lost.meets(Table::Index, b"a", b"c") && lost.meets(Table::Index, b"d", b"f"));
        assert!(!lost.meets(Table::Index, b"a", b"b") && !lost.meets(Table::Index, b"e", b"f"));
    }

    #[test]
    fn a_range_is_cut_into_parts_of_one_letter() {
        let lost = range(b"c7", b"l5", false);
        let part =
            |letter| lost.of_letter(letter).map(|part| (part.first, part.is_from, part.last));
        assert_eq!(part(b'b'), None);
        let (first, is_from, last) = part(b'c').expect("a part");
        assert!(*first == *b"c7" && !is_from && &*last > b"c\xFF\xFF".as_slice());
        let (first, is_from, last) = part(b'h').expect("a part");
        assert!(*first == *b"h" && is_from && last.len() > 1);
        assert_eq!(
            part(b'l').map(|(first, _, last)| (first, last)),
            Some(((*b"l").into(), (*b"l5").into()))
        );
        assert_eq!(part(b'm'), None);
    }
}
