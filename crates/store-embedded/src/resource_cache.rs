//! The resources that were read or asked for lately, those that are not there as well: each request
//! reads some, and most are on the disk.

use lsm_tree::Slice;
use parking_lot::Mutex;
use store::{Cache, Resource};

const ENTRIES_MAX: usize = 65_536;
const BYTES_MAX: usize = 16 << 20;

/// What an entry takes besides its key and its value, in bytes, about.
const ENTRY_BYTES: usize = 128;

/// Resources by their keys. Never behind what was answered.
pub(crate) struct ResourceCache {
    state: Mutex<State>,
}

struct State {
    known: Cache<Vec<u8>, Option<Resource>>,
    /// Counts the writes, so that what was read before one is not kept after it.
    changes: u64,
}

impl Default for ResourceCache {
    fn default() -> ResourceCache {
        let known = Cache::new(ENTRIES_MAX, BYTES_MAX);
        ResourceCache { state: Mutex::new(State { known, changes: 0 }) }
    }
}

impl ResourceCache {
    /// What is there under that key, none where nothing is.
    ///
    /// # Errors
    /// Where that is not known: how many writes there were, for [`ResourceCache::keep`].
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Resource>, u64> {
        let mut state = self.state.lock();
        let changes = state.changes;
        state.known.get(key).cloned().ok_or(changes)
    }

    /// Keeps what was read, unless something was written since there were so many writes.
    pub(crate) fn keep(&self, key: Vec<u8>, resource: &Option<Resource>, changes: u64) {
        let mut state = self.state.lock();
        if state.changes == changes {
            let value_bytes = resource.as_ref().map_or(0, |resource| resource.value.len());
            let bytes = ENTRY_BYTES + key.len() + value_bytes;
            state.known.insert(key, resource.clone(), bytes);
        }
    }

    /// These were written, or may have been.
    pub(crate) fn forget(&self, keys: &[Slice]) {
        if keys.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        state.changes += 1;
        for key in keys {
            state.known.remove(&**key);
        }
    }

    /// Everything may be different.
    pub(crate) fn clear(&self) {
        let mut state = self.state.lock();
        let changes = state.changes + 1;
        *state = State { known: Cache::new(ENTRIES_MAX, BYTES_MAX), changes };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(version: u64) -> Option<Resource> {
        Some(Resource { version, value: b"value".as_slice().into() })
    }

    #[test]
    fn what_was_read_is_known_until_it_is_written() {
        let cache = ResourceCache::default();
        let changes = cache.get(b"key").expect_err("nothing is known");
        cache.keep(b"key".to_vec(), &resource(1), changes);
        cache.keep(b"absent".to_vec(), &None, changes);
        assert_eq!(cache.get(b"key"), Ok(resource(1)));
        assert_eq!(cache.get(b"absent"), Ok(None));
        cache.forget(&[Slice::from(b"key".as_slice())]);
        assert!(cache.get(b"key").is_err());
        assert_eq!(cache.get(b"absent"), Ok(None));
        cache.clear();
        assert!(cache.get(b"absent").is_err());
    }

    #[test]
    fn what_was_read_before_a_write_is_not_kept_after_it() {
        let cache = ResourceCache::default();
        let changes = cache.get(b"key").expect_err("nothing is known");
        cache.forget(&[Slice::from(b"key".as_slice())]);
        cache.keep(b"key".to_vec(), &resource(1), changes);
        assert!(cache.get(b"key").is_err());
        let changes = cache.get(b"key").expect_err("it was not kept");
        cache.clear();
        cache.keep(b"key".to_vec(), &resource(1), changes);
        assert!(cache.get(b"key").is_err());
    }
}
