//! A run in progress, for its caller.

use std::{fmt, sync::Arc};

use tinderbox_learn::StopHandle;

use crate::Event;

/// Receives the events of a run, and stops it. Several runs can go on in one process, each with a
/// job of its own.
///
/// # Example
/// ```no_run
/// use tinderbox::{Classify, Event, Job, Settings, train};
///
/// # fn main() -> Result<(), tinderbox::Error> {
/// let job = Job::telling(|event| {
///     if let Event::Epoch { line, .. } = event {
///         println!("{line}");
///     }
/// });
/// let stop = job.stop.clone(); // `stop.stop()` in another thread ends the run after a step
/// train(&Settings::<Classify>::new("photos", "runs/photos"), &job)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Job {
    /// Hears what happens; it may be called from several threads.
    pub events: Arc<dyn Fn(Event) + Send + Sync>,
    /// Ends the training after a step, with a checkpoint.
    pub stop: StopHandle,
}

impl Job {
    /// A job that nobody listens to; it can be stopped all the same.
    pub fn quiet() -> Self {
        Self::telling(|_| {})
    }

    /// A job whose news go to `hears`.
    pub fn telling(hears: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self { events: Arc::new(hears), stop: StopHandle::default() }
    }

    pub(crate) fn tell(&self, event: Event) {
        (self.events)(event);
    }

    pub(crate) fn warn(&self, text: impl Into<String>) {
        self.tell(Event::Warning { text: text.into() });
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("stop", &self.stop).finish_non_exhaustive()
    }
}
