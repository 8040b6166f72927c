//! The words that name sets: of folders, and in the cells of a column.

/// A set that a word names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetWord {
    Training,
    Validation,
    Test,
}

/// What the sets are called, in lower case.
const WORDS: [(SetWord, &[&str]); 3] = [
    (SetWord::Training, &["train", "training", "trn", "tr", "fit", "learn"]),
    (
        SetWord::Validation,
        &["valid", "validation", "validate", "val", "dev", "development", "eval", "evaluation"],
    ),
    (SetWord::Test, &["test", "testing", "tst", "holdout", "heldout"]),
];

/// What is written around them: `train_set`, `test-data`.
const AROUND: [&str; 5] = ["set", "split", "data", "dataset", "fold"];

/// Words that are true, and those that are false.
const TRUE: [&str; 6] = ["true", "t", "yes", "y", "1", "1.0"];
const FALSE: [&str; 6] = ["false", "f", "no", "n", "0", "0.0"];

impl SetWord {
    /// The set that a word names, in any case and of the usual spellings: `train`, `Validation`, `val`,
    /// `dev`, `test_set`.
    pub fn named(word: &str) -> Option<Self> {
        let word = word.trim().to_lowercase();
        let parts: Vec<&str> = word
            .split(['_', '-', ' ', '.'])
            .filter(|part| !part.is_empty() && !AROUND.contains(part))
            .collect();
        let name = parts.concat();
        WORDS.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(set, _)| *set)
    }

    /// The set of a row, by its cell in a column: a set's name, or a truth such as `True`, `yes`, `1.0`,
    /// for what the column is called. What is true in `is_train` trains, in other columns it validates.
    pub fn of_cell(column: &str, cell: &str) -> Option<Self> {
        let marked = marked_by(column);
        let other = match marked {
            Self::Training => Self::Validation,
            Self::Validation | Self::Test => Self::Training,
        };
        match cell.trim().to_lowercase().as_str() {
            word if TRUE.contains(&word) => Some(marked),
            word if FALSE.contains(&word) => Some(other),
            word => Self::named(word),
        }
    }
}

/// The set of the rows that are marked in a column, by its name: `is_train` marks those that train.
fn marked_by(column: &str) -> SetWord {
    let column = column.trim().to_lowercase();
    let set = column.strip_prefix("is_").or(column.strip_prefix("in_")).unwrap_or(&column);
    SetWord::named(set).unwrap_or(SetWord::Validation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_known_in_any_case_and_usual_spelling() {
        for word in ["train", "Training", "TRN", "train_set", "training data"] {
            assert_eq!(SetWord::named(word), Some(SetWord::Training), "{word}");
        }
        for word in ["valid", "Val", "validation", "dev", "validation-set", "eval"] {
            assert_eq!(SetWord::named(word), Some(SetWord::Validation), "{word}");
        }
        for word in ["test", "Testing", "hold-out", "test split"] {
            assert_eq!(SetWord::named(word), Some(SetWord::Test), "{word}");
        }
        for word in ["", "set", "cat", "contest", "unsup", "trainer"] {
            assert_eq!(SetWord::named(word), None, "{word}");
        }
    }

    #[test]
    fn a_column_says_what_it_marks() {
        let set = SetWord::of_cell;
        for cell in ["True", "1", "1.0", "yes", "valid"] {
            assert_eq!(set("is_valid", cell), Some(SetWord::Validation), "{cell}");
        }
        for cell in ["False", "0", "0.0", "no", "train"] {
            assert_eq!(set("split", cell), Some(SetWord::Training), "{cell}");
        }
        assert_eq!(set("is_train", "1"), Some(SetWord::Training));
        assert_eq!(set("is_train", "0"), Some(SetWord::Validation));
        assert_eq!(set("is_test", "1"), Some(SetWord::Test));
        for cell in ["", "2", "0.5", "maybe"] {
            assert_eq!(set("is_valid", cell), None, "{cell}");
        }
    }
}
