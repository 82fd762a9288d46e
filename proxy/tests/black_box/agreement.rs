//! What `explain` says and what happens: for random requests, the service, path and Host that an
//! origin sees, and the replies that the gateway makes itself, are those that were foretold.

use corelane_config::Config;
use corelane_engine::{ExplainRequest, Explanation, explain};
use serde_json::{Value, json};

use crate::http::{exchange, order};
use crate::origin::mirror;
use crate::program::Gateway;

const SEED: u64 = 0x5eed_c0de_1a2e;
const REQUESTS: usize = 1500;

fn configuration() -> String {
    let [a, b, c, d, e] = std::array::from_fn(|_| mirror());
    format!(
        "runtime: {{workers: 2, pin: false}}
listeners: [{{name: main, address: 127.0.0.1:0}}]
admin: {{address: 127.0.0.1:0}}
services:
  users: {{endpoints: ['{a}']}}
  beta: {{endpoints: ['{b}']}}
  shop: {{endpoints: ['{c}'], subsets: {{v1: {{endpoints: ['{d}']}}, v2: {{endpoints: ['{e}']}}}}}}
routes:
  - {{path: /api/users/*, service: users, strip_prefix: /api}}
  - {{path: /api/users/*, service: beta, headers: {{X-Version: '2'}}}}
  - {{path: /api/users/*, service: beta, query: {{debug: '1'}}, methods: [GET, POST]}}
  - {{path: /api/*, service: shop, methods: [GET, DELETE]}}
  - {{path: '/api/{{id}}/edit', service: users, rewrite: {{path: '/edit/{{id}}', host: edit.internal}}}}
  - {{path: '/api/*/list', service: beta, methods: [PUT]}}
  - {{path: {{regex: '/x/[a-z]+/.*'}}, service: users, rewrite: {{regex: '^/x/([a-z]+)/(.*)$', to: '/$1-y/$2'}}}}
  - {{path: /a, host: '*.example.com', service: beta}}
  - {{path: /a, host: www.example.com, service: users}}
  - {{path: /split/*, host: www.example.com, weights: [{{service: shop, subset: v1, weight: 3}}, {{service: shop, subset: v2, weight: 1}}, {{service: users, weight: 0}}]}}
  - {{path: /content, headers: {{Accept-Language: fr}}, service: users}}
  - {{path: /content, headers: {{Accept-Language: de}}, service: beta}}
  - {{path: /content, service: shop}}
  - {{path: /moved/*, redirect: {{path: '/api/users/*', status: 308}}}}
  - {{path: /here, redirect: {{host: there.example, scheme: https}}}}
  - {{path: /teapot, respond: {{status: 418, body: short}}}}
"
    )
}

/// SplitMix64: enough for choosing.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// A path near the routes: whole ones, bent ones, and escapes and dots in between.
    fn path(&mut self) -> String {
        const WHOLE: [&str; 16] = [
            "/api/users/7",
            "/api/users",
            "/api/users/",
            "/api/x/edit",
            "/api/x/list",
            "/api/",
            "/api",
            "/x/abc/d/e",
            "/x/ab/..%2f",
            "/a",
            "/split/1",
            "/content",
            "/moved/on",
            "/here",
            "/teapot",
            "/",
        ];
        const SEGMENTS: [&str; 18] = [
            "api", "users", "edit", "list", "x", "ab", "a", "..", ".", "%2e%2E", "%75sers", "%2F",
            "%5c", "", "..;", "%zz", "\u{e4}", "moved",
        ];
        if self.below(3) > 0 {
            let mut path = self.pick(&WHOLE).to_owned();
            if self.below(4) == 0 {
                path += &format!("/{}", self.pick(&SEGMENTS));
            }
            return path;
        }
        (0..=self.below(5))
            .map(|_| format!("/{}", self.pick(&SEGMENTS)))
            .collect()
    }

    fn request(&mut self) -> ExplainRequest {
        let query = self.pick(&[
            "",
            "",
            "?",
            "?debug=1",
            "?a=b&debug=1",
            "?debug=%31",
            "?/../x?y",
        ]);
        let mut url = self.path() + query;
        let host = self.pick(&[
            "www.example.com",
            "WWW.Example.Com:8080",
            "shop.example.com",
            "example.com",
            "a.b.example.com",
            "127.0.0.1:80",
            "[::1]",
            "other",
        ]);
        let mut headers = Vec::new();
        match self.below(12) {
            0 => url = format!("http://{host}{url}"),
            1 => headers.push(("Host", "bad host")),
            2 => {}
            _ => headers.push(("Host", host)),
        }
        for (name, values) in [
            ("X-Version", &["2", "1", "22"][..]),
            (
                "Accept-Language",
                &["fr", "de-CH, fr;q=0.9", "en", "fr;q=0, de;q=0.1", "*"],
            ),
            ("X-Version", &["2"]),
        ] {
            if self.below(4) == 0 {
                headers.push((name, self.pick(values)));
            }
        }
        if self.below(20) == 0 {
            headers.push((
                self.pick(&["Expect", "Content-Length", "Transfer-Encoding"]),
                "nonsense",
            ));
        }
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        ExplainRequest {
            method: self
                .pick(&[
                    "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW", "get",
                ])
                .to_owned(),
            url,
            headers: headers.into_iter().map(own).collect(),
            ..ExplainRequest::default()
        }
    }
}

/// The request as a client sends it.
fn wire(request: &ExplainRequest) -> String {
    let mut headers = request.headers.clone();
    let authority = request
        .url
        .strip_prefix("http://")
        .map(|rest| rest.split('/').next().unwrap());
    let target = authority.map_or(&*request.url, |host| {
        &request.url["http://".len() + host.len()..]
    });
    if let Some(host) = authority {
        headers.insert(0, ("Host".to_owned(), host.to_owned()));
    }
    let named = headers.iter().any(|(name, _)| name == "Host");
    let version = if named { "1.1" } else { "1.0" };
    let fields: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!(
        "{} {target} HTTP/{version}\r\n{fields}Connection: close\r\n\r\n",
        request.method
    )
}

#[test]
fn origins_receive_what_explain_says() {
    let text = configuration();
    let gateway = Gateway::run(&text);
    let main = gateway.program.listener("main");
    let admin = gateway.program.admin();
    let config = Config::from_yaml("gateway.yaml", &text).unwrap();
    let mut random = Random(SEED);
    let (mut forwarded, mut answered) = (0, std::collections::BTreeMap::new());
    for index in 0..REQUESTS {
        let request = random.request();
        let foretold = explain(config.snapshot(), 1, &request).unwrap();
        let outcome = compare(&foretold, &main, &request);
        let told = outcome.unwrap_or_else(|why| {
            panic!("request {index} of seed {SEED:#x}: {why}\n{request:?}\n{foretold:#?}")
        });
        match told {
            Told::Forwarded => forwarded += 1,
            Told::Answered(status) => *answered.entry(status).or_insert(0) += 1,
        }
        if index % 25 == 0 {
            assert_eq!(live(&admin, &request), told_by(&foretold), "{request:?}");
        }
    }
    // The requests are worth something only if they come by every way.
    assert!(forwarded > REQUESTS / 4, "{forwarded} {answered:?}");
    for status in [302, 308, 400, 404, 405, 417, 418] {
        assert!(
            answered.get(&status).is_some_and(|count| *count > 5),
            "{status}: {answered:?}"
        );
    }
}

enum Told {
    Forwarded,
    Answered(u16),
}

fn compare(foretold: &Explanation, main: &str, request: &ExplainRequest) -> Result<Told, String> {
    let reply = exchange(main, &wire(request));
    let same = |what: &str, said: Option<&str>, was: Option<&str>| match said == was {
        true => Ok(()),
        false => Err(format!("{what}: said {said:?}, was {was:?}")),
    };
    if let Some(answer) = &foretold.answer {
        let status = reply.status.to_string();
        same("status", Some(&answer.status.to_string()), Some(&status))?;
        same(
            "outcome",
            Some(answer.outcome),
            reply.field("x-corelane-outcome"),
        )?;
        same(
            "location",
            answer.location.as_deref(),
            reply.field("location"),
        )?;
        same("allow", answer.allow.as_deref(), reply.field("allow"))?;
        return Ok(Told::Answered(answer.status));
    }
    let origin = reply.field("x-origin").unwrap_or_default();
    let shares = &foretold.targets;
    if !shares
        .iter()
        .any(|share| share.endpoints.iter().any(|endpoint| endpoint == origin))
    {
        return Err(format!("went to {origin:?}: {reply:?}"));
    }
    let query = request
        .url
        .split_once('?')
        .map(|(_, query)| format!("?{query}"));
    let path = foretold.upstream_path.as_deref().unwrap_or_default();
    let target = format!("{path}{}", query.unwrap_or_default());
    same("target", Some(&target), reply.field("x-saw-target"))?;
    let host = foretold.upstream_host.as_deref().unwrap_or_default();
    same(
        "host",
        Some(host),
        Some(reply.field("x-saw-host").unwrap_or_default()),
    )?;
    Ok(Told::Forwarded)
}

fn live(admin: &str, request: &ExplainRequest) -> Value {
    let mut headers = serde_json::Map::new();
    for (name, value) in &request.headers {
        let values = headers.entry(name).or_insert_with(|| json!([]));
        values.as_array_mut().unwrap().push(json!(value));
    }
    let question = json!({"method": request.method, "url": request.url, "headers": headers});
    let reply = order(admin, "/explain", &question.to_string());
    let mut told = reply.json();
    // Files have other names there.
    without_places(&mut told);
    told
}

fn told_by(explanation: &Explanation) -> Value {
    let mut told = serde_json::to_value(explanation).unwrap();
    without_places(&mut told);
    told
}

fn without_places(told: &mut Value) {
    told["route_place"] = Value::Null;
    for runner_up in told["runners_up"].as_array_mut().unwrap() {
        runner_up["place"] = Value::Null;
    }
}
