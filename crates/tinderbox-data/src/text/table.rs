//! A table from short texts to small values, for millions of look-ups.
//!
//! Beside the standard map, texts are in one piece of memory instead of one each, in the order they
//! came: what is frequent comes early, so it lies together. A slot is eight bytes, and a growing
//! table reads nothing else. Nothing is ever removed.

use std::hash::Hasher;

use rustc_hash::FxHasher;

#[derive(Debug, Clone, Copy)]
struct Entry<V> {
    start: usize,
    len: u32,
    value: V,
}

/// Texts, each with a value.
#[derive(Debug)]
pub(super) struct TextTable<V> {
    texts: Vec<u8>,
    entries: Vec<Entry<V>>,
    /// The upper half is the text's hash, the lower half its entry's index plus one; 0 is empty.
    /// Their number is a power of two, and at least half are empty.
    slots: Vec<u64>,
}

impl<V: Copy> Default for TextTable<V> {
    fn default() -> Self {
        Self { texts: Vec::new(), entries: Vec::new(), slots: vec![0; 64] }
    }
}

impl<V: Copy> TextTable<V> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The value of a text.
    #[inline]
    pub(super) fn get(&self, text: &str) -> Option<V> {
        self.find(text, hash(text)).ok()
    }

    /// The value, or the empty slot that it would be in.
    #[inline]
    fn find(&self, text: &str, hash: u32) -> Result<V, usize> {
        let last = self.slots.len() - 1;
        let mut at = hash as usize & last;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return Err(at);
            }
            if (slot >> 32) as u32 == hash {
                let entry = &self.entries[slot as u32 as usize - 1];
                let end = entry.start + entry.len as usize;
                if self.texts[entry.start..end] == *text.as_bytes() {
                    return Ok(entry.value);
                }
            }
            at = (at + 1) & last;
        }
    }

    /// Gives a text that is not in the table a value; one that is keeps its own.
    pub(super) fn insert(&mut self, text: &str, value: V) {
        if 2 * (self.len() + 1) > self.slots.len() {
            self.grow();
        }
        let hash = hash(text);
        if let Err(at) = self.find(text, hash) {
            let (start, len) = (self.texts.len(), text.len() as u32);
            self.texts.extend_from_slice(text.as_bytes());
            self.entries.push(Entry { start, len, value });
            self.slots[at] = u64::from(hash) << 32 | self.entries.len() as u64;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let last = 4 * self.slots.len() - 1;
        let mut slots = vec![0; last + 1];
        for slot in self.slots.iter().filter(|slot| **slot != 0) {
            let mut at = (slot >> 32) as usize & last;
            while slots[at] != 0 {
                at = (at + 1) & last;
            }
            slots[at] = *slot;
        }
        self.slots = slots;
    }
}

fn hash(text: &str) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    (hasher.finish() >> 32) as u32 ^ hasher.finish() as u32
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn it_holds_what_the_standard_map_holds() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let (mut table, mut map) = (TextTable::default(), HashMap::new());
        for value in 0..20_000_u32 {
            let text = rng.random_range(0..9_000).to_string();
            assert_eq!(table.get(&text), map.get(&text).copied());
            table.insert(&text, value);
            map.entry(text).or_insert(value);
        }
        assert_eq!(table.len(), map.len());
        assert!(map.iter().all(|(text, value)| table.get(text) == Some(*value)));
        assert_eq!(table.get(""), None);
    }
}
