//! Folders that were left in the middle of something, damaged, or made by somebody else.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use engine::Status;
use sha2::{Digest, Sha256};
use stairwell_store_embedded::{EmbeddedStore, OpenError, Options};
use store::contract::sample::Life;
use store::{Store, StoreError};

const LIVES: u64 = 12;

fn open(folder: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(folder, Options::default())
}

fn error(folder: &Path) -> String {
    let error = open(folder).expect_err("it should not open").to_string();
    error.replace(folder.to_str().unwrap(), "FOLDER")
}

/// Some lives, each committed after the one before, in a store that stays open.
async fn filled(folder: &Path) -> (EmbeddedStore, Vec<Life>) {
    let store = open(folder).unwrap();
    let mut lives = Vec::new();
    for number in 0..LIVES {
        let mut life = Life::new(number);
        store.commit(life.start()).await.unwrap();
        store.commit(life.pass(2)).await.unwrap();
        store.commit(life.end(Status::Succeeded)).await.unwrap();
        lives.push(life);
    }
    (store, lives)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, to) = (entry.unwrap(), to);
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// What is on the disk of a store that is still open, as if the machine stopped now.
async fn crash_image(folder: &Path) -> (PathBuf, Vec<Life>) {
    let (store, lives) = filled(&folder.join("original")).await;
    let image = folder.join("image");
    copy(&folder.join("original"), &image);
    drop(store);
    (image, lives)
}

/// How long the header block of a segment is.
const HEADER_BYTES: usize = 4096;

/// The segments of the log, oldest first.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.join("database").join("log")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> =
        files.filter(|it| it.extension().is_some_and(|it| it == "log")).collect();
    segments.sort();
    segments
}

/// The only segment of the log.
fn segment(folder: &Path) -> PathBuf {
    let segments = segments(folder);
    assert_eq!(segments.len(), 1, "{segments:?}");
    segments[0].clone()
}

/// How many of the lives are there; each must be whole up to a commit.
async fn survivors(store: &EmbeddedStore, lives: &[Life]) -> usize {
    let mut survivors = 0;
    for life in lives {
        let Some(loaded) = store.load(life.id()).await.unwrap() else {
            assert_eq!(store.find_execution(&life.header.arn).await, Ok(None));
            continue;
        };
        assert_eq!(loaded.execution.last_event, loaded.header.last_event);
        let history = store.history(life.id(), None, usize::MAX, false).await.unwrap().events;
        assert_eq!(history, life.events[..history.len()], "the beginning of what was committed");
        assert_eq!(history.len() as u64, loaded.header.last_event.0);
        survivors += 1;
    }
    survivors
}

#[tokio::test]
async fn a_log_that_ends_anywhere_gives_whole_commits() {
    let folder = tempfile::tempdir().unwrap();
    let (image, lives) = crash_image(folder.path()).await;
    let bytes = fs::read(segment(&image)).unwrap();
    // Every byte of the last batch and a few before it, and some places all over.
    let batches = bytes.len() - HEADER_BYTES;
    let all = (HEADER_BYTES..bytes.len()).step_by(batches / 25);
    let last = (bytes.len() - 40..=bytes.len()).chain(all);
    for (length, zeros) in last.zip([0, 1, 5_000].into_iter().cycle()) {
        let cut = folder.path().join("cut");
        copy(&image, &cut);
        let cut_bytes = [&bytes[..length], &vec![0; zeros]].concat();
        fs::write(segment(&cut), cut_bytes).unwrap();
        let store = open(&cut).unwrap();
        let survivors = survivors(&store, &lives).await;
        assert!(survivors * batches <= (length - HEADER_BYTES + batches / 6) * lives.len());
        assert!(length < bytes.len() || survivors == lives.len(), "nothing was cut");
        // And it goes on from there.
        let mut life = Life::new(1_000);
        store.commit(life.start()).await.unwrap();
        drop(store);
        let store = open(&cut).unwrap();
        life.check(&store).await;
        drop(store);
        fs::remove_dir_all(&cut).unwrap();
    }
}

#[tokio::test]
async fn a_log_that_is_broken_before_its_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (image, lives) = crash_image(folder.path()).await;
    let bytes = fs::read(segment(&image)).unwrap();
    for at in (0..bytes.len() * 9 / 10).step_by(bytes.len() / 40) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        fs::write(segment(&image), damaged).unwrap();
        let error = error(&image);
        let beginning = "FOLDER/database/log/00000000000000000000-";
        assert!(error.starts_with(beginning), "{error}");
        if at < HEADER_BYTES {
            let header =
                ".log is corrupt: its header block, from byte 0 on, is not what was written";
            assert!(error.ends_with(header), "{error}");
            continue;
        }
        assert!(error.contains(".log is corrupt: a batch at byte "), "{error}");
        assert!(error.ends_with(" is broken, and others follow it"), "{error}");
    }
    // A segment gets its name when its header block is durable.
    for length in [0, 1, HEADER_BYTES - 1] {
        fs::write(segment(&image), &bytes[..length]).unwrap();
        let error = error(&image);
        assert!(error.ends_with("from byte 0 on, is not what was written"), "{error}");
    }
    // It was left as it is, so that somebody can look at it.
    fs::write(segment(&image), &bytes).unwrap();
    let store = open(&image).unwrap();
    assert_eq!(survivors(&store, &lives).await, lives.len());
}

#[tokio::test]
async fn a_last_batch_that_is_not_whole_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let (image, lives) = crash_image(folder.path()).await;
    let bytes = fs::read(segment(&image)).unwrap();
    // As when the power fails while some of its blocks are on the disk. Each is the end of a life.
    for before_end in [1, 5, 9, 20, 60, 100, 150] {
        let cut = folder.path().join("cut");
        copy(&image, &cut);
        let mut damaged = bytes.clone();
        damaged[bytes.len() - before_end] ^= 0x10;
        fs::write(segment(&cut), damaged).unwrap();
        let store = open(&cut).unwrap();
        assert_eq!(survivors(&store, &lives).await, lives.len());
        let last = &lives[lives.len() - 1];
        let header = store.header(last.id()).await.unwrap().unwrap();
        assert_eq!(header.revision.0, last.header.revision.0 - 1, "{before_end}");
        drop(store);
        fs::remove_dir_all(&cut).unwrap();
    }
}

/// Rows that cannot be read are missed; everything else in a table is written anew without loss.
#[tokio::test]
async fn a_damaged_table_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let (store, lives) = filled(&image).await;
    store.close().await.unwrap();
    drop(store);
    let mut noticed = 0;
    for tree in ["history", "index"] {
        let tables = Path::new("database").join(tree).join("tables");
        let table = fs::read_dir(image.join(&tables)).unwrap().next().unwrap().unwrap();
        let bytes = fs::read(table.path()).unwrap();
        for at in (0..bytes.len()).step_by(bytes.len() / 20) {
            let damaged = folder.path().join("damaged");
            copy(&image, &damaged);
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            fs::write(damaged.join(&tables).join(table.file_name()), changed).unwrap();
            noticed += usize::from(is_noticed(&damaged, &lives).await);
            fs::remove_dir_all(&damaged).unwrap();
        }
    }
    assert!(noticed >= 15, "rows are most of the bytes, {noticed} of 40 were noticed");
}

/// Whether something was said; what was read otherwise must be right.
async fn is_noticed(folder: &Path, lives: &[Life]) -> bool {
    let store = open(folder).unwrap();
    let mut noticed = false;
    for life in lives {
        match store.load(life.id()).await {
            Ok(Some(loaded)) => assert_eq!(loaded.execution, life.execution),
            Ok(None) => panic!("{} is gone without a word", life.id()),
            Err(StoreError::Corrupt(_)) => noticed = true,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(noticed, !store.health().lost.is_empty());
    noticed
}

#[tokio::test]
async fn a_folder_is_used_by_one_store_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = filled(folder.path()).await;
    let error = error(folder.path());
    assert!(error.starts_with("FOLDER is in use by damage"), "{error}");
    let advice = "stop that process, or use another folder";
    let process = std::process::id();
    assert!(error.ends_with(&format!(" (process {process}): {advice}")), "{error}");
    store.close().await.unwrap();
    drop(store);
    open(folder.path()).unwrap();
}

#[tokio::test]
async fn a_folder_of_another_version_or_of_somebody_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (store, lives) = filled(folder.path()).await;
    drop(store);
    let version = folder.path().join("VERSION");
    let ours = fs::read_to_string(&version).unwrap();

    let newer = "FOLDER has format 4, and this version of Stairwell reads formats up to 3: use \
                 the version that wrote it, or a newer one";
    let unreleased = "FOLDER has format 1, of a version from before the first release, which this \
                      version of Stairwell does not read: use an empty folder, or the version that \
                      wrote it";
    for (format, expected) in [(4, newer), (1, unreleased)] {
        let body = format!("Stairwell data folder\nformat {format}\n");
        let sum = Sha256::digest(&body);
        let sum: String = sum[..8].iter().map(|it| format!("{it:02x}")).collect();
        fs::write(&version, format!("{body}sum {sum}\n")).unwrap();
        assert_eq!(error(folder.path()), expected);
    }
    for damaged in [ours.replace("format 3", "format 4"), String::new(), "hello".to_owned()] {
        fs::write(&version, damaged).unwrap();
        assert_eq!(error(folder.path()), "FOLDER/VERSION is corrupt: not a version file");
    }
    fs::remove_file(&version).unwrap();
    let missing = "is corrupt: missing, although there is data";
    assert_eq!(error(folder.path()), format!("FOLDER/VERSION {missing}"));

    fs::write(&version, ours).unwrap();
    for tree in ["history", "index"] {
        let marker = folder.path().join("database").join(tree).join("current");
        let engine_marker = fs::read(&marker).unwrap();
        fs::remove_file(&marker).unwrap();
        assert_eq!(error(folder.path()), format!("FOLDER/database/{tree}/current {missing}"));
        fs::write(&marker, engine_marker).unwrap();
    }
    let store = open(folder.path()).unwrap();
    assert_eq!(survivors(&store, &lives).await, lives.len());
}

#[tokio::test]
async fn making_a_store_can_be_cut_short_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    drop(open(&made).unwrap());
    // What is there after each of the first steps, in the order in which they are done.
    let steps = ["VERSION", "history/tables", "history/v0", "history/current", "index/tables"];
    let more = ["index/v0", "index/current", "log"];
    let steps: Vec<_> = steps.into_iter().chain(more).collect();
    for count in 0..=steps.len() {
        let cut = folder.path().join(count.to_string());
        fs::create_dir_all(&cut).unwrap();
        for step in &steps[..count] {
            let folder = if *step == "VERSION" { Path::new("") } else { Path::new("database") };
            let (source, target) = (made.join(folder).join(step), cut.join(folder).join(step));
            match source.is_dir() {
                true => fs::create_dir_all(target).unwrap(),
                false => drop(fs::copy(source, target).unwrap()),
            }
        }
        let store = open(&cut).unwrap_or_else(|error| panic!("after {count} steps: {error}"));
        let mut life = Life::new(1);
        store.commit(life.start()).await.unwrap();
        life.check(&store).await;
    }
}

/// A folder that version 0 of Stairwell left when it was killed, twice.
fn folder_of_format_2(folder: &Path) -> PathBuf {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/format-2");
    let image = folder.join("image");
    copy(&sample, &image);
    image
}

#[tokio::test]
async fn a_folder_of_format_2_is_read_once_and_has_the_format_of_today_then() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder_of_format_2(folder.path());
    let version = fs::read_to_string(image.join("VERSION")).unwrap();
    assert!(version.contains("format 2"), "{version}");
    let mut lives = Vec::new();
    for number in 0..3 {
        let mut life = Life::new(number);
        life.start();
        life.pass(2);
        life.end(Status::Succeeded);
        lives.push(life);
    }
    for number in 3..6 {
        let mut life = Life::new(number);
        life.start();
        lives.push(life);
    }
    for _ in 0..2 {
        let store = open(&image).unwrap();
        for life in &lives {
            life.check(&store).await;
        }
        let version = fs::read_to_string(image.join("VERSION")).unwrap();
        assert!(version.contains("format 3"), "{version}");
    }
    assert_eq!(segments(&image).len(), 1);
}

#[tokio::test]
async fn damage_to_a_folder_of_format_2_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder_of_format_2(folder.path());
    for (number, path) in segments(&image).iter().enumerate() {
        let bytes = fs::read(path).unwrap();
        let end = if number == 0 { bytes.len() } else { bytes.len() / 2 };
        for at in (0..end).step_by(bytes.len() / 12) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            fs::write(path, &damaged).unwrap();
            let error = error(&image);
            assert!(error.starts_with("FOLDER/database/log/"), "{error}");
            assert!(error.contains(" is corrupt: "), "{error}");
            assert_eq!(fs::read(path).unwrap(), damaged, "it was left as it was");
        }
        fs::write(path, &bytes).unwrap();
    }
    open(&image).unwrap();
}

#[tokio::test]
async fn a_log_that_is_gone_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let (store, _) = filled(&image).await;
    store.close().await.unwrap();
    drop(store);
    fs::remove_dir_all(image.join("database").join("log")).unwrap();
    let missing = "FOLDER/database/log is corrupt: missing, although there is data";
    assert_eq!(error(&image), missing);
}

#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_cannot_be_written_says_what_to_do() {
    // Nobody may make a folder there, root included.
    let error = open(Path::new("/sys/stairwell")).expect_err("it should not open").to_string();
    assert!(error.starts_with("/sys/stairwell: "), "{error}");
    let advice = "Stairwell must be able to write to its data folder; change that, or use another \
                  folder";
    assert!(error.ends_with(advice), "{error}");
}
