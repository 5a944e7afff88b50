//! A disk in memory that keeps apart what is durable and what is only cached, and fails as disks
//! do.
//!
//! When the power fails, any part of what was not synced is there afterwards: each sector of 512
//! bytes as it was synced or as it was cached, and each name as well. A sync that fails leaves the
//! pages clean, so that a second one writes nothing and succeeds (Rebello et al., "Can Applications
//! Recover from fsync Failures?", USENIX ATC 2020). What is left is drawn from a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Disk, DiskFile, Opening};

/// What is written whole or not at all, in bytes.
const SECTOR: usize = 512;

/// What is lost when a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing that was written, synced or not: the process was killed.
    Process,
    /// Any part of what was not synced: the power failed.
    Power,
}

/// What a disk was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Call {
    Open,
    Bytes,
    Read,
    Write,
    Sync,
    SetBytes,
    Rename,
    Unlink,
    CreateFolder,
    SyncFolder,
    List,
}

/// Is told of every call, after it: which one it is, counted from 1, and what it was for.
pub type Observer = dyn Fn(u64, Call, &Path) + Send + Sync;

/// A disk in memory.
#[derive(Clone)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
    observer: Option<Arc<Observer>>,
}

#[derive(Clone)]
struct State {
    inodes: Vec<Inode>,
    cached: BTreeMap<PathBuf, Name>,
    synced: BTreeMap<PathBuf, Name>,
    chance: Chance,
    calls: u64,
    /// The call that fails, and whether all others after it do too.
    fails_at: Option<(u64, Failure)>,
    /// How many bytes files may become longer by.
    room: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    File(usize),
    Folder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// This call, with EIO.
    Once,
    /// This one and all after it: there is no power.
    FromNowOn,
    /// This one, because the disk is full.
    Full,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    cached: Vec<u8>,
    synced: Vec<u8>,
    /// The sectors that the next sync writes.
    dirty: BTreeSet<usize>,
}

impl SimulatedDisk {
    /// An empty one, with a root folder.
    pub fn new(seed: u64) -> SimulatedDisk {
        let state = State {
            inodes: Vec::new(),
            cached: BTreeMap::new(),
            synced: BTreeMap::new(),
            chance: Chance(seed),
            calls: 0,
            fails_at: None,
            room: None,
        };
        SimulatedDisk { state: Arc::new(Mutex::new(state)), observer: None }
    }

    /// The same disk, each of whose calls somebody is told of.
    pub fn observed(&self, observer: Arc<Observer>) -> SimulatedDisk {
        SimulatedDisk { state: self.state.clone(), observer: Some(observer) }
    }

    /// How often it was called.
    pub fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    /// Has that call fail with EIO, counted from 1. A sync that fails leaves its pages clean.
    pub fn fail_at(&self, call: u64) {
        self.state.lock().fails_at = Some((call, Failure::Once));
    }

    /// Has that call and all after it do nothing: the power is gone.
    pub fn stop_at(&self, call: u64) {
        self.state.lock().fails_at = Some((call, Failure::FromNowOn));
    }

    /// Has that call fail for want of room.
    pub fn full_at(&self, call: u64) {
        self.state.lock().fails_at = Some((call, Failure::Full));
    }

    /// Sets how many bytes its files may become longer by; nothing is no limit.
    pub fn set_room(&self, room: Option<u64>) {
        self.state.lock().room = room;
    }

    /// A copy as a process finds it that starts after such a loss. Faults and limits are gone.
    pub fn after(&self, loss: Loss, seed: u64) -> SimulatedDisk {
        let mut state = self.state.lock().clone();
        (state.chance, state.calls) = (Chance(seed), 0);
        (state.fails_at, state.room) = (None, None);
        if loss == Loss::Power {
            state.lose_power();
        }
        SimulatedDisk { state: Arc::new(Mutex::new(state)), observer: None }
    }

    /// The same disk, on which a folder has another path.
    pub fn moved(self, from: &Path, to: &Path) -> SimulatedDisk {
        let mut state = self.state.lock();
        let moved = |names: &BTreeMap<PathBuf, Name>| {
            let path = |path: &PathBuf| match path.strip_prefix(from) {
                Ok(rest) if rest.as_os_str().is_empty() => to.to_owned(),
                Ok(rest) => to.join(rest),
                Err(_) => path.clone(),
            };
            names.iter().map(|(name, what)| (path(name), *what)).collect()
        };
        (state.cached, state.synced) = (moved(&state.cached), moved(&state.synced));
        drop(state);
        self
    }

    /// The files beneath a folder, and how long they are.
    pub fn files(&self, folder: &Path) -> Vec<(PathBuf, usize)> {
        let state = self.state.lock();
        let files = state.cached.iter().filter(|(path, _)| path.starts_with(folder));
        let bytes = |name: &Name| match name {
            Name::File(inode) => Some(state.inodes[*inode].cached.len()),
            Name::Folder => None,
        };
        files.filter_map(|(path, name)| Some((path.clone(), bytes(name)?))).collect()
    }

    /// Flips a bit of a file, on the disk and in the cache.
    ///
    /// # Panics
    /// Where there is no such bit.
    pub fn flip(&self, path: &Path, byte: usize, bit: u8) {
        let mut state = self.state.lock();
        let inode = state.inode(path).expect("there is such a file");
        let inode = &mut state.inodes[inode];
        inode.cached[byte] ^= 1 << bit;
        if let Some(synced) = inode.synced.get_mut(byte) {
            *synced ^= 1 << bit;
        }
    }

    /// Counts a call, does it unless it fails, and tells of it.
    fn call<T>(
        &self,
        call: Call,
        path: &Path,
        inode: Option<usize>,
        act: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state.lock();
        state.calls += 1;
        let number = state.calls;
        let result = match state.fails_at {
            Some((at, Failure::Once)) if at == number => {
                state.half_do(call, path, inode, act);
                Err(io::Error::from_raw_os_error(5))
            }
            Some((at, Failure::Full)) if at == number => Err(ErrorKind::StorageFull.into()),
            Some((at, Failure::FromNowOn)) if at <= number => Err(io::Error::from_raw_os_error(5)),
            _ => act(&mut state),
        };
        drop(state);
        if let Some(observer) = &self.observer {
            observer(number, call, path);
        }
        result
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SimulatedDisk").field("calls", &self.calls()).finish()
    }
}

impl Disk for SimulatedDisk {
    fn open(&self, path: &Path, opening: Opening) -> io::Result<Box<dyn DiskFile>> {
        let inode =
            self.call(Call::Open, path, None, |state| match (state.inode(path), opening) {
                (Ok(inode), _) => Ok(inode),
                (Err(error), Opening::Write) if error.kind() == ErrorKind::NotFound => {
                    state.check_parent(path)?;
                    let inode = state.inodes.len();
                    state.inodes.push(Inode::default());
                    state.cached.insert(path.to_owned(), Name::File(inode));
                    Ok(inode)
                }
                (Err(error), _) => Err(error),
            })?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), path: path.to_owned(), inode }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(Call::Rename, from, None, |state| {
            let inode = state.inode(from)?;
            state.check_parent(to)?;
            state.cached.remove(from);
            state.cached.insert(to.to_owned(), Name::File(inode));
            Ok(())
        })
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.call(Call::Unlink, path, None, |state| {
            state.inode(path)?;
            state.cached.remove(path);
            Ok(())
        })
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.call(Call::CreateFolder, path, None, |state| {
            state.check_parent(path)?;
            match state.cached.insert(path.to_owned(), Name::Folder) {
                Some(Name::File(_)) => Err(ErrorKind::AlreadyExists.into()),
                Some(Name::Folder) | None => Ok(()),
            }
        })
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.call(Call::SyncFolder, path, None, |state| {
            state.check_folder(path)?;
            let is_in = |name: &PathBuf| name.parent() == Some(path);
            state.synced.retain(|name, _| !is_in(name));
            let names = state.cached.iter().filter(|(name, _)| is_in(name));
            state.synced.extend(names.map(|(name, what)| (name.clone(), *what)));
            Ok(())
        })
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.call(Call::List, folder, None, |state| {
            state.check_folder(folder)?;
            let names = state.cached.keys().filter(|name| name.parent() == Some(folder));
            Ok(names.filter_map(|name| Some(name.file_name()?.to_str()?.to_owned())).collect())
        })
    }
}

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    /// Its name when it was opened.
    path: PathBuf,
    inode: usize,
}

impl SimulatedFile {
    fn call<T>(&self, call: Call, act: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        self.disk.call(call, &self.path, Some(self.inode), act)
    }
}

impl DiskFile for SimulatedFile {
    fn bytes(&self) -> io::Result<u64> {
        self.call(Call::Bytes, |state| Ok(state.inodes[self.inode].cached.len() as u64))
    }

    fn read_to(&self, end: u64) -> io::Result<Vec<u8>> {
        self.call(Call::Read, |state| {
            let cached = &state.inodes[self.inode].cached;
            let end = usize::try_from(end).map_or(cached.len(), |end| end.min(cached.len()));
            Ok(cached[..end].to_vec())
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        self.call(Call::Write, |state| {
            let inode = &mut state.inodes[self.inode];
            let longer = (offset + bytes.len()).saturating_sub(inode.cached.len()) as u64;
            let missing = longer.saturating_sub(state.room.unwrap_or(u64::MAX));
            let fits = bytes.len() - (missing as usize).min(bytes.len());
            inode.write(&bytes[..fits], offset);
            if let Some(room) = &mut state.room {
                *room -= longer - missing;
            }
            if missing > 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.call(Call::Sync, |state| {
            state.inodes[self.inode].sync();
            Ok(())
        })
    }

    fn set_bytes(&self, bytes: u64) -> io::Result<()> {
        let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
        self.call(Call::SetBytes, |state| {
            state.inodes[self.inode].resize(bytes);
            Ok(())
        })
    }
}

impl State {
    fn inode(&self, path: &Path) -> io::Result<usize> {
        match self.cached.get(path) {
            Some(Name::File(inode)) => Ok(*inode),
            Some(Name::Folder) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    fn check_folder(&self, path: &Path) -> io::Result<()> {
        match self.cached.get(path) {
            Some(Name::Folder) => Ok(()),
            Some(Name::File(_)) => Err(ErrorKind::NotADirectory.into()),
            // The root.
            None if path.parent().is_none() => Ok(()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    fn check_parent(&self, path: &Path) -> io::Result<()> {
        path.parent().map_or(Ok(()), |parent| self.check_folder(parent))
    }

    /// What a call that fails leaves: a part of it, or all of it, or nothing.
    fn half_do<T>(
        &mut self,
        call: Call,
        path: &Path,
        inode: Option<usize>,
        act: impl FnOnce(&mut State) -> io::Result<T>,
    ) {
        let mut chance = self.chance;
        match (call, inode) {
            (Call::Write, Some(inode)) => {
                let before = self.inodes[inode].clone();
                drop(act(self));
                self.inodes[inode].undo_some(&before, &mut chance);
            }
            (Call::Sync, Some(inode)) => self.inodes[inode].sync_badly(&mut chance),
            (Call::SyncFolder, _) => {
                for name in self.names().into_iter().filter(|name| name.parent() == Some(path)) {
                    if chance.is_heads() {
                        match self.cached.get(&name).copied() {
                            Some(what) => drop(self.synced.insert(name, what)),
                            None => drop(self.synced.remove(&name)),
                        }
                    }
                }
            }
            _ if chance.is_heads() => drop(act(self)),
            _ => {}
        }
        self.chance = chance;
    }

    /// All names, durable or not.
    fn names(&self) -> BTreeSet<PathBuf> {
        self.cached.keys().chain(self.synced.keys()).cloned().collect()
    }

    fn lose_power(&mut self) {
        let mut chance = self.chance;
        for name in self.names() {
            let (cached, synced) = (self.cached.get(&name), self.synced.get(&name));
            let left = if cached == synced || chance.is_heads() { cached } else { synced };
            match left.copied() {
                Some(left) => drop(self.cached.insert(name, left)),
                None => drop(self.cached.remove(&name)),
            }
        }
        // Nobody comes to what is in a folder that is not there.
        let all = self.cached.clone();
        let is_reachable = |path: &Path| {
            path.ancestors().skip(1).all(|it| it.parent().is_none() || all.contains_key(it))
        };
        self.cached.retain(|path, _| is_reachable(path));
        self.synced = self.cached.clone();
        for inode in &mut self.inodes {
            inode.lose_power(&mut chance);
        }
        self.chance = chance;
    }
}

impl Inode {
    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if self.cached.len() < end {
            self.resize(end);
        }
        self.cached[offset..end].copy_from_slice(bytes);
        if !bytes.is_empty() {
            self.dirty.extend(offset / SECTOR..=(end - 1) / SECTOR);
        }
    }

    fn resize(&mut self, bytes: usize) {
        let changed = self.cached.len().min(bytes)..self.cached.len().max(bytes);
        self.cached.resize(bytes, 0);
        self.dirty.extend(changed.start / SECTOR..changed.end.div_ceil(SECTOR));
    }

    fn sync(&mut self) {
        self.synced.resize(self.cached.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            copy_sector(&self.cached, &mut self.synced, sector);
        }
    }

    /// Writes some of the sectors, and believes that all are written.
    fn sync_badly(&mut self, chance: &mut Chance) {
        if chance.is_heads() {
            self.synced.resize(self.cached.len(), 0);
        }
        for sector in std::mem::take(&mut self.dirty) {
            if chance.is_heads() {
                copy_sector(&self.cached, &mut self.synced, sector);
            }
        }
    }

    /// Puts some sectors back to what they were before a write.
    fn undo_some(&mut self, before: &Inode, chance: &mut Chance) {
        if chance.is_heads() {
            self.cached.truncate(before.cached.len());
        }
        for sector in 0..self.cached.len().div_ceil(SECTOR) {
            if self.dirty.contains(&sector) && chance.is_heads() {
                copy_sector(&before.cached, &mut self.cached, sector);
            }
        }
    }

    fn lose_power(&mut self, chance: &mut Chance) {
        let bytes = if chance.is_heads() { self.cached.len() } else { self.synced.len() };
        let mut left = self.synced.clone();
        left.resize(bytes, 0);
        for sector in std::mem::take(&mut self.dirty) {
            if chance.is_heads() {
                copy_sector(&self.cached, &mut left, sector);
            }
        }
        (self.cached, self.synced) = (left.clone(), left);
    }
}

/// Copies a sector as far as both reach.
fn copy_sector(from: &[u8], to: &mut [u8], sector: usize) {
    let begin = sector * SECTOR;
    let end = (begin + SECTOR).min(from.len()).min(to.len());
    if begin < end {
        to[begin..end].copy_from_slice(&from[begin..end]);
    }
}

/// Numbers that are the same for the same seed: SplitMix64, by Steele, Lea and Flood.
#[derive(Clone, Copy, Debug)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn is_heads(&mut self) -> bool {
        self.next() >> 63 == 1
    }
}
