//! Tokenizing many documents fast: what was divided once is not divided again.
//!
//! Most runs between white space occur many times. Each is divided, put in lower case and so on
//! when it is first met; after that it is one look into a table. Only where an exception could
//! reach over a space are runs looked at together.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use super::{
    Rules,
    corpus::Interner,
    word::{Rejoin, Segment, Symbol, divide, rejoining, segments, tokenize_words},
};

/// So many different runs are remembered: a bound on memory that few corpora reach.
const MOST_RUNS: usize = 1 << 19;

/// Longer runs hardly ever occur twice.
const LONGEST_RUN: usize = 40;

/// A run that was divided before: where its finished tokens are in the pool, and what its first
/// and last token may be part of.
#[derive(Debug, Clone, Copy)]
struct Known {
    start: u32,
    end: u32,
    ends: [Symbol; 2],
}

/// Runs that follow each other with single spaces between.
#[derive(Debug, Clone, Copy)]
struct Group {
    /// Where it is in the text, in bytes.
    start: usize,
    end: usize,
    /// How many of the document's tokens stand before it.
    first: usize,
    /// Whether an exception could reach over one of its spaces.
    joined: bool,
}

/// English words, divided and finished by the rules, as numbers.
pub(super) struct Words<'a> {
    rules: &'a Rules,
    rejoin: &'static Rejoin,
    pub(super) tokens: Interner,
    known: HashMap<Box<str>, Known, FxBuildHasher>,
    pool: Vec<u32>,
}

impl<'a> Words<'a> {
    pub(super) fn new(rules: &'a Rules) -> Self {
        Self {
            rules,
            rejoin: rejoining(),
            tokens: Interner::default(),
            known: HashMap::default(),
            pool: Vec::new(),
        }
    }

    /// The tokens of a cleaned text.
    pub(super) fn document(&mut self, text: &str) -> Vec<u32> {
        if !self.rules.each_token() {
            return self.finish(tokenize_words(text));
        }
        let mut ids = Vec::with_capacity(text.len() / 4);
        let mut group = Group { start: 0, end: 0, first: 0, joined: false };
        let mut last = 0;
        let mut rest = segments(text);
        while let Some(segment) = rest.next() {
            let (part, is_run) = match segment {
                Segment::Run(run) => (run, true),
                Segment::Space(space) => (space, false),
                Segment::Gap => continue,
            };
            let known = self.known(part, is_run);
            let joined = self.rejoin.may_follow(last, known.ends[0]);
            if joined {
                group.joined = true;
            } else {
                self.close(text, group, &mut ids);
                let start = rest.at - part.len();
                group = Group { start, end: start, first: ids.len(), joined: false };
            }
            group.end = rest.at;
            last = known.ends[1];
            ids.extend_from_slice(&self.pool[known.start as usize..known.end as usize]);
            if self.known.len() >= MOST_RUNS || part.len() > LONGEST_RUN {
                self.forget(part, known);
            }
        }
        self.close(text, group, &mut ids);
        ids
    }

    /// A run or white space that is a token, from the table or divided now.
    #[inline]
    fn known(&mut self, part: &str, is_run: bool) -> Known {
        match self.known.get(part) {
            Some(known) => *known,
            None => self.learn(part, is_run),
        }
    }

    #[cold]
    fn learn(&mut self, part: &str, is_run: bool) -> Known {
        let (tokens, ends) = match is_run {
            true => {
                let divided = divide(part);
                (divided.tokens, divided.ends)
            }
            false => (vec![part], [0, 0]),
        };
        let start = self.pool.len() as u32;
        let ids = self.finish(tokens);
        self.pool.extend(ids);
        let known = Known { start, end: self.pool.len() as u32, ends };
        self.known.insert(part.into(), known);
        known
    }

    /// Gives up what was learned last, if it is this: it is too much to remember.
    fn forget(&mut self, part: &str, known: Known) {
        if known.end as usize == self.pool.len() && self.known.remove(part).is_some() {
            self.pool.truncate(known.start as usize);
        }
    }

    /// Looks at a group as a whole if an exception could reach over one of its spaces.
    fn close(&mut self, text: &str, group: Group, ids: &mut Vec<u32>) {
        if group.joined {
            let tokens = self.finish(tokenize_words(&text[group.start..group.end]));
            ids.truncate(group.first);
            ids.extend(tokens);
        }
    }

    /// Tokens after the rules for tokens, as numbers.
    fn finish(&mut self, tokens: Vec<&str>) -> Vec<u32> {
        let tokens = self.rules.finish(tokens.into_iter().map(str::to_owned).collect());
        tokens.iter().map(|token| self.tokens.index(token)).collect()
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::text::rules::PostRule;

    /// Without a table: all of a text, then the rules.
    fn plain(rules: &Rules, text: &str) -> Vec<String> {
        rules.finish(tokenize_words(text).into_iter().map(str::to_owned).collect())
    }

    fn texts(words: &Words<'_>, ids: &[u32]) -> Vec<String> {
        ids.iter().map(|id| words.tokens.texts[*id as usize].to_string()).collect()
    }

    #[test]
    fn the_table_changes_nothing() {
        let rules = Rules::default();
        let mut words = Words::new(&rules);
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let pieces = [
            " ", " ", " ", " ", "  ", "\n", ":", ")", "(", "-", ".", "..", "it", "'s", "It",
            "don't", "a", "A", "USA", "e.g", "i.e.", "Mr.", "x", "D", "=", "5", "km", "'", "^",
            "_", "<", "3", "can", "not", "é", ",", "…", "w", "/", "o", "o'clock", "C++", "\u{a0}",
        ];
        for _ in 0..30_000 {
            let n = rng.random_range(0..12);
            let text: String = (0..n).map(|_| pieces[rng.random_range(0..pieces.len())]).collect();
            let ids = words.document(&text);
            assert_eq!(texts(&words, &ids), plain(&rules, &text), "{text:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_forgotten() {
        let rules = Rules::default();
        let mut words = Words::new(&rules);
        let long = "a-".repeat(LONGEST_RUN);
        let ids = words.document(&format!("b {long} {long}"));
        assert_eq!(texts(&words, &ids), plain(&rules, &format!("b {long} {long}")));
        assert_eq!((words.known.len(), words.pool.len()), (1, 1));
    }

    #[test]
    fn rules_over_neighbors_see_all_tokens() {
        let apply = |tokens: Vec<String>| tokens.into_iter().rev().collect();
        let reverse = PostRule { name: "reverse", each_token: false, apply };
        let rules = Rules { post: vec![reverse], ..Rules::default() };
        let mut words = Words::new(&rules);
        let ids = words.document("a b cat.");
        assert_eq!(texts(&words, &ids), [".", "cat", "b", "a"]);
    }
}
