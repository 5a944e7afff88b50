//! What the doctor finds in a folder, and that looking changes nothing.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use engine::{Status, Timestamp};
use stairwell_store_embedded::doctor::{self, Diagnosis, Part, ReleaseError};
use stairwell_store_embedded::{EmbeddedStore, OpenError, Options};
use store::Store;
use store::contract::sample::Life;

const LIVES: u64 = 200;
const DUE: Timestamp = Timestamp(946_684_800_000);

/// Executions, of which every second one is open and due.
async fn filled(folder: &Path) -> Vec<Life> {
    let store = EmbeddedStore::open(folder, Options::default()).unwrap();
    let mut lives = Vec::new();
    for number in 0..LIVES {
        let mut life = Life::new(number);
        if number % 2 == 0 {
            life.due(Some(DUE), false);
        }
        store.commit(life.start()).await.unwrap();
        if number % 2 != 0 {
            store.commit(life.end(Status::Succeeded)).await.unwrap();
        }
        lives.push(life);
    }
    store.close().await.unwrap();
    lives
}

/// The files of a folder, and what is in them; not who holds it.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut contents = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false if entry.file_name() == "LOCK" => {}
                false => drop(contents.insert(entry.path(), fs::read(entry.path()).unwrap())),
            }
        }
    }
    contents
}

fn index_table(folder: &Path) -> PathBuf {
    let tables = fs::read_dir(folder.join("database/index/tables")).unwrap();
    tables.map(|entry| entry.unwrap().path()).next().unwrap()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_sound_folder_is_sound_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    let before = contents(folder.path());
    let diagnosis = doctor::examine(folder.path()).unwrap();
    assert!(diagnosis.is_sound(), "{diagnosis:?}");
    assert_eq!((diagnosis.tables, diagnosis.executions), (2, LIVES as usize));
    assert_eq!(contents(folder.path()), before);
}

#[tokio::test]
async fn a_damaged_agenda_is_named_and_can_be_released() {
    let folder = tempfile::tempdir().unwrap();
    let lives = filled(folder.path()).await;
    // The first block of the index holds agendas.
    let table = index_table(folder.path());
    flip(&table, 200);
    let before = contents(folder.path());
    let diagnosis = doctor::examine(folder.path()).unwrap();
    assert_eq!(contents(folder.path()), before);
    let Diagnosis { files, lost, hit, .. } = &diagnosis;
    assert_eq!((files.len(), &files[0].path, files[0].byte), (1, &table, Some(0)));
    assert_eq!(lost, &Vec::<String>::new(), "nothing was mended yet");
    assert!(!hit.is_empty() && hit.len() < LIVES as usize / 2, "{}", hit.len());
    assert!(hit.iter().all(|hit| hit.part == Part::Agenda), "{hit:?}");
    let arns: Vec<_> = hit.iter().map(|hit| hit.arn.clone().unwrap()).collect();

    // The server mends the table, and quarantines the same executions.
    let store = EmbeddedStore::open(folder.path(), Options::default()).unwrap();
    assert_eq!(claimed(&store).await, lives.len() / 2 - arns.len());
    assert_eq!(store.health().quarantined, arns.len());
    store.close().await.unwrap();
    drop(store);
    let mended = doctor::examine(folder.path()).unwrap();
    assert_eq!((mended.files.len(), mended.lost.len(), &mended.hit.len()), (0, 1, &arns.len()));

    for arn in &arns {
        doctor::release(folder.path(), arn).unwrap();
    }
    let released = doctor::release(folder.path(), &arns[0]);
    assert!(matches!(released, Err(ReleaseError::NotQuarantined)));
    assert_eq!(doctor::examine(folder.path()).unwrap().hit, []);
    let store = EmbeddedStore::open(folder.path(), Options::default()).unwrap();
    assert_eq!(claimed(&store).await, lives.len() / 2);
    assert_eq!(store.health().quarantined, 0);
}

/// How many are due, or have something under way.
async fn claimed(store: &EmbeddedStore) -> usize {
    let mut count = 0;
    loop {
        let claim = store.claim_due(Timestamp(DUE.0 + 1), 1_000).await.unwrap();
        count += claim.executions.len();
        if claim.executions.is_empty() && claim.next_due.is_none() {
            return count;
        }
        tokio::task::yield_now().await;
    }
}

/// The folder as a process that is killed leaves it, all in the log; and the log's only segment.
async fn killed(folder: &Path) -> PathBuf {
    let store = EmbeddedStore::open(folder.join("alive"), Options::default()).unwrap();
    for number in 0..LIVES {
        store.commit(Life::new(number).start()).await.unwrap();
    }
    let alive = folder.join("alive");
    for (path, bytes) in contents(&alive) {
        let copy = folder.join("killed").join(path.strip_prefix(&alive).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::write(copy, bytes).unwrap();
    }
    let segments = fs::read_dir(folder.join("killed/database/log")).unwrap();
    segments.map(|entry| entry.unwrap().path()).max().unwrap()
}

#[tokio::test]
async fn a_damaged_log_is_named_by_file_and_byte() {
    let folder = tempfile::tempdir().unwrap();
    let segment = killed(folder.path()).await;
    let folder = folder.path().join("killed");
    let sound = doctor::examine(&folder).unwrap();
    assert!(sound.is_sound() && sound.torn.is_none(), "{sound:?}");
    assert_eq!(sound.executions, LIVES as usize);
    let bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    flip(&segment, end / 2);
    let before = contents(&folder);
    let Diagnosis { files, executions, .. } = doctor::examine(&folder).unwrap();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    let byte = file.byte.unwrap() as usize;
    assert_eq!((&file.path, executions), (&segment, 0));
    assert!(byte <= end / 2 && byte + 10_000 > end / 2, "{byte} of {end}: {}", file.what);
    assert_eq!(contents(&folder), before);
    assert!(matches!(
        EmbeddedStore::open(&folder, Options::default()),
        Err(OpenError::Corrupt { .. })
    ));
}

#[tokio::test]
async fn a_torn_end_of_the_log_is_told_and_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let segment = killed(folder.path()).await;
    let folder = folder.path().join("killed");
    let bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    fs::write(&segment, &bytes[..end - 20]).unwrap();
    let diagnosis = doctor::examine(&folder).unwrap();
    assert!(diagnosis.is_sound(), "{diagnosis:?}");
    let torn = diagnosis.torn.as_ref().unwrap();
    assert!(torn.path == segment && torn.byte.is_some(), "{torn:?}");
    assert!(diagnosis.executions < LIVES as usize && diagnosis.executions > 0);
    EmbeddedStore::open(&folder, Options::default()).unwrap();
}

#[tokio::test]
async fn a_damaged_list_of_tables_is_named() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    let list = fs::read_dir(folder.path().join("database/index")).unwrap();
    let list = list.map(|entry| entry.unwrap().path());
    let is_list = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with('v');
    let list = list.into_iter().filter(is_list).max().unwrap();
    flip(&list, 3);
    let diagnosis = doctor::examine(folder.path()).unwrap();
    assert_eq!(diagnosis.files.len(), 1, "{diagnosis:?}");
    assert!(diagnosis.files[0].path.starts_with(folder.path().join("database/index")));
    let refused = EmbeddedStore::open(folder.path(), Options::default());
    assert!(matches!(refused, Err(OpenError::Corrupt { .. })));
}

#[tokio::test]
async fn a_folder_that_is_not_there_or_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    assert!(matches!(doctor::examine(&absent), Err(OpenError::Io { .. })));
    assert!(!absent.exists());
    let used = folder.path().join("used");
    let _store = EmbeddedStore::open(&used, Options::default()).unwrap();
    assert!(matches!(doctor::examine(&used), Err(OpenError::Locked { .. })));
}
