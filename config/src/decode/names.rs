//! Names for logs, metrics and tests, where two things must not share one.

use std::sync::Arc;

use ahash::{HashMap, HashMapExt, HashSet};

/// A thing's name: its own, which the decoder has seen to be the only one, or one made for it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Name<'n> {
    Own(&'n str),
    Made(&'n str),
}

/// The names in order; each made one that is taken gets `#2`, `#3`, … after it.
pub(super) fn unique(names: &[Name<'_>]) -> Vec<Arc<str>> {
    let own = names.iter().filter_map(|name| match name {
        Name::Own(name) => Some(Arc::from(*name)),
        Name::Made(_) => None,
    });
    let mut taken: HashSet<Arc<str>> = own.collect();
    taken.reserve(names.len());
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut unique = Vec::with_capacity(names.len());
    for name in names {
        unique.push(match name {
            Name::Own(name) => Arc::from(*name),
            Name::Made(name) => {
                let count = counts.entry(name).or_insert(1);
                let mut candidate: Arc<str> = Arc::from(*name);
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
        let names = [
            Name::Made("a"),
            Name::Made("b"),
            Name::Made("a"),
            Name::Own("b"),
            Name::Own("a#3"),
            Name::Made("a"),
        ];
        let names = unique(&names);
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        assert_eq!(names, ["a", "b#2", "a#2", "b", "a#3", "a#4"]);
    }
}
