//! Several documents make one tree: lists append, mappings merge, and a scalar that is set twice
//! must be set to the same value. The order is that of the files and of the documents in them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::report::Mistake;
use crate::yaml::{Entry, Node, Value, push_key};

/// Merges documents, which are mappings, into one tree; its nodes are not numbered yet.
pub(crate) fn merge(
    documents: Vec<Node>,
    files: &[Arc<str>],
    mistakes: &mut Vec<Mistake>,
) -> Option<Node> {
    let mut documents = documents.into_iter();
    let mut merged = documents.next()?;
    for document in documents {
        Merge {
            files,
            mistakes,
            path: String::new(),
        }
        .node(&mut merged, document);
    }
    Some(merged)
}

struct Merge<'m> {
    files: &'m [Arc<str>],
    mistakes: &'m mut Vec<Mistake>,
    path: String,
}

impl Merge<'_> {
    fn node(&mut self, into: &mut Node, from: Node) {
        let mark = from.mark;
        match (&mut into.value, from.value) {
            (Value::List(items), Value::List(more)) => items.extend(more),
            (Value::Map(entries), Value::Map(more)) => self.map(entries, more),
            (Value::Scalar(one), Value::Scalar(other)) if *one == other => {}
            _ => {
                let first = into.mark;
                let file = self
                    .files
                    .get(first.file as usize)
                    .map_or("", |file| &**file);
                let message = format!(
                    "set to something else at {file}:{}:{}, and documents that merge must agree",
                    first.line, first.column
                );
                let mut mistake = Mistake::new(mark, message).hint("keep one of the two");
                mistake.path.clone_from(&self.path);
                self.mistakes.push(mistake);
            }
        }
    }

    fn map(&mut self, entries: &mut Vec<Entry>, more: Vec<Entry>) {
        let known: HashMap<Box<str>, usize> = entries
            .iter()
            .enumerate()
            .map(|(index, entry)| (entry.key.clone(), index))
            .collect();
        for entry in more {
            match known.get(&entry.key) {
                Some(&index) => {
                    let parent = self.path.len();
                    push_key(&mut self.path, &entry.key);
                    self.node(&mut entries[index].value, entry.value);
                    self.path.truncate(parent);
                }
                None => entries.push(entry),
            }
        }
    }
}
