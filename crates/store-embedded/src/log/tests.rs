//! The log alone, on a disk in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lsm_tree::Slice;

use super::*;
use crate::changes::{Value, Write};
use crate::database::Table;
use crate::disk::simulated::{Loss, SimulatedDisk};

const FOLDER: &str = "/log";

/// A log in which every batch is one row, whose key is the batch's number.
struct Sample {
    disk: SimulatedDisk,
    folder: Arc<LogFolder>,
    log: Log,
    last: u64,
}

fn write(number: u64) -> [Write; 1] {
    let (key, value) = (Slice::from(number.to_be_bytes()), Value::Put(Slice::from([7; 700])));
    [Write { table: Table::Index, key, value }]
}

fn read(disk: &SimulatedDisk) -> LogScan {
    scan(disk, Path::new(FOLDER), Form::Now).expect("it can be read")
}

fn numbers(scan: &LogScan) -> Vec<u64> {
    let rows = scan.records().filter(|batch| !batch.rows().is_empty());
    rows.map(|batch| batch.number).collect()
}

impl Sample {
    fn open(disk: &SimulatedDisk) -> Sample {
        Sample::try_open(disk).expect("it can be opened")
    }

    fn try_open(disk: &SimulatedDisk) -> Result<Sample, OpenError> {
        let scan = read(disk).sound()?;
        let folder = LogFolder::new(Arc::new(disk.clone()), Path::new(FOLDER), 1 << 20);
        let last = numbers(&scan).last().copied().unwrap_or(0);
        let log = Log::open(&folder, &scan, |batch| Ok(!batch.rows().is_empty()))?;
        Ok(Sample { disk: disk.clone(), folder, log, last })
    }

    /// A log of so many segments, each with three batches.
    fn of_segments(count: u64) -> Sample {
        let mut sample = Sample::open(&SimulatedDisk::new(count));
        for segment in 0..count {
            if segment > 0 {
                sample.log.turn().expect("there is room");
            }
            (0..3).for_each(|_| sample.append().expect("there is room"));
        }
        sample
    }

    fn append(&mut self) -> io::Result<()> {
        self.log.append(self.last + 1, &write(self.last + 1))?;
        self.last += 1;
        Ok(())
    }

    fn segments(&self) -> Vec<(PathBuf, usize)> {
        let files = self.disk.files(Path::new(FOLDER));
        files
            .into_iter()
            .filter(|(path, _)| path.extension().is_some_and(|it| it == "log"))
            .collect()
    }
}

/// Opening is refused, names that file, and changes nothing.
fn check_refused(disk: &SimulatedDisk, file: &Path, what: &str) {
    let before: Vec<_> = disk.files(Path::new("/"));
    let error = Sample::try_open(disk).err().unwrap_or_else(|| panic!("{what}: it was opened"));
    let text = error.to_string();
    assert!(text.starts_with(&format!("{} is corrupt: ", file.display())), "{what}: {text}");
    assert_eq!(disk.files(Path::new("/")), before, "{what}: it was left as it was");
}

#[test]
fn b1_damage_is_noticed_in_whichever_segment_it_is() {
    for count in 1..=3 {
        let sample = Sample::of_segments(count);
        let segments = sample.segments();
        assert_eq!(segments.len() as u64, count);
        for (number, (path, bytes)) in segments.iter().enumerate() {
            let is_last = number + 1 == segments.len();
            for byte in (0..*bytes).step_by(97) {
                let disk = sample.disk.after(Loss::Process, 1);
                disk.flip(path, byte, (byte % 8) as u8);
                let what = format!("{count} segments, number {number}, byte {byte}");
                // The last batch of all cannot be told from one that was cut short.
                let may_be_torn = is_last && byte >= bytes - bytes / 8;
                match (may_be_torn, Sample::try_open(&disk)) {
                    (false, _) => {
                        let disk = sample.disk.after(Loss::Process, 1);
                        disk.flip(path, byte, (byte % 8) as u8);
                        check_refused(&disk, path, &what);
                    }
                    (true, Err(_)) => {}
                    (true, Ok(_)) => assert_eq!(numbers(&read(&disk)).len() as u64, 3 * count - 1),
                }
            }
        }
    }
}

#[test]
fn b1_a_segment_that_is_missing_or_emptied_is_noticed() {
    for count in 1..=3_usize {
        let sample = Sample::of_segments(count as u64);
        let segments = sample.segments();
        for (number, (path, _)) in segments.iter().enumerate() {
            for bytes in [0, 100, HEADER_BYTES as u64] {
                let disk = sample.disk.after(Loss::Process, 1);
                disk.open(path, Opening::Write)
                    .and_then(|it| it.set_bytes(bytes))
                    .expect("it is there");
                let is_last = number + 1 == count;
                if is_last && bytes == HEADER_BYTES as u64 {
                    // As if it had just been begun.
                    assert_eq!(numbers(&read(&disk)).len(), 3 * count - 3);
                    continue;
                }
                check_refused(&disk, path, &format!("{number} of {count} cut to {bytes} bytes"));
            }
            if number + 1 < count {
                let disk = sample.disk.after(Loss::Process, 1);
                disk.unlink(path).expect("it is there");
                let named = match number {
                    0 => Path::new(FOLDER),
                    _ => &segments[number - 1].0,
                };
                check_refused(&disk, named, &format!("{number} of {count} is missing"));
            }
        }
    }
}

#[test]
fn b2_what_only_a_cache_has_is_synced_before_it_is_believed() {
    for count in 1..=3 {
        for seed in 0..40 {
            let mut sample = Sample::of_segments(count);
            // Killed between the write and the sync.
            sample.disk.stop_at(sample.disk.calls() + 2);
            sample.append().expect_err("there is no sync");
            let disk = sample.disk.after(Loss::Process, seed);
            let mut sample = Sample::open(&disk);
            assert_eq!(sample.last, 3 * count + 1, "the cache has it");
            // Then another one is answered, and the power fails.
            sample.append().expect("there is room");
            let after = read(&disk.after(Loss::Power, seed));
            assert_eq!(numbers(&after), (1..=3 * count + 2).collect::<Vec<_>>(), "seed {seed}");
        }
    }
}

#[test]
fn b2_what_a_failed_sync_left_clean_is_written_again() {
    for seed in 0..40 {
        let mut sample = Sample::of_segments(2);
        let disk = sample.disk.after(Loss::Process, seed);
        let mut failing = Sample::open(&disk);
        disk.fail_at(disk.calls() + 2);
        failing.append().expect_err("its sync fails");
        // The process starts again, with the same cache.
        let disk = disk.after(Loss::Process, seed);
        let mut again = Sample::open(&disk);
        let believed = again.last;
        assert_eq!(believed, sample.last + 1, "the cache has it");
        again.append().expect("there is room");
        let after = disk.after(Loss::Power, seed);
        assert_eq!(numbers(&read(&after)), (1..=believed + 1).collect::<Vec<_>>());
        sample.append().expect("the first disk is another one");
    }
}

#[test]
fn b3_what_was_refused_is_cut_off_and_nothing_else() {
    for count in 1..=3 {
        let mut sample = Sample::of_segments(count);
        let (path, _) = sample.segments().last().cloned().expect("there are some");
        sample.disk.full_at(sample.disk.calls() + 2);
        let error = sample.append().expect_err("its sync finds no room");
        assert!(is_full(&error), "{error}");
        sample.log.cut().expect("nothing is damaged");
        let after = read(&sample.disk.after(Loss::Power, count));
        assert_eq!(numbers(&after), (1..=3 * count).collect::<Vec<_>>());
        assert_eq!(*after.verdict(), Verdict::Sound, "nothing of it is left");

        // With damage before it, nothing is cut off.
        let mut sample = Sample::open(&sample.disk.after(Loss::Process, 1));
        let (path, bytes) = match sample.segments().last().cloned() {
            Some(segment) => segment,
            None => (path, 0),
        };
        sample.disk.flip(&path, bytes - 1_500, 3);
        sample.disk.full_at(sample.disk.calls() + 2);
        sample.append().expect_err("its sync finds no room");
        let before = sample.disk.files(Path::new("/"));
        let error = sample.log.cut().expect_err("it is damaged");
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.to_string().contains("a batch at byte"), "{error}");
        assert_eq!(sample.disk.files(Path::new("/")), before);
    }
}

#[test]
fn what_is_written_out_goes_when_a_later_segment_says_so() {
    let mut sample = Sample::of_segments(1);
    let first = sample.log.turn().expect("there is room");
    sample.folder.free(&first).expect("nothing fails");
    // No segment says yet that the first is not needed.
    assert_eq!(sample.segments().len(), 2);
    let second = sample.log.turn().expect("there is room");
    sample.folder.free(&second).expect("nothing fails");
    assert_eq!(sample.segments().len(), 2, "the second, which is empty, and the third");
    let is_spare = |(path, _): &(PathBuf, usize)| path.ends_with(SPARE);
    assert!(sample.disk.files(Path::new(FOLDER)).iter().any(is_spare));
    (0..3).for_each(|_| sample.append().expect("there is room"));
    let after = read(&sample.disk.after(Loss::Power, 1));
    assert_eq!(numbers(&after), [4, 5, 6]);
}

#[test]
fn a_conclusion_leaves_an_empty_log() {
    let mut sample = Sample::of_segments(3);
    sample.log.conclude().expect("there is room");
    assert_eq!(sample.segments().len(), 1);
    let after = read(&sample.disk.after(Loss::Power, 3));
    assert_eq!((numbers(&after), after.verdict()), (vec![], &Verdict::Sound));
    assert!(!after.is_missing());
}

#[test]
fn what_is_dropped_is_told_in_bytes_and_kept() {
    let sample = Sample::of_segments(2);
    let (path, bytes) = sample.segments().last().cloned().expect("there are some");
    sample.disk.flip(&path, bytes - 1, 0);
    let torn = read(&sample.disk);
    let Verdict::Torn { file, byte, bytes: dropped } = torn.verdict() else {
        panic!("{:?}", torn.verdict())
    };
    assert_eq!((file, byte + dropped), (&path, bytes as u64));
    assert_eq!(*dropped, 32 + 8 + 8 + 700);
    let dropped = *dropped as usize;
    let disk = sample.disk.after(Loss::Process, 1);
    Sample::open(&disk);
    let kept = (Path::new(FOLDER).join(TORN), dropped);
    assert!(disk.files(Path::new(FOLDER)).contains(&kept));
}

#[test]
fn a_spare_that_is_too_long_is_cut() {
    let mut sample = Sample::open(&SimulatedDisk::new(1));
    let folder = LogFolder::new(Arc::new(sample.disk.clone()), Path::new(FOLDER), 5_000);
    (0..20).for_each(|_| sample.append().expect("there is room"));
    let turned = sample.log.go_on(u64::MAX).expect("there is room");
    folder.free(&turned).expect("nothing fails");
    let spare = (Path::new(FOLDER).join(SPARE), 5_000);
    assert!(sample.disk.files(Path::new(FOLDER)).contains(&spare));
}
