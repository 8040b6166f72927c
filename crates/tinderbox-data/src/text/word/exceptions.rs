//! Words that the rules would divide where they should not, or not where they should.
//!
//! A part ends at a bar. The lists follow the families of English contractions, so that a word is
//! named once and its forms are made.

use std::{collections::HashMap, sync::LazyLock};

use super::super::special::Profile;

/// Words, what may be added to each, and in which parts. Every form also occurs without its
/// apostrophes, and all words with a capital first letter.
const CONTRACTIONS: [(&str, &str); 11] = [
    ("i", "'m 'm|a"),
    ("i you he she it we they", "'ll 'll|'ve 'd 'd|'ve"),
    ("i you we they", "'ve"),
    ("you we they", "'re"),
    ("he she it", "'s"),
    ("who what when where why how there that this these those", "'ll 'll|'ve 'd 'd|'ve"),
    ("who what when where why how there that this", "'s"),
    ("who what when where why how there these those", "'re 've"),
    ("ca could do does did had may might must need ought sha should wo would", "n't n't|'ve"),
    ("could might must should would", "'ve"),
    ("ai are is was were have has dare", "n't"),
];

/// Words whose last letter was left out; with an apostrophe for it or without.
const SHORTENED: &str = "doin goin nothin nuthin ol somethin havin lovin";

/// Words whose first letters were left out.
const BEHEADED: &str = "em ll nuff";

/// Divided words that are in no family.
const DIVIDED: &str = "y'|all y|all how|'d|'y How|'d|'y not|'ve Not|'ve not|ve \
    Not|ve can|not Can|not gon|na Gon|na got|ta Got|ta let|'s Let|'s c'm|on C'm|on";

/// What is kept whole.
const WHOLE: &str = "'s 'S ‘s ‘S 'd 're and/or w/o 'Cause 'cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz \
    'bout ma'am Ma'am o'clock O'clock \
    Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. \
    Jan. Jul. Jun. Kan. Kans. Ky. La. Mar. Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. \
    Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. S.C. Sep. Sept. Tenn. Va. Wash. Wis. a.m. Adm. Bros. \
    co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. Gov. i.e. I.e. I.E. Inc. Jr. Ltd. Md. Messrs. Mo. \
    Mont. Mr. Mrs. Ms. p.m. Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s. ä. ö. ü. \
    ' '' \\\") <space> C++ \\t \\n — \
    :) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8 ;) ;-) \
    (; (-; :( :-( :(( :-(( :((( :-((( ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| ]= =[ \
    :1 :P :-P :p :-p :O :-O :o :-o :0 :-0 :() >:o :* :-* :3 :-3 =3 :> :-> :X :-X :x :-x :D :-D ;D \
    ;-D =D xD XD xDD XDD 8D 8-D ^_^ ^__^ ^___^ >.< >.> <.< ._. ;_; -_- -__- v.v V.V v_v V_V o_o \
    o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3 <33 <333 </3 (^_^) (-_-) (._.) \
    (>_<) (*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>";

/// Contractions without their apostrophe that are words of their own.
const WORDS: &str =
    "Ill ill Its its Hell hell Shell shell Shed shed Were were Well well Whore whore";

/// Strings that are divided in a way of their own.
pub(in crate::text) struct Exceptions {
    /// The lengths of the parts, in bytes.
    parts: HashMap<Box<str>, Box<[u8]>, rustc_hash::FxBuildHasher>,
    longest: usize,
}

impl Exceptions {
    /// How an exception is divided, if the text is one.
    #[inline]
    pub(super) fn parts(&self, text: &str) -> Option<&[u8]> {
        if text.len() > self.longest {
            return None;
        }
        self.parts.get(text).map(|parts| &**parts)
    }

    /// All exceptions.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.parts.keys().map(|text| &**text)
    }

    /// Parts with a bar between them.
    fn insert(&mut self, divided: &str) {
        let parts: Box<[u8]> = divided.split('|').map(|part| part.len() as u8).collect();
        self.insert_parts(divided.replace('|', ""), parts);
    }

    fn insert_parts(&mut self, text: String, parts: Box<[u8]>) {
        self.longest = self.longest.max(text.len());
        self.parts.insert(text.into(), parts);
    }

    fn english() -> Self {
        let mut all = Self { parts: HashMap::default(), longest: 0 };
        for (words, endings) in CONTRACTIONS {
            for word in words.split(' ').flat_map(both_cases) {
                for ending in endings.split(' ') {
                    let contracted = format!("{word}|{ending}");
                    all.insert(&contracted.replace('\'', ""));
                    all.insert(&contracted);
                }
            }
        }
        for word in SHORTENED.split(' ').flat_map(both_cases) {
            all.insert(&format!("{word}'"));
            all.insert(&word);
        }
        for word in BEHEADED.split(' ') {
            all.insert(&format!("'{word}"));
            all.insert(word);
        }
        for hour in 1..=12 {
            for period in ["am", "a.m.", "pm", "p.m."] {
                all.insert(&format!("{hour}|{period}"));
            }
        }
        for letter in 'a'..='z' {
            all.insert(&format!("{letter}."));
        }
        for unit in ['c', 'f', 'k', 'C', 'F', 'K'] {
            all.insert(&format!("°|{unit}|."));
        }
        for text in DIVIDED.split_whitespace() {
            all.insert(text);
        }
        for text in WHOLE.split_whitespace() {
            all.insert_whole(text);
        }
        for text in [" ", "\t", "\n", "\u{a0}"].iter().chain(Profile::V1.special_tokens()) {
            all.insert_whole(text);
        }
        for word in WORDS.split(' ') {
            all.parts.remove(word);
        }
        all.with_curly_apostrophes()
    }

    /// A text that may hold a bar.
    fn insert_whole(&mut self, text: &str) {
        self.insert_parts(text.to_owned(), [text.len() as u8].into());
    }

    /// Each exception with an apostrophe a second time, with the typographer's.
    fn with_curly_apostrophes(mut self) -> Self {
        let with: Vec<_> = self.parts.iter().filter(|(text, _)| text.contains('\'')).collect();
        let mut curly = Vec::with_capacity(with.len());
        for (text, parts) in with {
            let mut rest: &str = text;
            let mut lengths = Vec::with_capacity(parts.len());
            for len in parts {
                let (part, after) = rest.split_at(usize::from(*len));
                lengths.push(part.replace('\'', "’").len() as u8);
                rest = after;
            }
            curly.push((text.replace('\'', "’"), lengths.into_boxed_slice()));
        }
        for (text, parts) in curly {
            self.insert_parts(text, parts);
        }
        self
    }
}

/// A word as it is, and with a capital first letter.
fn both_cases(word: &str) -> [String; 2] {
    let (first, rest) = word.split_at(1);
    [word.to_owned(), first.to_uppercase() + rest]
}

/// The exceptions of English, and the special tokens.
pub(in crate::text) fn exceptions() -> &'static Exceptions {
    static ENGLISH: LazyLock<Exceptions> = LazyLock::new(Exceptions::english);
    &ENGLISH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_the_reference_has() {
        let special = Profile::V1.special_tokens().len();
        assert_eq!(exceptions().parts.len() - special, 1347);
    }

    #[track_caller]
    fn check(text: &str, parts: &[&str]) {
        let lengths: Vec<u8> = parts.iter().map(|part| part.len() as u8).collect();
        assert_eq!(exceptions().parts(text), Some(&lengths[..]), "{text}");
    }

    #[test]
    fn contractions_have_their_forms() {
        check("I'm", &["I", "'m"]);
        check("Ima", &["I", "m", "a"]);
        check("couldn’t’ve", &["could", "n’t", "’ve"]);
        check("theyllve", &["they", "ll", "ve"]);
        check("How'd'y", &["How", "'d", "'y"]);
        check("12p.m.", &["12", "p.m."]);
        check("°C.", &["°", "C", "."]);
        check("=|", &["=|"]);
        for word in WORDS.split(' ') {
            assert_eq!(exceptions().parts(word), None);
        }
    }
}
