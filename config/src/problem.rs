//! What the loader says when it refuses or doubts a configuration: one [`Problem`] per mistake,
//! each with its place, and [`ConfigErrors`] for all of them together. Nothing here reads files.

use std::fmt;
use std::sync::Arc;

/// Where something was written: the file, and the line and column of its first character.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The file's name as it was given, or the name passed to
    /// [`Config::from_yaml`](crate::Config::from_yaml).
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One mistake or doubt: where it is, what is wrong and why, and what to write instead.
///
/// Displays as `file:line:column: path: message; hint`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Problem {
    /// The file, as [`Place::file`].
    pub file: String,
    /// Line from 1; 0 when the problem concerns the file as a whole (it cannot be read).
    pub line: usize,
    /// Column from 1; 0 when `line` is 0.
    pub column: usize,
    /// The key in the merged configuration, such as `routes[2].timeout`; empty for the whole.
    pub path: String,
    /// What is wrong and why.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// Every mistake that the loader found; displays as one line each, in the order of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<Problem>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
