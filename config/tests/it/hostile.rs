//! Texts that nobody meant: fixtures with letters, lines and whole parts moved about. Whatever
//! comes of them, it is a configuration or a list of mistakes with places in the text.

use std::path::Path;

use crate::random::Random;
use crate::support::loader;

fn fixtures() -> Vec<String> {
    let mut texts = Vec::new();
    for folder in ["tests/accept", "tests/reject", "tests/source"] {
        for entry in Path::new(folder).read_dir().expect("fixtures are there") {
            let path = entry.expect("readable").path();
            if path.extension().is_some_and(|kind| kind == "yaml") && path.is_file() {
                texts.push(std::fs::read_to_string(path).expect("readable"));
            }
        }
    }
    assert!(texts.len() > 20, "have the fixtures moved?");
    texts
}

fn garble(text: &str, random: &mut Random) -> String {
    const PARTS: [&str; 20] = [
        ": ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "\n",
        "  ",
        "\"",
        "'",
        "&a ",
        "*a",
        "!t ",
        "|\n",
        "? ",
        "#",
        "\t",
        "---\n",
        "\u{0}",
        "\u{1F600}",
    ];
    let mut letters: Vec<char> = text.chars().collect();
    for _ in 0..1 + random.below(4) {
        let at = random.below(letters.len() + 1);
        let end = (at + random.below(12)).min(letters.len());
        match random.below(4) {
            0 => drop(letters.drain(at..end)),
            1 => {
                let part: Vec<char> = letters[at..end].to_vec();
                let to = random.below(letters.len() + 1);
                letters.splice(to..to, part);
            }
            2 => drop(letters.splice(at..end, random.pick(&PARTS).chars())),
            _ => drop(letters.splice(at..at, random.pick(&PARTS).chars())),
        }
    }
    letters.into_iter().collect()
}

#[test]
fn garbled_texts_load_or_are_refused_with_places_that_exist() {
    let texts = fixtures();
    let mut random = Random::new(1);
    let (mut loaded, mut refused) = (0, 0);
    for _ in 0..2_000 {
        let index = random.below(texts.len());
        let text = garble(&texts[index], &mut random);
        match loader().from_yaml("garbled.yaml", &text) {
            Ok(_) => loaded += 1,
            Err(errors) => {
                refused += 1;
                assert!(!errors.0.is_empty(), "refused without a reason:\n{text}");
                let lines = text.lines().count().max(1);
                for problem in errors.0 {
                    let inside = (1..=lines + 1).contains(&problem.line) && problem.column > 0;
                    assert!(inside, "{problem} is not in {lines} lines:\n{text}");
                }
            }
        }
    }
    assert!(
        loaded > 25 && refused > 1_000,
        "{loaded} loaded, {refused} refused"
    );
}
