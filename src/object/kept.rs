//! What was read last, up to a size.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// About what a map needs for an entry, beside what is in it.
pub(crate) const ENTRY: usize = 128;

/// Values with a size each, of which those used last are kept.
///
/// Two generations: what is used again while its generation is on its way out is taken over into the new one.
#[derive(Debug)]
pub(crate) struct Kept<K, V> {
    new: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    size: usize,
    /// The largest a generation may be.
    most: usize,
}

impl<K: Clone + Eq + Hash, V: Clone> Kept<K, V> {
    /// Nothing yet, and never more than `most`, half of it in use and half on its way out.
    pub(crate) fn new(most: usize) -> Self {
        Self { new: HashMap::new(), old: HashMap::new(), size: 0, most: most / 2 }
    }

    /// What is kept under this name.
    pub(crate) fn get(&mut self, name: &K) -> Option<V> {
        if let Some((value, _)) = self.new.get(name) {
            return Some(value.clone());
        }
        let (name, (value, size)) = self.old.remove_entry(name)?;
        self.put(name, value.clone(), size);
        Some(value)
    }

    /// Keeps nothing of it.
    pub(crate) fn clear(&mut self) {
        *self = Self { new: HashMap::new(), old: HashMap::new(), size: 0, most: self.most };
    }

    /// Keeps a value of this size, if it is not too large.
    pub(crate) fn put(&mut self, name: K, value: V, size: usize) {
        if self.size + size > self.most {
            self.old = mem::take(&mut self.new);
            self.size = 0;
        }
        if size <= self.most && self.new.insert(name, (value, size)).is_none() {
            self.size += size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut kept = Kept::new(20);
        kept.put("used", 0, 1);
        for n in 1..100 {
            kept.put("other", n, 1);
            kept.put(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"][n as usize % 11], n, 3);
            assert_eq!(kept.get(&"used"), Some(0));
            assert!(kept.size <= 10 && kept.new.len() + kept.old.len() <= 20);
        }
        assert!(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"].iter().any(|name| kept.get(name).is_none()));
    }

    #[test]
    fn what_is_too_large_or_given_back_is_not_kept() {
        let mut kept = Kept::new(20);
        kept.put("large", (), 11);
        assert_eq!(kept.get(&"large"), None);
        kept.put("small", (), 1);
        kept.clear();
        assert_eq!((kept.get(&"small"), kept.size), (None, 0));
    }
}
