//! The paths of every host, segment by segment. A lookup descends along the literal segment and the
//! wildcard, and leaves out every branch whose best route comes after one already found.

use std::ops::Range;

use super::pattern::{Segment, split_segment};
use super::segments::Segments;

/// A route at the end of a pattern, with what can be compared without looking at its matcher.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// Its rank; smaller comes first.
    pub(super) rank: u32,
    /// Its index.
    pub(super) route: u32,
    /// Its methods.
    pub(super) methods: u64,
    /// Its listeners.
    pub(super) listeners: u64,
    /// Which segments of its path are captured, a bit for each.
    pub(super) captured: u64,
    /// Whether fields or query have to be looked at too.
    pub(super) conditions: bool,
}

/// Who is shown the candidates on the way.
pub(super) trait Visitor {
    /// Branches whose best rank is not below this need not be shown.
    fn bound(&self) -> u32;
    /// Candidates whose path matches, by rank.
    fn visit(&mut self, candidates: &[Candidate]);
}

/// All nodes; the roots are those of the hosts.
#[derive(Debug, Default)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    /// Literal children.
    literals: Segments,
    /// The candidates of all nodes; those of one node and kind are neighbours, by rank.
    candidates: Vec<Candidate>,
}

/// Half a cache line.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(32))]
struct Node {
    /// The child for a segment that is not empty, whatever it is; 0 when there is none.
    wild: u32,
    /// Whether there are literal children.
    literals: bool,
    /// The smallest rank here and below.
    best: u32,
    /// Patterns that end here, in `candidates`.
    exact: Neighbours,
    /// Patterns that end here with `/*`, in `candidates`.
    prefix: Neighbours,
}

/// A range of candidates.
#[derive(Debug, Clone, Copy, Default)]
struct Neighbours {
    start: u32,
    end: u32,
}

/// A trie while it is filled. Routes come by rank, so that the first user of a node is its best.
#[derive(Debug)]
pub(super) struct Builder {
    trie: Trie,
    /// Candidates with the node and kind of their pattern's end, by rank.
    ends: Vec<(u32, bool, Candidate)>,
}

impl Builder {
    pub(super) fn new() -> Self {
        // Node 0 is nobody's, so that 0 can say "no child".
        let trie = Trie {
            nodes: vec![Node::default()],
            ..Trie::default()
        };
        Self {
            trie,
            ends: Vec::new(),
        }
    }

    /// A new root, first used by a route of this rank.
    pub(super) fn root(&mut self, rank: u32) -> u32 {
        self.add(rank)
    }

    /// Adds a route under a pattern.
    pub(super) fn insert(
        &mut self,
        root: u32,
        segments: &[Segment],
        has_tail: bool,
        candidate: Candidate,
    ) {
        let mut at = root;
        for segment in segments {
            at = self.child(at, segment, candidate.rank);
        }
        self.ends.push((at, has_tail, candidate));
    }

    pub(super) fn finish(mut self) -> Trie {
        // Stable, so that neighbours stay by rank.
        self.ends
            .sort_by_key(|(node, has_tail, _)| (*node, *has_tail));
        for (node, has_tail, candidate) in self.ends {
            let end = number(self.trie.candidates.len() + 1);
            let node = &mut self.trie.nodes[node as usize];
            let list = if has_tail {
                &mut node.prefix
            } else {
                &mut node.exact
            };
            if list.end == 0 {
                list.start = end - 1;
            }
            list.end = end;
            self.trie.candidates.push(candidate);
        }
        self.trie
    }

    fn child(&mut self, at: u32, segment: &Segment, rank: u32) -> u32 {
        let node = self.trie.nodes[at as usize];
        match segment {
            Segment::Literal(text) => self.trie.literals.find(at, text).unwrap_or_else(|| {
                let child = self.add(rank);
                self.trie.literals.insert(at, text, child);
                self.trie.nodes[at as usize].literals = true;
                child
            }),
            Segment::Any | Segment::Named(_) if node.wild != 0 => node.wild,
            Segment::Any | Segment::Named(_) => {
                let child = self.add(rank);
                self.trie.nodes[at as usize].wild = child;
                child
            }
        }
    }

    fn add(&mut self, rank: u32) -> u32 {
        self.trie.nodes.push(Node {
            best: rank,
            ..Node::default()
        });
        number(self.trie.nodes.len() - 1)
    }
}

impl Trie {
    /// Shows every candidate whose path matches and that the visitor still wants.
    pub(super) fn descend(&self, root: u32, path: &[u8], visitor: &mut impl Visitor) {
        if let Some(rest) = path.strip_prefix(b"/") {
            self.branch(root, Some(rest), visitor);
        }
    }

    /// Recursion is bounded by the longest pattern.
    fn branch(&self, at: u32, rest: Option<&[u8]>, visitor: &mut impl Visitor) {
        let node = &self.nodes[at as usize];
        if node.best >= visitor.bound() {
            return;
        }
        match rest {
            None => visitor.visit(self.list(node.exact)),
            Some(rest) if node.literals || node.wild != 0 => {
                let (segment, next) = split_segment(rest);
                if node.literals
                    && let Some(child) = self.literals.find(at, segment)
                {
                    self.branch(child, next, visitor);
                }
                if node.wild != 0 && !segment.is_empty() {
                    self.branch(node.wild, next, visitor);
                }
            }
            Some(_) => {}
        }
        visitor.visit(self.list(node.prefix));
    }

    fn list(&self, neighbours: Neighbours) -> &[Candidate] {
        let Range { start, end } = neighbours.start as usize..neighbours.end as usize;
        &self.candidates[start..end]
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("MAX_NODES of a configuration fits in 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_half_a_cache_line() {
        assert_eq!(size_of::<Node>(), 32);
    }
}
