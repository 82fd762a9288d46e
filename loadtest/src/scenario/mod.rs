//! What is asked of the target: the kinds of requests. Entered when a plan is made; the workers make
//! their requests from it.

use std::cell::OnceCell;
use std::rc::Rc;

use bytes::Bytes;

use crate::request::{Keep, Nature, Request};

/// One kind of request, and how its numbers are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The name in reports.
    pub(crate) name: String,
    /// The method (RFC 9110 §9.1).
    pub(crate) method: String,
    /// The request-target in origin-form.
    pub(crate) path: String,
    /// Fields, in order.
    pub(crate) fields: Vec<(String, String)>,
    /// The content.
    pub(crate) body: Bytes,
}

impl Kind {
    /// GET of a path: what a run sends when nobody says more.
    pub(crate) fn get(path: &str) -> Self {
        Self {
            name: "request".to_owned(),
            method: "GET".to_owned(),
            path: path.to_owned(),
            fields: [("User-Agent", "corelane-loadtest"), ("Accept", "*/*")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            body: Bytes::new(),
        }
    }

    /// The request of this kind, which is number `number` of the plan's.
    pub(crate) fn request(&self, number: usize, authority: &Rc<str>) -> Request {
        Request {
            kind: number,
            method: self.method.clone(),
            authority: Rc::clone(authority),
            target: self.path.clone(),
            fields: self.fields.clone(),
            body: self.body.clone(),
            keep: Keep::Status,
            nature: Nature::Fixed(OnceCell::new()),
        }
    }
}
