//! `routes:`, compiled into the table; routes that no request can reach are warned of.

use std::sync::Arc;
use std::time::Duration;

use ahash::HashSet;

use super::actions::action;
use super::edits::edits;
use super::fields::{Fields, Text, text_of};
use super::listeners::Listeners;
use super::matchers::matcher;
use super::names::{Name, OwnNames, unique};
use super::nearest::nearest;
use super::services::Services;
use super::text::is_token;
use crate::limits::{MAX_METHODS, MAX_REGEXES};
use crate::masked;
use crate::report::Report;
use crate::schema::{FILTER, ROUTE};
use crate::snapshot::{Action, Edits, FilterUse, Route, RouteId};
use crate::table::{Matcher, PatternKind, RouteTable, shadowed};
use crate::yaml::Node;

/// The routes, their table, and their names.
#[derive(Debug, Default)]
pub(super) struct Routes {
    pub(super) list: Vec<Arc<Route>>,
    pub(super) table: RouteTable,
    /// Whether every route could be read.
    complete: bool,
}

impl Routes {
    /// The route that `name` names; an unknown one is reported.
    pub(super) fn named(&self, name: Text<'_>, report: &Report<'_>) -> Option<RouteId> {
        let found = self.list.iter().find(|route| &*route.name == name.text);
        if found.is_none() && self.complete {
            let hint = match nearest(name.text, self.list.iter().map(|route| &*route.name)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write the route's `name`, or its path when it has none".to_owned(),
            };
            report.unknown_name(name.node, format!("no route `{}`", name.text), hint);
        }
        found.map(|route| route.id)
    }
}

pub(super) fn routes(top: &Fields<'_>, listeners: &Listeners<'_>, services: &Services) -> Routes {
    let mut own_names = OwnNames::default();
    let mut matchers = Vec::new();
    let mut drafts = Vec::new();
    let nodes = top.list("routes");
    for node in nodes {
        let Some(fields) = Fields::open(&ROUTE, node, top.report) else {
            continue;
        };
        let own_name = own_names.claim(&fields);
        let matcher = matcher(&fields, listeners);
        let draft = draft(&fields, own_name, matcher.as_ref(), services);
        if let (Some(matcher), Some(draft)) = (matcher, draft) {
            matchers.push(matcher);
            drafts.push(draft);
        }
    }
    check_bounds(top, &matchers);
    warn_of_shadows(&matchers, &drafts, top.report);
    if drafts.is_empty() && top.report.errors() == 0 {
        top.report
            .warn(top.node, "no routes", "every request is answered with 404");
    }
    let made = |matcher: &Matcher| Name::Made(matcher.path.to_string());
    let names: Vec<Name<'_>> = drafts
        .iter()
        .zip(&matchers)
        .map(|(draft, matcher)| draft.own_name.map_or_else(|| made(matcher), Name::Own))
        .collect();
    let names = unique(&names);
    let table = RouteTable::compile(matchers);
    let numbered = (0..).map(RouteId).zip(drafts).zip(names);
    let list = numbered.map(|((id, draft), name)| {
        let matcher = Arc::clone(table.matcher(id));
        Arc::new(draft.finish(id, name, matcher, top.report))
    });
    let list: Vec<_> = list.collect();
    let complete = list.len() == nodes.len();
    Routes {
        list,
        table,
        complete,
    }
}

/// A route before it has an id and its final name.
struct Draft<'a> {
    node: &'a Node,
    own_name: Option<&'a str>,
    action: Action,
    timeout: Option<Duration>,
    response_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    request_edits: Edits,
    response_edits: Edits,
    upgrade: Vec<Box<str>>,
    filters: Vec<FilterUse>,
}

fn draft<'a>(
    fields: &Fields<'a>,
    own_name: Option<&'a str>,
    matcher: Option<&Matcher>,
    services: &Services,
) -> Option<Draft<'a>> {
    let action = action(fields, matcher.map(|matcher| &matcher.path), services);
    let timeout = fields.duration("timeout");
    let response_timeout = fields.duration("response_timeout");
    let idle_timeout = fields.duration("idle_timeout");
    let request_edits = edits(fields, "request_headers");
    let response_edits = edits(fields, "response_headers");
    let upgrade = upgrade(fields);
    let filters = filters(fields);
    Some(Draft {
        node: fields.node,
        own_name,
        action: action?,
        timeout,
        response_timeout,
        idle_timeout,
        request_edits,
        response_edits,
        upgrade,
        filters,
    })
}

impl Draft<'_> {
    fn finish(
        self,
        id: RouteId,
        name: Arc<str>,
        matcher: Arc<Matcher>,
        report: &Report<'_>,
    ) -> Route {
        Route {
            id,
            name,
            place: report.place(self.node.mark),
            matcher,
            action: self.action,
            timeout: self.timeout,
            response_timeout: self.response_timeout,
            idle_timeout: self.idle_timeout,
            request_edits: self.request_edits,
            response_edits: self.response_edits,
            upgrade: self.upgrade,
            filters: self.filters,
        }
    }
}

/// Tokens in lower case. `h2c` is always stripped, and `websocket` needs no mention.
fn upgrade(fields: &Fields<'_>) -> Vec<Box<str>> {
    let mut tokens: Vec<Box<str>> = Vec::new();
    for node in fields.list("upgrade") {
        let Some(Text { text, .. }) = text_of(node, fields.report) else {
            continue;
        };
        let token = text.to_ascii_lowercase();
        let name = token.split('/').next().unwrap_or_default();
        if !token.split('/').all(is_token) || token.matches('/').count() > 1 {
            fields.report.error(
                node,
                format!("`{text}` is no upgrade token (RFC 9110 §7.8)"),
            );
        } else if matches!(name, "h2c" | "http" | "tls") {
            let message = format!("`{text}` would let a request past the rules of this proxy");
            fields.report.error_hint(node, message, "leave it out");
        } else if !tokens.iter().any(|other| **other == *token) {
            tokens.push(token.into());
        }
    }
    tokens
}

fn filters(fields: &Fields<'_>) -> Vec<FilterUse> {
    let mut filters = Vec::new();
    for node in fields.list("filters") {
        let Some(filter) = Fields::open(&FILTER, node, fields.report) else {
            continue;
        };
        let Some(name) = filter.text("use") else {
            continue;
        };
        let config = masked::without(node, "use");
        let place = fields.report.place(node.mark);
        filters.push(FilterUse {
            name: name.text.into(),
            config,
            place,
        });
    }
    filters
}

fn check_bounds(top: &Fields<'_>, matchers: &[Matcher]) {
    let regex = |matcher: &&Matcher| matches!(matcher.path.kind(), PatternKind::Regex(_));
    let regexes = matchers.iter().filter(regex).count();
    if regexes > MAX_REGEXES {
        let message = format!("{regexes} paths are regexes, and the most is {MAX_REGEXES}");
        top.report.error(top.node, message);
    }
    let methods: HashSet<&str> = matchers
        .iter()
        .flat_map(|matcher| &matcher.methods)
        .map(|method| &**method)
        .collect();
    // HEAD comes in with GET.
    let count = methods.len() + usize::from(methods.contains("GET") && !methods.contains("HEAD"));
    if count >= MAX_METHODS {
        let message = format!(
            "{count} different methods, and the most is {}",
            MAX_METHODS - 1
        );
        top.report.error(top.node, message);
    }
}

fn warn_of_shadows(matchers: &[Matcher], drafts: &[Draft<'_>], report: &Report<'_>) {
    let matchers: Vec<&Matcher> = matchers.iter().collect();
    for (route, by) in shadowed(&matchers) {
        let place = report.place(drafts[by].node.mark);
        report.warn(
            drafts[route].node,
            format!("no request reaches this route: the one at {place} takes them all"),
            "give it a condition that the other has not, or remove it",
        );
    }
}
