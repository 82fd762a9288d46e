//! Paths with holes: `/v2/users/{id}/*`, filled from the captures and the tail of the route's own
//! path. A hole is a whole segment, so that nothing a client sends can make a dot segment of it.

use crate::table::{Captures, PathPattern, is_capture_name, normalise_literal};

/// A path to be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTemplate {
    parts: Box<[Part]>,
    /// Whether what the route's own `/*` matched is appended.
    tail: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Box<[u8]>),
    Capture(usize),
}

impl PathTemplate {
    /// Reads a template for routes with the path `pattern`.
    pub(crate) fn parse(text: &str, pattern: &PathPattern) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err("a path begins with `/`".to_owned());
        };
        let (rest, tail) = match rest.strip_suffix("/*") {
            Some(rest) => (Some(rest), true),
            None if rest == "*" => (None, true),
            None => (Some(rest), false),
        };
        if tail && !pattern.has_tail() {
            return Err(format!(
                "`/*` stands for the end of the path, and `{pattern}` has no `/*`"
            ));
        }
        let mut parts = Vec::new();
        for segment in rest.into_iter().flat_map(|rest| rest.split('/')) {
            parts.push(part(segment, pattern)?);
        }
        Ok(Self {
            parts: parts.into(),
            tail,
        })
    }

    /// Appends the path for `path`, which `pattern` matched with `captures`.
    pub(crate) fn expand(
        &self,
        pattern: &PathPattern,
        path: &[u8],
        captures: &Captures,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        for part in &self.parts {
            out.push(b'/');
            match part {
                Part::Literal(text) => out.extend_from_slice(text),
                Part::Capture(index) => {
                    out.extend_from_slice(captures.get(*index, path).unwrap_or_default());
                }
            }
        }
        if self.tail {
            out.extend_from_slice(&path[pattern.tail_start(path)..]);
        }
        if out.len() == start {
            out.push(b'/');
        }
    }
}

fn part(segment: &str, pattern: &PathPattern) -> Result<Part, String> {
    let Some(name) = segment
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        if segment.contains(['{', '}', '*']) {
            return Err(format!(
                "`{segment}`: `{{name}}` stands for a whole segment, `/*` for the end"
            ));
        }
        return normalise_literal(segment).map(|text| Part::Literal(text.into()));
    };
    if let Some(index) = pattern.capture_named(name) {
        return Ok(Part::Capture(index));
    }
    if !is_capture_name(name) {
        return Err(format!("`{{{name}}}` is no name: letters, digits and `_`"));
    }
    let known: Vec<String> = pattern
        .names()
        .map(|name| format!("`{{{name}}}`"))
        .collect();
    Err(match known.is_empty() {
        true => format!("`{pattern}` captures nothing, so `{{{name}}}` stands for nothing"),
        false => format!("`{pattern}` has no `{{{name}}}`, only {}", known.join(", ")),
    })
}
