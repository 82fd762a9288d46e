//! A run's series as steps that can be drawn: a few hundred at most, and none so short that its rate
//! would be a matter of luck. Entered by the timeline.

use crate::report::saved::{Row, Saved};

/// More steps than this are put together.
const STEPS_MAX: usize = 240;

/// A part of a run's time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    /// When it began and ended, in seconds since the start.
    pub(super) from: f64,
    pub(super) to: f64,
    /// Requests that fell due, good replies, errors.
    pub(super) due: f64,
    pub(super) good: f64,
    pub(super) errors: f64,
    /// Latencies in microseconds; `None` without a good reply.
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
    pub(super) max: Option<f64>,
}

impl Step {
    /// Half way through it.
    pub(super) fn middle(&self) -> f64 {
        f64::midpoint(self.from, self.to)
    }

    /// A count of it per second.
    pub(super) fn rate(&self, count: f64) -> f64 {
        let length = self.to - self.from;
        if length > 0.0 { count / length } else { 0.0 }
    }

    /// Puts the step after it to this one. Of a median over both there is no more to know than that
    /// it lies between the two.
    fn join(&mut self, next: &Self) {
        let middle = |mine: f64, theirs: f64| {
            let good = (self.good + next.good).max(1.0);
            (mine * self.good + theirs * next.good) / good
        };
        self.p50 = both(self.p50, next.p50, middle);
        self.p99 = both(self.p99, next.p99, f64::max);
        self.max = both(self.max, next.max, f64::max);
        self.to = next.to;
        self.due += next.due;
        self.good += next.good;
        self.errors += next.errors;
    }
}

fn both(one: Option<f64>, other: Option<f64>, join: impl Fn(f64, f64) -> f64) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(join(one, other)),
        _ => one.or(other),
    }
}

/// The series as steps. What was left over after the last whole interval belongs to the step before,
/// unless it is half an interval: a rate over a moment would be a spike.
pub(super) fn steps(run: &Saved) -> Vec<Step> {
    let interval = run.series.interval_seconds;
    let rows = &run.series.rows;
    if rows.is_empty() {
        return Vec::new();
    }
    let mut parts: Vec<_> = rows.iter().map(|row| step(row, interval)).collect();
    if let Some(last) = parts.last_mut()
        && (last.from..last.to).contains(&run.elapsed_s)
    {
        last.to = run.elapsed_s;
    }
    let together = rows.len().div_ceil(STEPS_MAX);
    let mut steps: Vec<Step> = Vec::new();
    for group in parts.chunks(together) {
        let mut whole = group[0];
        group[1..].iter().for_each(|part| whole.join(part));
        steps.push(whole);
    }
    let short = |step: &Step| step.to - step.from < interval / 2.0;
    if let [.., before, last] = steps.as_mut_slice()
        && short(last)
    {
        before.join(last);
        steps.pop();
    }
    steps
}

#[expect(clippy::cast_precision_loss, reason = "a plot shows few digits")]
fn step(row: &Row, interval: f64) -> Step {
    Step {
        from: row.second,
        to: row.second + interval,
        due: row.due as f64,
        good: row.good as f64,
        errors: row.errors as f64,
        p50: row.p50_us,
        p99: row.p99_us,
        max: row.max_us,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::saved::Series;

    fn run(rows: &[(u64, f64)], elapsed_s: f64) -> Saved {
        let rows = rows.iter().enumerate().map(|(second, &(good, p99))| Row {
            second: second as f64,
            due: good,
            good,
            errors: 0,
            p50_us: Some(p99 / 2.0),
            p99_us: Some(p99),
            max_us: Some(p99 * 2.0),
        });
        Saved {
            elapsed_s,
            series: Series {
                interval_seconds: 1.0,
                rows: rows.collect(),
            },
            ..Saved::default()
        }
    }

    #[test]
    fn a_moment_left_over_is_no_step_of_its_own() {
        let found = steps(&run(&[(100, 10.0), (100, 10.0), (5, 90.0)], 2.05));
        assert_eq!(found.len(), 2);
        assert_eq!((found[1].to, found[1].good), (2.05, 105.0));
        assert!((found[1].rate(found[1].good) - 100.0).abs() < 1e-9);
        assert_eq!((found[1].p99, found[1].max), (Some(90.0), Some(180.0)));
        let found = steps(&run(&[(100, 10.0), (60, 10.0)], 1.6));
        assert_eq!(found.len(), 2);
        assert!((found[1].rate(found[1].good) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_stall_at_the_end_is_a_step_without_replies() {
        let found = steps(&run(&[(100, 10.0), (20, 10.0), (0, 0.0)], 1.2));
        let rates: Vec<_> = found.iter().map(|step| step.rate(step.good)).collect();
        assert_eq!(rates, [100.0, 20.0, 0.0]);
    }

    #[test]
    fn long_runs_are_drawn_in_longer_steps_and_nothing_is_lost() {
        let rows: Vec<_> = (0..1000).map(|n| (n, n as f64)).collect();
        let found = steps(&run(&rows, 1000.0));
        assert_eq!(found.len(), 200);
        let good: f64 = found.iter().map(|step| step.good).sum();
        assert_eq!(good, 499_500.0);
        assert_eq!((found[199].p99, found[199].to), (Some(999.0), 1000.0));
    }

    #[test]
    fn nothing_counted_is_no_step() {
        assert_eq!(steps(&Saved::default()), []);
    }
}
