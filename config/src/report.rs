//! The loader's notebook: decoders write every mistake into it, next to the node that made it, and
//! go on. Places and paths are worked out here, so that a decoder only ever names a node.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::limits::MAX_PROBLEMS;
use crate::problem::{Place, Problem};
use crate::yaml::{Mark, Node};

/// Collects problems about one merged tree.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    files: &'a [Arc<str>],
    root: &'a Node,
    errors: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
    left_out: Cell<usize>,
    /// Whether a document is missing from the tree, because it could not be read.
    partial: bool,
}

impl<'a> Report<'a> {
    /// A notebook for the tree under `root`, whose nodes are numbered; `partial` when a document is
    /// missing from it.
    pub(crate) fn new(files: &'a [Arc<str>], root: &'a Node, partial: bool) -> Self {
        Self {
            files,
            root,
            errors: RefCell::default(),
            warnings: RefCell::default(),
            left_out: Cell::new(0),
            partial,
        }
    }

    /// A mistake in the value of `node`.
    pub(crate) fn error(&self, node: &Node, message: impl Into<String>) {
        self.push(&self.errors, node.mark, node.id, message.into(), None);
    }

    /// The same, with what to write instead.
    pub(crate) fn error_hint(
        &self,
        node: &Node,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(
            &self.errors,
            node.mark,
            node.id,
            message.into(),
            Some(hint.into()),
        );
    }

    /// A name that nothing bears. It may be in a document that could not be read: then that is the
    /// mistake, and this is none.
    pub(crate) fn unknown_name(&self, node: &Node, message: String, hint: String) {
        if !self.partial {
            self.error_hint(node, message, hint);
        }
    }

    /// A mistake at `mark` (a key), about the value with number `id`.
    pub(crate) fn error_at(&self, mark: Mark, id: u32, message: String, hint: Option<String>) {
        self.push(&self.errors, mark, id, message, hint);
    }

    /// Something that loads but is hardly meant.
    pub(crate) fn warn(&self, node: &Node, message: impl Into<String>, hint: impl Into<String>) {
        self.push(
            &self.warnings,
            node.mark,
            node.id,
            message.into(),
            Some(hint.into()),
        );
    }

    /// Whether further mistakes are only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.errors.borrow().len() >= MAX_PROBLEMS
    }

    /// How many mistakes there are so far.
    pub(crate) fn errors(&self) -> usize {
        self.errors.borrow().len() + self.left_out.get()
    }

    /// Where a node stands, for those who will ask later.
    pub(crate) fn place(&self, mark: Mark) -> Place {
        place(self.files, mark)
    }

    /// The key of a node in the merged configuration.
    pub(crate) fn path(&self, node: &Node) -> String {
        self.root.path_to(node.id)
    }

    /// Errors and warnings, and how many there were beyond the bound.
    pub(crate) fn finish(self) -> (Vec<Problem>, Vec<Problem>, usize) {
        (
            self.errors.into_inner(),
            self.warnings.into_inner(),
            self.left_out.get(),
        )
    }

    fn push(
        &self,
        list: &RefCell<Vec<Problem>>,
        mark: Mark,
        id: u32,
        message: String,
        hint: Option<String>,
    ) {
        let mut list = list.borrow_mut();
        if list.len() >= MAX_PROBLEMS {
            self.left_out.set(self.left_out.get() + 1);
            return;
        }
        let path = self.root.path_to(id);
        list.push(
            Mistake {
                mark,
                path,
                message,
                hint,
            }
            .problem(self.files),
        );
    }
}

/// A mistake before there is a merged tree to find paths in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) mark: Mark,
    /// The key within its document.
    pub(crate) path: String,
    pub(crate) message: String,
    hint: Option<String>,
}

impl Mistake {
    pub(crate) fn new(mark: Mark, message: impl Into<String>) -> Self {
        Self {
            mark,
            path: String::new(),
            message: message.into(),
            hint: None,
        }
    }

    /// The same, with what to write instead.
    pub(crate) fn hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }

    pub(crate) fn problem(self, files: &[Arc<str>]) -> Problem {
        let Place { file, line, column } = place(files, self.mark);
        let Self {
            path,
            message,
            hint,
            ..
        } = self;
        Problem {
            file: file.as_ref().to_owned(),
            line,
            column,
            path,
            message,
            hint,
        }
    }
}

fn place(files: &[Arc<str>], mark: Mark) -> Place {
    let file = files
        .get(mark.file as usize)
        .cloned()
        .unwrap_or_else(|| Arc::from("configuration"));
    Place {
        file,
        line: mark.line as usize,
        column: mark.column as usize,
    }
}
