//! `corelane explain`: what a request would meet, as a page of text in the order in which it would
//! meet it. What is said comes from the engine's own tables; this room only writes it down.

use std::fmt;

use corelane_engine::{Answer, Explanation, Timeouts};

/// An explanation as text, a fact a line.
pub(crate) struct Page<'e>(pub(crate) &'e Explanation);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(found) = self;
        let host = found.host.as_deref().unwrap_or("(no host)");
        let path = found.path.as_deref().unwrap_or("(no path)");
        fact(f, "request", format_args!("{} {host} {path}", found.method))?;
        if let Some(client) = found.client {
            fact(f, "client", client)?;
        }
        fact(f, "listener", &found.listener)?;
        self.routes(f)?;
        if found.route.is_some() {
            fact(f, "filters", list(&found.filters))?;
            let limits = found.limits.iter();
            let limits: Vec<_> = limits
                .map(|limit| format!("{} by {}", limit.name, limit.key))
                .collect();
            fact(f, "limits", list(&limits))?;
            fact(f, "cache", found.cache.as_deref().unwrap_or("none"))?;
        }
        match &found.answer {
            Some(answer) => answered(f, answer),
            None => self.forwarded(f),
        }
    }
}

impl Page<'_> {
    fn routes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(found) = self;
        match (&found.route, &found.route_place) {
            (Some(route), Some(place)) => fact(f, "route", format_args!("{route} ({place})"))?,
            _ => fact(f, "route", "none")?,
        }
        for runner_up in &found.runners_up {
            let (route, place, why) = (&runner_up.route, &runner_up.place, &runner_up.why);
            fact(f, "  not", format_args!("{route} ({place}): {why}"))?;
        }
        Ok(())
    }

    fn forwarded(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(found) = self;
        let shares: u64 = found
            .targets
            .iter()
            .map(|share| u64::from(share.weight))
            .sum();
        for share in &found.targets {
            let subset = share
                .subset
                .iter()
                .map(|subset| format!(" subset {subset}"));
            let part = match found.targets.len() {
                1 => String::new(),
                _ => format!(" weight {} of {shares}", share.weight),
            };
            let rest: String = subset.chain([part]).collect();
            let endpoints = list(&share.endpoints);
            fact(
                f,
                "service",
                format_args!("{}{rest}: {endpoints}", share.service),
            )?;
        }
        let path = found.upstream_path.as_deref().unwrap_or_default();
        let host = found.upstream_host.as_deref().unwrap_or("(none)");
        fact(f, "upstream", format_args!("{path} at host {host}"))?;
        if let Some(timeouts) = found.timeouts {
            fact(f, "timeouts", times(found.timeout_ms, timeouts))?;
        }
        fact(f, "retries", found.retries)?;
        fact(f, "faults", list(&found.faults))
    }
}

fn answered(f: &mut fmt::Formatter<'_>, answer: &Answer) -> fmt::Result {
    let Answer {
        status,
        outcome,
        detail,
        ..
    } = answer;
    fact(f, "answer", format_args!("{status} {outcome}: {detail}"))?;
    let more = [
        ("  limit", answer.limit),
        ("  location", answer.location.as_deref()),
        ("  allow", answer.allow.as_deref()),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            fact(f, name, value)?;
        }
    }
    Ok(())
}

fn fact(f: &mut fmt::Formatter<'_>, name: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "{name:<10} {value}")
}

fn list(items: &[String]) -> String {
    match items {
        [] => "none".to_owned(),
        _ => items.join(", "),
    }
}

fn times(total: Option<u64>, timeouts: Timeouts) -> String {
    let time = |ms: Option<u64>| match ms {
        None => "none".to_owned(),
        Some(ms) if ms % 1000 == 0 => format!("{}s", ms / 1000),
        Some(ms) => format!("{ms}ms"),
    };
    format!(
        "total {}, connect {}, response {}, idle {}, idle stream {}",
        time(total),
        time(Some(timeouts.connect_ms)),
        time(timeouts.response_ms),
        time(Some(timeouts.idle_ms)),
        time(Some(timeouts.stream_idle_ms)),
    )
}

#[cfg(test)]
mod tests {
    use corelane_config::Config;
    use corelane_engine::{ExplainRequest, explain};

    use super::*;

    const GATEWAY: &str = "
listeners: [{name: main, address: 127.0.0.1:0}]
services:
  users: {endpoints: [127.0.0.1:1], connect_timeout: 1500ms}
  pay: {subsets: {v1: {endpoints: [127.0.0.1:2]}, v2: {endpoints: []}}}
routes:
  - {path: /users/*, service: users, timeout: 30s, methods: [GET], filters: [{use: audit}]}
  - {path: /*, weights: [{service: pay, subset: v1, weight: 9}, {service: pay, subset: v2, weight: 1}]}
  - {path: /only, methods: [PUT], service: users, host: a.example}
";

    #[track_caller]
    fn page(line: &str) -> String {
        let (method, url) = line.split_once(' ').unwrap();
        let config = Config::from_yaml("g.yaml", GATEWAY).unwrap();
        let request = ExplainRequest {
            method: method.to_owned(),
            url: url.to_owned(),
            client_ip: Some([192, 0, 2, 1].into()),
            ..ExplainRequest::default()
        };
        Page(&explain(config.snapshot(), 0, &request).unwrap()).to_string()
    }

    #[test]
    fn a_request_is_told_its_way_in_order() {
        assert_eq!(
            page("GET http://x.example/users/%37"),
            "\
request    GET x.example /users/7
client     192.0.2.1
listener   main
route      /users/* (g.yaml:7:5)
  not      /* (g.yaml:8:5): the winner's path is more specific
filters    audit
limits     none
cache      none
service    users: 127.0.0.1:1
upstream   /users/7 at host x.example
timeouts   total 30s, connect 1500ms, response none, idle 60s, idle stream 300s
retries    0
faults     none
"
        );
    }

    #[test]
    fn every_target_is_told_with_its_share() {
        let page = page("GET /x");
        assert!(
            page.contains("service    pay subset v1 weight 9 of 10: 127.0.0.1:2\n"),
            "{page}"
        );
        assert!(
            page.contains("service    pay subset v2 weight 1 of 10: none\n"),
            "{page}"
        );
        assert!(page.starts_with("request    GET (no host) /x\n"), "{page}");
    }

    #[test]
    fn what_the_gateway_answers_ends_the_page() {
        let page = page("GET /%zz");
        assert!(page.ends_with("route      none\nanswer     400 bad_request: a percent sign without two hexadecimal digits in the path\n"), "{page}");
    }
}
