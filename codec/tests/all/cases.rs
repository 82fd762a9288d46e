//! Runs every case file: in one go, cut in two at every byte, and byte by byte.

use std::fs;
use std::path::Path;

use crate::case_file::{self, Case};
use crate::events::{self, Reader};

/// Inputs longer than this are cut at a hundred places only: the time goes with the square.
const CUT_EVERYWHERE_MAX: usize = 2000;

#[test]
fn every_case_in_every_cut() {
    let mut failures = Vec::new();
    let mut count = 0;
    for (file, cases) in files() {
        for case in cases {
            count += 1;
            if let Err(failure) = run(&case) {
                failures.push(format!("{file}:{} {}\n{failure}", case.line, case.name));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {count} failed\n\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(count > 600, "only {count} cases found");
}

#[test]
fn names_are_told_once() {
    for (file, cases) in files() {
        let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(twice, None, "{file}");
        assert!(
            cases.iter().all(|case| !case.expected.is_empty()),
            "{file}: a case without events"
        );
    }
}

pub(crate) fn files() -> Vec<(String, Vec<Case>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let cases = case_file::parse(&name, &fs::read_to_string(path).unwrap());
            (name, cases)
        })
        .collect()
}

fn run(case: &Case) -> Result<(), String> {
    let input = case.input.as_slice();
    if let Some(event) = events::of_value(&case.setup, input) {
        return compare(case, &[event], "");
    }
    compare(case, &read(case, &[input]), "in one go")?;
    let stride = if input.len() > CUT_EVERYWHERE_MAX {
        input.len() / 100
    } else {
        1
    };
    for at in (1..input.len()).step_by(stride) {
        let (head, tail) = input.split_at(at);
        compare(
            case,
            &read(case, &[head, tail]),
            &format!("cut at byte {at}"),
        )?;
    }
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    compare(case, &read(case, &bytes), "byte by byte")
}

fn read(case: &Case, pieces: &[&[u8]]) -> Vec<String> {
    let mut reader = Reader::new(&case.setup);
    for piece in pieces {
        reader.feed(piece);
    }
    reader.finish()
}

fn compare(case: &Case, events: &[String], how: &str) -> Result<(), String> {
    if events == case.expected {
        return Ok(());
    }
    let shown: String = events.iter().map(|event| format!("< {event}\n")).collect();
    Err(format!("{how}, the events are\n{shown}"))
}
