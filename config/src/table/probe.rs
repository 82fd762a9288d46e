//! A request made up for the tests of this room.

use super::RequestView;

#[derive(Debug, Clone)]
pub(crate) struct Probe {
    path: String,
    headers: Vec<(String, String)>,
}

impl Probe {
    pub(crate) fn get(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }
}

impl RequestView for Probe {
    fn method(&self) -> &[u8] {
        b"GET"
    }

    fn host(&self) -> &[u8] {
        b"example.com"
    }

    fn path(&self) -> &[u8] {
        self.path.as_bytes()
    }

    fn query(&self) -> Option<&[u8]> {
        None
    }

    fn header(&self, lower_case_name: &[u8], f: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        let named = self
            .headers
            .iter()
            .filter(|(name, _)| name.as_bytes() == lower_case_name);
        named.map(|(_, value)| value.as_bytes()).any(f)
    }

    fn listener(&self) -> usize {
        0
    }
}
