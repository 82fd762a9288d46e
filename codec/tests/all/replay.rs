//! Everything that fuzzing has seen, and every case, through the bodies of the fuzz targets.

use std::fs;
use std::path::Path;

use crate::cases;
use crate::fuzz_bodies::{self, TARGETS};

#[test]
fn the_corpus_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (target, body) in TARGETS {
        let mut seen = 0;
        for entry in fs::read_dir(corpus.join(target)).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            body(&fs::read(path).unwrap());
            seen += 1;
        }
        assert!(seen >= 20, "{target} has {seen} inputs only");
    }
}

#[test]
fn the_cases_hold() {
    for (file, cases) in cases::files() {
        for case in cases {
            println!("{file}:{} {}", case.line, case.name);
            for (_, body) in TARGETS {
                body(&case.input);
            }
            // What follows the head is a body of its own.
            if let Some(at) = case
                .input
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                fuzz_bodies::body(&case.input[at + 4..]);
            }
        }
    }
}
