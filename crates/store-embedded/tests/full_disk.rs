//! A full disk refuses commits, and nothing else; once there is room, commits go on by themselves,
//! and what was refused is not there.
//!
//! Needs a small file system of its own, which only root can mount: says so where it cannot. The
//! same is tested on a simulated disk in `disk.rs`, everywhere.

#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use engine::Timestamp;
use stairwell_store_embedded::{EmbeddedStore, Options};
use store::contract::sample::Life;
use store::{Store, StoreError};

const DISK_MIB: usize = 64;

/// A file system in memory.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn mount() -> Result<Disk, String> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={DISK_MIB}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path());
        let output = mount.output().map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(Disk { folder }),
            false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file that leaves so much room.
    fn ballast(&self, name: &str, room_mib: u64) -> PathBuf {
        let path = self.path().join(name);
        let mut file = File::create(&path).unwrap();
        while file.write_all(&[0x5A; 4096]).is_ok() {}
        let bytes = file.metadata().unwrap().len();
        file.set_len(bytes.saturating_sub(room_mib << 20)).unwrap();
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_commits_until_there_is_room() {
    let disk = match Disk::mount() {
        Ok(disk) => disk,
        Err(reason) => {
            println!("full_disk: skipped, a file system cannot be mounted: {reason}");
            return;
        }
    };
    let data = disk.path().join("data");
    let mut store = EmbeddedStore::open(&data, Options::default()).unwrap();
    let mut lives: Vec<Life> = Vec::new();
    // Full in the middle of what the engine writes out, of a payload, and of small commits.
    for (round, bytes, room_mib) in [(0, 200_000, 24), (1, 10, 8), (2, 30_000, 5), (3, 100, 3)] {
        let ballast = disk.ballast("ballast", room_mib);
        let committed = lives.len();
        let refused = fill(&store, &disk, round, bytes, &mut lives).await;
        println!("full_disk: full after {} commits of {bytes} bytes", lives.len() - committed);

        check(&store, &lives, &refused).await;
        let claim = store.claim_due(Timestamp(0), 1).await;
        assert!(matches!(claim, Err(StoreError::Refused(_))), "{claim:?}");
        let again = store.commit(Life::new(round * 1_000_000 + 999_997).start()).await;
        assert!(matches!(again, Err(StoreError::Refused(_))), "still full: {again:?}");

        fs::remove_file(ballast).unwrap();
        let _ = fs::remove_file(disk.path().join("rest"));
        lives.push(first_commit_with_room(&store, round).await);
        check(&store, &lives, &refused).await;
        assert_eq!(store.claim_due(Timestamp(0), 1).await.unwrap().executions, []);
        if round == 1 {
            drop(store);
            store = EmbeddedStore::open(&data, Options::default()).unwrap();
            check(&store, &lives, &refused).await;
        }
    }
    store.close().await.unwrap();
    drop(store);
    let store = EmbeddedStore::open(&data, Options::default()).unwrap();
    check(&store, &lives, &[]).await;
}

/// Commits until that is refused, with the disk nearly full. Returns what was refused.
async fn fill(
    store: &EmbeddedStore,
    disk: &Disk,
    round: u64,
    bytes: usize,
    lives: &mut Vec<Life>,
) -> Vec<Life> {
    let mut refused = Vec::new();
    for number in 0.. {
        // The last megabytes are taken by others, so that small commits need not take them.
        if number == 20 && bytes < 1_000 {
            disk.ballast("rest", 0);
        }
        let mut life = Life::new(round * 1_000_000 + number);
        match store.commit(life.start()).await {
            Ok(()) => {}
            Err(error) => {
                assert_full(&error);
                refused.push(life);
                break;
            }
        }
        let before = life.clone();
        match store.commit(life.pass_bytes(bytes)).await {
            Ok(()) => lives.push(life),
            Err(error) => {
                assert_full(&error);
                // The start is there, what came after it is not.
                lives.push(before);
                break;
            }
        }
    }
    // One more, for the certainty that it goes on refusing.
    let mut life = Life::new(round * 1_000_000 + 999_999);
    let error = store.commit(life.start()).await.unwrap_err();
    assert_full(&error);
    refused.push(life);
    refused
}

fn assert_full(error: &StoreError) {
    let (StoreError::Refused(reason) | StoreError::Unknown(reason)) = error else {
        panic!("{error}")
    };
    assert!(reason.contains("No space"), "{error}");
    assert!(!reason.contains("not available"), "said twice: {error}");
}

async fn check(store: &EmbeddedStore, lives: &[Life], refused: &[Life]) {
    for life in lives {
        life.check(store).await;
    }
    for life in refused {
        assert_eq!(store.header(life.id()).await, Ok(None), "it was refused");
        assert_eq!(store.find_execution(&life.header.arn).await, Ok(None), "it was refused");
    }
}

/// The store finds out by itself that there is room, within a second or so.
async fn first_commit_with_room(store: &EmbeddedStore, round: u64) -> Life {
    let begin = Instant::now();
    loop {
        let mut life = Life::new(round * 1_000_000 + 999_998);
        match store.commit(life.start()).await {
            Ok(()) => {
                println!("full_disk: commits again after {:.0?}", begin.elapsed());
                return life;
            }
            Err(error) => assert!(error.is_passing(), "{error}"),
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "there is room");
        tokio::task::yield_now().await;
    }
}
