//! Catching panics that are expected, without their being printed.

use std::{
    any::Any,
    cell::Cell,
    panic::{UnwindSafe, catch_unwind},
    sync::Once,
};

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// [`catch_unwind`] without the message on standard error. Panics of other threads, and outside of
/// `run`, are printed as ever.
pub(crate) fn catch<T>(run: impl FnOnce() -> T + UnwindSafe) -> Result<T, Box<dyn Any + Send>> {
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
    let result = catch_unwind(run);
    QUIET.set(before);
    result
}
