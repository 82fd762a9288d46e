//! Where the configuration comes from: files that may change, or a text that is built in.

use std::path::PathBuf;

use corelane_config::{Config, ConfigErrors};

/// Where a configuration is read from, again at every reload.
#[derive(Debug, Clone)]
pub enum Source {
    /// Files, and directories of `*.yaml` and `*.yml`.
    Paths(Vec<PathBuf>),
    /// A text that is at hand.
    Text {
        /// What messages call it.
        name: String,
        /// YAML.
        text: String,
    },
}

impl Source {
    /// Reads it. May block: names of endpoints are looked up.
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn load(&self) -> Result<Config, ConfigErrors> {
        match self {
            Self::Paths(paths) => Config::load(paths),
            Self::Text { name, text } => Config::from_yaml(name, text),
        }
    }

    /// The files and directories to watch.
    pub(crate) fn paths(&self) -> &[PathBuf] {
        match self {
            Self::Paths(paths) => paths,
            Self::Text { .. } => &[],
        }
    }
}
