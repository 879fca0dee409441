//! Maps and sets of hardly ever more than one or two things, of which there are many thousands.

use std::borrow::Borrow;

/// A map in the order of its keys, or a set of them, that takes the room of what is in it. A `BTreeMap` takes the room of
/// eleven for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Few<K, V = ()>(Vec<(K, V)>);

/// Up to here it grows one by one.
const FEW: usize = 4;

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> Few<K, V> {
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(other, _)| other.borrow().cmp(key))
    }

    /// Whether it is there.
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts it there, in place of what was.
    pub fn put(&mut self, key: K, value: V) {
        match self.find(&key) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => {
                if self.0.len() < FEW {
                    self.0.reserve_exact(1);
                }
                self.0.insert(at, (key, value));
            }
        }
    }

    /// Takes it away.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        if let Ok(at) = self.find(key) {
            self.0.remove(at);
        }
    }

    /// All of it, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }
}

impl<K: Ord> FromIterator<K> for Few<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut few = Self::default();
        keys.into_iter().for_each(|key| few.put(key, ()));
        few
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(done in prop::collection::vec((0..8_u8, prop::option::of(any::<u8>())), 0..40)) {
            let (mut few, mut map) = (Few::default(), BTreeMap::new());
            for (key, value) in done {
                match value {
                    Some(value) => {
                        few.put(key, value);
                        map.insert(key, value);
                    }
                    None => {
                        few.remove(&key);
                        map.remove(&key);
                    }
                }
                prop_assert!(few.iter().eq(map.iter()) && few.keys().eq(map.keys()));
                prop_assert!((0..8).all(|key| few.contains(&key) == map.contains_key(&key)));
                prop_assert_eq!(few.is_empty(), map.is_empty());
            }
        }
    }
}
