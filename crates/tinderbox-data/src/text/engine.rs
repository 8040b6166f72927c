//! Tokenizing many documents fast: what was divided once is not divided again.
//!
//! Most runs between white space occur many times. Each is divided, put in lower case and so on
//! when it is first met; after that it is one look into a table. Only where an exception could
//! reach over a space are runs looked at together.

use super::{
    Rules,
    corpus::Interner,
    table::TextTable,
    word::{Rejoin, Segment, Symbol, divide, rejoining, segments, tokenize_words},
};

/// This many different runs are remembered: a bound on memory that few corpora reach.
const MOST_RUNS: usize = 1 << 19;

/// Longer runs hardly ever occur twice.
const LONGEST_RUN: usize = 40;

/// Where finished tokens are in the pool.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u32,
    end: u32,
}

impl Place {
    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A run that was divided before: its finished tokens, and what its first and last token may be
/// part of.
#[derive(Debug, Clone, Copy)]
struct Known {
    place: Place,
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
    runs: TextTable<Known>,
    /// What the rules make of each token: one or two, most often.
    finished: TextTable<Place>,
    pool: Vec<u32>,
}

impl<'a> Words<'a> {
    pub(super) fn new(rules: &'a Rules) -> Self {
        Self {
            rules,
            rejoin: rejoining(),
            tokens: Interner::default(),
            runs: TextTable::default(),
            finished: TextTable::default(),
            pool: Vec::new(),
        }
    }

    /// The tokens of a cleaned text.
    pub(super) fn document(&mut self, text: &str) -> Vec<u32> {
        if !self.rules.each_token() {
            return self.finish(tokenize_words(text));
        }
        let mut ids = Vec::with_capacity(text.len() / 5);
        let mut group = Group { start: 0, end: 0, first: 0, joined: false };
        let mut last = 0;
        let mut rest = segments(text);
        while let Some(segment) = rest.next() {
            let (part, is_run) = match segment {
                Segment::Run(run) => (run, true),
                Segment::Space(space) => (space, false),
                Segment::Gap => continue,
            };
            let before = ids.len();
            let ends = self.push(part, is_run, &mut ids);
            if self.rejoin.may_follow(last, ends[0]) {
                group.joined = true;
            } else {
                if group.joined {
                    let after = ids.split_off(before);
                    self.look_again(text, group, &mut ids);
                    group.first = ids.len();
                    ids.extend(after);
                } else {
                    group.first = before;
                }
                group = Group { start: rest.at - part.len(), joined: false, ..group };
            }
            group.end = rest.at;
            last = ends[1];
        }
        if group.joined {
            self.look_again(text, group, &mut ids);
        }
        ids
    }

    /// Appends the finished tokens of a run, or of white space that is a token; gives what its ends
    /// may be part of.
    #[inline]
    fn push(&mut self, part: &str, is_run: bool, ids: &mut Vec<u32>) -> [Symbol; 2] {
        match self.runs.get(part) {
            Some(known) => {
                ids.extend_from_slice(&self.pool[known.place.range()]);
                known.ends
            }
            None => self.learn(part, is_run, ids),
        }
    }

    #[cold]
    fn learn(&mut self, part: &str, is_run: bool, ids: &mut Vec<u32>) -> [Symbol; 2] {
        let (tokens, ends) = match is_run {
            true => {
                let divided = divide(part);
                (divided.tokens, divided.ends)
            }
            false => (vec![part], [0, 0]),
        };
        let before = ids.len();
        let places: Vec<Place> = tokens.iter().map(|token| self.place(token)).collect();
        for place in &places {
            ids.extend_from_slice(&self.pool[place.range()]);
        }
        if part.len() <= LONGEST_RUN && self.runs.len() < MOST_RUNS {
            let place = match places[..] {
                [place] => place,
                _ => self.pooled(&ids[before..]),
            };
            self.runs.insert(part, Known { place, ends });
        }
        ends
    }

    /// Where the finished tokens are that the rules make of one.
    fn place(&mut self, token: &str) -> Place {
        if let Some(place) = self.finished.get(token) {
            return place;
        }
        let finished = self.finish(vec![token]);
        let place = self.pooled(&finished);
        self.finished.insert(token, place);
        place
    }

    fn pooled(&mut self, ids: &[u32]) -> Place {
        let start = self.pool.len() as u32;
        self.pool.extend_from_slice(ids);
        Place { start, end: self.pool.len() as u32 }
    }

    /// Divides a group as a whole: an exception could reach over one of its spaces.
    fn look_again(&mut self, text: &str, group: Group, ids: &mut Vec<u32>) {
        ids.truncate(group.first);
        for token in tokenize_words(&text[group.start..group.end]) {
            let place = self.place(token);
            ids.extend_from_slice(&self.pool[place.range()]);
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
        ids.iter().map(|id| words.tokens.text(*id).to_owned()).collect()
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
    fn what_is_too_long_is_not_remembered() {
        let rules = Rules::default();
        let mut words = Words::new(&rules);
        let long = "a-".repeat(LONGEST_RUN);
        let ids = words.document(&format!("b {long} {long}"));
        assert_eq!(texts(&words, &ids), plain(&rules, &format!("b {long} {long}")));
        assert_eq!(words.runs.len(), 1);
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
