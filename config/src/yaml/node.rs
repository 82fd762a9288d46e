//! [`Node`]: a YAML value that knows where it was written. Plain data; paths such as
//! `routes[2].timeout` are found by descending to a node's number.

/// Where a node begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Mark {
    /// Index of the file.
    pub(crate) file: u32,
    /// Line, from 1.
    pub(crate) line: u32,
    /// Column in characters, from 1.
    pub(crate) column: u32,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Number in the order of the whole tree, given by [`Node::number`]; children come after their
    /// parent and before its next sibling.
    pub(crate) id: u32,
    pub(crate) mark: Mark,
    pub(crate) value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A scalar, both as it was written and as YAML 1.2 reads it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scalar {
    /// The text: `1.10` stays `1.10`.
    pub(crate) text: Box<str>,
    pub(crate) kind: ScalarKind,
}

/// What YAML 1.2 takes a scalar for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ScalarKind {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: Box<str>,
    /// Where the key stands.
    pub(crate) mark: Mark,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) fn new(mark: Mark, value: Value) -> Self {
        Self { id: 0, mark, value }
    }

    /// This mapping without its `x-` keys, which belong to whoever wrote them and do not merge.
    pub(crate) fn without_extensions(mut self) -> Self {
        if let Value::Map(entries) = &mut self.value {
            entries.retain(|entry| !entry.key.starts_with("x-"));
        }
        self
    }

    /// The value under `key`, when this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?
            .iter()
            .find(|entry| &*entry.key == key)
            .map(|entry| &entry.value)
    }

    pub(crate) fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            Value::Scalar(_) | Value::List(_) => None,
        }
    }

    /// How messages call this kind of value.
    pub(crate) fn describe(&self) -> &'static str {
        match &self.value {
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Scalar(scalar) => match scalar.kind {
                ScalarKind::Null => "nothing",
                ScalarKind::Bool(_) => "a boolean",
                ScalarKind::Integer(_) | ScalarKind::Float(_) => "a number",
                ScalarKind::Text => "text",
            },
        }
    }

    /// Gives every node of this tree its number, from `next` on; returns the first unused one.
    pub(crate) fn number(&mut self, mut next: u32) -> u32 {
        self.id = next;
        next += 1;
        match &mut self.value {
            Value::Scalar(_) => next,
            Value::List(items) => items.iter_mut().fold(next, |next, item| item.number(next)),
            Value::Map(entries) => entries
                .iter_mut()
                .fold(next, |next, entry| entry.value.number(next)),
        }
    }

    /// The path from this node, a numbered root, to the node with `id`.
    pub(crate) fn path_to(&self, id: u32) -> String {
        let mut path = String::new();
        let mut node = self;
        while node.id != id {
            node = match &node.value {
                Value::Scalar(_) => break,
                Value::List(items) => {
                    let Some(at) = last_up_to(items, id, |item| item.id) else {
                        break;
                    };
                    push_index(&mut path, at);
                    &items[at]
                }
                Value::Map(entries) => {
                    let Some(at) = last_up_to(entries, id, |entry| entry.value.id) else {
                        break;
                    };
                    push_key(&mut path, &entries[at].key);
                    &entries[at].value
                }
            };
        }
        path
    }
}

/// Adds `.key` to a path, in quotes when it would not read as one step.
pub(crate) fn push_key(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !key.is_empty() && key.bytes().all(plain) {
        path.push_str(key);
    } else {
        path.push_str(&format!("{key:?}"));
    }
}

/// Adds `[index]` to a path.
pub(crate) fn push_index(path: &mut String, index: usize) {
    path.push_str(&format!("[{index}]"));
}

/// Children are in the order of their numbers, so the one that holds `id` is the last not after it.
fn last_up_to<T>(children: &[T], id: u32, number: impl Fn(&T) -> u32) -> Option<usize> {
    children
        .partition_point(|child| number(child) <= id)
        .checked_sub(1)
}
