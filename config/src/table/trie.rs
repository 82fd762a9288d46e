//! One host's paths, segment by segment. A lookup descends along the literal segment and the
//! wildcard, and leaves out every branch whose best route comes after one already found.

use ahash::HashMap;

use super::pattern::{PathPattern, Segment, split_segment};

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
    /// Whether fields or query have to be looked at too.
    pub(super) conditions: bool,
}

/// Nodes of one host; the root is the first.
#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<TrieNode>,
}

#[derive(Debug, Default)]
struct TrieNode {
    literal: Children,
    wild: Option<u32>,
    /// Patterns that end here, by rank.
    exact: Vec<Candidate>,
    /// Patterns that end here with `/*`, by rank.
    prefix: Vec<Candidate>,
    /// The smallest rank here and below.
    best: u32,
}

/// Who is shown the candidates on the way.
pub(super) trait Visitor {
    /// Branches whose best rank is not below this need not be shown.
    fn bound(&self) -> u32;
    /// Candidates whose path matches, by rank.
    fn visit(&mut self, candidates: &[Candidate]);
}

impl Trie {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![TrieNode::default()],
        }
    }

    /// Adds a route under a pattern of segments; routes come by rank.
    pub(super) fn insert(&mut self, pattern: &PathPattern, candidate: Candidate) {
        let mut at = 0;
        for segment in pattern.segments() {
            at = self.child(at, segment, candidate.rank);
        }
        let node = &mut self.nodes[at];
        let list = if pattern.has_tail() {
            &mut node.prefix
        } else {
            &mut node.exact
        };
        list.push(candidate);
    }

    /// Shows every candidate whose path matches and that the visitor still wants.
    pub(super) fn descend(&self, path: &[u8], visitor: &mut impl Visitor) {
        if let Some(rest) = path.strip_prefix(b"/") {
            self.node(0, Some(rest), visitor);
        }
    }

    /// Recursion is bounded by the longest pattern.
    fn node(&self, at: usize, rest: Option<&[u8]>, visitor: &mut impl Visitor) {
        let node = &self.nodes[at];
        match rest {
            None => visitor.visit(&node.exact),
            Some(rest) => {
                let (segment, next) = split_segment(rest);
                if let Some(child) = node.literal.find(segment) {
                    self.branch(child, next, visitor);
                }
                if let (Some(child), false) = (node.wild, segment.is_empty()) {
                    self.branch(child, next, visitor);
                }
            }
        }
        visitor.visit(&node.prefix);
    }

    fn branch(&self, child: u32, rest: Option<&[u8]>, visitor: &mut impl Visitor) {
        let child = child as usize;
        if self.nodes[child].best < visitor.bound() {
            self.node(child, rest, visitor);
        }
    }

    /// The child for `segment`; a new one is first used by the best route that it will ever have.
    fn child(&mut self, at: usize, segment: &Segment, rank: u32) -> usize {
        let known = match segment {
            Segment::Literal(text) => self.nodes[at].literal.find(text),
            Segment::Any | Segment::Named(_) => self.nodes[at].wild,
        };
        if let Some(child) = known {
            return child as usize;
        }
        let new = self.nodes.len();
        self.nodes.push(TrieNode {
            best: rank,
            ..TrieNode::default()
        });
        let number = u32::try_from(new).expect("MAX_ROUTES × MAX_SEGMENTS fits in 32 bits");
        match segment {
            Segment::Literal(text) => self.nodes[at].literal.insert(text, number),
            Segment::Any | Segment::Named(_) => self.nodes[at].wild = Some(number),
        }
        new
    }
}

/// The literal children of a node: few are scanned, many are hashed.
#[derive(Debug)]
enum Children {
    Few(Vec<(Box<[u8]>, u32)>),
    Many(HashMap<Box<[u8]>, u32>),
}

/// Up to here, comparing in turn is faster than hashing.
const FEW: usize = 6;

impl Default for Children {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Children {
    fn find(&self, segment: &[u8]) -> Option<u32> {
        match self {
            Self::Few(list) => list
                .iter()
                .find(|(text, _)| **text == *segment)
                .map(|(_, n)| *n),
            Self::Many(map) => map.get(segment).copied(),
        }
    }

    fn insert(&mut self, segment: &[u8], child: u32) {
        match self {
            Self::Few(list) if list.len() < FEW => list.push((segment.into(), child)),
            Self::Few(list) => {
                let mut map: HashMap<_, _> = list.drain(..).collect();
                map.insert(segment.into(), child);
                *self = Self::Many(map);
            }
            Self::Many(map) => {
                map.insert(segment.into(), child);
            }
        }
    }
}
