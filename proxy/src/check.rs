//! `corelane check`: loads a configuration, runs its `tests:`, and says everything that is wrong
//! with it. It connects to nothing and binds nothing.

use std::path::PathBuf;

use corelane_config::{Config, ConfigErrors, ConfigTest, Place, Problem, RouteId, Snapshot};
use corelane_engine::{ExplainRequest, Explanation, Proxy, explain};
use serde_json::{Value, json};

use crate::source::Source;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Error,
    Warning,
}

/// A problem as compilers write theirs, so that editors find the place.
pub(crate) fn problem_line(problem: &Problem, severity: Severity) -> String {
    let severity = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let text = problem.to_string();
    let place = place(problem);
    // Place and text are one in the problem's own form.
    let rest = text.strip_prefix(&place).unwrap_or(&text);
    format!("{place}: {severity}{rest}")
}

fn place(problem: &Problem) -> String {
    match problem.line {
        0 => problem.file.clone(),
        line => format!("{}:{line}:{}", problem.file, problem.column),
    }
}

/// What a check has found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
    /// What the configuration consists of, when it loads.
    summary: Option<String>,
}

impl Findings {
    /// Checks the configuration at `paths`; `strict` makes errors of warnings.
    pub(crate) fn of(paths: Vec<PathBuf>, strict: bool) -> Self {
        let mut findings = match Source::Paths(paths).load() {
            Err(ConfigErrors(errors)) => Self {
                errors,
                ..Self::default()
            },
            Ok(config) => Self {
                errors: [filter_mistakes(&config), failed_tests(config.snapshot())].concat(),
                warnings: config.warnings().to_vec(),
                summary: Some(summary(&config)),
            },
        };
        if strict {
            findings.errors.append(&mut findings.warnings);
        }
        findings
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }

    /// A line for each problem, and one at the end that sums up.
    pub(crate) fn text(&self) -> String {
        let errors = self.errors.iter().map(|p| problem_line(p, Severity::Error));
        let warnings = self.warnings.iter();
        let warnings = warnings.map(|problem| problem_line(problem, Severity::Warning));
        let mut lines: Vec<String> = errors.chain(warnings).collect();
        lines.push(match (&self.summary, self.is_valid()) {
            (Some(summary), true) => format!("valid: {summary}"),
            _ => format!("invalid: {}", count(self.errors.len(), "error")),
        });
        lines.join("\n")
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "valid": self.is_valid(),
            "errors": problems_json(&self.errors),
            "warnings": problems_json(&self.warnings),
        })
    }
}

/// Problems as `check --format json` and the admin API show them.
pub(crate) fn problems_json(problems: &[Problem]) -> Value {
    let problem = |problem: &Problem| {
        json!({
            "file": problem.file,
            "line": problem.line,
            "column": problem.column,
            "path": problem.path,
            "message": problem.message,
            "hint": problem.hint,
        })
    };
    problems.iter().map(problem).collect()
}

fn summary(config: &Config) -> String {
    let snapshot = config.snapshot();
    let parts = [
        count(snapshot.listeners.len(), "listener"),
        count(snapshot.routes.len(), "route"),
        count(snapshot.services.len(), "service"),
        count(snapshot.tests.len(), "test"),
        count(config.warnings().len(), "warning"),
    ];
    parts.join(", ")
}

fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// What is wrong with filters, which only the engine knows: it says so in lines that begin with the
/// place.
fn filter_mistakes(config: &Config) -> Vec<Problem> {
    let Err(error) = Proxy::builder(config.clone()).check() else {
        return Vec::new();
    };
    let filters: Vec<_> = config
        .snapshot()
        .routes
        .iter()
        .flat_map(|route| &route.filters)
        .collect();
    let mistake = |line: &str| {
        let mut filters = filters.iter();
        let placed = filters.find_map(|filter| {
            let rest = line.strip_prefix(&format!("{}: ", filter.place))?;
            let (path, message) = rest.split_once(": ")?;
            Some(problem_at(&filter.place, path, message))
        });
        let everywhere = Place {
            file: "configuration".into(),
            line: 0,
            column: 0,
        };
        placed.unwrap_or_else(|| problem_at(&everywhere, "", line))
    };
    error.to_string().lines().map(mistake).collect()
}

fn problem_at(place: &Place, path: &str, message: &str) -> Problem {
    Problem {
        file: place.file.to_string(),
        line: place.line,
        column: place.column,
        path: path.to_owned(),
        message: message.to_owned(),
        hint: None,
    }
}

/// What the `tests:` section expects and does not get.
fn failed_tests(snapshot: &Snapshot) -> Vec<Problem> {
    let tests = snapshot.tests.iter();
    tests.flat_map(|test| run_test(snapshot, test)).collect()
}

fn run_test(snapshot: &Snapshot, test: &ConfigTest) -> Vec<Problem> {
    let problem = |key: &str, message: String| {
        let path = format!("{}{key}", test.path);
        problem_at(
            &test.place,
            &path,
            &format!("test `{}`: {message}", test.name),
        )
    };
    match explain(snapshot, 0, &request(snapshot, test)) {
        Err(error) => vec![problem(".request", error.to_string())],
        Ok(found) => unmet(snapshot, test, &found)
            .into_iter()
            .map(|unmet| problem(&format!(".expect.{}", unmet.key), unmet.to_string()))
            .collect(),
    }
}

fn request(snapshot: &Snapshot, test: &ConfigTest) -> ExplainRequest {
    let host = test
        .host
        .as_ref()
        .map(|host| ("host".to_owned(), host.to_string()));
    let headers = test.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_string()));
    ExplainRequest {
        method: test.method.to_string(),
        url: test.target.to_string(),
        headers: host.into_iter().chain(headers).collect(),
        client_ip: test.client_ip,
        listener: Some(snapshot.listeners[test.listener].name.to_string()),
    }
}

/// An expectation that does not hold.
struct Unmet {
    key: &'static str,
    expected: String,
    found: String,
}

impl std::fmt::Display for Unmet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "expected {} `{}`, found {}",
            self.key, self.expected, self.found
        )
    }
}

fn unmet(snapshot: &Snapshot, test: &ConfigTest, found: &Explanation) -> Vec<Unmet> {
    let expect = &test.expect;
    let targets = &found.targets;
    let services: Vec<&str> = targets.iter().map(|share| &*share.service).collect();
    let subsets: Vec<&str> = targets
        .iter()
        .filter_map(|share| share.subset.as_deref())
        .collect();
    let answer = found.answer.as_ref();
    let status = answer.map(|answer| answer.status.to_string());
    let route = |id: RouteId| snapshot.route(id).name.to_string();
    let one = |value: &Option<String>| value.iter().cloned().collect::<Vec<_>>();
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let location = answer.and_then(|answer| answer.location.clone());
    let service = expect
        .service
        .map(|id| snapshot.service(id).name.to_string());
    let text = |value: &Option<Box<str>>| value.as_deref().map(str::to_owned);
    [
        ("route", expect.route.map(route), one(&found.route)),
        ("service", service, owned(services)),
        ("subset", text(&expect.subset), owned(subsets)),
        (
            "upstream_path",
            text(&expect.upstream_path),
            one(&found.upstream_path),
        ),
        (
            "upstream_host",
            text(&expect.upstream_host),
            one(&found.upstream_host),
        ),
        (
            "status",
            expect.status.map(|status| status.to_string()),
            one(&status),
        ),
        ("location", text(&expect.location), one(&location)),
    ]
    .into_iter()
    .filter_map(|(key, expected, found)| {
        let expected = expected?;
        let met = found.contains(&expected);
        let found = match (&found[..], answer) {
            ([], Some(answer)) => format!("{}: {}", answer.status, answer.detail),
            ([], None) => "none".to_owned(),
            (found, _) => format!("`{}`", found.join("` or `")),
        };
        (!met).then_some(Unmet {
            key,
            expected,
            found,
        })
    })
    .collect()
}
