//! Path patterns: `/a/b`, `/a/*`, `/a/*/b`, `/a/{id}`, and whole-path regexes. Read and normalised
//! once at load, so that a lookup compares bytes; the request's path comes in normalised.

use std::fmt;

use regex::bytes::Regex;

use super::text::{compile_regex, normalise_literal};
use crate::limits::{MAX_CAPTURES, MAX_PATTERN_BYTES, MAX_SEGMENTS};

/// What a route's `path:` matches.
#[derive(Debug, Clone)]
pub struct PathPattern {
    written: Box<str>,
    kind: PatternKind,
}

/// The forms of a [`PathPattern`].
#[derive(Debug, Clone)]
pub enum PatternKind {
    /// Segment by segment.
    Segments {
        /// Every segment before a trailing `/*`.
        segments: Box<[Segment]>,
        /// Whether the pattern ends with `/*`: it matches its segments alone, with a slash after
        /// them, and everything below.
        tail: bool,
    },
    /// The whole path against a regex.
    Regex(Regex),
}

/// One segment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// These bytes.
    Literal(Box<[u8]>),
    /// `*`: any one segment that is not empty.
    Any,
    /// `{name}`: the same, and its text is kept.
    Named(Box<str>),
}

impl PathPattern {
    /// Reads `/a/{id}/*`.
    ///
    /// # Errors
    /// Says why the text is no path pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(format!("a path of more than {MAX_PATTERN_BYTES} bytes"));
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err("a path begins with `/`".to_owned());
        };
        let (rest, tail) = match rest.strip_suffix("/*") {
            Some(rest) => (Some(rest), true),
            None if rest == "*" => (None, true),
            None => (Some(rest), false),
        };
        let mut segments = Vec::new();
        for segment in rest.into_iter().flat_map(|rest| rest.split('/')) {
            segments.push(Segment::parse(segment)?);
        }
        if segments.len() > MAX_SEGMENTS {
            return Err(format!("a path of more than {MAX_SEGMENTS} segments"));
        }
        check_names(&segments)?;
        let kind = PatternKind::Segments {
            segments: segments.into(),
            tail,
        };
        Ok(Self {
            written: text.into(),
            kind,
        })
    }

    /// Compiles a regex that the whole path has to match.
    ///
    /// # Errors
    /// Says why the text is no regex, or that it is too large.
    pub fn regex(text: &str) -> Result<Self, String> {
        let kind = PatternKind::Regex(compile_regex(&format!(r"\A(?:{text})\z"))?);
        Ok(Self {
            written: text.into(),
            kind,
        })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Which form it has.
    #[must_use]
    pub fn kind(&self) -> &PatternKind {
        &self.kind
    }

    /// Whether it ends with `/*`.
    #[must_use]
    pub fn has_tail(&self) -> bool {
        matches!(self.kind, PatternKind::Segments { tail: true, .. })
    }

    /// The number of the capture `{name}`, in the order of the path.
    #[must_use]
    pub fn capture_named(&self, name: &str) -> Option<usize> {
        self.names().position(|capture| capture == name)
    }

    /// The names of the captures, in the order of the path.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.segments().iter().filter_map(|segment| match segment {
            Segment::Named(name) => Some(&**name),
            Segment::Literal(_) | Segment::Any => None,
        })
    }

    /// The segments; none for a regex.
    pub(crate) fn segments(&self) -> &[Segment] {
        match &self.kind {
            PatternKind::Segments { segments, .. } => segments,
            PatternKind::Regex(_) => &[],
        }
    }

    /// Whether the whole of `path` matches. The table does not ask this, it descends; this is for
    /// what asks about one route.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        match &self.kind {
            PatternKind::Regex(regex) => regex.is_match(path),
            PatternKind::Segments { segments, tail } => {
                let mut rest = path.strip_prefix(b"/");
                for segment in segments {
                    let Some((text, next)) = rest.map(split_segment) else {
                        return false;
                    };
                    if !segment.matches(text) {
                        return false;
                    }
                    rest = next;
                }
                *tail || rest.is_none()
            }
        }
    }

    /// Where the part that a trailing `/*` stands for begins: at the slash, or at the end.
    pub(crate) fn tail_start(&self, path: &[u8]) -> usize {
        let mut at = 0;
        for _ in self.segments() {
            let rest = path.get(at + 1..).unwrap_or_default();
            at += 1 + split_segment(rest).0.len();
        }
        at.min(path.len())
    }

    /// The literal segments at its beginning, each with its slash.
    pub(crate) fn literal_prefix(&self) -> Vec<u8> {
        let mut prefix = Vec::new();
        for segment in self.segments() {
            let Segment::Literal(text) = segment else {
                break;
            };
            prefix.push(b'/');
            prefix.extend_from_slice(text);
        }
        prefix
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            PatternKind::Segments { .. } => f.write_str(&self.written),
            PatternKind::Regex(_) => write!(f, "~{}", self.written),
        }
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some(name) = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        {
            return match is_capture_name(name) {
                true => Ok(Self::Named(name.into())),
                false => Err(format!("`{{{name}}}` is no name: letters, digits and `_`")),
            };
        }
        if text.contains(['*', '{', '}']) {
            return Err(format!(
                "`{text}` mixes text with `*` or `{{name}}`, which stand for whole segments"
            ));
        }
        normalise_literal(text).map(|text| Self::Literal(text.into()))
    }

    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Literal(literal) => **literal == *text,
            Self::Any | Self::Named(_) => !text.is_empty(),
        }
    }
}

/// The first segment of what comes after a slash, and what comes after the next slash, if any.
pub(super) fn split_segment(rest: &[u8]) -> (&[u8], Option<&[u8]>) {
    match rest.iter().position(|byte| *byte == b'/') {
        Some(slash) => (&rest[..slash], Some(&rest[slash + 1..])),
        None => (rest, None),
    }
}

pub(crate) fn is_capture_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn check_names(segments: &[Segment]) -> Result<(), String> {
    let mut names: Vec<&str> = Vec::new();
    for segment in segments {
        let Segment::Named(name) = segment else {
            continue;
        };
        if names.contains(&&**name) {
            return Err(format!("`{{{name}}}` stands twice in one path"));
        }
        names.push(name);
    }
    if names.len() > MAX_CAPTURES {
        return Err(format!("more than {MAX_CAPTURES} captures in one path"));
    }
    Ok(())
}
