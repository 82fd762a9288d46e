//! The program's log: plain lines on standard error, filtered as `CORELANE_LOG` says. Everybody
//! enters through the `log` macros. It decides nothing and keeps nothing; secrets never reach it,
//! because nobody passes them on.

use std::env;
use std::fmt::Write as _;

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::console;
use crate::timestamp::Timestamp;

/// The variable that holds the filter.
const VARIABLE: &str = "CORELANE_LOG";

/// Begins to log. What is wrong with the filter is said and left out.
pub(crate) fn start() {
    let text = env::var(VARIABLE).unwrap_or_default();
    let (filter, complaints) = Filter::parse(&text);
    log::set_max_level(filter.most());
    // Only the first logger of a process is taken: an embedder's own stays.
    let first = log::set_boxed_logger(Box::new(Logger { filter }));
    if first.is_ok() {
        for complaint in complaints {
            log::warn!("{VARIABLE}: {complaint}");
        }
    }
}

#[derive(Debug)]
struct Logger {
    filter: Filter,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter
            .lets_through(metadata.target(), metadata.level())
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let message = record.args().to_string();
            let line = line(Timestamp::now(), record.level(), record.target(), &message);
            console::tell(line);
        }
    }

    fn flush(&self) {}
}

/// One line, whatever is in the message: a peer's bytes must not look like a line of ours.
fn line(time: Timestamp, level: Level, target: &str, message: &str) -> String {
    let mut line = format!("{time} {level:5} {target}: ");
    for character in message.chars() {
        if character.is_control() {
            // Writing to memory does not fail.
            let _never_fails = write!(line, "{}", character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// Which records are written: one level for all, others for some modules.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Filter {
    general: LevelFilter,
    /// Longest module first.
    modules: Vec<(String, LevelFilter)>,
}

impl Filter {
    /// Reads `info`, or `warn,corelane_engine=debug`; with what could not be read.
    fn parse(text: &str) -> (Self, Vec<String>) {
        let mut filter = Self {
            general: LevelFilter::Info,
            modules: Vec::new(),
        };
        let mut complaints = Vec::new();
        let rules = text.split(',').map(str::trim);
        for rule in rules.filter(|rule| !rule.is_empty()) {
            let (module, level) = match rule.split_once('=') {
                Some((module, level)) => (module.trim(), level.trim()),
                None => ("", rule),
            };
            match level.parse() {
                Ok(level) if module.is_empty() => filter.general = level,
                Ok(level) => filter.modules.push((module.to_owned(), level)),
                Err(_) => complaints.push(format!(
                    "`{rule}` is left out; write off, error, warn, info, debug or trace, or module=level"
                )),
            }
        }
        let by_length = |(module, _): &(String, LevelFilter)| std::cmp::Reverse(module.len());
        filter.modules.sort_by_key(by_length);
        (filter, complaints)
    }

    fn lets_through(&self, target: &str, level: Level) -> bool {
        let is_within = |module: &str| {
            let rest = target.strip_prefix(module);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        let mut modules = self.modules.iter();
        let rule = modules.find(|(module, _)| is_within(module));
        level <= rule.map_or(self.general, |(_, level)| *level)
    }

    /// The level beyond which nothing is written.
    fn most(&self) -> LevelFilter {
        let levels = self.modules.iter().map(|(_, level)| *level);
        levels.fold(self.general, Ord::max)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[track_caller]
    fn filter(text: &str) -> Filter {
        let (filter, complaints) = Filter::parse(text);
        assert_eq!(complaints, Vec::<String>::new());
        filter
    }

    #[test]
    fn without_a_filter_information_is_shown() {
        let filter = filter("");
        assert!(filter.lets_through("corelane::run", Level::Info));
        assert!(!filter.lets_through("corelane::run", Level::Debug));
        assert_eq!(filter.most(), LevelFilter::Info);
    }

    #[test]
    fn the_longest_module_that_fits_decides() {
        let filter = filter("warn, corelane_engine=debug,corelane_engine::publish=off");
        assert!(!filter.lets_through("corelane::run", Level::Info));
        assert!(filter.lets_through("corelane_engine", Level::Debug));
        assert!(filter.lets_through("corelane_engine::proxy", Level::Debug));
        assert!(!filter.lets_through("corelane_engine::publish", Level::Error));
        assert!(!filter.lets_through("corelane_engineer", Level::Info));
        assert_eq!(filter.most(), LevelFilter::Debug);
    }

    #[test]
    fn what_is_no_rule_is_said_and_left_out() {
        let (filter, complaints) = Filter::parse("loud,corelane=ERROR");
        assert_eq!(filter.general, LevelFilter::Info);
        assert_eq!(
            filter.modules,
            [("corelane".to_owned(), LevelFilter::Error)]
        );
        assert_eq!(complaints.len(), 1);
        assert!(complaints[0].starts_with("`loud` is left out"));
    }

    #[test]
    fn a_message_stays_on_its_line() {
        let line = line(
            Timestamp(UNIX_EPOCH),
            Level::Warn,
            "corelane::run",
            "a\nready generation 2\u{1b}[31m",
        );
        assert_eq!(
            line,
            "1970-01-01T00:00:00.000Z WARN  corelane::run: a\\nready generation 2\\u{1b}[31m"
        );
    }
}
