//! The second look: exceptions that the rules have divided are put together again.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use rustc_hash::FxBuildHasher;

use super::{
    affix::{prefix_len, suffix_len},
    exceptions::{Exceptions, exceptions},
    infix::has_infix,
    run::{push_parts, split_run},
};

/// The number of a token that occurs in a divided exception; 0 for all others.
pub(in crate::text) type Symbol = u16;

/// The sequences of tokens that exceptions are divided into, as a tree.
pub(in crate::text) struct Rejoin {
    symbols: HashMap<Box<str>, Symbol, FxBuildHasher>,
    /// Where a token leads from a node; the root is 0.
    edges: HashMap<(u32, Symbol), u32, FxBuildHasher>,
    /// Which nodes end a sequence.
    ends: Vec<bool>,
    /// Which tokens follow each other in any sequence.
    pairs: HashSet<(Symbol, Symbol), FxBuildHasher>,
    exceptions: &'static Exceptions,
}

/// A run of characters, or white space: where it is in the text, and which token is its first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) first: usize,
    pub(super) at: usize,
}

/// A place where the tokens of an exception stand.
#[derive(Debug, Clone, Copy)]
struct Match {
    start: usize,
    end: usize,
}

impl Rejoin {
    fn new(exceptions: &'static Exceptions) -> Self {
        let mut all = Self {
            symbols: HashMap::default(),
            edges: HashMap::default(),
            ends: vec![false],
            pairs: HashSet::default(),
            exceptions,
        };
        // White space is a token of its own in any case. What has nothing to divide at is not
        // looked for: `well-I'm` stays as the rules leave it, as in the reference.
        let divides = |text: &&str| {
            !text.contains(char::is_whitespace)
                && (prefix_len(text) > 0 || suffix_len(text) > 0 || has_infix(text))
        };
        for text in exceptions.texts().filter(divides) {
            let mut tokens = Vec::new();
            split_run(text, None, &mut tokens);
            all.insert(&tokens);
        }
        all
    }

    fn insert(&mut self, tokens: &[&str]) {
        let mut node = 0;
        let mut before = None;
        for token in tokens {
            let next = self.symbols.len() as Symbol + 1;
            let symbol = *self.symbols.entry((*token).into()).or_insert(next);
            let new = self.ends.len() as u32;
            node = *self.edges.entry((node, symbol)).or_insert(new);
            if node == new {
                self.ends.push(false);
            }
            if let Some(before) = before.replace(symbol) {
                self.pairs.insert((before, symbol));
            }
        }
        self.ends[node as usize] = true;
    }

    /// The number of a token, for [`may_follow`](Self::may_follow).
    pub(in crate::text) fn symbol(&self, token: &str) -> Symbol {
        self.symbols.get(token).copied().unwrap_or(0)
    }

    /// Whether an exception could reach from a run that ends with one token into a run that starts
    /// with the other. It is then not put together, but hides others.
    #[inline]
    pub(in crate::text) fn may_follow(&self, last: Symbol, first: Symbol) -> bool {
        last != 0 && first != 0 && self.pairs.contains(&(last, first))
    }

    /// All places where an exception's tokens stand: longer ones first, then earlier ones.
    fn matches(&self, symbols: &[Symbol]) -> Vec<Match> {
        let mut found = Vec::new();
        for start in 0..symbols.len() {
            let mut node = 0;
            for (at, symbol) in symbols.iter().enumerate().skip(start) {
                let Some(next) = self.edges.get(&(node, *symbol)).filter(|_| *symbol != 0) else {
                    break;
                };
                node = *next;
                if self.ends[node as usize] {
                    found.push(Match { start, end: at + 1 });
                }
            }
        }
        found.sort_by_key(|found| Reverse(found.end - found.start));
        found
    }

    /// Puts tokens together that are an exception, and divides them as it is divided.
    ///
    /// No exception reaches from one piece of the text into another, but tokens that would be one
    /// if they stood together are left alone.
    pub(super) fn rejoin<'a>(
        &self,
        text: &'a str,
        tokens: Vec<&'a str>,
        pieces: &[Piece],
    ) -> Vec<&'a str> {
        let symbols: Vec<Symbol> = tokens.iter().map(|token| self.symbol(token)).collect();
        let mut taken = vec![false; tokens.len()];
        let mut joins = Vec::new();
        for found in self.matches(&symbols) {
            let free = !taken[found.start] && !taken[found.end - 1];
            taken[found.start..found.end].fill(true);
            let next = pieces.partition_point(|piece| piece.first <= found.start);
            if free && pieces.get(next).is_none_or(|piece| found.end <= piece.first) {
                joins.push((found, pieces[next - 1]));
            }
        }
        if joins.is_empty() {
            return tokens;
        }
        joins.sort_unstable_by_key(|(found, _)| found.start);
        let mut rejoined = Vec::with_capacity(tokens.len());
        let mut done = 0;
        let len = |tokens: &[&str]| tokens.iter().map(|token| token.len()).sum::<usize>();
        for (Match { start, end }, piece) in joins {
            rejoined.extend_from_slice(&tokens[done..start]);
            let at = piece.at + len(&tokens[piece.first..start]);
            let joined = &text[at..at + len(&tokens[start..end])];
            match self.exceptions.parts(joined) {
                Some(parts) => push_parts(joined, parts, &mut rejoined),
                None => rejoined.extend_from_slice(&tokens[start..end]),
            }
            done = end;
        }
        rejoined.extend_from_slice(&tokens[done..]);
        rejoined
    }
}

/// The exceptions of English.
pub(in crate::text) fn rejoining() -> &'static Rejoin {
    static ENGLISH: LazyLock<Rejoin> = LazyLock::new(|| Rejoin::new(exceptions()));
    &ENGLISH
}
