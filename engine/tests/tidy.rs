//! Rules for source files that no lint knows, held over the whole repository.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in test functions, not in the functions that they share"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// The longest that a file may be; what grows beyond it wants another room.
const LINES_MOST: usize = 700;

/// Where the compiler's denial of unsafe code may be lifted, each for the reason that stands there.
const UNSAFE: &[&str] = &[
    "codec/tests/allocations.rs",
    "config/tests/allocations.rs",
    "engine/src/io/mod.rs",
    "engine/src/io/ring/inbox.rs",
    "engine/src/io/ring/outbox.rs",
    "engine/src/io/ring/supply.rs",
    "engine/src/io/ring/tests.rs",
    "engine/tests/steady_state.rs",
    "loadtest/src/rt/watch.rs",
];

/// A source file of ours.
struct Source {
    /// From the repository's root.
    name: String,
    text: String,
}

/// Every Rust file of the repository.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut sources = Vec::new();
    for folder in ["bench", "codec", "config", "engine", "loadtest", "proxy"] {
        collect(root, &root.join(folder), &mut sources);
    }
    assert!(sources.len() > 100, "{} files", sources.len());
    sources
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let is_ours = path
            .file_name()
            .is_some_and(|name| name != "target" && name != "corpus");
        if path.is_dir() && is_ours {
            collect(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap();
            sources.push(Source {
                name: name.to_str().unwrap().to_owned(),
                text: fs::read_to_string(&path).unwrap(),
            });
        }
    }
}

/// The names of the files that break a rule.
fn offenders(breaks: impl Fn(&Source) -> bool) -> Vec<String> {
    let sources = sources();
    let broken = sources.into_iter().filter(|source| breaks(source));
    broken.map(|source| source.name).collect()
}

/// Words that this file must name without containing them.
fn word(halves: [&str; 2]) -> String {
    halves.concat()
}

#[test]
fn every_file_says_what_it_is() {
    assert_eq!(
        offenders(|source| !source.text.starts_with("//!")),
        [""; 0],
        "files that do not begin with `//!`"
    );
}

#[test]
fn no_file_is_too_long() {
    assert_eq!(
        offenders(|source| source.text.lines().count() > LINES_MOST),
        [""; 0],
        "files of more than {LINES_MOST} lines"
    );
}

#[test]
fn no_test_is_ignored_or_asleep() {
    let ignored = word(["#[ign", "ore"]);
    assert_eq!(offenders(|source| source.text.contains(&ignored)), [""; 0]);
    // Controlled waiting has its own words, which name what is waited for.
    let sleep = word(["thread::sl", "eep("]);
    assert_eq!(offenders(|source| source.text.contains(&sleep)), [""; 0]);
}

#[test]
fn nothing_is_left_to_be_done() {
    for halves in [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["XX", "X:"],
        ["todo", "!("],
        ["dbg", "!("],
    ] {
        let mark = word(halves);
        assert_eq!(
            offenders(|source| source.text.contains(&mark)),
            [""; 0],
            "{mark}"
        );
    }
}

#[test]
fn unsafe_code_is_where_it_is_known() {
    let keyword = word(["uns", "afe"]);
    let block = |line: &str| {
        let code = line.split("//").next().unwrap_or_default().trim_start();
        let begins = |what: &str| code.contains(&format!("{keyword} {what}"));
        begins("{") || begins("fn") || begins("impl") || begins("extern")
    };
    let mut found = offenders(|source| source.text.lines().any(block));
    found.sort();
    assert_eq!(found, UNSAFE);
    let mut lifted = offenders(|source| source.text.contains(&format!("{keyword}_code,")));
    lifted.sort();
    assert_eq!(lifted, UNSAFE);
}
