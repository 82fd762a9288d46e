//! [`Fields`]: one mapping, checked against its [`Object`] in the key table when it is opened, then
//! read key by key. Every accessor reports what it refuses and returns `None`; a decoder goes on.

use std::cell::Cell;
use std::time::Duration;

use super::nearest::nearest;
use crate::report::Report;
use crate::schema::{Count, Key, Kind, Object, Range};
use crate::units::{parse_duration, parse_size, print_duration, print_size};
use crate::yaml::{Entry, Node, Scalar, ScalarKind, Value};

/// A scalar as it was written, with its node for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) text: &'a str,
    pub(crate) node: &'a Node,
}

/// A mapping with known keys.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    pub(crate) node: &'a Node,
    pub(crate) report: &'a Report<'a>,
    object: &'static Object,
    /// A bit for each key that was asked for.
    read: Cell<u64>,
    /// Keys that unknown ones were probably meant to be.
    meant: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Opens `node` as an `object`: reports unknown, planned and missing keys. `None` when it is no
    /// mapping.
    pub(crate) fn open(
        object: &'static Object,
        node: &'a Node,
        report: &'a Report<'a>,
    ) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            let message = format!("{} is a mapping, not {}", object.name, node.describe());
            report.error(node, message);
            return None;
        };
        let meant: Vec<_> = entries
            .iter()
            .filter_map(|entry| check_key(object, entry, report))
            .collect();
        let fields = Self {
            node,
            report,
            object,
            read: Cell::new(0),
            meant,
        };
        for key in object.keys.iter().filter(|key| key.required) {
            if node.get(key.name).is_none() && !fields.is_meant(key.name) {
                let message = format!("`{}` is missing", key.name);
                report.error_hint(node, message, format!("it takes {}", key.kind.describe()));
            }
        }
        Some(fields)
    }

    /// The value of a key, whatever it is; `None` when absent or empty (which is reported).
    pub(crate) fn node(&self, name: &'static str) -> Option<&'a Node> {
        let (_, node) = self.find(name)?;
        if matches!(
            &node.value,
            Value::Scalar(Scalar {
                kind: ScalarKind::Null,
                ..
            })
        ) {
            self.report.error_hint(
                node,
                format!("`{name}` has no value"),
                "give it one, or leave the key out",
            );
            return None;
        }
        Some(node)
    }

    /// Whether the key stands there at all.
    pub(crate) fn has(&self, name: &'static str) -> bool {
        self.find(name).is_some()
    }

    /// Whether an unknown key was probably meant to be this one: the slip has been reported, and
    /// that the key is missing is not a second mistake.
    pub(crate) fn is_meant(&self, name: &str) -> bool {
        self.meant.contains(&name)
    }

    /// The entry of a key, for a message about the key itself.
    pub(crate) fn entry(&self, name: &str) -> Option<&'a Entry> {
        self.node
            .entries()?
            .iter()
            .find(|entry| &*entry.key == name)
    }

    pub(crate) fn bool(&self, name: &'static str) -> Option<bool> {
        self.expect_kind(name, |kind| matches!(kind, Kind::Bool));
        let node = self.node(name)?;
        match &node.value {
            Value::Scalar(Scalar {
                kind: ScalarKind::Bool(value),
                ..
            }) => Some(*value),
            _ => {
                self.report
                    .error(node, format!("`true` or `false`, not {}", written(node)));
                None
            }
        }
    }

    pub(crate) fn integer(&self, name: &'static str) -> Option<u64> {
        let Kind::Integer(range) = self.kind(name) else {
            return self.wrong_kind(name);
        };
        let node = self.node(name)?;
        let Value::Scalar(Scalar {
            kind: ScalarKind::Integer(number),
            ..
        }) = &node.value
        else {
            self.report
                .error(node, format!("a whole number, not {}", written(node)));
            return None;
        };
        match u64::try_from(*number) {
            Ok(number) if range.holds(number) => Some(number),
            _ => self.out_of_range(node, &number.to_string(), range, |number| {
                number.to_string()
            }),
        }
    }

    /// A size in bytes.
    pub(crate) fn size(&self, name: &'static str) -> Option<u64> {
        let Kind::Size(range) = self.kind(name) else {
            return self.wrong_kind(name);
        };
        let (value, text) = self.parsed(name, parse_size)?;
        match range.holds(value) {
            true => Some(value),
            false => self.out_of_range(text.node, text.text, range, print_size),
        }
    }

    /// A duration in milliseconds.
    pub(crate) fn milliseconds(&self, name: &'static str) -> Option<u64> {
        let Kind::Duration(range) = self.kind(name) else {
            return self.wrong_kind(name);
        };
        let (value, text) = self.parsed(name, parse_duration)?;
        let print = |millis| print_duration(Duration::from_millis(millis));
        match range.holds(value) {
            true => Some(value),
            false => self.out_of_range(text.node, text.text, range, print),
        }
    }

    pub(crate) fn duration(&self, name: &'static str) -> Option<Duration> {
        self.milliseconds(name).map(Duration::from_millis)
    }

    /// A scalar as written.
    pub(crate) fn text(&self, name: &'static str) -> Option<Text<'a>> {
        self.expect_kind(name, |kind| matches!(kind, Kind::Text(_)));
        text_of(self.node(name)?, self.report)
    }

    /// A scalar that `parse` understands; what it says otherwise is reported.
    pub(crate) fn parse<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.expect_kind(name, |kind| matches!(kind, Kind::Text(_)));
        self.parsed(name, parse).map(|(value, _)| value)
    }

    /// One of the key's words.
    pub(crate) fn choice(&self, name: &'static str) -> Option<&'static str> {
        let kind = self.kind(name);
        let Kind::Choice(words) = kind else {
            return self.wrong_kind(name);
        };
        let text = text_of(self.node(name)?, self.report)?;
        match words.iter().find(|word| word.word == text.text) {
            Some(word) if word.planned => {
                let message = format!("`{}` is not implemented in this version", text.text);
                self.report
                    .error_hint(text.node, message, format!("write {}", kind.describe()));
                None
            }
            Some(word) => Some(word.word),
            None => {
                let message = format!("`{}` is none of {}", text.text, kind.describe());
                self.report.error(text.node, message);
                None
            }
        }
    }

    /// The items of a list; none when absent.
    pub(crate) fn list(&self, name: &'static str) -> &'a [Node] {
        self.expect_kind(name, |kind| matches!(kind, Kind::List(..)));
        let Kind::List(_, Count { min, max }) = self.kind(name) else {
            return &[];
        };
        let Some(node) = self.node(name) else {
            return &[];
        };
        let Value::List(items) = &node.value else {
            let hint = match &node.value {
                Value::Scalar(scalar) => format!("write `[{}]`", scalar.text),
                Value::Map(_) | Value::List(_) => "begin each entry with `- `".to_owned(),
            };
            self.report
                .error_hint(node, format!("`{name}` is a list"), hint);
            return &[];
        };
        if items.is_empty() && min == 1 {
            self.report.error_hint(
                node,
                format!("`{name}` is empty"),
                "leave it out, or fill it",
            );
        }
        if items.len() > max {
            self.report.error(
                node,
                format!("{} entries, and the most is {max}", items.len()),
            );
            return &[];
        }
        items
    }

    /// The entries of a mapping with free keys; none when absent.
    pub(crate) fn map(&self, name: &'static str) -> &'a [Entry] {
        self.expect_kind(name, |kind| matches!(kind, Kind::Map(..)));
        let kind = self.kind(name);
        let Kind::Map(_, _, max) = kind else {
            return &[];
        };
        let Some(node) = self.node(name) else {
            return &[];
        };
        let Value::Map(entries) = &node.value else {
            let message = format!("`{name}` is {}, not {}", kind.describe(), node.describe());
            self.report.error(node, message);
            return &[];
        };
        if entries.len() > max {
            self.report.error(
                node,
                format!("{} entries, and the most is {max}", entries.len()),
            );
            return &[];
        }
        entries
    }

    /// The mapping under a key, opened.
    pub(crate) fn object(&self, name: &'static str) -> Option<Self> {
        let Kind::Object(object) = self.kind(name) else {
            return self.wrong_kind(name);
        };
        Fields::open(object, self.node(name)?, self.report)
    }

    /// What `parse` makes of a text that was read already.
    pub(crate) fn parse_again<T>(
        &self,
        text: Option<Text<'_>>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = text?;
        parse(text.text)
            .map_err(|message| self.report.error(text.node, message))
            .ok()
    }

    fn out_of_range<T>(
        &self,
        node: &Node,
        written: &str,
        range: Range,
        print: impl Fn(u64) -> String,
    ) -> Option<T> {
        let zero = if range.zero && range.min > 0 {
            ", or 0"
        } else {
            ""
        };
        let (min, max) = (print(range.min), print(range.max));
        self.report.error(
            node,
            format!("{written} is out of range: from {min} to {max}{zero}"),
        );
        None
    }

    fn parsed<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<(T, Text<'a>)> {
        let text = text_of(self.node(name)?, self.report)?;
        match parse(text.text) {
            Ok(value) => Some((value, text)),
            Err(message) => {
                self.report.error(text.node, message);
                None
            }
        }
    }

    fn find(&self, name: &'static str) -> Option<(&'static Key, &'a Node)> {
        let index = self.object.keys.iter().position(|key| key.name == name)?;
        self.read.set(self.read.get() | 1 << index);
        Some((&self.object.keys[index], self.node.get(name)?))
    }

    fn kind(&self, name: &'static str) -> Kind {
        self.object.key(name).map_or(Kind::Any, |key| key.kind)
    }

    /// The decoder and the key table must say the same of every key.
    fn expect_kind(&self, name: &'static str, holds: impl FnOnce(Kind) -> bool) {
        debug_assert!(
            holds(self.kind(name)),
            "{}.{name} has another kind",
            self.object.name
        );
    }

    fn wrong_kind<T>(&self, name: &'static str) -> Option<T> {
        self.expect_kind(name, |_| false);
        None
    }
}

impl Drop for Fields<'_> {
    /// A key that may be written and that nobody read would be ignored in silence.
    fn drop(&mut self) {
        if cfg!(debug_assertions) && !std::thread::panicking() {
            for (index, key) in self.object.keys.iter().enumerate() {
                let read = self.read.get() & 1 << index != 0;
                let planned = matches!(key.kind, Kind::Planned(_));
                debug_assert!(
                    read || planned,
                    "{}.{} is not read",
                    self.object.name,
                    key.name
                );
            }
        }
    }
}

/// The text of a scalar; anything else is reported.
pub(crate) fn text_of<'a>(node: &'a Node, report: &Report<'_>) -> Option<Text<'a>> {
    match &node.value {
        Value::Scalar(scalar) if scalar.kind != ScalarKind::Null => Some(Text {
            text: &scalar.text,
            node,
        }),
        Value::Scalar(_) => {
            report.error_hint(node, "no value", "write `\"\"` for the empty text");
            None
        }
        Value::List(_) | Value::Map(_) => {
            report.error(node, format!("text, not {}", node.describe()));
            None
        }
    }
}

/// Reports a key that is unknown or planned; says which one an unknown key was meant to be.
fn check_key(object: &'static Object, entry: &Entry, report: &Report<'_>) -> Option<&'static str> {
    let name = &*entry.key;
    let id = entry.value.id;
    match object.key(name) {
        Some(Key {
            kind: Kind::Planned(feature),
            ..
        }) => {
            let message = format!("`{name}` is not implemented in this version ({feature})");
            report.error_at(entry.mark, id, message, Some("leave it out".to_owned()));
            None
        }
        Some(_) => None,
        None if object.open || name.starts_with("x-") => None,
        // Guessing costs more than reading: not for problems that nobody will be shown.
        None if report.is_full() => {
            report.error_at(entry.mark, id, String::new(), None);
            None
        }
        None => {
            let near = nearest(name, object.keys.iter().map(|key| key.name));
            let hint = match near {
                _ if name == "<<" => {
                    "YAML merge keys are not part of YAML 1.2; use an alias".into()
                }
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("{} has {}", object.name, key_names(object)),
            };
            let message = format!("unknown key `{name}`");
            report.error_at(entry.mark, id, message, Some(hint));
            near
        }
    }
}

fn key_names(object: &Object) -> String {
    let current = object
        .keys
        .iter()
        .filter(|key| !matches!(key.kind, Kind::Planned(_)));
    let names: Vec<String> = current.map(|key| format!("`{}`", key.name)).collect();
    names.join(", ")
}

/// How a message quotes a value.
fn written(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) => format!("`{}`", scalar.text),
        Value::List(_) | Value::Map(_) => node.describe().to_owned(),
    }
}
