//! Reads what a scenario's file says into checked values, so that a mistake is told with its key and its
//! place. Entered by the types of `file` and of the load's options; it opens no files.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::template::Template;
use crate::units::{parse_duration, parse_size};

/// Reads a scalar by a function of its text, quoted or not.
pub(crate) fn text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Text(read, PhantomData))
}

struct Text<F, T>(F, PhantomData<T>);

impl<T, F: Fn(&str) -> Result<T, String>> Visitor<'_> for Text<F, T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a single value")
    }

    // An error that is made here, inside the visit, gets the place and the key of the scalar.
    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        self.0(text).map_err(E::custom)
    }
}

/// Reads a mapping as `Raw` and checks it as a whole.
pub(super) fn checked<'de, D: Deserializer<'de>, Raw: Deserialize<'de>, T>(
    deserializer: D,
    check: impl Fn(Raw) -> Result<T, String>,
) -> Result<T, D::Error> {
    deserializer.deserialize_map(Checked(check, PhantomData))
}

struct Checked<F, Raw, T>(F, PhantomData<(Raw, T)>);

impl<'de, Raw: Deserialize<'de>, T, F: Fn(Raw) -> Result<T, String>> Visitor<'de>
    for Checked<F, Raw, T>
{
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("keys with their values")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let raw = Raw::deserialize(MapAccessDeserializer::new(map))?;
        self.0(raw).map_err(A::Error::custom)
    }
}

/// A mapping whose keys are names and keep their order.
#[derive(Debug)]
pub(super) struct Named<K, V>(pub(super) Vec<(K, V)>);

impl<K, V> Default for Named<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Named<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NamedVisitor(PhantomData))
    }
}

struct NamedVisitor<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for NamedVisitor<K, V> {
    type Value = Named<K, V>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("names with their values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<K, V>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Named(entries))
    }
}

/// Text with variables.
#[derive(Debug)]
pub(super) struct Words {
    /// As it stands in the file.
    pub(super) text: String,
    pub(super) template: Template<String>,
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |text| {
            Ok(Self {
                text: text.to_owned(),
                template: Template::parse(text)?,
            })
        })
    }
}

/// One status, a class such as `2xx`, a range such as `300..399`, or a list of them.
#[derive(Debug)]
pub(super) struct Statuses(pub(super) Vec<RangeInclusive<u16>>);

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StatusesVisitor)
    }
}

struct StatusesVisitor;

impl<'de> Visitor<'de> for StatusesVisitor {
    type Value = Statuses;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a status, a class such as 2xx, a range such as 300..399, or a list of them")
    }

    fn visit_u64<E: Error>(self, status: u64) -> Result<Statuses, E> {
        self.visit_str(&status.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Statuses, E> {
        let range = statuses(text).map_err(E::custom)?;
        Ok(Statuses(vec![range]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Statuses, A::Error> {
        let mut all = Vec::new();
        while let Some(Statuses(ranges)) = items.next_element()? {
            all.extend(ranges);
        }
        if all.is_empty() {
            return Err(A::Error::custom("the list names no status"));
        }
        Ok(Statuses(all))
    }
}

fn statuses(text: &str) -> Result<RangeInclusive<u16>, String> {
    let status = |text: &str| {
        text.parse()
            .ok()
            .filter(|status| (100..=999).contains(status))
    };
    let range = match (text.split_once(".."), text.strip_suffix("xx")) {
        (Some((first, last)), _) => status(first).zip(status(last)),
        (None, Some(class)) => status(&format!("{class}00")).map(|first: u16| (first, first + 99)),
        (None, None) => status(text).map(|status| (status, status)),
    };
    match range {
        Some((first, last)) if first <= last => Ok(first..=last),
        _ => Err(format!(
            "{text:?}: expected a status, a class such as 2xx or a range such as 300..399"
        )),
    }
}

/// A size in bytes, or the smallest and the largest with `..` between them.
pub(super) fn sizes(text: &str) -> Result<RangeInclusive<u64>, String> {
    let (smallest, largest) = text.split_once("..").unwrap_or((text, text));
    ordered(parse_size(smallest)?, parse_size(largest)?)
}

/// A duration, or the shortest and the longest with `..` between them.
pub(super) fn durations(text: &str) -> Result<RangeInclusive<Duration>, String> {
    let (shortest, longest) = text.split_once("..").unwrap_or((text, text));
    ordered(parse_duration(shortest)?, parse_duration(longest)?)
}

fn ordered<T: PartialOrd>(first: T, last: T) -> Result<RangeInclusive<T>, String> {
    if first <= last {
        Ok(first..=last)
    } else {
        Err("the first of a range is not above the last".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_numbers_classes_ranges_and_lists() {
        let read = |text| serde_yaml::from_str::<Statuses>(text).map(|statuses| statuses.0);
        assert_eq!(read("200").unwrap(), [200..=200]);
        assert_eq!(read("'404'").unwrap(), [404..=404]);
        assert_eq!(
            read("[2xx, 300..399, 101]").unwrap(),
            [200..=299, 300..=399, 101..=101]
        );
        for text in [
            "99",
            "1000",
            "xx",
            "2x",
            "399..300",
            "[]",
            "[200, no]",
            "{a: b}",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        let error = read("[200, no]").unwrap_err().to_string();
        assert!(
            error.contains("\"no\"") && error.contains("line 1 column 7"),
            "{error}"
        );
    }

    #[test]
    fn ranges_are_in_order() {
        assert_eq!(sizes("1KiB"), Ok(1024..=1024));
        assert_eq!(sizes("0..10"), Ok(0..=10));
        assert!(sizes("10..0").is_err());
        let second = Duration::from_secs(1);
        assert_eq!(durations("500ms..1s"), Ok(second / 2..=second));
        assert!(durations("1s..").is_err());
    }
}
