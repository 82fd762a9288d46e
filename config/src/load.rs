//! Reading: files to documents, documents to one tree, the tree to a [`Config`]. The only room that
//! touches the file system; problems of every stage end up in one list.

use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::decode;
use crate::foreign;
use crate::limits::{MAX_FILE_BYTES, MAX_FILES, MAX_NODES};
use crate::merge::merge;
use crate::problem::{ConfigErrors, Problem};
use crate::report::{self, Report};
use crate::resolve::Resolver;
use crate::snapshot::Snapshot;
use crate::yaml::{self, Mark, Node};

/// A loaded, validated configuration.
#[derive(Debug, Clone)]
pub struct Config {
    snapshot: Arc<Snapshot>,
    warnings: Vec<Problem>,
    paths: Vec<PathBuf>,
}

impl Config {
    /// Reads files, and the `*.yaml` and `*.yml` files of directories in the order of their names;
    /// they merge. Names of endpoints are looked up, which may block: not for a worker's thread.
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn load(paths: &[impl AsRef<Path>]) -> Result<Self, ConfigErrors> {
        Loader::new().load(paths)
    }

    /// Reads a text. `name` stands in messages where a file's name would.
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn from_yaml(name: &str, text: &str) -> Result<Self, ConfigErrors> {
        Loader::new().from_yaml(name, text)
    }

    /// What the data plane runs on.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// What loads but is hardly meant.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The files that were read, for whoever watches them.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }
}

/// Loads configurations, with a way of looking names up.
#[derive(Debug)]
pub struct Loader {
    resolver: Resolver,
}

impl Default for Loader {
    fn default() -> Self {
        Self::new()
    }
}

impl Loader {
    /// A loader that asks the system's resolver.
    #[must_use]
    pub fn new() -> Self {
        Self {
            resolver: Resolver::system(),
        }
    }

    /// A loader that asks `lookup` for the addresses of a host and port, from several threads.
    #[must_use]
    pub fn with_resolver(
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            resolver: Resolver::with(lookup),
        }
    }

    /// As [`Config::load`].
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn load(&self, paths: &[impl AsRef<Path>]) -> Result<Config, ConfigErrors> {
        let mut problems = Vec::new();
        let paths = expand(paths, &mut problems);
        let mut sources = Vec::new();
        for path in &paths {
            match read(path) {
                Ok(text) => sources.push((path.display().to_string(), text)),
                Err(message) => problems.push(about_file(path, message)),
            }
        }
        self.compile(&sources, paths, problems)
    }

    /// As [`Config::from_yaml`].
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn from_yaml(&self, name: &str, text: &str) -> Result<Config, ConfigErrors> {
        self.compile(
            &[(name.to_owned(), text.to_owned())],
            Vec::new(),
            Vec::new(),
        )
    }

    fn compile(
        &self,
        sources: &[(String, String)],
        paths: Vec<PathBuf>,
        mut problems: Vec<Problem>,
    ) -> Result<Config, ConfigErrors> {
        let files: Vec<Arc<str>> = sources.iter().map(|(name, _)| Arc::from(&**name)).collect();
        let documents = documents(sources, &files, &mut problems);
        let Some(mut root) = merge(documents, &files, &mut problems) else {
            if problems.is_empty() {
                problems.push(empty(&files));
            }
            return Err(ConfigErrors(problems));
        };
        root.number(0);
        let report = Report::new(&files, &root);
        let snapshot = decode::decode(&root, &report, &self.resolver);
        let (errors, warnings) = report.finish();
        problems.extend(errors);
        match snapshot {
            Some(snapshot) if problems.is_empty() => Ok(Config {
                snapshot: Arc::new(snapshot),
                warnings,
                paths,
            }),
            _ => Err(ConfigErrors(problems)),
        }
    }
}

/// The documents of all texts that this version understands, in order.
fn documents(
    sources: &[(String, String)],
    files: &[Arc<str>],
    problems: &mut Vec<Problem>,
) -> Vec<Node> {
    let mut documents = Vec::new();
    let mut budget = MAX_NODES;
    for (file, (_, text)) in (0..).zip(sources) {
        if text.len() > MAX_FILE_BYTES {
            let message = format!("more than {MAX_FILE_BYTES} bytes");
            problems.push(report::problem(
                files,
                Mark {
                    file,
                    line: 1,
                    column: 1,
                },
                String::new(),
                message,
                None,
            ));
            continue;
        }
        let parsed = yaml::parse(text, file, budget);
        budget = budget.saturating_sub(parsed.nodes);
        for error in parsed.errors {
            let mark = Mark {
                file,
                line: error.line,
                column: error.column,
            };
            problems.push(report::problem(
                files,
                mark,
                error.path,
                error.message,
                error.hint,
            ));
        }
        for document in parsed.documents {
            match foreign::refuse(&document) {
                None => documents.push(document),
                Some(refusal) => {
                    let foreign::Refusal {
                        mark,
                        path,
                        message,
                        hint,
                    } = refusal;
                    problems.push(report::problem(files, mark, path, message, Some(hint)));
                }
            }
        }
    }
    documents
}

fn empty(files: &[Arc<str>]) -> Problem {
    Problem {
        file: files
            .first()
            .map_or_else(String::new, |file| file.to_string()),
        line: usize::from(!files.is_empty()),
        column: usize::from(!files.is_empty()),
        path: String::new(),
        message: "the configuration is empty".to_owned(),
        hint: Some("a file that is still being written looks like this too".to_owned()),
    }
}

/// Directories become the files in them.
fn expand(paths: &[impl AsRef<Path>], problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths.iter().map(AsRef::as_ref) {
        if !path.is_dir() {
            files.push(path.to_owned());
            continue;
        }
        match yaml_files(path) {
            Ok(found) if found.is_empty() => {
                problems.push(about_file(
                    path,
                    "no `*.yaml` or `*.yml` in this directory".to_owned(),
                ));
            }
            Ok(found) => files.extend(found),
            Err(error) => problems.push(about_file(path, format!("cannot be read: {error}"))),
        }
    }
    if files.len() > MAX_FILES {
        let message = format!("{} files, and the most is {MAX_FILES}", files.len());
        problems.push(about_file(&files[MAX_FILES], message));
        files.truncate(MAX_FILES);
    }
    if paths.is_empty() {
        problems.push(about_file(
            Path::new("configuration"),
            "no path was given".to_owned(),
        ));
    }
    files
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
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
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

fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX);
    std::fs::File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot be read: {error}"))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("not UTF-8: the byte at offset {at} begins no character")
    })
}

fn about_file(path: &Path, message: String) -> Problem {
    let file = path.display().to_string();
    Problem {
        file,
        line: 0,
        column: 0,
        path: String::new(),
        message,
        hint: None,
    }
}
