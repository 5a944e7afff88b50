//! A map that forgets what was not asked for lately.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// Keeps at most so many entries, and so many bytes of them as they were weighed when they were put
/// in. When the young generation is full it becomes the old one, and
/// what was in the old one and not used since is forgotten: nearly as good as forgetting the least
/// recently used, without a list.
#[derive(Debug)]
pub struct Cache<K, V> {
    // Never iterated, so the order of a hash table shows nowhere.
    young: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    young_bytes: usize,
    generation_max: usize,
    generation_bytes_max: usize,
}

impl<K: Hash + Eq, V> Cache<K, V> {
    /// One with room for so many entries and bytes.
    pub fn new(entries_max: usize, bytes_max: usize) -> Cache<K, V> {
        Cache {
            young: HashMap::new(),
            old: HashMap::new(),
            young_bytes: 0,
            generation_max: entries_max / 2,
            generation_bytes_max: bytes_max / 2,
        }
    }

    /// The entry, which counts as used.
    pub fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some((key, (value, bytes))) = self.old.remove_entry(key) {
            self.insert(key, value, bytes);
        }
        self.young.get(key).map(|(value, _)| value)
    }

    /// Puts an entry of that weight in, in the place of one with the same key; unless it alone is
    /// more than half of what there is room for.
    pub fn insert(&mut self, key: K, value: V, bytes: usize) {
        self.remove(&key);
        if bytes > self.generation_bytes_max || self.generation_max == 0 {
            return;
        }
        if self.young.len() >= self.generation_max
            || self.young_bytes + bytes > self.generation_bytes_max
        {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        self.young.insert(key, (value, bytes));
    }

    /// Takes an entry out.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some((value, bytes)) = self.young.remove(key) {
            self.young_bytes -= bytes;
            return Some(value);
        }
        self.old.remove(key).map(|(value, _)| value)
    }

    /// Keeps the entries with such keys.
    pub fn retain(&mut self, is_kept: impl Fn(&K) -> bool) {
        self.old.retain(|key, _| is_kept(key));
        self.young.retain(|key, _| is_kept(key));
        self.young_bytes = self.young.values().map(|(_, bytes)| bytes).sum();
    }

    /// Whether it is there.
    pub fn contains<Q>(&self, key: &Q) -> bool
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
        let mut cache = Cache::new(8, 1_000);
        for key in 0..100 {
            cache.insert(key, key * 10, 1);
            assert_eq!(cache.get(&0), Some(&0), "after {key}");
            assert!(cache.young.len() + cache.old.len() <= 8);
        }
        assert_eq!(cache.get(&99), Some(&990));
        assert_eq!(cache.get(&50), None);
        assert_eq!(cache.remove(&99), Some(990));
        assert!(!cache.contains(&99) && cache.contains(&0));
    }

    #[test]
    fn what_is_not_kept_makes_room() {
        let mut cache = Cache::new(100, 100);
        (0..10).for_each(|key| cache.insert(key, key, 5));
        cache.retain(|key| key % 2 == 0);
        assert_eq!(cache.get(&3), None);
        assert_eq!(cache.get(&4), Some(&4));
        assert_eq!(cache.young_bytes, 25);
    }

    #[test]
    fn an_entry_that_is_put_in_again_is_there_once() {
        let mut cache = Cache::new(4, 1_000);
        for value in 0..10 {
            cache.insert("one", value, 1);
            cache.insert("two", value, 1);
            cache.insert("three", value, 1);
        }
        assert_eq!(cache.remove("three"), Some(9));
        assert_eq!(cache.get("three"), None);
    }

    #[test]
    fn a_cache_without_room_keeps_nothing() {
        let mut cache = Cache::new(0, 1_000);
        cache.insert(1, 1, 1);
        assert_eq!(cache.get(&1), None);
    }

    #[test]
    fn what_is_heavy_leaves_room_for_less() {
        let mut cache = Cache::new(1_000, 100);
        let bytes = |cache: &Cache<u32, u32>| {
            let entries = cache.young.values().chain(cache.old.values());
            entries.map(|(_, bytes)| bytes).sum::<usize>()
        };
        for key in 0..100 {
            cache.insert(key, key, 20);
            assert!(bytes(&cache) <= 100, "after {key}");
            assert_eq!(cache.get(&key), Some(&key));
        }
        // One that is too heavy is not kept, nor is what it takes the place of.
        cache.insert(99, 0, 51);
        assert_eq!(cache.get(&99), None);
        for _ in 0..10 {
            cache.insert(1, 1, 50);
        }
        assert!(bytes(&cache) <= 100);
        assert_eq!(cache.get(&1), Some(&1));
    }
}
