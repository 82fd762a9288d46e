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
}

impl<'a> Report<'a> {
    /// A notebook for the tree under `root`, whose nodes are numbered.
    pub(crate) fn new(files: &'a [Arc<str>], root: &'a Node) -> Self {
        Self {
            files,
            root,
            errors: RefCell::default(),
            warnings: RefCell::default(),
            left_out: Cell::new(0),
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

    /// Errors and warnings, each in the order of the files.
    pub(crate) fn finish(self) -> (Vec<Problem>, Vec<Problem>) {
        let in_order = |problems: RefCell<Vec<Problem>>| {
            let mut problems = problems.into_inner();
            let file = |problem: &Problem| self.files.iter().position(|f| **f == *problem.file);
            problems.sort_by_cached_key(|problem| (file(problem), problem.line, problem.column));
            problems
        };
        let mut errors = in_order(self.errors);
        if self.left_out.get() > 0 {
            let message = format!("and {} problems more", self.left_out.get());
            errors.push(problem(
                self.files,
                Mark::default(),
                String::new(),
                message,
                None,
            ));
        }
        (errors, in_order(self.warnings))
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
        list.push(problem(
            self.files,
            mark,
            self.root.path_to(id),
            message,
            hint,
        ));
    }
}

/// A problem at a mark.
pub(crate) fn problem(
    files: &[Arc<str>],
    mark: Mark,
    path: String,
    message: String,
    hint: Option<String>,
) -> Problem {
    let Place { file, line, column } = place(files, mark);
    Problem {
        file: file.as_ref().to_owned(),
        line,
        column,
        path,
        message,
        hint,
    }
}

fn place(files: &[Arc<str>], mark: Mark) -> Place {
    let file = files
        .get(mark.file as usize)
        .cloned()
        .unwrap_or_else(|| Arc::from(""));
    Place {
        file,
        line: mark.line as usize,
        column: mark.column as usize,
    }
}
