//! Files that a report goes to. Entered by `main` before the work, so that a path that cannot be
//! written is told at once and not after it, and again with what to write.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::Error;

/// A file that will be written. What it held stays there until then.
#[derive(Debug)]
pub(crate) struct Sink {
    path: PathBuf,
    file: File,
}

impl Sink {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// `Usage` when it cannot be written.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| Error::Usage(format!("cannot write {}: {error}", path.display())))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Replaces what the file holds.
    ///
    /// # Errors
    /// `Run` when it cannot be written any more.
    pub(crate) fn write(mut self, text: &str) -> Result<(), Error> {
        self.replace(text)
            .map_err(|error| Error::Run(format!("cannot write {}: {error}", self.path.display())))
    }

    fn replace(&mut self, text: &str) -> std::io::Result<()> {
        // What is no regular file, such as /dev/stdout, has no length to cut.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(text.as_bytes())
    }
}
