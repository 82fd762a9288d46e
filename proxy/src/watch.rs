//! The watch over configuration files: looks at them from time to time and asks for a reload once
//! they have changed and come to rest. Looking works on every file system and through the symbolic
//! links by which Kubernetes swaps whole directories, where notifications do not.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use corelane_config::limits::MAX_WATCHED_ENTRIES;

use crate::control::Control;

/// How often files are looked at, and how long they must rest before they are read.
const INTERVAL: Duration = Duration::from_millis(500);

/// What the watched files looked like at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Look(Vec<(PathBuf, Option<Stamp>)>);

/// What changes with a file's content: an edit moves the times, a replacement the inode.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Look {
    /// Looks at files, and at directories with the YAML files in them. What is missing or cannot be
    /// looked at is noted as such.
    pub(crate) fn at(paths: &[PathBuf]) -> Self {
        let mut look = Self::default();
        for path in paths {
            let metadata = fs::metadata(path).ok();
            if metadata.as_ref().is_some_and(Metadata::is_dir) {
                look.add_entries(path);
            }
            look.0.push((path.clone(), metadata.as_ref().map(stamp)));
        }
        look
    }

    fn add_entries(&mut self, directory: &Path) {
        let Ok(entries) = fs::read_dir(directory) else {
            return;
        };
        let paths = entries
            .take(MAX_WATCHED_ENTRIES)
            .flatten()
            .map(|entry| entry.path());
        let is_yaml = |path: &PathBuf| {
            let kind = path.extension();
            kind.is_some_and(|kind| kind == "yaml" || kind == "yml")
        };
        let mut paths: Vec<_> = paths.filter(is_yaml).collect();
        paths.sort();
        for path in paths {
            let metadata = fs::metadata(&path).ok();
            self.0.push((path, metadata.as_ref().map(stamp)));
        }
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    Stamp {
        inode: (metadata.dev(), metadata.ino()),
        size: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// Watches for as long as the program runs.
pub(crate) async fn watch(control: Arc<Control>) {
    let mut rest = Rest::default();
    loop {
        tokio::time::sleep(INTERVAL).await;
        let watched = control.clone();
        // A file system may hang; only this watch may then hang with it.
        let looked = tokio::task::spawn_blocking(move || Look::at(watched.source().paths()));
        let Ok(now) = looked.await else {
            return; // the program ends
        };
        if rest.is_due(now, &control.last_look()) {
            log::info!("the configuration has changed on disk");
            // The reload itself tells what came of it.
            drop(control.reload().await);
        }
    }
}

/// Tells from one look after another when files that have changed are at rest, so that no half of a
/// file is read.
#[derive(Debug, Default)]
struct Rest {
    before: Option<Look>,
}

impl Rest {
    fn is_due(&mut self, now: Look, last_read: &Look) -> bool {
        let is_at_rest = self.before.as_ref() == Some(&now);
        let has_changed = now != *last_read;
        self.before = Some(now);
        is_at_rest && has_changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_change_a_file_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.yaml");
        let paths = [directory.path().to_owned()];
        let mut seen = vec![Look::at(&paths)];
        let mut step = |what: &str| {
            let look = Look::at(&paths);
            assert!(!seen.contains(&look), "{what}");
            assert_eq!(look, Look::at(&paths), "{what} at rest");
            seen.push(look);
        };
        fs::write(&file, "a: 1").unwrap();
        step("made");
        fs::write(&file, "a: 12").unwrap();
        step("longer");
        let other = directory.path().join("other");
        fs::write(&other, "a: 34").unwrap();
        fs::rename(&other, &file).unwrap();
        step("replaced by one of the same length");
        std::os::unix::fs::symlink(&file, directory.path().join("b.yml")).unwrap();
        step("one more");
        fs::remove_file(&file).unwrap();
        step("gone, and a link to nowhere");
    }

    #[test]
    fn a_missing_path_is_seen_when_it_comes() {
        let directory = tempfile::tempdir().unwrap();
        let paths = [directory.path().join("later.yaml")];
        let before = Look::at(&paths);
        fs::write(&paths[0], "").unwrap();
        assert_ne!(Look::at(&paths), before);
    }

    #[test]
    fn a_change_is_read_once_and_only_at_rest() {
        let look = |size: u64| {
            let stamp = Stamp {
                inode: (0, 0),
                size,
                modified: (0, 0),
                changed: (0, 0),
            };
            Look(vec![(PathBuf::from("a.yaml"), Some(stamp))])
        };
        let mut rest = Rest::default();
        let read = look(1);
        let due: Vec<bool> = [1, 1, 2, 3, 3, 3]
            .into_iter()
            .map(|size| rest.is_due(look(size), &read))
            .collect();
        assert_eq!(due, [false, false, false, false, true, true]);
        assert!(!rest.is_due(look(3), &look(3)), "read meanwhile");
    }
}
