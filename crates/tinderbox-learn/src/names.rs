//! What types and functions are called in tables and files.

/// The last part of a type's or function's path: `accuracy`, `CrossEntropyFlat`. `otherwise` for
/// what has no name: closures, and pointers to functions.
pub(crate) fn short_name<T: ?Sized>(otherwise: &str) -> String {
    let full = std::any::type_name::<T>();
    let path = full.split('<').next().unwrap_or(full);
    let name = path.rsplit("::").next().unwrap_or(path);
    match name.starts_with('{') || full.starts_with("fn(") {
        true => otherwise.to_owned(),
        false => name.to_owned(),
    }
}

/// `R2Score` → `r2_score`, `ExpRMSPE` → `exp_rmspe`: as fastai names columns.
pub(crate) fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (i, letter) in letters.iter().enumerate() {
        let starts_word = i > 0
            && letter.is_ascii_uppercase()
            && (letters.get(i + 1).is_some_and(char::is_ascii_lowercase)
                || !letters[i - 1].is_ascii_uppercase());
        if starts_word {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of<F: Fn()>(_: F) -> String {
        short_name::<F>("nameless")
    }

    fn plain() {}

    fn generic<T>() {}

    #[test]
    fn functions_have_names_and_closures_do_not() {
        assert_eq!(name_of(plain), "plain");
        assert_eq!(name_of(generic::<String>), "generic");
        assert_eq!(name_of(|| ()), "nameless");
        assert_eq!(name_of(plain as fn()), "nameless");
    }

    #[test]
    fn columns_are_named_as_in_fastai() {
        let names = [
            ("RMSE", "rmse"),
            ("ExpRMSPE", "exp_rmspe"),
            ("R2Score", "r2_score"),
            ("FBeta", "f_beta"),
            ("AUROC", "auroc"),
            ("KappaScore", "kappa_score"),
            ("MultiLabelFbeta", "multi_label_fbeta"),
        ];
        for (class, column) in names {
            assert_eq!(snake_case(class), column);
        }
    }
}
