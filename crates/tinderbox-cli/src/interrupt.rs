//! Ctrl-C: once finishes the step and saves, twice leaves now.

use std::{
    process,
    sync::{Mutex, Once, PoisonError},
};

use tinderbox::learn::StopHandle;

use crate::terminal::say;

static RUNNING: Mutex<Option<StopHandle>> = Mutex::new(None);

/// From here on, Ctrl-C asks this fit to stop.
pub(crate) fn stops(handle: &StopHandle) {
    *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle.clone());
}

/// From here on, Ctrl-C ends the program at once.
pub(crate) fn stops_nothing() {
    *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Takes Ctrl-C over. Before a fit has begun, it ends the program at once.
///
/// # Errors
/// If the system does not allow it.
pub(crate) fn listen() -> anyhow::Result<()> {
    static ONCE: Once = Once::new();
    let mut result = Ok(());
    ONCE.call_once(|| result = set_handler());
    Ok(result?)
}

fn set_handler() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        match running.as_ref() {
            Some(handle) if !handle.is_stopping() => {
                handle.stop();
                say("\nfinishing this step, then saving; press Ctrl-C again to quit now");
            }
            Some(_) => process::exit(130),
            None => {
                say("\nstopped; no training step was under way");
                process::exit(130)
            }
        }
    })
}
