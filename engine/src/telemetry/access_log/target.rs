//! Where the lines of the access log end up: a file, or a standard stream of the process. Only the
//! writer thread comes here once the log is open.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;

use corelane_config::LogPath;

/// Something that takes bytes.
pub(super) trait Target: Send {
    /// Writes some of the bytes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Opens it again by its name. After an error the old one is still in use.
    fn reopen(&mut self) -> io::Result<()>;

    /// What messages call it.
    fn name(&self) -> String;
}

/// What the configuration names.
pub(super) struct Opened {
    file: File,
    path: LogPath,
}

impl Opened {
    /// Opens it.
    ///
    /// # Errors
    /// What the system says, and about which file.
    pub(super) fn new(path: &LogPath) -> io::Result<Self> {
        let name = |error: io::Error| {
            io::Error::new(
                error.kind(),
                format!("cannot open {}: {error}", describe(path)),
            )
        };
        Ok(Self {
            file: open(path).map_err(name)?,
            path: path.clone(),
        })
    }
}

impl Target for Opened {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file = open(&self.path)?;
        Ok(())
    }

    fn name(&self) -> String {
        describe(&self.path)
    }
}

/// A standard stream is opened as a duplicate of its descriptor: the standard handle has a lock that
/// a print elsewhere may hold, and a buffer of its own.
fn open(path: &LogPath) -> io::Result<File> {
    match path {
        LogPath::Stdout => io::stdout().as_fd().try_clone_to_owned().map(File::from),
        LogPath::Stderr => io::stderr().as_fd().try_clone_to_owned().map(File::from),
        // Not for everybody to read: client addresses and paths are personal data.
        LogPath::File(path) => OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o640)
            .open(path),
    }
}

fn describe(path: &LogPath) -> String {
    match path {
        LogPath::Stdout => "the access log on stdout".to_owned(),
        LogPath::Stderr => "the access log on stderr".to_owned(),
        LogPath::File(path) => format!("the access log {}", path.display()),
    }
}
