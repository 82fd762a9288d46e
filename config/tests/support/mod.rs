//! What the tests of this crate share: requests made up by hand, and a resolver that asks nobody.

use std::io;
use std::net::SocketAddr;

use corelane_config::{Config, Loader, RequestView};

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) listener: usize,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        Self {
            method: method.to_owned(),
            host: "anywhere.test".to_owned(),
            path: path.to_owned(),
            query,
            headers: Vec::new(),
            listener: 0,
        }
    }
}

impl RequestView for Request {
    fn method(&self) -> &[u8] {
        self.method.as_bytes()
    }

    fn host(&self) -> &[u8] {
        self.host.as_bytes()
    }

    fn path(&self) -> &[u8] {
        self.path.as_bytes()
    }

    fn query(&self) -> Option<&[u8]> {
        self.query.as_deref().map(str::as_bytes)
    }

    fn header(&self, lower_case_name: &[u8], f: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        let named = self
            .headers
            .iter()
            .filter(|(name, _)| name.as_bytes() == lower_case_name);
        named.map(|(_, value)| value.as_bytes()).any(f)
    }

    fn listener(&self) -> usize {
        self.listener
    }
}

/// A loader whose names are made up: `two.test` has two addresses, `nowhere.test` none, and what
/// ends in `.invalid` does not exist.
pub(crate) fn loader() -> Loader {
    Loader::with_resolver(|host, port| {
        let ip = |last: u8| SocketAddr::from(([192, 0, 2, last], port));
        match host {
            "two.test" => Ok(vec![ip(2), ip(1), ip(2)]),
            "nowhere.test" => Ok(Vec::new()),
            _ if host.ends_with(".invalid") => {
                Err(io::Error::new(io::ErrorKind::NotFound, "no such name"))
            }
            _ => Ok(vec![ip(9)]),
        }
    })
}

/// Loads a text that has to be right.
#[track_caller]
pub(crate) fn load(text: &str) -> Config {
    match loader().from_yaml("test.yaml", text) {
        Ok(config) => config,
        Err(errors) => panic!("{errors}"),
    }
}
