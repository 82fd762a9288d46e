//! The key table as the reference page, `docs/configuration.md`. A test compares the two, and
//! writes the page when told to, so that nobody edits it by hand.

use std::fmt::Write as _;

use super::keys::TOP;
use super::{Key, Kind, Object};
use crate::limits::{self, FIXED, LIMITS, Limit, Zero};

/// The reference page, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    for object in objects() {
        section(object, &mut page);
    }
    bounds(&mut page);
    page
}

const INTRODUCTION: &str = "\
# Configuration

Every key that may be written, object by object. This page is printed from the table that the loader
checks against (`CORELANE_BLESS=1 cargo test -p corelane-config` writes it), so it cannot differ
from what the program does. `corelane schema` prints the same table as JSON Schema, for editors.

`corelane check -c PATH` reports every mistake at once, each as

```text
gateway.yaml:12:14: routes[3].service: no service `order-servise`; did you mean `order-service`?
```

which is the place, the key in the merged configuration, what is wrong, and what to write instead.
What loads but is hardly meant, such as a route that no request can reach, is a warning, and an
error with `--strict`.
";

/// Every object: the whole, then what its keys lead to, each followed by its own parts.
pub(super) fn objects() -> Vec<&'static Object> {
    let mut found = Vec::new();
    collect(&TOP, &mut found);
    found
}

fn collect(object: &'static Object, found: &mut Vec<&'static Object>) {
    if found.iter().any(|known| known.title == object.title) {
        return;
    }
    found.push(object);
    for object in object.keys.iter().flat_map(|key| objects_of(&key.kind)) {
        collect(object, found);
    }
}

fn objects_of(kind: &'static Kind) -> Vec<&'static Object> {
    match kind {
        Kind::Object(object) => vec![object],
        Kind::List(inner, _) | Kind::Map(_, inner, _) => objects_of(inner),
        Kind::Either(one, other) => [objects_of(one), objects_of(other)].concat(),
        _ => Vec::new(),
    }
}

fn section(object: &Object, page: &mut String) {
    let Object {
        title,
        about,
        example,
        keys,
        ..
    } = object;
    let _ = write!(page, "\n## {title}\n\n{about}\n\n```yaml\n{example}```\n\n");
    if object.title == limits::OBJECT.title {
        limits_table(page);
    } else {
        keys_table(keys, page);
    }
    let planned = keys.iter().filter_map(|key| match key.kind {
        Kind::Planned(feature) => Some(format!("`{}` ({feature})", key.name)),
        _ => None,
    });
    let planned: Vec<String> = planned.collect();
    if !planned.is_empty() {
        let _ = write!(
            page,
            "\nNot in this version, and therefore errors: {}.\n",
            planned.join(", ")
        );
    }
}

fn keys_table(keys: &[Key], page: &mut String) {
    page.push_str("| Key | Takes | Default | |\n|---|---|---|---|\n");
    for key in keys
        .iter()
        .filter(|key| !matches!(key.kind, Kind::Planned(_)))
    {
        let default = match (key.required, key.default) {
            (true, _) => "required",
            (false, "") => "–",
            (false, default) => default,
        };
        let takes = takes(&key.kind);
        let _ = writeln!(
            page,
            "| `{}` | {takes} | {default} | {} |",
            key.name,
            cell(key.about)
        );
    }
}

/// As [`Kind::describe`], with ranges, words that are still to come, and links.
fn takes(kind: &Kind) -> String {
    match kind {
        Kind::Integer(range) => format!("{} to {}", range.min, range.max),
        Kind::List(item, _) => format!("list of: {}", takes(item)),
        Kind::Map(keys, value, _) => format!("mapping from {keys} to: {}", takes(value)),
        Kind::Object(object) => {
            let anchor: String = object
                .title
                .to_ascii_lowercase()
                .chars()
                .filter(|letter| *letter != ':')
                .map(|letter| if letter == ' ' { '-' } else { letter })
                .collect();
            format!("[{}](#{anchor})", object.name)
        }
        Kind::Either(one, other) => format!("{}, or {}", takes(one), takes(other)),
        Kind::Choice(words) => {
            let planned: Vec<String> = words
                .iter()
                .filter(|word| word.planned)
                .map(|word| format!("`{}`", word.word))
                .collect();
            match planned.is_empty() {
                true => kind.describe(),
                false => format!("{} (not yet: {})", kind.describe(), planned.join(", ")),
            }
        }
        kind => kind.describe(),
    }
}

fn limits_table(page: &mut String) {
    page.push_str("| Key | Default | Range | 0 | |\n|---|---|---|---|---|\n");
    for limit in LIMITS {
        let Limit {
            name,
            about,
            reason,
            ..
        } = limit;
        let print = |value| limit.print(value);
        let (default, min, max) = (print(limit.default), print(limit.min), print(limit.max));
        let zero = match limit.zero {
            Zero::Off => "no bound",
            Zero::Descriptors => "half of RLIMIT_NOFILE",
            Zero::Most => "the most",
        };
        let about = cell(&format!("{about} {reason}"));
        let _ = writeln!(
            page,
            "| `{name}` | {default} | {min} to {max} | {zero} | {about} |"
        );
    }
}

fn bounds(page: &mut String) {
    page.push_str(
        "\n## Bounds that are built in\n\nWhat a configuration, the tables made from it, and what \
         watches over them may hold at most.\n\n| What | Most | Why |\n|---|---|---|\n",
    );
    for bound in FIXED {
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            cell(bound.name),
            bound.value,
            bound.reason
        );
    }
}

/// Text that does not end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
