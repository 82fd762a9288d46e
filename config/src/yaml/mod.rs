//! YAML in, [`Node`] trees out. The only room that knows `serde_yaml`, which says what every value
//! *is*, and `saphyr-parser`, which says *where* it is; [`join`] lays one over the other. A text
//! that the two read differently is refused, not guessed at.

mod join;
mod node;
mod spans;
mod values;

#[cfg(test)]
mod tests;

pub(crate) use node::{Entry, Mark, Node, Scalar, ScalarKind, Value, push_key};

use crate::report::Mistake;
use spans::Located;
use values::Raw;

/// What [`parse`] made of a text: the documents that could be read, and the mistakes.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) documents: Vec<Node>,
    pub(crate) mistakes: Vec<Mistake>,
    /// Whether every document could be read.
    pub(crate) complete: bool,
    /// How much of the budget was spent.
    pub(crate) nodes: usize,
}

impl Parsed {
    /// The same, and a document that is missing because of `mistake`.
    fn without(mut self, mistake: Mistake) -> Self {
        self.mistakes.push(mistake);
        self.complete = false;
        self
    }
}

/// Reads every document of `text`; empty ones are left out. `file` goes into the nodes' marks, and
/// at most `budget` nodes may come out, those that aliases stand for included.
pub(crate) fn parse(text: &str, file: u32, budget: usize) -> Parsed {
    let mut parsed = Parsed {
        documents: Vec::new(),
        mistakes: Vec::new(),
        complete: true,
        nodes: 0,
    };
    // A byte order mark is no content; both parsers would count it as a column.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(mistake) = unprintable(text, file) {
        return parsed.without(mistake);
    }
    let located = match spans::documents(text, file, budget) {
        Ok((located, nodes)) => {
            parsed.nodes = nodes;
            located
        }
        Err(mistake) => return parsed.without(mistake),
    };
    let mut raws = values::documents(text, file).into_iter();
    for located in located {
        match raws.next() {
            Some(Ok(raw)) => join_document(raw, located, &mut parsed),
            // serde_yaml stops at its first error: what follows has no values.
            Some(Err(mistake)) => return parsed.without(mistake),
            None if located.is_empty_scalar() => {}
            None => parsed = parsed.without(join::disagreement(located.mark)),
        }
    }
    parsed
}

/// The first character that YAML does not allow (§5.1): `serde_yaml` would name its offset alone.
fn unprintable(text: &str, file: u32) -> Option<Mistake> {
    let allowed = |letter: char| match letter {
        '\t' | '\n' | '\r' | '\u{85}' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        letter => !letter.is_control(),
    };
    for (line, text) in (1..).zip(text.split('\n')) {
        if let Some((column, letter)) = (1..).zip(text.chars()).find(|(_, c)| !allowed(*c)) {
            let message = format!("U+{:04X} is no printable character", u32::from(letter));
            let mark = Mark { file, line, column };
            return Some(Mistake::new(mark, message).hint("write it as `\"\\x..\"`"));
        }
    }
    None
}

fn join_document(raw: Raw, located: Located, parsed: &mut Parsed) {
    if located.is_empty_scalar() {
        return;
    }
    match join::join(raw, located, &mut parsed.mistakes) {
        Some(node) => parsed.documents.push(node),
        None => parsed.complete = false,
    }
}
