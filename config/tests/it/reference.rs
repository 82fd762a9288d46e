//! The table against a naive reading of the rules: on thousands of made-up route sets and requests,
//! a linear scan in the order that the contract gives must choose the same route. The scan shares
//! nothing with the table: it compares texts.

use std::cmp::Reverse;

use corelane_config::{
    Captures, HeaderCondition, HostPattern, Lookup, Matcher, PathPattern, QueryCondition, Route,
    RouteId, RouteTable, ValueMatch,
};

use crate::random::Random;
use crate::runner::upstream_path;
use crate::support::{Request, load};

/// A route as a person would describe it.
#[derive(Debug, Clone)]
struct Rule {
    host: &'static str,
    path: String,
    regex: Option<regex::Regex>,
    methods: Vec<&'static str>,
    listeners: Option<Vec<usize>>,
    header: Option<(&'static str, &'static str)>,
    query: Option<(&'static str, &'static str)>,
}

const HOSTS: [&str; 6] = ["*", "*", "a.test", "*.test", "*.b.test", "c.b.test"];
const SEGMENTS: [&str; 7] = ["a", "b", "ab", "*", "{x}", "{y}", ""];
const METHODS: [&str; 4] = ["GET", "POST", "HEAD", "PUT"];
const REGEXES: [&str; 5] = ["/a.*", "/[ab]/b", ".*", "/(a|b)*", "/a/.+"];

fn rule(random: &mut Random) -> Rule {
    let regex = random.one_in(8);
    let path = if regex {
        random.pick(&REGEXES).to_owned()
    } else {
        path(random)
    };
    let mut methods = Vec::new();
    while random.one_in(3) {
        let method = random.pick(&METHODS);
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    let regex = regex.then(|| regex::Regex::new(&format!("^(?:{path})$")).unwrap());
    Rule {
        host: random.pick(&HOSTS),
        path,
        regex,
        methods,
        listeners: random.one_in(6).then(|| vec![random.below(2)]),
        header: random.one_in(3).then(|| ("x-a", random.pick(&["1", "2"]))),
        query: random.one_in(4).then(|| ("q", random.pick(&["1", "2"]))),
    }
}

fn path(random: &mut Random) -> String {
    let mut path = String::new();
    let mut names = Vec::new();
    for _ in 0..random.below(4) {
        let mut segment = random.pick(&SEGMENTS);
        if names.contains(&segment) {
            segment = "*";
        }
        names.extend(segment.starts_with('{').then_some(segment));
        path.push('/');
        path.push_str(segment);
    }
    if random.one_in(2) {
        path.push_str("/*");
    }
    if path.is_empty() {
        "/".to_owned()
    } else {
        path
    }
}

fn request(random: &mut Random) -> Request {
    let mut path = String::new();
    for _ in 0..1 + random.below(4) {
        path.push('/');
        path.push_str(random.pick(&["a", "b", "ab", "c", ""]));
    }
    let method = random.pick(&["GET", "POST", "HEAD", "PUT", "DELETE"]);
    let mut request = Request::new(method, &path);
    request.host = random
        .pick(&["a.test", "A.Test", "b.test", "c.b.test", "x.c.b.test", "z"])
        .to_owned();
    request.listener = random.below(2);
    if random.one_in(2) {
        request
            .headers
            .push(("x-a".to_owned(), random.pick(&["1", "2", "3"]).to_owned()));
    }
    if random.one_in(2) {
        request.query = Some(format!("p=1&q={}", random.pick(&["1", "2", "3"])));
    }
    request
}

impl Rule {
    fn matcher(&self) -> Matcher {
        let exact = |value: &str| ValueMatch::Exact(value.as_bytes().into());
        let header = |(name, value)| HeaderCondition::new(name, exact(value));
        let query = |(name, value): (&str, &str)| QueryCondition {
            name: name.into(),
            value: exact(value),
        };
        let path = match self.regex {
            Some(_) => PathPattern::regex(&self.path),
            None => PathPattern::parse(&self.path),
        };
        Matcher {
            host: HostPattern::parse(self.host).unwrap(),
            path: path.unwrap_or_else(|why| panic!("{}: {why}", self.path)),
            methods: self.methods.iter().map(|method| (*method).into()).collect(),
            listeners: self.listeners.clone(),
            headers: self.header.into_iter().map(header).collect(),
            query: self.query.into_iter().map(query).collect(),
        }
    }

    /// How specific the host is, the most specific first; `None` when it does not match.
    fn host_rank(&self, host: &str) -> Option<usize> {
        let host = host.to_ascii_lowercase();
        if self.host == "*" {
            return Some(usize::MAX);
        }
        match self.host.strip_prefix('*') {
            Some(suffix) => host.ends_with(suffix).then(|| 1000 - suffix.len()),
            None => (host == self.host).then_some(0),
        }
    }

    fn path_matches(&self, path: &str) -> bool {
        if let Some(regex) = &self.regex {
            return regex.is_match(path);
        }
        let wanted: Vec<&str> = self.path.split('/').skip(1).collect();
        let has: Vec<&str> = path.split('/').skip(1).collect();
        let (wanted, tail) = match wanted.split_last() {
            Some((&"*", rest)) => (rest, true),
            _ => (&wanted[..], false),
        };
        let one = |(wanted, has): (&&str, &&str)| match *wanted {
            "*" | "{x}" | "{y}" => !has.is_empty(),
            literal => literal == *has,
        };
        (has.len() == wanted.len() || (tail && has.len() > wanted.len()))
            && wanted.iter().zip(&has).all(one)
    }

    /// The order of the contract among routes at one host.
    fn path_rank(&self, index: usize, all: &[Self]) -> impl Ord + use<> {
        let mut segments: Vec<&str> = self.path.split('/').skip(1).collect();
        let tail = self.regex.is_none() && segments.last() == Some(&"*");
        if tail {
            segments.pop();
        }
        let wild = |segment: &&&str| **segment == "*" || segment.starts_with('{');
        let wilds = segments.iter().filter(wild).count();
        let class = match (self.regex.is_some(), tail, wilds) {
            (true, ..) => 3,
            (_, true, _) => 2,
            (_, _, 1..) => 1,
            _ => 0,
        };
        let first = all
            .iter()
            .position(|rule| rule.regex.is_some() && rule.path == self.path);
        let order = if self.regex.is_some() {
            first.unwrap()
        } else {
            0
        };
        let (literals, length) = match self.regex.is_some() {
            true => (0, 0),
            false => (segments.len() - wilds, segments.len()),
        };
        (
            class,
            Reverse(literals),
            Reverse(length),
            order,
            Reverse(self.conditions()),
            index,
        )
    }

    fn conditions(&self) -> usize {
        usize::from(!self.methods.is_empty())
            + usize::from(self.listeners.is_some())
            + usize::from(self.header.is_some())
            + usize::from(self.query.is_some())
    }

    fn holds_but_for_the_method(&self, request: &Request) -> bool {
        let has = |wanted: Option<(&str, &str)>, list: &[(String, String)]| {
            wanted.is_none_or(|(n, v)| list.iter().any(|(name, value)| name == n && value == v))
        };
        let query: Vec<(String, String)> = request
            .query
            .iter()
            .flat_map(|query| query.split('&'))
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        self.listeners
            .as_ref()
            .is_none_or(|list| list.contains(&request.listener))
            && has(self.header, &request.headers)
            && has(self.query, &query)
    }

    fn takes(&self, method: &str) -> bool {
        self.methods.is_empty()
            || self.methods.contains(&method)
            || (method == "HEAD" && self.methods.contains(&"GET"))
    }
}

#[derive(Debug, PartialEq)]
enum Expected {
    Route(usize),
    Allow(Vec<String>),
    NotFound,
}

fn scan(rules: &[Rule], request: &Request) -> Expected {
    let mut in_question: Vec<usize> = (0..rules.len())
        .filter(|&index| {
            let rule = &rules[index];
            rule.host_rank(&request.host).is_some()
                && rule.path_matches(&request.path)
                && rule.holds_but_for_the_method(request)
        })
        .collect();
    in_question.sort_by(|&one, &other| {
        let host = |index: usize| rules[index].host_rank(&request.host);
        let path = |index: usize| rules[index].path_rank(index, rules);
        host(one)
            .cmp(&host(other))
            .then_with(|| path(one).cmp(&path(other)))
    });
    if let Some(&winner) = in_question
        .iter()
        .find(|&&index| rules[index].takes(&request.method))
    {
        return Expected::Route(winner);
    }
    let mut allow: Vec<String> = Vec::new();
    for &index in &in_question {
        for method in &rules[index].methods {
            allow.push((*method).to_owned());
            allow.extend((*method == "GET").then(|| "HEAD".to_owned()));
        }
    }
    allow.sort();
    allow.dedup();
    if allow.is_empty() {
        Expected::NotFound
    } else {
        Expected::Allow(allow)
    }
}

fn table_says(table: &RouteTable, found: Lookup) -> Expected {
    match found {
        Lookup::Route(RouteId(index)) => Expected::Route(index as usize),
        Lookup::NotFound => Expected::NotFound,
        Lookup::MethodNotAllowed(set) => {
            let names = table.allow(set);
            let mut names: Vec<String> = names
                .iter()
                .map(|name| String::from_utf8(name.to_vec()).unwrap())
                .collect();
            names.sort();
            Expected::Allow(names)
        }
    }
}

#[test]
fn the_table_chooses_as_a_linear_scan_does_and_explain_agrees() {
    let mut captures = Captures::new();
    let (mut routed, mut refused) = (0, 0);
    for seed in 1..400 {
        let mut random = Random::new(seed);
        let rules: Vec<Rule> = (0..1 + random.below(24))
            .map(|_| rule(&mut random))
            .collect();
        let table = RouteTable::compile(rules.iter().map(Rule::matcher).collect());
        for _ in 0..100 {
            let request = request(&mut random);
            let found = table.lookup(&request, &mut captures);
            let expected = scan(&rules, &request);
            routed += usize::from(matches!(expected, Expected::Route(_)));
            refused += usize::from(matches!(expected, Expected::Allow(_)));
            assert_eq!(
                table_says(&table, found),
                expected,
                "seed {seed}\nrequest {request:?}\nrules {rules:#?}"
            );
            assert_eq!(
                table.explain(&request).winner,
                found,
                "seed {seed}, {request:?}"
            );
        }
    }
    // The cases are worth something only when every kind of answer is among them.
    assert!(
        routed > 10_000 && refused > 1_000,
        "{routed} routed, {refused} refused"
    );
}

#[test]
fn explain_names_every_route_whose_host_and_path_match_and_why_it_lost() {
    let config = load(
        "
services: {s: {endpoints: [127.0.0.1:1]}}
listeners: [{address: 127.0.0.1:1, name: a}, {address: 127.0.0.1:2, name: b}]
routes:
  - {name: winner, path: /x/y, host: a.test, service: s}
  - {name: method, path: /x/y, host: a.test, methods: [PUT], service: s}
  - {name: header, path: /x/y, host: a.test, headers: {X-A: {prefix: b}}, service: s}
  - {name: query, path: /x/y, host: a.test, query: {q: {present: true}}, service: s}
  - {name: listener, path: /x/y, host: a.test, listeners: [b], service: s}
  - {name: later, path: /x/y, host: a.test, service: s}
  - {name: path, path: /x/*, host: a.test, service: s}
  - {name: host, path: /x/y, service: s}
  - {name: elsewhere, path: /z, service: s}
",
    );
    let snapshot = config.snapshot();
    let mut request = Request::new("GET", "/x/y");
    request.host = "a.test".to_owned();
    let explained = snapshot.table.explain(&request);
    assert_eq!(explained.winner, Lookup::Route(RouteId(0)));
    let why: Vec<String> = explained
        .runners_up
        .iter()
        .map(|(id, why)| format!("{}: {why}", snapshot.route(*id).name))
        .collect();
    assert_eq!(
        why,
        [
            "method: not for this method",
            "header: not so: header x-a begins with `b`",
            "query: not so: query q is present",
            "listener: not on this listener",
            "later: the winner stands earlier",
            "path: the winner's path is more specific",
            "host: the winner's host is more specific",
        ]
    );
}

#[test]
fn captures_are_those_of_the_winner() {
    let config = load(
        "
services: {s: {endpoints: [127.0.0.1:1]}}
routes:
  - {path: '/{a}/{b}', methods: [PUT], service: s}
  - {path: '/{x}/lit/{y}/*', service: s, rewrite: {path: '/{y}/{x}/*'}}
",
    );
    let route: &Route = config.snapshot().route(RouteId(1));
    let mut captures = Captures::new();
    let request = Request::new("GET", "/one/lit/two/three");
    let found = config.snapshot().table.lookup(&request, &mut captures);
    assert_eq!(found, Lookup::Route(RouteId(1)));
    assert_eq!(captures.len(), 2);
    assert_eq!(captures.get(0, b"/one/lit/two/three"), Some(&b"one"[..]));
    assert_eq!(captures.get(1, b"/one/lit/two/three"), Some(&b"two"[..]));
    assert_eq!(captures.get(2, b"/one/lit/two/three"), None);
    assert_eq!(upstream_path(route, &request, &captures), "/two/one/three");
    let other = Request::new("GET", "/one");
    assert_eq!(
        config.snapshot().table.lookup(&other, &mut captures),
        Lookup::NotFound
    );
    assert!(
        captures.is_empty(),
        "captures of an earlier request do not stay"
    );
}
