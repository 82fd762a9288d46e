//! Names for logs, metrics and tests, where two things must not share one.

use std::sync::Arc;

use ahash::{HashMap, HashMapExt, HashSet};

use super::fields::{Fields, Text};
use crate::yaml::Node;

/// A thing's name: its own, which nobody else has, or one made for it.
#[derive(Debug, Clone)]
pub(super) enum Name<'n> {
    Own(&'n str),
    Made(String),
}

/// The names that things of one kind gave themselves.
#[derive(Debug, Default)]
pub(super) struct OwnNames<'a> {
    taken: HashMap<&'a str, &'a Node>,
}

impl<'a> OwnNames<'a> {
    /// What `fields` says under `name:`; a name that is taken or empty is reported.
    pub(super) fn claim(&mut self, fields: &Fields<'a>) -> Option<&'a str> {
        let Text { text, node } = fields.text("name")?;
        if let Some(first) = self.taken.get(text) {
            let place = fields.report.place(first.mark);
            fields
                .report
                .error(node, format!("the name `{text}` is taken at {place}"));
            return None;
        }
        if text.is_empty() {
            fields.report.error(node, "an empty name");
            return None;
        }
        self.taken.insert(text, node);
        Some(text)
    }
}

/// The names in order; each made one that is taken gets `#2`, `#3`, … after it.
pub(super) fn unique(names: &[Name<'_>]) -> Vec<Arc<str>> {
    let own = names.iter().filter_map(|name| match name {
        Name::Own(name) => Some(Arc::from(*name)),
        Name::Made(_) => None,
    });
    let mut taken: HashSet<Arc<str>> = own.collect();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut unique = Vec::with_capacity(names.len());
    for name in names {
        unique.push(match name {
            Name::Own(name) => Arc::from(*name),
            Name::Made(name) => {
                let count = counts.entry(name).or_insert(1);
                let mut candidate: Arc<str> = Arc::from(&**name);
                while !taken.insert(Arc::clone(&candidate)) {
                    *count += 1;
                    candidate = Arc::from(format!("{name}#{count}"));
                }
                candidate
            }
        });
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_names_that_are_taken_are_numbered_and_own_ones_stay() {
        let made = |name: &str| Name::Made(name.to_owned());
        let names = [
            made("a"),
            made("b"),
            made("a"),
            Name::Own("b"),
            Name::Own("a#3"),
            made("a"),
        ];
        let names = unique(&names);
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        assert_eq!(names, ["a", "b#2", "a#2", "b", "a#3", "a#4"]);
    }
}
