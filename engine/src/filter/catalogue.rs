//! The filters that the embedding program has brought, and what a configuration makes of them: a
//! [`Plan`] on the control side, where every setting is read and checked once, and [`Chain`]s on each
//! worker, which the worker builds while it prepares a generation.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use corelane_config::{FilterUse, Route, RouteId, Snapshot};
use serde_json::Value;

use super::Filter;
use super::chain::{Chain, Member};
use crate::call::Service;
use crate::proxy::StartError;
use crate::registry::Registry;
use crate::service::ServiceState;
use crate::worker::Worker;

/// The filters that routes may use.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalogue {
    kinds: Vec<Kind>,
}

/// A type of filter.
#[derive(Debug, Clone)]
struct Kind {
    name: &'static str,
    read: fn(&FilterUse) -> Result<Arc<dyn Build>, String>,
}

/// What each route's filters are built from, by route.
#[derive(Default)]
pub(crate) struct Plan {
    routes: Vec<Vec<Arc<dyn Build>>>,
}

/// A filter with its settings, to be built by each worker.
trait Build: Send + Sync {
    fn build(&self, worker: &WorkerCx<'_>) -> Result<Member, StartError>;
}

/// The settings of one entry of a route's `filters:`.
struct Configured<F: Filter> {
    config: F::Config,
}

/// The worker on which a filter is built.
pub struct WorkerCx<'a> {
    worker: &'a Worker,
    services: &'a [Rc<ServiceState>],
}

impl Catalogue {
    pub(crate) fn add<F: Filter>(&mut self) {
        self.kinds.push(Kind {
            name: F::NAME,
            read: read::<F>,
        });
    }

    /// Reads the settings of all filters in `snapshot`.
    ///
    /// # Errors
    /// Every entry that names no filter, or one whose settings are not what it takes: one line each,
    /// with its place.
    pub(crate) fn plan(&self, snapshot: &Snapshot) -> Result<Plan, String> {
        let mut problems = self.ambiguities();
        let mut plan = Plan::default();
        for route in &snapshot.routes {
            let mut builds = Vec::new();
            for (index, entry) in route.filters.iter().enumerate() {
                match self.configure(entry) {
                    Ok(build) => builds.push(build),
                    Err(problem) => problems.push(format!("{}: {problem}", whence(route, index))),
                }
            }
            plan.routes.push(builds);
        }
        if problems.is_empty() {
            Ok(plan)
        } else {
            Err(problems.join("\n"))
        }
    }

    fn configure(&self, entry: &FilterUse) -> Result<Arc<dyn Build>, String> {
        let found = self.kinds.iter().find(|kind| *kind.name == *entry.name);
        let Some(kind) = found else {
            let names: Vec<_> = self.kinds.iter().map(|kind| kind.name).collect();
            let hint = match names.as_slice() {
                [] => "this program brings none".to_owned(),
                names => format!("there are: {}", names.join(", ")),
            };
            return Err(format!("no filter is called `{}`; {hint}", entry.name));
        };
        (kind.read)(entry).map_err(|problem| format!("filter `{}`: {problem}", kind.name))
    }

    /// Names that two types of filters have.
    fn ambiguities(&self) -> Vec<String> {
        let earlier = |at: usize, kind: &Kind| self.kinds[..at].iter().any(|k| k.name == kind.name);
        let doubled = self.kinds.iter().enumerate();
        doubled
            .filter(|(at, kind)| earlier(*at, kind))
            .map(|(_, kind)| format!("two filters are called `{}`", kind.name))
            .collect()
    }
}

impl Plan {
    /// Builds the filters of `route` on a worker; `None` for a route without any.
    ///
    /// # Errors
    /// What a filter says, with its place.
    pub(crate) fn chain(
        &self,
        route: &Route,
        worker: &WorkerCx<'_>,
    ) -> Result<Option<Rc<Chain>>, String> {
        let builds = self.of(route.id);
        if builds.is_empty() {
            return Ok(None);
        }
        let member = |(index, build): (usize, &Arc<dyn Build>)| {
            let explain = |problem: &dyn fmt::Display| {
                let name = &route.filters[index].name;
                format!("{}: filter `{name}`: {problem}", whence(route, index))
            };
            // What an embedding program gets wrong here must not end a process that is serving.
            match catch_unwind(AssertUnwindSafe(|| build.build(worker))) {
                Ok(built) => built.map_err(|error| explain(&error)),
                Err(_panic) => Err(explain(&"it panicked while it was built")),
            }
        };
        let members: Result<Vec<_>, _> = builds.iter().enumerate().map(member).collect();
        Ok(Some(Rc::new(Chain::new(members?))))
    }

    fn of(&self, route: RouteId) -> &[Arc<dyn Build>] {
        self.routes.get(route.index()).map_or(&[], Vec::as_slice)
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filters: usize = self.routes.iter().map(Vec::len).sum();
        f.debug_struct("Plan").field("filters", &filters).finish()
    }
}

/// Where an entry of a route's `filters:` stands.
fn whence(route: &Route, index: usize) -> String {
    let place = &route.filters[index].place;
    format!("{place}: routes[{}].filters[{index}]", route.id.index())
}

fn read<F: Filter>(entry: &FilterUse) -> Result<Arc<dyn Build>, String> {
    let settings = entry.config.clone();
    let is_empty = settings.as_object().is_some_and(serde_json::Map::is_empty);
    let config: F::Config = match serde_json::from_value(settings) {
        Ok(config) => config,
        // `()` and its like are read from nothing, not from an object without keys.
        Err(error) if is_empty => {
            serde_json::from_value(Value::Null).map_err(|_| error.to_string())?
        }
        Err(error) => return Err(error.to_string()),
    };
    Ok(Arc::new(Configured::<F> { config }))
}

impl<F: Filter> Build for Configured<F> {
    fn build(&self, worker: &WorkerCx<'_>) -> Result<Member, StartError> {
        let filter = Rc::new(F::new(self.config.clone(), worker)?);
        Ok(Member::new(F::NAME, F::PHASES, filter))
    }
}

impl<'a> WorkerCx<'a> {
    pub(crate) fn new(worker: &'a Worker, services: &'a [Rc<ServiceState>]) -> Self {
        Self { worker, services }
    }

    /// The worker's number, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.worker.index
    }

    /// The service of this name, to be called ([`RequestCx::call`](crate::RequestCx::call)).
    ///
    /// # Errors
    /// When the configuration has no such service.
    pub fn service(&self, name: &str) -> Result<Service, StartError> {
        let found = self.services.iter().find(|service| &*service.name == name);
        let state = found.ok_or_else(|| StartError::new(format!("no service is called `{name}`")));
        Ok(Service::new(state?.clone()))
    }

    /// State that is one for all workers and outlives configurations.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.worker.shared.registry
    }
}

impl fmt::Debug for WorkerCx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerCx")
            .field("index", &self.index())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use corelane_config::Config;

    #[derive(Clone, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        #[expect(dead_code, reason = "only whether it can be read counts here")]
        most: u32,
    }

    struct Strict;
    impl Filter for Strict {
        const NAME: &'static str = "strict";
        type Config = Settings;
        type State = ();
        fn new(_: Settings, _: &WorkerCx<'_>) -> Result<Self, StartError> {
            Ok(Self)
        }
    }

    struct Plain;
    impl Filter for Plain {
        const NAME: &'static str = "plain";
        type Config = ();
        type State = ();
        fn new((): (), _: &WorkerCx<'_>) -> Result<Self, StartError> {
            Ok(Self)
        }
    }

    fn catalogue() -> Catalogue {
        let mut catalogue = Catalogue::default();
        catalogue.add::<Strict>();
        catalogue.add::<Plain>();
        catalogue
    }

    fn plan(catalogue: &Catalogue, filters: &str) -> Result<usize, String> {
        let text = format!(
            "routes:\n  - path: /*\n    respond: {{status: 200}}\n    filters: [{filters}]\n"
        );
        let config = Config::from_yaml("f.yaml", &text).unwrap();
        let plan = catalogue.plan(config.snapshot())?;
        Ok(plan.routes.iter().map(Vec::len).sum())
    }

    #[test]
    fn settings_are_read_as_the_filter_wants_them() {
        let catalogue = catalogue();
        assert_eq!(
            plan(&catalogue, "{use: strict, most: 3}, {use: plain}"),
            Ok(2)
        );
        assert_eq!(plan(&catalogue, ""), Ok(0));
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let told = plan(
            &catalogue(),
            "{use: strict}, {use: strict, most: 3, least: 1}, {use: plain, x: 1}, {use: nobody}",
        );
        let told = told.unwrap_err();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 4, "{told}");
        assert_eq!(
            lines[0],
            "f.yaml:4:15: routes[0].filters[0]: filter `strict`: missing field `most`"
        );
        assert!(lines[1].contains("filters[1]") && lines[1].contains("unknown field `least`"));
        assert!(lines[2].starts_with("f.yaml:4:"), "{told}");
        assert!(lines[3].ends_with("no filter is called `nobody`; there are: strict, plain"));
    }

    #[test]
    fn two_filters_of_one_name_are_refused() {
        let mut catalogue = catalogue();
        catalogue.add::<Plain>();
        assert_eq!(
            plan(&catalogue, "{use: plain}"),
            Err("two filters are called `plain`".to_owned())
        );
    }
}
