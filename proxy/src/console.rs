//! What the program says to the person or script that started it. The only room that writes to
//! standard output and standard error, besides the logger and the access log. Nobody is left to
//! tell when they fail, so a reader that has gone is no error.

use std::fmt::Display;
use std::io::{self, Write as _};

/// Prints a result: a line on standard output.
pub(crate) fn print(line: impl Display) {
    drop(writeln!(io::stdout(), "{line}"));
}

/// Tells how things stand: a line on standard error.
pub(crate) fn tell(line: impl Display) {
    // In one write, because threads and processes share the stream.
    drop(io::stderr().write_all(format!("{line}\n").as_bytes()));
}
