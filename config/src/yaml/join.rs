//! Lays values over places. Both trees come from the same text, so they have the same shape; where
//! they have not, the text is one of the corners on which YAML readers differ, and it is refused.
//! Duplicate keys are found here, while both occurrences are at hand.

use std::collections::HashMap;

use super::node::{push_index, push_key};
use super::spans::{Located, Shape};
use super::values::Raw;
use super::{Entry, Mark, Node, Scalar, ScalarKind, Value};
use crate::report::Mistake;

/// The tree with both values and places; `None` when a mistake says why not.
pub(super) fn join(raw: Raw, located: Located, mistakes: &mut Vec<Mistake>) -> Option<Node> {
    Join {
        mistakes,
        path: String::new(),
    }
    .node(raw, located)
}

/// The two parsers read the value at `mark` differently.
pub(super) fn disagreement(mark: Mark) -> Mistake {
    Mistake::new(mark, "YAML readers differ on what this value is")
        .hint("write it plainer, for example in double quotes")
}

struct Join<'e> {
    mistakes: &'e mut Vec<Mistake>,
    /// The path within this document.
    path: String,
}

impl Join<'_> {
    fn node(&mut self, raw: Raw, located: Located) -> Option<Node> {
        let mark = located.mark;
        let value = match (raw, located.shape) {
            (Raw::List(raws), Shape::List(items)) if raws.len() == items.len() => {
                self.list(raws, items)?
            }
            (Raw::Map(raws), Shape::Map(pairs)) if raws.len() == pairs.len() => {
                self.map(raws, pairs)?
            }
            (raw, Shape::Scalar { text, plain }) => match scalar_kind(&raw, &text, plain) {
                Some(kind) => Value::Scalar(Scalar { text, kind }),
                None => return self.fail(disagreement(mark)),
            },
            (_, Shape::List(_) | Shape::Map(_)) => return self.fail(disagreement(mark)),
        };
        Some(Node::new(mark, value))
    }

    fn list(&mut self, raws: Vec<Raw>, items: Vec<Located>) -> Option<Value> {
        let mut list = Vec::with_capacity(items.len());
        for (index, (raw, item)) in raws.into_iter().zip(items).enumerate() {
            let parent = self.path.len();
            push_index(&mut self.path, index);
            let node = self.node(raw, item);
            self.path.truncate(parent);
            list.push(node?);
        }
        Some(Value::List(list))
    }

    fn map(&mut self, raws: Vec<(Raw, Raw)>, pairs: Vec<(Located, Located)>) -> Option<Value> {
        let mut entries: Vec<Entry> = Vec::with_capacity(pairs.len());
        let mut seen: HashMap<Box<str>, Mark> = HashMap::with_capacity(pairs.len());
        for ((raw_key, raw), (key, value)) in raws.into_iter().zip(pairs) {
            let mark = key.mark;
            // A bad key is one mistake; what stands beside it is still checked.
            let Some(key) = self.key(raw_key, key) else {
                continue;
            };
            let parent = self.path.len();
            push_key(&mut self.path, &key);
            let node = self.node(raw, value);
            if let Some(first) = seen.get(&key) {
                self.duplicate(&key, *first, mark);
            }
            self.path.truncate(parent);
            let node = node?;
            // The first one counts, so that what follows is still checked.
            if !seen.contains_key(&key) {
                seen.insert(key.clone(), mark);
                entries.push(Entry {
                    key,
                    mark,
                    value: node,
                });
            }
        }
        Some(Value::Map(entries))
    }

    fn key(&mut self, raw: Raw, located: Located) -> Option<Box<str>> {
        let mark = located.mark;
        let node = self.node(raw, located)?;
        match node.value {
            Value::Scalar(scalar) if scalar.kind != ScalarKind::Null => Some(scalar.text),
            Value::Scalar(_) => self.fail(Mistake::new(mark, "a key without text")),
            Value::List(_) | Value::Map(_) => {
                self.fail(Mistake::new(mark, "a key must be text, not a collection"))
            }
        }
    }

    fn duplicate(&mut self, key: &str, first: Mark, mark: Mark) {
        let message = format!(
            "`{key}` is already at line {}, and a key may stand once",
            first.line
        );
        let mut mistake = Mistake::new(mark, message).hint("keep one of the two");
        mistake.path.clone_from(&self.path);
        self.mistakes.push(mistake);
    }

    fn fail<T>(&mut self, mut mistake: Mistake) -> Option<T> {
        mistake.path.clone_from(&self.path);
        self.mistakes.push(mistake);
        None
    }
}

/// What the value at hand is, when its text can be read that way.
fn scalar_kind(raw: &Raw, text: &str, plain: bool) -> Option<ScalarKind> {
    match raw {
        Raw::Text(value) => (**value == *text).then_some(ScalarKind::Text),
        _ if !plain => None,
        Raw::Null => {
            matches!(text, "" | "~" | "null" | "Null" | "NULL").then_some(ScalarKind::Null)
        }
        Raw::Bool(value) => text
            .eq_ignore_ascii_case(&value.to_string())
            .then_some(ScalarKind::Bool(*value)),
        Raw::Integer(value) => Some(ScalarKind::Integer(*value)),
        Raw::Float(value) => Some(ScalarKind::Float(*value)),
        Raw::List(_) | Raw::Map(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(text: &str, plain: bool) -> Located {
        let shape = Shape::Scalar {
            text: text.into(),
            plain,
        };
        Located {
            mark: Mark {
                file: 0,
                line: 3,
                column: 4,
            },
            shape,
        }
    }

    fn located(shape: Shape) -> Located {
        Located {
            mark: Mark {
                file: 0,
                line: 1,
                column: 2,
            },
            shape,
        }
    }

    #[test]
    fn a_text_that_the_readers_take_differently_is_refused_where_it_stands() {
        let text = |text: &str| Raw::Text(text.into());
        for (raw, shape) in [
            (Raw::Bool(true), scalar("true", false)),
            (Raw::Bool(true), scalar("yes", true)),
            (Raw::Null, scalar("", false)),
            (Raw::Null, scalar("nothing", true)),
            (Raw::Integer(1), scalar("1", false)),
            (text("a"), scalar("b", true)),
            (Raw::List(Vec::new()), scalar("", true)),
            (text("a"), located(Shape::List(Vec::new()))),
            (Raw::Map(Vec::new()), located(Shape::List(Vec::new()))),
            (Raw::List(vec![Raw::Null]), located(Shape::List(Vec::new()))),
            (
                Raw::Map(vec![(text("a"), Raw::Null)]),
                located(Shape::Map(Vec::new())),
            ),
        ] {
            let mark = shape.mark;
            let mut mistakes = Vec::new();
            let joined = join(raw.clone(), shape, &mut mistakes);
            assert_eq!(joined, None, "{raw:?}");
            assert_eq!(mistakes, [disagreement(mark)], "{raw:?}");
        }
    }

    #[test]
    fn a_difference_deep_inside_names_its_path() {
        let raw = Raw::Map(vec![(
            Raw::Text("a".into()),
            Raw::List(vec![Raw::Bool(true)]),
        )]);
        let list = located(Shape::List(vec![scalar("true", false)]));
        let shape = located(Shape::Map(vec![(scalar("a", true), list)]));
        let mut mistakes = Vec::new();
        assert_eq!(join(raw, shape, &mut mistakes), None);
        assert_eq!((&*mistakes[0].path, mistakes[0].mark.line), ("a[0]", 3));
    }
}
