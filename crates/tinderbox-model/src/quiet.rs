//! Catching panics that are expected, without their being printed.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `run`; a panic in it becomes an error with the panic's message, and is not printed. Panics
/// of other threads, and outside of `run`, are printed as ever.
///
/// What `run` changed before it panicked stays changed.
///
/// # Errors
/// What the panic said.
pub fn catch_panic<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                print(info);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    QUIET.set(before);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("it panicked without a message").trim().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_what_it_said() {
        assert_eq!(catch_panic(|| 1), Ok(1));
        assert_eq!(catch_panic(|| panic!("plain")), Err::<(), _>("plain".to_owned()));
        assert_eq!(catch_panic(|| panic!("{} words", 2)), Err::<(), _>("2 words".to_owned()));
        let silent = catch_panic(|| std::panic::panic_any(7));
        assert_eq!(silent, Err::<(), _>("it panicked without a message".to_owned()));
    }
}
