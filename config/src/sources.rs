//! The texts of a configuration: files, and the YAML files of directories, bounded in number and
//! size. The only room that touches the file system.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::limits::{MAX_FILE_BYTES, MAX_FILES};
use crate::problem::Problem;

/// A text and what messages call it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Texts that were read, in order, and what went wrong with others.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) list: Vec<Source>,
    /// Every file, read or not, for whoever watches them.
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) problems: Vec<Problem>,
}

impl Sources {
    /// Reads files, and the `*.yaml` and `*.yml` of directories in the order of their names.
    pub(crate) fn read(paths: &[impl AsRef<Path>]) -> Self {
        let mut sources = Self::default();
        for path in paths.iter().map(AsRef::as_ref) {
            if path.is_dir() {
                sources.expand(path);
            } else {
                sources.paths.push(path.to_owned());
            }
        }
        if paths.is_empty() {
            sources.refuse(Path::new("configuration"), "no path was given".to_owned());
        }
        if sources.paths.len() > MAX_FILES {
            let message = format!("more than {MAX_FILES} files");
            sources.refuse(&sources.paths[MAX_FILES].clone(), message);
            sources.paths.truncate(MAX_FILES);
        }
        for path in sources.paths.clone() {
            match text(&path) {
                Ok(text) => sources.list.push(Source {
                    name: path.display().to_string(),
                    text,
                }),
                Err(message) => sources.refuse(&path, message),
            }
        }
        sources
    }

    /// A text that is at hand.
    pub(crate) fn text(name: &str, text: &str) -> Self {
        let source = Source {
            name: name.to_owned(),
            text: text.to_owned(),
        };
        Self {
            list: vec![source],
            ..Self::default()
        }
    }

    fn expand(&mut self, directory: &Path) {
        match yaml_files(directory) {
            Ok(found) if found.is_empty() => {
                self.refuse(
                    directory,
                    "no `*.yaml` or `*.yml` in this directory".to_owned(),
                );
            }
            Ok(found) => self.paths.extend(found),
            Err(error) => self.refuse(directory, format!("cannot be read: {error}")),
        }
    }

    fn refuse(&mut self, path: &Path, message: String) {
        let file = path.display().to_string();
        self.problems.push(Problem {
            file,
            line: 0,
            column: 0,
            path: String::new(),
            message,
            hint: None,
        });
    }
}

fn yaml_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in directory.read_dir()? {
        let path = entry?.path();
        // Editors and Kubernetes keep half-written and older versions in names with a dot.
        let hidden = path
            .file_name()
            .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        let yaml = path
            .extension()
            .is_some_and(|kind| kind == "yaml" || kind == "yml");
        if yaml && !hidden && path.is_file() {
            found.push(path);
        }
        if found.len() > MAX_FILES {
            break;
        }
    }
    found.sort();
    Ok(found)
}

fn text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX);
    File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot be read: {error}"))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("not UTF-8: the byte at offset {at} begins no character")
    })
}
