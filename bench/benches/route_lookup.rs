//! Routes: 10,000 of them compile in under 100 ms, and one is found in under 500 ns. The set mixes
//! exact paths, prefixes, captures, hosts and header conditions, and requests come in an order that
//! the caches cannot learn.

use std::hint::black_box;

use corelane_config::{
    Captures, HeaderCondition, HostPattern, Lookup, Matcher, PathPattern, RequestView, RouteTable,
    ValueMatch,
};
use criterion::{Criterion, criterion_group, criterion_main};

const ROUTES: usize = 10_000;

/// A request that some route takes.
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

fn matchers() -> Vec<Matcher> {
    let routes = (0..ROUTES).map(|n| {
        let team = n % 97;
        match n % 5 {
            0 => matcher(
                "*",
                &format!("/team-{team}/service-{n}/status"),
                &["GET"],
                None,
            ),
            1 => matcher("*", &format!("/team-{team}/service-{n}/*"), &[], None),
            2 => matcher(
                "*",
                &format!("/team-{team}/service-{n}/items/{{id}}"),
                &[],
                None,
            ),
            3 => matcher(
                &format!("t{n}.example.com"),
                "/api/v1/*",
                &["GET", "POST"],
                None,
            ),
            _ => matcher("*", &format!("/team-{team}/service-{n}/*"), &[], Some("2")),
        }
    });
    routes.collect()
}

fn requests() -> Vec<Request> {
    let stride = 7_919; // a prime: every route once, in no order that a prefetcher follows
    let requests = (0..ROUTES).map(|step| {
        let n = step * stride % ROUTES;
        let team = n % 97;
        let (host, rest) = match n % 5 {
            0 => ("any.example.org".to_owned(), "/status"),
            2 => ("any.example.org".to_owned(), "/items/4711"),
            3 => (format!("t{n}.example.com"), ""),
            _ => ("any.example.org".to_owned(), "/a/longer/path/below"),
        };
        let path = match n % 5 {
            3 => "/api/v1/users/4711".to_owned(),
            _ => format!("/team-{team}/service-{n}{rest}"),
        };
        Request {
            host,
            path,
            version: n % 5 == 4,
        }
    });
    requests.collect()
}

fn compile(criterion: &mut Criterion) {
    let matchers = matchers();
    criterion.bench_function("compile 10,000 routes", |bench| {
        bench.iter_with_large_drop(|| RouteTable::compile(black_box(matchers.clone())));
    });
}

fn lookup(criterion: &mut Criterion) {
    let table = RouteTable::compile(matchers());
    let requests = requests();
    let mut captures = Captures::new();
    for request in &requests {
        assert!(matches!(
            table.lookup(request, &mut captures),
            Lookup::Route(_)
        ));
    }
    let mut next = requests.iter().cycle();
    criterion.bench_function("look up one of 10,000 routes", |bench| {
        bench.iter(|| {
            let request = next.next().expect("it goes round");
            black_box(table.lookup(black_box(request), &mut captures))
        });
    });
}

criterion_group!(routes, compile, lookup);
criterion_main!(routes);
