//! Reports read back from what `run --json` wrote. Entered by whatever is made from them: pages and
//! comparisons. A file may hold one report, several (one after the other, or in an array), each from
//! this version or an older one of its form; it may have been written by anybody.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::facts::Facts;
use super::json::VERSION;
use crate::cli::Error;

/// The most bytes of a file: a day of seconds in a hundred kinds is a tenth of it.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A report. Keys that this program does not know are passed over, those that an older one did not
/// write are empty.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Saved {
    /// The version of the form.
    #[serde(default)]
    pub(crate) version: u32,
    /// The program that wrote it.
    #[serde(default)]
    pub(crate) tool: String,
    /// The target.
    pub(crate) url: String,
    /// `open` or `closed`.
    #[serde(default, alias = "loop")]
    pub(crate) mode: String,
    /// When requests were due, in words.
    #[serde(default)]
    pub(crate) schedule: Option<String>,
    /// The protocol's name.
    #[serde(default)]
    pub(crate) protocol: String,
    /// Connections over all workers.
    pub(crate) connections: u64,
    /// Requests at a time on each connection.
    #[serde(default)]
    pub(crate) streams: Option<u64>,
    /// The number of worker threads.
    pub(crate) workers: u64,
    /// How I/O was done.
    #[serde(default)]
    pub(crate) driver: String,
    /// Seconds from the start to the last reply.
    pub(crate) elapsed_s: f64,
    /// Good replies per second.
    pub(crate) good_per_s: f64,
    /// Connections opened.
    #[serde(default)]
    pub(crate) connects: u64,
    /// How late the generator was to look at requests that were due.
    #[serde(default)]
    pub(crate) lag_us: Option<Times>,
    /// All requests together.
    #[serde(flatten)]
    pub(crate) total: Counts,
    /// The run, interval by interval.
    #[serde(default)]
    pub(crate) series: Series,
    /// Each kind of request by itself.
    #[serde(default)]
    pub(crate) kinds: Vec<Kind>,
    /// How the generator itself did.
    #[serde(default)]
    pub(crate) generator: Generator,
    /// How the run came about.
    #[serde(flatten)]
    pub(crate) facts: Facts,
}

/// Numbers of one kind of request, or of all.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Counts {
    /// Requests that were due, by the schedule or because a connection was free.
    #[serde(default)]
    pub(crate) due: u64,
    /// Good replies.
    pub(crate) good: u64,
    /// Requests that failed.
    pub(crate) errors: u64,
    /// Those among them for which there was no connection in time.
    #[serde(default)]
    pub(crate) not_sent: u64,
    /// Requests that the end of the run cut off.
    #[serde(default)]
    pub(crate) unfinished: u64,
    /// Bytes of complete replies.
    #[serde(default)]
    pub(crate) bytes: u64,
    /// From when a request was due until its good reply was complete.
    pub(crate) latency_us: Option<Times>,
    /// The same from when it was sent.
    #[serde(default)]
    pub(crate) service_us: Option<Times>,
    /// The curve of the former: percentile, microseconds, count so far.
    #[serde(default)]
    pub(crate) percentiles: Vec<Point>,
    /// The curve of the latter.
    #[serde(default)]
    pub(crate) service_percentiles: Vec<Point>,
    /// Replies by class of their status.
    #[serde(default)]
    pub(crate) statuses: BTreeMap<String, u64>,
    /// Replies to calls of gRPC by the name of their status.
    #[serde(default)]
    pub(crate) grpc_statuses: BTreeMap<String, u64>,
    /// Errors by kind.
    #[serde(default)]
    pub(crate) errors_by_kind: BTreeMap<String, Errors>,
}

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub(crate) struct Point(pub(crate) f64, pub(crate) f64, pub(crate) u64);

/// A distribution in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Times {
    pub(crate) min: f64,
    pub(crate) mean: f64,
    pub(crate) stdev: f64,
    pub(crate) max: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    #[serde(rename = "p99.9")]
    pub(crate) p999: f64,
}

/// Numbers over time.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Series {
    /// The length of an interval.
    pub(crate) interval_seconds: f64,
    /// The intervals, in order.
    pub(crate) rows: Vec<Row>,
}

/// One interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Row {
    /// When it began, in seconds since the start.
    pub(crate) second: f64,
    pub(crate) due: u64,
    pub(crate) good: u64,
    pub(crate) errors: u64,
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    pub(crate) max_us: Option<f64>,
}

/// A kind of request.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Kind {
    /// Its name in the scenario.
    pub(crate) name: String,
    /// Its numbers.
    #[serde(flatten)]
    pub(crate) counts: Counts,
}

/// Errors of one kind.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Errors {
    /// How many.
    pub(crate) count: u64,
    /// What the first of them said.
    pub(crate) first: Option<String>,
}

/// How the generator itself did.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Generator {
    /// The share of its time that each worker was running.
    #[serde(default)]
    pub(crate) busy: Vec<f64>,
    /// Why the generator was the limit, if it was.
    #[serde(default)]
    pub(crate) why: Option<String>,
}

impl Saved {
    /// Reads one report.
    ///
    /// # Errors
    /// A sentence that names the key that is missing or wrong, or the version that is too new.
    pub(crate) fn from_value(value: Value) -> Result<Self, String> {
        let saved: Self = serde_json::from_value(value)
            .map_err(|error| format!("no report of `run --json`: {error}"))?;
        if saved.version > VERSION {
            return Err(format!(
                "version {} of the report, which a newer program has written; this one reads up to {VERSION}",
                saved.version
            ));
        }
        Ok(saved)
    }

    /// What was asked for and how it was done, in words.
    pub(crate) fn how(&self) -> String {
        let workers = match self.workers {
            1 => "1 worker".to_owned(),
            number => format!("{number} workers"),
        };
        let known = [&self.load(), &self.protocol, &workers, &self.driver];
        let known = known.into_iter().filter(|text| !text.is_empty());
        known.map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Bytes of replies per second; 0 for a run without time.
    #[expect(clippy::cast_precision_loss, reason = "a rate has few digits")]
    pub(crate) fn bytes_per_s(&self) -> f64 {
        match self.elapsed_s {
            seconds if seconds > 0.0 => self.total.bytes as f64 / seconds,
            _ => 0.0,
        }
    }

    /// What was asked of the target, in words: equal for runs that can be compared.
    pub(crate) fn load(&self) -> String {
        let schedule = self.schedule.as_deref().unwrap_or(&self.mode);
        let streams = match self.streams {
            Some(streams @ 2..) => format!(" of {streams} streams"),
            _ => String::new(),
        };
        let connections = match self.connections {
            1 => "1 connection".to_owned(),
            number => format!("{number} connections"),
        };
        format!("{schedule}, {connections}{streams}")
    }

    /// Reads every report of a file, in order; there is one at least.
    ///
    /// # Errors
    /// `Usage` with the file's name when it cannot be read or something in it is not a report.
    pub(crate) fn read_file(path: &Path) -> Result<Vec<Self>, Error> {
        let wrong = |why: String| Error::Usage(format!("{}: {why}", path.display()));
        let values = read_values(path).map_err(wrong)?;
        let several = values.len() > 1;
        let reports = values.into_iter().enumerate().map(|(number, value)| {
            Self::from_value(value).map_err(|why| match several {
                true => wrong(format!("report {}: {why}", number + 1)),
                false => wrong(why),
            })
        });
        let reports: Vec<_> = reports.collect::<Result<_, _>>()?;
        match reports.is_empty() {
            true => Err(wrong("holds no report".to_owned())),
            false => Ok(reports),
        }
    }
}

impl Counts {
    /// Failed requests over those that ended.
    #[expect(clippy::cast_precision_loss, reason = "a share has few digits")]
    pub(crate) fn failed_share(&self) -> f64 {
        let ended = self.errors.saturating_add(self.good).max(1);
        self.errors as f64 / ended as f64
    }
}

/// The JSON values of a file, arrays taken apart.
fn read_values(path: &Path) -> Result<Vec<Value>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("larger than {} MiB", FILE_BYTES_MAX >> 20));
    }
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(&text).into_iter() {
        match value.map_err(|error| error.to_string())? {
            Value::Array(several) => values.extend(several),
            one => values.push(one),
        }
    }
    Ok(values)
}
