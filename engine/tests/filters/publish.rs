//! Filters and configurations: what is refused, when, with which words, and what goes on meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};

use corelane_engine::{
    Filter, FilterError, Flow, LocalReply, Phases, RequestCx, StartError, WorkerCx,
};
use serde::{Deserialize, Deserializer};

use crate::scenario::{GET, Plan, Scenario, on_both_drivers};

fn gateway(io: crate::scenario::Io) -> Plan {
    Scenario::on(io)
        .workers(2)
        .built(|builder| builder.filter::<Say>())
        .config(&route("{use: say, what: old}"))
}

fn route(filters: &str) -> String {
    format!("routes:\n- path: /*\n  respond: {{status: 200}}\n  filters: [{filters}]\n")
}

/// What new connections get told, on whatever worker they are.
fn assert_says(s: &Scenario, what: &str) {
    for _ in 0..8 {
        let mut client = s.client();
        client.send(GET);
        assert_eq!(client.reply().text(), what);
    }
}

#[test]
fn a_filter_that_cannot_be_built_on_one_worker_is_refused_on_all() {
    on_both_drivers(|io| {
        let s = gateway(io).start();
        assert_says(&s, "old");
        for (then, told) in [
            ("fail", "not on worker 1"),
            ("panic", "it panicked while it was built"),
        ] {
            let refused = s.publish(&route(&format!(
                "{{use: say, what: new, on_worker_1: {then}}}"
            )));
            let refused = refused.unwrap_err();
            assert!(refused.starts_with("scenario.yaml:"), "{refused}");
            assert!(
                refused.contains(":7:13: routes[0].filters[0]: filter `say`: "),
                "{refused}"
            );
            assert!(refused.ends_with(told), "{refused}");
            assert_says(&s, "old");
        }
        assert_eq!(s.handle().generation().unwrap().number, 1);
        assert_eq!(s.publish(&route("{use: say, what: new}")), Ok(2));
        assert_says(&s, "new");
    });
}

#[test]
fn a_start_names_every_filter_that_is_wrong() {
    on_both_drivers(|io| {
        let refused = gateway(io)
            .config(&route(
                "{use: say}, {use: shout}, {use: say, what: 1, loud: true}",
            ))
            .try_start();
        let refused = refused.err().unwrap();
        let lines: Vec<&str> = refused.lines().collect();
        assert_eq!(lines.len(), 3, "{refused}");
        assert!(
            lines[0].ends_with("routes[0].filters[0]: filter `say`: missing field `what`"),
            "{refused}"
        );
        assert!(
            lines[1].ends_with("routes[0].filters[1]: no filter is called `shout`; there are: say"),
            "{refused}"
        );
        assert!(
            lines[2].contains("routes[0].filters[2]: filter `say`: "),
            "{refused}"
        );
        assert!(
            lines.iter().all(|line| line.starts_with("scenario.yaml:")),
            "{refused}"
        );
    });
}

#[test]
fn a_service_that_is_not_there_is_told_with_the_filters_place() {
    on_both_drivers(|io| {
        let refused = gateway(io)
            .config(&route("{use: say, what: x, service: nobody}"))
            .try_start();
        let refused = refused.err().unwrap();
        assert!(
            refused.ends_with("filter `say`: no service is called `nobody`"),
            "{refused}"
        );
    });
}

#[test]
fn settings_are_read_once_and_shared_by_all_workers() {
    let before = READS.load(Ordering::Relaxed);
    let s = Scenario::on(crate::scenario::Io::Epoll)
        .workers(2)
        .built(|builder| builder.filter::<Counted>())
        .config(&route("{use: counted}"))
        .start();
    assert_says(&s, "read");
    assert_eq!(READS.load(Ordering::Relaxed), before + 1);
    assert_eq!(BUILDS.load(Ordering::Relaxed), 2);
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    what: String,
    on_worker_1: Option<String>,
    service: Option<String>,
}

/// Answers with what it is told to.
struct Say(String);

impl Filter for Say {
    const NAME: &'static str = "say";
    const PHASES: Phases = Phases::REQUEST;
    type Config = Settings;
    type State = ();

    fn new(settings: Settings, worker: &WorkerCx<'_>) -> Result<Self, StartError> {
        if let Some(service) = &settings.service {
            worker.service(service)?;
        }
        match (worker.index(), settings.on_worker_1.as_deref()) {
            (1, Some("fail")) => Err(StartError::new("not on worker 1")),
            (1, Some("panic")) => panic!("the test wants it"),
            _ => Ok(Self(settings.what)),
        }
    }

    async fn on_request(&self, (): &mut (), _: &mut RequestCx<'_>) -> Result<Flow, FilterError> {
        Ok(LocalReply::new(200)
            .body("text/plain", self.0.clone())
            .into())
    }
}

static READS: AtomicUsize = AtomicUsize::new(0);
static BUILDS: AtomicUsize = AtomicUsize::new(0);

/// Settings that count how often they are read.
#[derive(Clone)]
struct Reading;

impl<'de> Deserialize<'de> for Reading {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        READS.fetch_add(1, Ordering::Relaxed);
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

struct Counted;

impl Filter for Counted {
    const NAME: &'static str = "counted";
    const PHASES: Phases = Phases::REQUEST;
    type Config = Reading;
    type State = ();

    fn new(_: Reading, _: &WorkerCx<'_>) -> Result<Self, StartError> {
        BUILDS.fetch_add(1, Ordering::Relaxed);
        Ok(Self)
    }

    async fn on_request(&self, (): &mut (), _: &mut RequestCx<'_>) -> Result<Flow, FilterError> {
        Ok(LocalReply::new(200).body("text/plain", "read").into())
    }
}
