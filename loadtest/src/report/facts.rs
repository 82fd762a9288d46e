//! The circumstances of a run: the command, the machine, the time. Entered by `main` before the run;
//! every report carries them, so that its figures can be made again and are not compared with those of
//! another machine by mistake.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::wire::date::http_date;

/// What a field's name holds when its value lets somebody in: reports are passed around.
const CREDENTIALS: [&str; 6] = ["auth", "cookie", "key", "secret", "session", "token"];

/// How a run came about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The command line, word by word; the values of fields that hold credentials are left out.
    #[serde(default)]
    pub(crate) command: Vec<String>,
    /// When it began, as in a Date field.
    #[serde(default)]
    pub(crate) began: String,
    /// What it ran on.
    #[serde(default)]
    pub(crate) machine: Machine,
}

/// A machine; what its kernel does not tell is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) processor: Option<String>,
    /// CPUs that this process may use.
    pub(crate) cpus: Option<u64>,
    /// The machine's memory.
    pub(crate) memory_mib: Option<u64>,
    /// The kernel's name and version.
    pub(crate) kernel: Option<String>,
    /// Threads that wanted to run, averaged over the minute before the run.
    pub(crate) load_average: Option<f64>,
}

impl Facts {
    /// The facts of this moment.
    pub(crate) fn gather() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
        Self {
            command: without_credentials(words),
            began: http_date(now.map_or(0, |now| now.as_secs())),
            machine: Machine::this(),
        }
    }
}

impl Machine {
    fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).ok();
        let cpus = std::thread::available_parallelism().ok();
        let kibibytes = read("/proc/meminfo").and_then(|text| {
            let size = value_of(&text, "MemTotal")?;
            size.strip_suffix(" kB")?.parse::<u64>().ok()
        });
        let kernel = read("/proc/sys/kernel/osrelease");
        Self {
            processor: read("/proc/cpuinfo").and_then(|text| value_of(&text, "model name")),
            cpus: cpus.and_then(|cpus| u64::try_from(cpus.get()).ok()),
            memory_mib: kibibytes.map(|kibibytes| kibibytes / 1024),
            kernel: kernel.map(|release| format!("Linux {}", release.trim_end())),
            load_average: read("/proc/loadavg")
                .and_then(|text| text.split(' ').next()?.parse().ok()),
        }
    }
}

/// The value of a line `name : value`.
fn value_of(text: &str, name: &str) -> Option<String> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let mut values = lines.filter(|(key, _)| key.trim_end() == name);
    values.next().map(|(_, value)| value.trim().to_owned())
}

fn without_credentials(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut is_field = false;
    let masked = words.map(|word| {
        let (option, field) = match word.split_once('=') {
            Some((option @ "--header", field)) => (format!("{option}="), field),
            _ if is_field => (String::new(), word.as_str()),
            _ => {
                is_field = matches!(word.as_str(), "--header" | "-H");
                return word;
            }
        };
        is_field = false;
        match field.split_once(':') {
            Some((name, _)) if is_credential(name) => format!("{option}{name}: …"),
            _ => word,
        }
    });
    masked.collect()
}

fn is_credential(field_name: &str) -> bool {
    let name = field_name.to_ascii_lowercase();
    CREDENTIALS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_described() {
        let facts = Facts::gather();
        assert!(
            facts.began.ends_with(" GMT") && !facts.began.contains("1970"),
            "{facts:?}"
        );
        assert!(!facts.command.is_empty(), "{facts:?}");
        assert!(
            facts.machine.cpus > Some(0) && facts.machine.memory_mib > Some(0),
            "{facts:?}"
        );
        let kernel = facts.machine.kernel.unwrap();
        assert!(
            kernel.starts_with("Linux ") && !kernel.contains('\n'),
            "{kernel:?}"
        );
    }

    #[test]
    fn credentials_stay_where_they_are() {
        let words = [
            "run",
            "--header",
            "Authorization: Bearer abc",
            "--header=X-API-Key: abc",
            "--header",
            "Accept: a/b",
            "-H",
            "cookie: abc=1",
            "http://127.0.0.1/?header=1",
            "Token: x",
        ];
        let found = without_credentials(words.map(str::to_owned).into_iter());
        let expected = [
            "run",
            "--header",
            "Authorization: …",
            "--header=X-API-Key: …",
            "--header",
            "Accept: a/b",
            "-H",
            "cookie: …",
            "http://127.0.0.1/?header=1",
            "Token: x",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_of_proc_are_found_by_name() {
        let text = "processor\t: 0\nmodel name\t: A: fast one\nmodel name\t: B\n";
        assert_eq!(value_of(text, "model name").as_deref(), Some("A: fast one"));
        assert_eq!(value_of(text, "model"), None);
    }
}
