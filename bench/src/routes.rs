//! Routes as large gateways have them: exact paths, prefixes, captures, hosts and conditions on
//! fields, mixed, and a request for each in an order that the caches cannot learn.

use std::hint::black_box;

use corelane_config::{
    Captures, HeaderCondition, HostPattern, Lookup, Matcher, PathPattern, RequestView, RouteTable,
    ValueMatch,
};

/// A prime: every route once, in no order that a prefetcher follows.
const STRIDE: usize = 7_919;

/// A request that some route takes.
#[derive(Debug)]
struct Request {
    host: String,
    path: String,
    version: bool,
}

impl RequestView for Request {
    fn method(&self) -> &[u8] {
        b"GET"
    }

    fn host(&self) -> &[u8] {
        self.host.as_bytes()
    }

    fn path(&self) -> &[u8] {
        self.path.as_bytes()
    }

    fn query(&self) -> Option<&[u8]> {
        None
    }

    fn header(&self, lower_case_name: &[u8], f: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.version && lower_case_name == b"x-api-version" && f(b"2")
    }

    fn listener(&self) -> usize {
        0
    }
}

/// A table, and requests that go round.
#[derive(Debug)]
pub struct Routes {
    table: RouteTable,
    requests: Vec<Request>,
    next: usize,
    captures: Captures,
}

impl Routes {
    /// A table of so many routes.
    ///
    /// # Panics
    /// When a request finds no route.
    #[must_use]
    pub fn new(count: usize) -> Self {
        let mut routes = Self {
            table: RouteTable::compile(matchers(count)),
            requests: (0..count)
                .map(|step| request(step * STRIDE % count))
                .collect(),
            next: 0,
            captures: Captures::new(),
        };
        for _ in 0..count {
            assert!(routes.lookup(), "every request has its route");
        }
        routes
    }

    /// Looks the next request up, and says whether it has a route.
    pub fn lookup(&mut self) -> bool {
        let request = &self.requests[self.next];
        self.next = (self.next + 1) % self.requests.len();
        let found = self.table.lookup(black_box(request), &mut self.captures);
        matches!(black_box(found), Lookup::Route(_))
    }
}

/// What a table of so many routes is compiled from.
#[must_use]
pub fn matchers(count: usize) -> Vec<Matcher> {
    let routes = (0..count).map(|n| {
        let of_team = |rest: &str| format!("/team-{}/service-{n}/{rest}", n % 97);
        match n % 5 {
            0 => matcher("*", &of_team("status"), &["GET"], None),
            1 => matcher("*", &of_team("*"), &[], None),
            2 => matcher("*", &of_team("items/{id}"), &[], None),
            3 => {
                let host = format!("t{n}.example.com");
                matcher(&host, "/api/v1/*", &["GET", "POST"], None)
            }
            _ => matcher("*", &of_team("*"), &[], Some("2")),
        }
    });
    routes.collect()
}

fn matcher(host: &str, path: &str, methods: &[&str], version: Option<&str>) -> Matcher {
    let header = |value: &str| {
        HeaderCondition::new("x-api-version", ValueMatch::Exact(value.as_bytes().into()))
    };
    Matcher {
        host: HostPattern::parse(host).expect("a host"),
        path: PathPattern::parse(path).expect("a path"),
        methods: methods.iter().map(|method| (*method).into()).collect(),
        listeners: None,
        headers: version.map(header).into_iter().collect(),
        query: Vec::new(),
    }
}

/// A request for route `n`.
fn request(n: usize) -> Request {
    let (host, path) = match n % 5 {
        3 => (format!("t{n}.example.com"), "/api/v1/users/4711".to_owned()),
        kind => {
            let rest = match kind {
                0 => "status",
                2 => "items/4711",
                _ => "a/longer/path/below",
            };
            let path = format!("/team-{}/service-{n}/{rest}", n % 97);
            ("any.example.org".to_owned(), path)
        }
    };
    Request {
        host,
        path,
        version: n % 5 == 4,
    }
}
