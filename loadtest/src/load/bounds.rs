//! What a run takes when nobody says, and what it may take when nobody insists: a slip of the keyboard
//! shall not flood a machine for a day. Entered when a plan is made.

use std::time::Duration;

use super::plan::{Mode, Plan};
use crate::cli::Error;
use crate::units::show_duration;

/// How long a run lasts.
pub(super) const DURATION: Duration = Duration::from_secs(10);
/// The same for a run that counts requests instead.
pub(super) const DURATION_OF_COUNTED_RUN: Duration = Duration::from_secs(600);
/// Requests per second of the open loop: modest, so that a first try harms nothing.
pub(super) const RATE: f64 = 100.0;
/// The time that one request may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
/// What random numbers depend on: a run repeats the last one unless it is told not to.
pub(super) const SEED: u64 = 1;
/// Connections.
pub(super) const CONNECTIONS: u32 = 64;

const DURATION_MAX: Duration = Duration::from_secs(3600);
const RATE_MAX: f64 = 100_000.0;
const CONNECTIONS_MAX: u32 = 10_000;

/// The shortest default queue, for rates at which hardly anything is due within a timeout.
const QUEUE_MIN: u64 = 1024;
/// The longest: 24 bytes each.
const QUEUE_MAX: u64 = 1 << 20;

/// How many requests may wait for a slot: as many as fall due while the first of them waits as long
/// as a request may take.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are not negative, and the cast stops at the bounds of u64"
)]
pub(super) fn queue(peak: f64, timeout: Duration) -> u64 {
    let due = (peak * timeout.as_secs_f64()).ceil() as u64;
    due.clamp(QUEUE_MIN, QUEUE_MAX)
}

/// Refuses what is beyond the bounds, unless somebody insists.
pub(super) fn check(plan: &Plan, no_bounds: bool) -> Result<(), Error> {
    if no_bounds {
        return Ok(());
    }
    let refuse = |what: String| {
        Err(Error::Usage(format!(
            "{what}; --no-bounds says that you mean it"
        )))
    };
    if plan.duration() > DURATION_MAX {
        let bound = show_duration(DURATION_MAX);
        return refuse(format!("a run lasts {bound} at most"));
    }
    if plan.connections > CONNECTIONS_MAX {
        return refuse(format!("a run takes {CONNECTIONS_MAX} connections at most"));
    }
    match &plan.mode {
        Mode::Open { schedule, .. } if schedule.profile.peak() > RATE_MAX => {
            refuse(format!("a rate is {RATE_MAX}/s at most"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_holds_what_falls_due_in_a_timeout() {
        let timeout = Duration::from_secs(10);
        assert_eq!(queue(5_000.0, timeout), 50_000);
        assert_eq!(queue(1.0, timeout), QUEUE_MIN);
        assert_eq!(queue(1e9, timeout), QUEUE_MAX);
    }
}
