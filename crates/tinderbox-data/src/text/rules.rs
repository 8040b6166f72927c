//! Cleaning: what is done to a text before it is divided into tokens, and to the tokens after.
//!
//! Each rule is a function with a name. Lists of rules are saved by those names, so a saved model
//! cleans new text as it cleaned what it was trained on.

mod html;
mod post;
mod repeat;
mod spaces;

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

pub use html::fix_html;
pub use post::{deal_caps, lowercase, replace_all_caps};
pub use repeat::{replace_rep, replace_wrep};
pub use spaces::{rm_useless_spaces, spec_add_spaces};

/// What is done to a text before it is divided.
#[derive(Clone, Copy)]
pub struct PreRule {
    /// What it is saved as.
    pub name: &'static str,
    pub apply: for<'a> fn(&'a str) -> Cow<'a, str>,
}

/// What is done to the tokens of a text.
#[derive(Clone, Copy)]
pub struct PostRule {
    /// What it is saved as.
    pub name: &'static str,
    /// Whether what becomes of a token does not depend on its neighbors. Such a rule is run once
    /// for every *different* token, which is much faster.
    pub each_token: bool,
    pub apply: fn(Vec<String>) -> Vec<String>,
}

/// fastai's rules for texts, in its order.
pub const PRE_RULES: [PreRule; 5] = [
    PreRule { name: "fix_html", apply: fix_html },
    PreRule { name: "replace_rep", apply: replace_rep },
    PreRule { name: "replace_wrep", apply: replace_wrep },
    PreRule { name: "spec_add_spaces", apply: spec_add_spaces },
    PreRule { name: "rm_useless_spaces", apply: rm_useless_spaces },
];

/// fastai's rules for tokens, in its order.
pub const POST_RULES: [PostRule; 2] = [
    PostRule { name: "replace_all_caps", each_token: true, apply: replace_all_caps },
    PostRule { name: "deal_caps", each_token: true, apply: deal_caps },
];

/// Puts every token in lower case, without markers: for tokens that have tags, which stay one each.
pub const LOWERCASE: PostRule = PostRule { name: "lowercase", each_token: true, apply: lowercase };

/// All rules for tokens that can be found by name.
const KNOWN_POST_RULES: [PostRule; 3] = [POST_RULES[0], POST_RULES[1], LOWERCASE];

/// Which rules are applied, and in which order; fastai's, unless others are given.
///
/// # Example
/// ```
/// use tinderbox_data::text::rules::{PreRule, Rules};
///
/// // Without the rule for capitals, and with one of our own.
/// let mut rules = Rules::default();
/// rules.post.retain(|rule| rule.name != "deal_caps");
/// rules.pre.insert(0, PreRule { name: "no_tabs", apply: |text| text.replace('\t', " ").into() });
/// assert_eq!(rules.clean("a\tb//"), "a b / / ");
/// ```
///
/// A rule of one's own is saved by its name, but cannot be found by it: a model that is to be
/// loaded elsewhere should be given texts that are already prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    pub pre: Vec<PreRule>,
    pub post: Vec<PostRule>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { pre: PRE_RULES.to_vec(), post: POST_RULES.to_vec() }
    }
}

impl Rules {
    /// Leaves texts and tokens as they are.
    pub fn none() -> Self {
        Self { pre: Vec::new(), post: Vec::new() }
    }

    /// A text after the rules for texts.
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for rule in &self.pre {
            text = match text {
                Cow::Borrowed(text) => (rule.apply)(text),
                Cow::Owned(text) => match (rule.apply)(&text) {
                    // Nothing was changed, or something was cut off.
                    Cow::Borrowed(same) if same.len() == text.len() => Cow::Owned(text),
                    changed => Cow::Owned(changed.into_owned()),
                },
            };
        }
        text
    }

    /// Tokens after the rules for tokens.
    pub fn finish(&self, tokens: Vec<String>) -> Vec<String> {
        self.post.iter().fold(tokens, |tokens, rule| (rule.apply)(tokens))
    }

    /// Whether every token can be finished on its own.
    pub(super) fn each_token(&self) -> bool {
        self.post.iter().all(|rule| rule.each_token)
    }

    /// A text after all rules, with single spaces where it would be divided: what a tokenizer of
    /// parts of words is given.
    pub fn apply(&self, text: &str) -> String {
        let text = self.clean(text.trim_matches(' '));
        let tokens = text.split_whitespace().map(str::to_owned).collect();
        self.finish(tokens).join(" ")
    }
}

/// Names, equality by them, and saving.
macro_rules! named_rule {
    ($rule:ident, $known:ident) => {
        impl $rule {
            /// A rule of this module, by its name.
            pub fn named(name: &str) -> Option<Self> {
                $known.into_iter().find(|rule| rule.name == name)
            }
        }

        impl fmt::Debug for $rule {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name)
            }
        }

        impl PartialEq for $rule {
            fn eq(&self, other: &Self) -> bool {
                self.name == other.name
            }
        }

        impl Serialize for $rule {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name)
            }
        }

        impl<'de> Deserialize<'de> for $rule {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let name = String::deserialize(from)?;
                Self::named(&name).ok_or_else(|| {
                    let known = $known.map(|rule| rule.name).join(", ");
                    let text = format!("no rule is called `{name}`; there are {known}");
                    serde::de::Error::custom(text)
                })
            }
        }
    };
}

named_rule!(PreRule, PRE_RULES);
named_rule!(PostRule, KNOWN_POST_RULES);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_saved_by_name() {
        let rules = Rules::default();
        let saved = serde_json::to_string(&rules).unwrap();
        assert!(saved.starts_with(r#"{"pre":["fix_html","replace_rep","#), "{saved}");
        assert_eq!(serde_json::from_str::<Rules>(&saved).unwrap(), rules);
    }

    #[test]
    fn a_rule_that_is_not_known_is_named() {
        let error = serde_json::from_str::<PostRule>("\"mine\"").unwrap_err().to_string();
        assert!(
            error.starts_with("no rule is called `mine`; there are replace_all_caps"),
            "{error}"
        );
    }

    #[test]
    fn rules_follow_each_other() {
        let rules = Rules::default();
        assert_eq!(rules.clean("a<br />b!!!!"), "a \n b xxrep 4 ! ");
        assert_eq!(rules.apply("  THE  End "), "xxup the xxmaj end");
        assert!(matches!(rules.clean("nothing to do"), Cow::Borrowed(_)));
    }
}
