//! YAML in, [`Node`] trees out. The only room that knows `serde_yaml`, which says what every value
//! *is*, and `saphyr-parser`, which says *where* it is; [`join`] lays one over the other, and a text
//! that the two read differently is refused, not guessed at.

mod join;
mod node;
mod spans;
mod values;

pub(crate) use node::{Entry, Mark, Node, Scalar, ScalarKind, Value, push_key};

use spans::Located;
use values::Raw;

/// A mistake in the text itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// The key that it concerns, as far as it is known.
    pub(crate) path: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl SyntaxError {
    fn at(mark: Mark, message: impl Into<String>) -> Self {
        Self {
            line: mark.line,
            column: mark.column,
            path: String::new(),
            message: message.into(),
            hint: None,
        }
    }
}

/// What [`parse`] made of a text: the documents that could be read, and the mistakes.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) documents: Vec<Node>,
    pub(crate) errors: Vec<SyntaxError>,
    /// How much of the budget was spent.
    pub(crate) nodes: usize,
}

/// Reads every document of `text`; empty ones are left out. `file` goes into the nodes' marks, and
/// at most `budget` nodes may come out, those that aliases stand for included.
pub(crate) fn parse(text: &str, file: u32, budget: usize) -> Parsed {
    let mut parsed = Parsed::default();
    // A byte order mark is no content; both parsers would count it as a column.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let located = match spans::documents(text, file, budget) {
        Ok((located, nodes)) => {
            parsed.nodes = nodes;
            located
        }
        Err(error) => {
            parsed.errors.push(error);
            return parsed;
        }
    };
    let mut raws = values::documents(text).into_iter();
    for located in located {
        match raws.next() {
            Some(Ok(raw)) => join_document(raw, located, &mut parsed),
            // serde_yaml stops at its first error: what follows has no values.
            Some(Err(error)) => {
                parsed.errors.push(error);
                return parsed;
            }
            None if located.is_empty_scalar() => {}
            None => parsed.errors.push(join::disagreement(located.mark)),
        }
    }
    parsed
}

fn join_document(raw: Raw, located: Located, parsed: &mut Parsed) {
    if located.is_empty_scalar() {
        return;
    }
    if let Some(node) = join::join(raw, located, &mut parsed.errors) {
        parsed.documents.push(node);
    }
}
