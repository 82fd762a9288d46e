//! Reloads, one after the other: read, check, bind, publish, tell. Whatever fails on the way leaves
//! the old configuration in use, whole. Signals, the watch and the admin API come in through
//! [`Control::reload`].

use std::fmt;
use std::sync::Arc;

use corelane_config::{Config, ConfigErrors, Problem, Runtime};
use corelane_engine::{Bound, StartError};
use tokio::sync::mpsc;

use crate::admin::Admin;
use crate::check::{Severity, problem_line};
use crate::console;
use crate::control::{Control, Waiting};
use crate::watch::Look;

/// What a reload has brought.
#[derive(Debug, Clone)]
pub(crate) struct Reloaded {
    /// The new generation.
    pub(crate) generation: u64,
    /// What loads but is hardly meant.
    pub(crate) warnings: Arc<[Problem]>,
    /// Keys of `runtime:` whose new value waits for the next start.
    pub(crate) needs_restart: Vec<&'static str>,
}

/// Why the old configuration goes on.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The new one has mistakes.
    Config(ConfigErrors),
    /// It is sound, but cannot be put into use here and now.
    Start(String),
    /// The gateway is draining.
    Draining,
    /// Too many calls for a reload wait already.
    Busy,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(ConfigErrors(problems)) => match problems.len() {
                1 => f.write_str("1 error in it"),
                more => write!(f, "{more} errors in it"),
            },
            Self::Start(why) => f.write_str(&why.replace('\n', "; ")),
            Self::Draining => f.write_str("the gateway is draining"),
            Self::Busy => f.write_str("too many reloads are waiting"),
        }
    }
}

impl From<StartError> for Refused {
    fn from(error: StartError) -> Self {
        Self::Start(error.to_string())
    }
}

/// Serves calls for a reload for as long as the program runs.
pub(crate) async fn serve(
    control: Arc<Control>,
    mut calls: mpsc::Receiver<Waiting>,
    mut admin: Admin,
    started_with: Runtime,
) {
    while let Some(first) = calls.recv().await {
        let mut waiting = vec![first];
        while let Ok(another) = calls.try_recv() {
            waiting.push(another);
        }
        let result = reload(&control, &mut admin, &started_with).await;
        let result = result.map_err(Arc::new);
        control.set_last_refusal(result.as_ref().err().cloned());
        tell(&control, &result);
        for answer in waiting {
            // Whoever asked may have gone.
            drop(answer.send(result.clone()));
        }
    }
}

async fn reload(
    control: &Arc<Control>,
    admin: &mut Admin,
    started_with: &Runtime,
) -> Result<Reloaded, Refused> {
    let config = blocking(control, |control| {
        control.set_last_look(Look::at(control.source().paths()));
        control.source().load().map_err(Refused::Config)
    });
    let config = config.await?;
    let snapshot = config.snapshot().clone();
    let seat = admin
        .take_seat(snapshot.admin.as_ref())
        .map_err(Refused::Start)?;
    let warnings = config.warnings().into();
    let (generation, listeners) =
        blocking(control, move |control| publish(control, &config)).await?;
    for listener in listeners.iter() {
        if !control.listeners().contains(listener) {
            announce_listener(listener);
        }
    }
    control.set_listeners(listeners);
    admin.move_to(seat, control);
    Ok(Reloaded {
        generation,
        warnings,
        needs_restart: needs_restart(started_with, &snapshot.runtime),
    })
}

fn publish(control: &Control, config: &Config) -> Result<(u64, Arc<[Bound]>), Refused> {
    let handle = control.handle();
    if !handle.is_serving() {
        return Err(Refused::Draining);
    }
    let generation = handle.publish(config)?;
    Ok((generation, handle.listeners().into()))
}

/// Runs what may block where it delays nobody.
async fn blocking<T: Send + 'static>(
    control: &Arc<Control>,
    work: impl FnOnce(&Control) -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    let control = control.clone();
    let done = tokio::task::spawn_blocking(move || work(&control)).await;
    done.unwrap_or_else(|error| Err(Refused::Start(format!("a defect of ours: {error}"))))
}

/// The keys that a new `runtime:` changes in vain: workers and drivers are made once.
fn needs_restart(started_with: &Runtime, now: &Runtime) -> Vec<&'static str> {
    let keys = [
        ("workers", started_with.workers != now.workers),
        ("pin", started_with.pin != now.pin),
        ("io", started_with.io != now.io),
        (
            "defer_taskrun",
            started_with.defer_taskrun != now.defer_taskrun,
        ),
    ];
    let changed = keys.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(key, _)| key).collect()
}

/// `listening ADDRESS NAME`, for people and scripts that wait for it.
pub(crate) fn announce_listener(listener: &Bound) {
    console::tell(format_args!(
        "listening {} {}",
        listener.address, listener.name
    ));
}

/// `ready generation N`, for people and scripts that wait for it.
pub(crate) fn announce_ready(generation: u64) {
    console::tell(format_args!("ready generation {generation}"));
}

fn tell(control: &Control, result: &Result<Reloaded, Arc<Refused>>) {
    match result {
        Ok(reloaded) => {
            for warning in reloaded.warnings.iter() {
                console::tell(problem_line(warning, Severity::Warning));
            }
            for key in &reloaded.needs_restart {
                log::warn!("runtime.{key} has changed, which takes effect at the next start");
            }
            announce_ready(reloaded.generation);
        }
        Err(refused) => {
            if let Refused::Config(ConfigErrors(problems)) = &**refused {
                for problem in problems {
                    console::tell(problem_line(problem, Severity::Error));
                }
            }
            let generation = control.handle().generation();
            let number = generation.map_or(0, |generation| generation.number);
            log::error!("the new configuration is refused: {refused}; generation {number} goes on");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime(text: &str) -> Runtime {
        let config = Config::from_yaml("test", &format!("runtime: {text}")).unwrap();
        config.snapshot().runtime.clone()
    }

    #[test]
    fn only_what_workers_are_made_of_needs_a_restart() {
        let before = runtime("{workers: 1, drain_timeout: 1s}");
        let after = runtime("{workers: 2, io: epoll, drain_timeout: 2s}");
        assert_eq!(needs_restart(&before, &after), ["workers", "io"]);
        let none: [&str; 0] = [];
        assert_eq!(needs_restart(&before, &before), none);
    }
}
