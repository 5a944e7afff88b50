//! A folder whose log is on a simulated disk, and whose tables are on the real one: `lsm-tree` has
//! no seam for files. When the power goes, each tree of tables is as it was then, or as it was when
//! the log last said what is not needed of it any more, which is the least that the log relies on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use stairwell_store_embedded::disk::simulated::{Call, Loss, SimulatedDisk};

/// Where the folders are, of a test.
pub(crate) struct Tables {
    root: Arc<tempfile::TempDir>,
    count: Arc<AtomicU64>,
}

impl Tables {
    /// In memory, where the machine has a file system there: the tables are synced a lot.
    pub(crate) fn new() -> Tables {
        let memory = tempfile::tempdir_in("/dev/shm");
        let root = memory.or_else(|_| tempfile::tempdir()).unwrap();
        Tables { root: Arc::new(root), count: Arc::default() }
    }
}

impl Clone for Tables {
    fn clone(&self) -> Tables {
        Tables { root: self.root.clone(), count: self.count.clone() }
    }
}

impl Tables {
    fn folder(&self) -> PathBuf {
        self.root.path().join(self.count.fetch_add(1, Ordering::Relaxed).to_string())
    }
}

/// A folder and its disk.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) disk: SimulatedDisk,
    pub(crate) folder: PathBuf,
    pub(crate) seed: u64,
    /// For messages.
    pub(crate) what: String,
    tables: Tables,
    /// The tables as they were when the log relied on them last.
    durable: PathBuf,
}

/// A world after one of the calls.
pub(crate) struct Image {
    world: World,
    pub(crate) seed: u64,
}

impl World {
    pub(crate) fn new(tables: &Tables, seed: u64) -> World {
        let (folder, durable) = (tables.folder(), tables.folder());
        let what = format!("seed {seed}");
        let disk = SimulatedDisk::new(seed);
        World { disk, folder, seed, what, tables: tables.clone(), durable }.watched()
    }

    /// Notes what the log relies on: when a segment gets its name, it says what is in tables.
    fn watched(mut self) -> World {
        let (folder, durable) = (self.folder.clone(), self.durable.clone());
        self.disk = self.disk.observed(Arc::new(move |_, call, path| {
            if names_a_segment(call, path) {
                let _ = fs::remove_dir_all(&durable);
                link(&folder, &durable);
            }
        }));
        self
    }

    /// The same world, of which an image is taken after every call.
    pub(crate) fn with_images(self, images: &Arc<Mutex<Vec<Image>>>) -> World {
        let (mut world, images) = (self.clone(), images.clone());
        world.disk = world.disk.observed(Arc::new(move |number, call, path| {
            if names_a_segment(call, path) {
                let _ = fs::remove_dir_all(&self.durable);
                link(&self.folder, &self.durable);
            }
            images.lock().push(self.image(number));
        }));
        world
    }

    /// As it is after that call: what is not synced is lost or not.
    pub(crate) fn image(&self, call: u64) -> Image {
        let seed = self.seed.wrapping_mul(0x9E37_79B9).wrapping_add(call.wrapping_mul(0x85EB_CA6B));
        let loss = if seed & 4 == 0 { Loss::Process } else { Loss::Power };
        let mut world = self.after(loss, seed);
        world.what = format!("{}, {loss:?} after call {call}", self.what);
        Image { world, seed }
    }

    /// As another process finds it after such a loss.
    pub(crate) fn after(&self, loss: Loss, seed: u64) -> World {
        let folder = self.tables.folder();
        let disk = self.disk.after(loss, seed).moved(&self.folder, &folder);
        for (tree, bit) in [("history", 8), ("index", 16)] {
            let is_durable = loss == Loss::Power && seed & bit == 0 && self.durable.exists();
            let from = if is_durable { &self.durable } else { &self.folder };
            link(&from.join("database").join(tree), &folder.join("database").join(tree));
        }
        let durable = self.tables.folder();
        link(&folder, &durable);
        let what = format!("{}, {loss:?}", self.what);
        World { disk, folder, seed, what, tables: self.tables.clone(), durable }.watched()
    }
}

impl Image {
    pub(crate) fn world(self) -> World {
        self.world
    }
}

/// Whether a call gives a segment its name.
fn names_a_segment(call: Call, path: &Path) -> bool {
    call == Call::Rename && path.ends_with("draft")
}

/// Copies a folder by links: files of tables are written once.
fn link(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else { return };
    fs::create_dir_all(to).unwrap();
    for entry in entries.map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => link(&entry.path(), &target),
            // One that is being written may go while it is looked at.
            _ => drop(fs::hard_link(entry.path(), target)),
        }
    }
}
