//! What became of a group's cases.

use std::fmt::Write;

/// Collects the cases of a group, so that one failure does not hide the next.
#[derive(Debug)]
#[must_use = "call `finish`: it is what fails the test"]
pub struct Report {
    group: String,
    passed: usize,
    failed: Vec<(String, String)>,
    not_run: Vec<(String, String)>,
}

impl Report {
    pub fn new(group: &str) -> Self {
        Self { group: group.to_owned(), passed: 0, failed: Vec::new(), not_run: Vec::new() }
    }

    /// Notes what came of a case.
    pub fn case(&mut self, id: &str, result: Result<(), String>) {
        match result {
            Ok(()) => self.passed += 1,
            Err(why) => self.failed.push((id.to_owned(), why)),
        }
    }

    /// Notes a case that is left out, and why.
    pub fn not_run(&mut self, id: &str, reason: &str) {
        self.not_run.push((id.to_owned(), reason.to_owned()));
    }

    /// Prints the counts.
    ///
    /// # Panics
    /// With every failure, if there was one, or if no case ran.
    #[expect(clippy::print_stdout, reason = "a test's report")]
    #[track_caller]
    pub fn finish(self) {
        let Self { group, passed, failed, not_run } = self;
        let mut text =
            format!("{group}: {passed} passed, {} failed, {} not run", failed.len(), not_run.len());
        for (id, reason) in &not_run {
            let _ = write!(text, "\n  not run: {id}: {reason}");
        }
        for (id, why) in &failed {
            let _ = write!(text, "\n  FAILED: {id}: {why}");
        }
        assert!(failed.is_empty(), "{text}");
        assert!(passed > 0, "{group}: no case ran\n{text}");
        println!("{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "FAILED: b: off by one")]
    fn a_failure_is_named() {
        let mut report = Report::new("g");
        report.case("a", Ok(()));
        report.case("b", Err("off by one".into()));
        report.finish();
    }

    #[test]
    #[should_panic(expected = "no case ran")]
    fn nothing_run_is_a_failure() {
        let mut report = Report::new("g");
        report.not_run("a", "later");
        report.finish();
    }
}
