//! A map that forgets what was not asked for lately.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// Keeps at most so many entries. When the young generation is full it becomes the old one, and
/// what was in the old one and not used since is forgotten: nearly as good as forgetting the least
/// recently used, without a list.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    // Never iterated, so the order of a hash table shows nowhere.
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    generation_max: usize,
}

impl<K: Hash + Eq, V> Cache<K, V> {
    pub(crate) fn new(entries_max: usize) -> Cache<K, V> {
        Cache { young: HashMap::new(), old: HashMap::new(), generation_max: entries_max / 2 }
    }

    /// The entry, which counts as used.
    pub(crate) fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.insert(key, value);
        }
        self.young.get(key)
    }

    /// Puts an entry in, in the place of one with the same key.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        if self.young.len() >= self.generation_max {
            self.old = std::mem::take(&mut self.young);
        }
        if self.generation_max > 0 {
            self.young.insert(key, value);
        }
    }

    /// Takes an entry out.
    pub(crate) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    /// Whether it is there.
    pub(crate) fn contains<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.young.contains_key(key) || self.old.contains_key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut cache = Cache::new(8);
        for key in 0..100 {
            cache.insert(key, key * 10);
            assert_eq!(cache.get(&0), Some(&0), "after {key}");
            assert!(cache.young.len() + cache.old.len() <= 8);
        }
        assert_eq!(cache.get(&99), Some(&990));
        assert_eq!(cache.get(&50), None);
        assert_eq!(cache.remove(&99), Some(990));
        assert!(!cache.contains(&99) && cache.contains(&0));
    }

    #[test]
    fn an_entry_that_is_put_in_again_is_there_once() {
        let mut cache = Cache::new(4);
        for value in 0..10 {
            cache.insert("one", value);
            cache.insert("two", value);
            cache.insert("three", value);
        }
        assert_eq!(cache.remove("three"), Some(9));
        assert_eq!(cache.get("three"), None);
    }

    #[test]
    fn a_cache_without_room_keeps_nothing() {
        let mut cache = Cache::new(0);
        cache.insert(1, 1);
        assert_eq!(cache.get(&1), None);
    }
}
