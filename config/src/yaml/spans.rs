//! Where everything is: the text once more through `saphyr-parser`, whose events carry positions.
//! Documents, depth, nodes and what aliases expand to are bounded here, before `serde_yaml` runs.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::Mark;
use crate::limits::{MAX_DEPTH, MAX_DOCUMENTS};
use crate::report::Mistake;

/// The shape of a value, with places and without types.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Located {
    pub(super) mark: Mark,
    pub(super) shape: Shape,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Scalar { text: Box<str>, plain: bool },
    List(Vec<Located>),
    Map(Vec<(Located, Located)>),
}

impl Located {
    /// A document or value of which nothing was written.
    pub(super) fn is_empty_scalar(&self) -> bool {
        matches!(&self.shape, Shape::Scalar { text, plain: true } if text.is_empty())
    }
}

/// The documents of `text`, and how many nodes were made for them.
pub(super) fn documents(
    text: &str,
    file: u32,
    budget: usize,
) -> Result<(Vec<Located>, usize), Mistake> {
    let mut builder = Builder {
        parser: Parser::new_from_str(text),
        file,
        budget,
        open: Vec::new(),
        anchors: HashMap::new(),
        documents: Vec::new(),
    };
    builder.run()?;
    Ok((builder.documents, budget - builder.budget))
}

struct Builder<'t> {
    parser: Parser<'t, StrInput<'t>>,
    file: u32,
    /// Nodes that may still be made.
    budget: usize,
    /// Collections that have begun and not ended.
    open: Vec<Open>,
    /// Finished anchored values of this document, with their size in nodes.
    anchors: HashMap<usize, (Located, usize)>,
    documents: Vec<Located>,
}

struct Open {
    mark: Mark,
    anchor: usize,
    kind: OpenKind,
    size: usize,
}

enum OpenKind {
    List(Vec<Located>),
    Map {
        pairs: Vec<(Located, Located)>,
        key: Option<Located>,
    },
}

impl Builder<'_> {
    fn run(&mut self) -> Result<(), Mistake> {
        while let Some(event) = self.parser.next_event() {
            let (event, span) = event.map_err(|error| self.scan_error(&error))?;
            let mark = self.mark(span);
            match event {
                Event::DocumentStart(_) => self.anchors.clear(),
                Event::Scalar(text, style, anchor, tag) => {
                    refuse_tag(tag.is_some(), mark)?;
                    let plain = style == ScalarStyle::Plain;
                    let shape = Shape::Scalar {
                        text: text.into(),
                        plain,
                    };
                    self.spend(1, mark)?;
                    self.finish(Located { mark, shape }, anchor, 1, mark)?;
                }
                Event::SequenceStart(anchor, tag) => {
                    refuse_tag(tag.is_some(), mark)?;
                    self.begin(mark, anchor, OpenKind::List(Vec::new()))?;
                }
                Event::MappingStart(anchor, tag) => {
                    refuse_tag(tag.is_some(), mark)?;
                    self.begin(
                        mark,
                        anchor,
                        OpenKind::Map {
                            pairs: Vec::new(),
                            key: None,
                        },
                    )?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end()?,
                Event::Alias(anchor) => self.alias(anchor, mark)?,
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
        }
        Ok(())
    }

    fn begin(&mut self, mark: Mark, anchor: usize, kind: OpenKind) -> Result<(), Mistake> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Mistake::new(
                mark,
                format!("nested deeper than {MAX_DEPTH} levels"),
            ));
        }
        self.spend(1, mark)?;
        self.open.push(Open {
            mark,
            anchor,
            kind,
            size: 1,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Mistake> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let shape = match open.kind {
            OpenKind::List(items) => Shape::List(items),
            OpenKind::Map { pairs, .. } => Shape::Map(pairs),
        };
        self.finish(
            Located {
                mark: open.mark,
                shape,
            },
            open.anchor,
            open.size,
            open.mark,
        )
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<(), Mistake> {
        let Some(size) = self.anchors.get(&anchor).map(|(_, size)| *size) else {
            return Err(Mistake::new(
                mark,
                "an alias for no value that is complete in this document",
            ));
        };
        // Before the copy is made: a few lines can stand for billions of nodes.
        self.spend(size, mark)?;
        let value = self.anchors[&anchor].0.clone();
        self.finish(value, 0, size, mark)
    }

    /// Puts a finished value where it belongs.
    fn finish(
        &mut self,
        value: Located,
        anchor: usize,
        size: usize,
        mark: Mark,
    ) -> Result<(), Mistake> {
        if anchor > 0 {
            self.spend(size, mark)?;
            self.anchors.insert(anchor, (value.clone(), size));
        }
        let Some(open) = self.open.last_mut() else {
            if self.documents.len() >= MAX_DOCUMENTS {
                let message = format!("more than {MAX_DOCUMENTS} documents in one file");
                return Err(Mistake::new(mark, message));
            }
            self.documents.push(value);
            return Ok(());
        };
        open.size += size;
        match &mut open.kind {
            OpenKind::List(items) => items.push(value),
            OpenKind::Map { pairs, key } => match key.take() {
                None => *key = Some(value),
                Some(key) => pairs.push((key, value)),
            },
        }
        Ok(())
    }

    fn spend(&mut self, nodes: usize, mark: Mark) -> Result<(), Mistake> {
        match self.budget.checked_sub(nodes) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(Mistake::new(
                mark,
                "more values than a configuration may have (those that aliases stand for count)",
            )),
        }
    }

    fn mark(&self, span: Span) -> Mark {
        mark(self.file, span.start.line(), span.start.col())
    }

    fn scan_error(&self, error: &ScanError) -> Mistake {
        let mark = mark(self.file, error.marker().line(), error.marker().col());
        Mistake::new(mark, format!("not YAML: {}", error.info()))
    }
}

fn mark(file: u32, line: usize, column_from_0: usize) -> Mark {
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Mark {
        file,
        line: narrow(line),
        column: narrow(column_from_0 + 1),
    }
}

fn refuse_tag(tagged: bool, mark: Mark) -> Result<(), Mistake> {
    if tagged {
        return Err(Mistake::new(
            mark,
            "tags (`!name`) mean nothing here; leave it out",
        ));
    }
    Ok(())
}
