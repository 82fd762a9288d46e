//! What happens while it happens, on stderr: one line that is written anew each second at a terminal,
//! plain lines elsewhere. Entered by the collector's thread with each second that is complete.

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use super::sparkline::sparkline;
use crate::tally::Row;
use crate::units::show_nanos;

/// Seconds in the sparkline.
const BARS: usize = 24;

/// Tells of seconds as they come.
#[derive(Debug)]
pub(crate) struct Progress {
    place: Place,
    seconds: u64,
    rates: VecDeque<u64>,
    errors: u64,
    is_on_screen: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nobody wants to know.
    Nowhere,
    /// A terminal, which can rub out what it shows.
    Terminal,
    /// A file or a pipe.
    Lines,
}

impl Progress {
    /// The progress of a run that lasts so long, on stderr unless it shall be quiet.
    pub(crate) fn new(duration: Duration, is_quiet: bool) -> Self {
        let place = match (is_quiet, std::io::stderr().is_terminal()) {
            (true, _) => Place::Nowhere,
            (false, true) => Place::Terminal,
            (false, false) => Place::Lines,
        };
        Self::at(place, duration)
    }

    fn at(place: Place, duration: Duration) -> Self {
        Self {
            place,
            seconds: duration.as_secs(),
            rates: VecDeque::with_capacity(BARS),
            errors: 0,
            is_on_screen: false,
        }
    }

    /// Shows a second.
    pub(crate) fn show(&mut self, row: &Row) {
        let text = self.line(row);
        self.is_on_screen = self.place == Place::Terminal;
        // Whoever closed our stderr does not want to know.
        drop(std::io::stderr().write_all(text.as_bytes()));
    }

    fn line(&mut self, row: &Row) -> String {
        if self.rates.len() == BARS {
            self.rates.pop_front();
        }
        self.rates.push_back(row.good);
        self.errors += row.errors;
        let text = format!(
            "{:>4}/{} s  {:>7}/s  p50 {:>7}  p99 {:>7}  errors {}",
            row.second + 1,
            self.seconds,
            row.good,
            time(row.p50),
            time(row.p99),
            self.errors
        );
        match self.place {
            Place::Nowhere => String::new(),
            Place::Lines => text + "\n",
            Place::Terminal => {
                let bars = sparkline(self.rates.iter().copied());
                format!("{ERASE}{text}  {bars}")
            }
        }
    }
}

/// The line goes when the report takes its place.
impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_on_screen {
            drop(std::io::stderr().write_all(ERASE.as_bytes()));
        }
    }
}

/// Back to the line's beginning, and everything behind it away.
const ERASE: &str = "\r\u{1b}[K";

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn time(nanos: Option<u64>) -> String {
    nanos.map_or_else(|| "-".to_owned(), |nanos| show_nanos(nanos as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(second: u32, good: u64, errors: u64) -> Row {
        let latency = (good > 0).then_some(1_234_567);
        Row {
            second,
            due: good + errors,
            good,
            errors,
            bytes: 0,
            p50: latency,
            p99: latency.map(|nanos| nanos * 10),
            max: latency,
        }
    }

    #[test]
    fn plain_lines_tell_the_second_and_the_errors_so_far() {
        let mut progress = Progress::at(Place::Lines, Duration::from_secs(30));
        assert_eq!(
            progress.line(&row(0, 4998, 2)),
            "   1/30 s     4998/s  p50 1.23 ms  p99 12.3 ms  errors 2\n"
        );
        assert_eq!(
            progress.line(&row(1, 0, 3)),
            "   2/30 s        0/s  p50       -  p99       -  errors 5\n"
        );
    }

    #[test]
    fn a_terminal_gets_one_line_with_the_last_rates() {
        let mut progress = Progress::at(Place::Terminal, Duration::from_secs(90));
        for second in 0..40 {
            let line = progress.line(&row(second, u64::from(second), 0));
            assert!(
                line.starts_with("\r\u{1b}[K") && !line.contains('\n'),
                "{line:?}"
            );
            assert!(line.chars().count() < 90, "{line:?}");
        }
        let line = progress.line(&row(40, 63, 0));
        // 17 to 39, then 63: one step for each 9, rounded up.
        assert!(line.ends_with("  ▃▃▄▄▄▄▄▄▄▄▄▅▅▅▅▅▅▅▅▅▆▆▆█"), "{line:?}");
    }

    #[test]
    fn quiet_is_quiet() {
        let mut progress = Progress::at(Place::Nowhere, Duration::from_secs(1));
        assert_eq!(progress.line(&row(0, 1, 1)), "");
    }
}
