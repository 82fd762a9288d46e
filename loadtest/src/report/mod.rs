//! What a run came to, for people (`text`, `html`) and for programs (`json`, `hgrm`), and what it does
//! meanwhile (`progress`). Entered by `main` with a plan, its result and the `facts` about it; reports
//! are returned, not printed. `saved` reads back what `json` wrote; whatever is for people is made from
//! that, so that it says the same of a run that has just ended and of one of long ago.

pub(crate) mod facts;
pub(crate) mod files;
pub(crate) mod hgrm;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod progress;
pub(crate) mod runs;
pub(crate) mod saved;
mod sparkline;
mod text;
mod visible;

use std::time::Duration;

use crate::load::RunResult;

/// Percentiles that both reports give, with their names.
const PERCENTILES: [(&str, f64); 5] = [
    ("p50", 50.0),
    ("p90", 90.0),
    ("p95", 95.0),
    ("p99", 99.0),
    ("p99.9", 99.9),
];

/// Above this share of its time a worker is likely to have been the limit itself.
const BUSY_LIMIT: f64 = 0.9;

/// A generator that looks at one in a hundred due requests later than this does not keep its schedule:
/// what is measured is partly its own.
const LAG_LIMIT: Duration = Duration::from_millis(1);

/// Good replies per second.
fn rate(result: &RunResult) -> f64 {
    per_second(result.total.good, result)
}

/// A count over the run's time; 0 for a run without time.
#[expect(clippy::cast_precision_loss, reason = "a rate has few digits")]
fn per_second(count: u64, result: &RunResult) -> f64 {
    let seconds = result.elapsed.as_secs_f64();
    if seconds > 0.0 {
        count as f64 / seconds
    } else {
        0.0
    }
}

/// Why the generator itself was the limit and not what it measured, if it was.
fn self_limit(result: &RunResult) -> Option<String> {
    let busiest = result.busy.iter().copied().fold(0.0, f64::max);
    let lag = Duration::from_nanos(result.tally.lag.value_at_quantile(0.99));
    let mut reasons = Vec::new();
    if busiest > BUSY_LIMIT {
        reasons.push(format!(
            "a worker was busy for {:.0} % of the time",
            busiest * 100.0
        ));
    }
    if lag > LAG_LIMIT {
        reasons.push(format!(
            "one in a hundred requests was looked at {lag:.1?} late or more"
        ));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}
