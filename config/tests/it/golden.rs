//! `accept/` and `reject/`: a case is a file or a directory of files, and needs no Rust. Cases of
//! `accept/` load, their `tests:` pass, and their warnings are those of the `.txt` beside them.
//! Cases of `reject/` fail with exactly the text beside them. `CORELANE_BLESS=1` writes the texts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::runner::run;
use crate::support::loader;

fn cases(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new("tests").join(kind);
    let entries = folder.read_dir().expect("tests run in the crate's folder");
    let mut cases: Vec<PathBuf> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    cases.retain(|path| path.is_dir() || path.extension().is_some_and(|ext| ext == "yaml"));
    cases.sort();
    assert!(
        cases.len() >= 5,
        "the cases of {kind} are not where they were"
    );
    cases
}

/// The messages without the folder, as a person in it would see them.
fn local(text: &str, kind: &str) -> String {
    text.replace(&format!("tests/{kind}/"), "")
}

/// Compares with the text beside the case, or writes it.
fn compare(case: &Path, actual: &str, failures: &mut String) {
    let beside = case.with_extension("txt");
    if std::env::var_os("CORELANE_BLESS").is_some() {
        match actual {
            "" => drop(std::fs::remove_file(&beside)),
            text => std::fs::write(&beside, text).expect("writable"),
        }
        return;
    }
    let expected = std::fs::read_to_string(&beside).unwrap_or_default();
    if expected != actual {
        let case = case.display();
        let _ = writeln!(
            failures,
            "--- {case}: expected\n{expected}--- {case}: is\n{actual}"
        );
    }
}

#[test]
fn what_should_load_loads_and_its_tests_pass() {
    let mut failures = String::new();
    for case in cases("accept") {
        let config = match loader().load(&[&case]) {
            Ok(config) => config,
            Err(errors) => {
                let _ = writeln!(failures, "{} does not load:\n{errors}", case.display());
                continue;
            }
        };
        let snapshot = config.snapshot();
        for failure in snapshot.tests.iter().flat_map(|test| run(snapshot, test)) {
            let _ = writeln!(failures, "{}: {failure}", case.display());
        }
        let warnings: String = config.warnings().iter().map(|w| format!("{w}\n")).collect();
        compare(&case, &local(&warnings, "accept"), &mut failures);
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn what_should_not_load_says_exactly_why() {
    let mut failures = String::new();
    for case in cases("reject") {
        match loader().load(&[&case]) {
            Ok(_) => {
                let _ = writeln!(failures, "{} loads", case.display());
            }
            Err(errors) => {
                let text = format!("{}\n", local(&errors.to_string(), "reject"));
                compare(&case, &text, &mut failures);
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
