//! The folder of an embedded store, with its log on a simulated disk and its tables on the real
//! one: `lsm-tree` has no seam for files. When the power goes, each tree of tables is as it was
//! then, or as it was when the log last said what is not needed of it any more, which is the least
//! that the log relies on.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use store_embedded::disk::simulated::{Call, Loss, SimulatedDisk};
use tempfile::TempDir;

/// The trees of tables, each with the bit of a seed that says which of its states a loss leaves.
const TREES: [(&str, u64); 2] = [("history", 8), ("index", 16)];

/// A folder, and what lies beside it. Removed when it is dropped.
pub(crate) struct Folder {
    /// Holds the folder of the store, and its tables as the log relied on them last.
    root: TempDir,
    pub(crate) disk: SimulatedDisk,
}

impl Folder {
    /// An empty one.
    pub(crate) fn new(seed: u64) -> Result<Folder, String> {
        Ok(Folder { root: new_root()?, disk: SimulatedDisk::new(seed) })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().join("folder")
    }

    fn durable(&self) -> PathBuf {
        self.root.path().join("durable")
    }

    /// The disk for the store, which notes what the log relies on: when a segment gets its name, it
    /// says what is in tables.
    pub(crate) fn watched(&self) -> SimulatedDisk {
        let (folder, durable) = (self.path(), self.durable());
        self.disk.observed(Arc::new(move |_, call, path| {
            if call == Call::Rename && path.ends_with("draft") {
                link(&folder, &durable).expect("there is room beside the folder");
            }
        }))
    }

    /// As another process finds it after such a loss.
    pub(crate) fn after(&self, loss: Loss, seed: u64) -> Result<Folder, String> {
        let root = new_root()?;
        let disk = self.disk.after(loss, seed);
        let left = Folder { disk: disk.moved(self.root.path(), root.path()), root };
        for (tree, bit) in TREES {
            let is_durable = loss == Loss::Power && seed & bit == 0 && self.durable().exists();
            let from = if is_durable { self.durable() } else { self.path() };
            let place = Path::new("database").join(tree);
            let linked = link(&from.join(&place), &left.path().join(&place));
            linked.map_err(|error| error.to_string())?;
        }
        link(&left.path(), &left.durable()).map_err(|error| error.to_string())?;
        Ok(left)
    }
}

/// In memory, where the machine has a file system there: the tables are synced a lot.
fn new_root() -> Result<TempDir, String> {
    let memory = tempfile::tempdir_in("/dev/shm");
    memory.or_else(|_| tempfile::tempdir()).map_err(|error| error.to_string())
}

/// Makes a copy of a folder, as it is at one moment, by links: files of tables are written once. It
/// is made anew where the folder changed meanwhile, since tables may be merged.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    loop {
        match fs::remove_dir_all(to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let before = entries(from);
        for (path, metadata) in &before {
            let target = to.join(path.strip_prefix(from).expect("it was found below that folder"));
            match metadata.is_dir() {
                true => fs::create_dir_all(target)?,
                // One that goes away makes the next look differ.
                false => drop(fs::hard_link(path, target)),
            }
        }
        let look = |(path, metadata): &(PathBuf, Metadata)| {
            (path.clone(), metadata.len(), metadata.modified().ok())
        };
        if before.iter().map(look).eq(entries(from).iter().map(look)) {
            return Ok(());
        }
    }
}

/// A folder and everything below it, folders before what is in them.
fn entries(folder: &Path) -> Vec<(PathBuf, Metadata)> {
    let Ok(metadata) = fs::metadata(folder) else { return Vec::new() };
    let mut all = vec![(folder.to_owned(), metadata)];
    let mut next = 0;
    while let Some((path, metadata)) = all.get(next) {
        if metadata.is_dir() {
            let inside = fs::read_dir(path).into_iter().flatten().flatten();
            let found = inside.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)));
            let mut found: Vec<(PathBuf, Metadata)> = found.collect();
            found.sort_by(|(one, _), (other, _)| one.cmp(other));
            all.extend(found);
        }
        next += 1;
    }
    all
}
