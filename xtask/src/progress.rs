//! What the person at the terminal reads: on stderr one line per step with its time, on stdout a command's answer.

use std::io::Write;
use std::time::Instant;

/// A step under way. Dropping it says nothing: only [`Step::done`] claims success.
pub struct Step {
    started: Instant,
}

/// Says what is being done.
pub fn step(what: impl std::fmt::Display) -> Step {
    eprintln!("▸ {what}");
    Step { started: Instant::now() }
}

/// Says something that takes no time.
pub fn note(what: impl std::fmt::Display) {
    eprintln!("  {what}");
}

/// A line of a command's answer, on stdout. Whoever reads it may stop before its end, as `head` does.
pub fn answer(line: impl std::fmt::Display) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}

impl Step {
    /// Says how it ended and how long it took.
    pub fn done(self, how: impl std::fmt::Display) {
        let elapsed = self.started.elapsed();
        eprintln!("  {how} ({}.{} s)", elapsed.as_secs(), elapsed.subsec_millis() / 100);
    }
}
