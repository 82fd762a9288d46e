//! Which page answers which request.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use corelane_config::limits::MAX_ADMIN_BODY_BYTES;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, StatusCode};
use serde_json::json;
use tokio::time::timeout;

use super::reply::{Problem, Reply, json, text, written_json};
use super::{dashboard, guard, pages, question};
use crate::check::problems_json;
use crate::control::Control;
use crate::reload::Refused;

/// For a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

const PLAIN: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers a request on a connection that was made to the address `local`.
pub(super) async fn answer(
    control: &Arc<Control>,
    local: IpAddr,
    request: Request<Incoming>,
) -> Reply {
    let (head, body) = request.into_parts();
    if let Err(refusal) = guard::check(&head, local) {
        return refusal.into();
    }
    let answered = match Page::at(head.uri.path()) {
        None => Err(Problem::new(StatusCode::NOT_FOUND, "no such page")),
        Some(Page::Question(question)) => match head.method {
            Method::GET | Method::HEAD => Ok(inform(control, question).await),
            _ => Err(Problem::method_not_allowed("GET, HEAD")),
        },
        Some(Page::Order(order)) => match head.method {
            Method::POST => obey(control, order, body).await,
            _ => Err(Problem::method_not_allowed("POST")),
        },
    };
    answered.unwrap_or_else(Reply::from)
}

/// What stands at a path.
#[derive(Debug, Clone, Copy)]
enum Page {
    Question(Question),
    Order(Order),
}

#[derive(Debug, Clone, Copy)]
enum Question {
    Dashboard(&'static dashboard::File),
    Health,
    Readiness,
    Metrics,
    Status,
    Config,
    Services,
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Reload,
    Explain,
    Drain,
}

impl Page {
    fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/healthz" => Self::Question(Question::Health),
            "/readyz" => Self::Question(Question::Readiness),
            "/metrics" => Self::Question(Question::Metrics),
            "/status" => Self::Question(Question::Status),
            "/config" => Self::Question(Question::Config),
            "/services" => Self::Question(Question::Services),
            "/reload" => Self::Order(Order::Reload),
            "/explain" => Self::Order(Order::Explain),
            "/drain" => Self::Order(Order::Drain),
            other => Self::Question(Question::Dashboard(dashboard::file(other)?)),
        })
    }
}

async fn inform(control: &Control, question: Question) -> Reply {
    match question {
        Question::Dashboard(file) => text(StatusCode::OK, file.kind, file.content),
        Question::Health => text(StatusCode::OK, PLAIN, "ok\n"),
        Question::Readiness if control.handle().is_serving() => {
            text(StatusCode::OK, PLAIN, "ready\n")
        }
        Question::Readiness => text(StatusCode::SERVICE_UNAVAILABLE, PLAIN, "draining\n"),
        Question::Metrics => text(StatusCode::OK, PROMETHEUS, pages::metrics(control).await),
        Question::Status => json(StatusCode::OK, &pages::status(control)),
        Question::Config => json(StatusCode::OK, &pages::config(control)),
        Question::Services => json(StatusCode::OK, &pages::services(control).await),
    }
}

async fn obey(control: &Control, order: Order, body: Incoming) -> Result<Reply, Problem> {
    match order {
        Order::Reload => reload(control).await,
        Order::Drain => {
            control.drain();
            Ok(json(StatusCode::ACCEPTED, &json!({"status": "draining"})))
        }
        Order::Explain => {
            let body = read(body).await?;
            let Some(generation) = control.handle().generation() else {
                let why = "no configuration is in use";
                return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, why));
            };
            let (snapshot, number) = (&generation.snapshot, generation.number);
            question::explanation(snapshot, number, &body).map(written_json)
        }
    }
}

async fn reload(control: &Control) -> Result<Reply, Problem> {
    match control.reload().await {
        Ok(reloaded) => {
            let document = json!({
                "generation": reloaded.generation,
                "warnings": problems_json(&reloaded.warnings),
                "needs_restart": reloaded.needs_restart,
            });
            Ok(json(StatusCode::OK, &document))
        }
        Err(refused) => {
            let status = match &*refused {
                Refused::Config(_) => StatusCode::UNPROCESSABLE_ENTITY,
                Refused::Start(_) => StatusCode::CONFLICT,
                Refused::Draining | Refused::Busy => StatusCode::SERVICE_UNAVAILABLE,
            };
            let detail = format!("the new configuration is refused: {refused}");
            let errors = match &*refused {
                Refused::Config(errors) => problems_json(&errors.0),
                _ => json!([]),
            };
            Err(Problem::new(status, detail).with("errors", errors))
        }
    }
}

async fn read(body: Incoming) -> Result<Bytes, Problem> {
    let read = timeout(
        BODY_TIMEOUT,
        Limited::new(body, MAX_ADMIN_BODY_BYTES).collect(),
    );
    match read.await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("more than {MAX_ADMIN_BODY_BYTES} bytes"),
        )),
        Ok(Err(error)) => Err(Problem::new(StatusCode::BAD_REQUEST, error.to_string())),
        Err(_elapsed) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not come in time",
        )),
    }
}
