//! From texts to a [`Config`]: documents, one tree, the snapshot. The mistakes of every stage end
//! up in one list, in the order of the files.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::decode;
use crate::foreign;
use crate::limits::{MAX_FILE_BYTES, MAX_NODES};
use crate::merge::merge;
use crate::problem::{ConfigErrors, Problem};
use crate::report::{Mistake, Report};
use crate::resolve::Resolver;
use crate::snapshot::Snapshot;
use crate::sources::{Source, Sources};
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
        self.compile(Sources::read(paths))
    }

    /// As [`Config::from_yaml`].
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn from_yaml(&self, name: &str, text: &str) -> Result<Config, ConfigErrors> {
        self.compile(Sources::text(name, text))
    }

    fn compile(&self, sources: Sources) -> Result<Config, ConfigErrors> {
        let files: Vec<Arc<str>> = sources
            .list
            .iter()
            .map(|source| Arc::from(&*source.name))
            .collect();
        let mut mistakes = Vec::new();
        let (documents, complete) = documents(&sources.list, MAX_NODES, &mut mistakes);
        let root = merge(documents, &files, &mut mistakes);
        let partial = !complete || !sources.problems.is_empty();
        if root.is_none() && !partial {
            mistakes.push(nothing());
        }
        let mut problems = sources.problems;
        problems.extend(mistakes.into_iter().map(|mistake| mistake.problem(&files)));
        let mut warnings = Vec::new();
        let mut left_out = 0;
        let mut snapshot = None;
        if let Some(mut root) = root {
            root.number(0);
            let report = Report::new(&files, &root, partial);
            snapshot = decode::decode(&root, &report, &self.resolver);
            let (errors, doubts, more) = report.finish();
            problems.extend(errors);
            warnings = doubts;
            left_out = more;
        }
        in_order(&mut problems, &files);
        in_order(&mut warnings, &files);
        if left_out > 0 {
            let last = Mark {
                file: u32::MAX,
                ..Mark::default()
            };
            let message = format!("and {left_out} problems more");
            problems.push(Mistake::new(last, message).problem(&files));
        }
        match snapshot {
            Some(snapshot) if problems.is_empty() => Ok(Config {
                snapshot: Arc::new(snapshot),
                warnings,
                paths: sources.paths,
            }),
            _ => Err(ConfigErrors(problems)),
        }
    }
}

/// Sorts problems as a reader of the files meets them; those about whole files come first.
fn in_order(problems: &mut [Problem], files: &[Arc<str>]) {
    let file = |problem: &Problem| files.iter().position(|file| **file == *problem.file);
    problems.sort_by_cached_key(|problem| (file(problem), problem.line, problem.column));
}

/// The documents of all texts that this version understands, in order, and whether they are all.
/// `budget` is the number of values that they may have together.
fn documents(
    sources: &[Source],
    mut budget: usize,
    mistakes: &mut Vec<Mistake>,
) -> (Vec<Node>, bool) {
    let mut documents = Vec::new();
    let mut complete = true;
    for (file, source) in (0..).zip(sources) {
        if source.text.len() > MAX_FILE_BYTES {
            let message = format!("more than {MAX_FILE_BYTES} bytes");
            mistakes.push(Mistake::new(
                Mark {
                    file,
                    line: 1,
                    column: 1,
                },
                message,
            ));
            complete = false;
            continue;
        }
        let parsed = yaml::parse(&source.text, file, budget);
        budget = budget.saturating_sub(parsed.nodes);
        mistakes.extend(parsed.mistakes);
        complete &= parsed.complete;
        for document in parsed.documents {
            match foreign::refuse(&document) {
                None => documents.push(document.without_extensions()),
                Some(refusal) => {
                    mistakes.push(refusal);
                    complete = false;
                }
            }
        }
    }
    (documents, complete)
}

fn nothing() -> Mistake {
    Mistake::new(
        Mark {
            file: 0,
            line: 1,
            column: 1,
        },
        "the configuration is empty",
    )
    .hint("a file that is still being written looks like this too")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_count_over_all_files() {
        let source = || Source {
            name: String::new(),
            text: "a: [1, 2, 3]".to_owned(),
        };
        // A mapping, a key, a list and its items.
        let (one, two) = ([source()], [source(), source()]);
        let mut mistakes = Vec::new();
        assert!(documents(&one, 6, &mut mistakes).1);
        assert!(documents(&two, 12, &mut mistakes).1);
        assert!(mistakes.is_empty());
        let (read, complete) = documents(&two, 11, &mut mistakes);
        assert_eq!((read.len(), complete), (1, false));
        assert_eq!(mistakes[0].mark.file, 1);
    }
}
