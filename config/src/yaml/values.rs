//! What everything is: the values as `serde_yaml` reads them. It is the only file that names
//! `serde_yaml`. Mappings are taken as pairs, so that a duplicate key does not hide other mistakes.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::Mark;
use crate::report::Mistake;

/// A value without its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(Box<str>),
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

/// The documents of `text`, up to and including the first that cannot be read.
pub(super) fn documents(text: &str, file: u32) -> Vec<Result<Raw, Mistake>> {
    let mut documents = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let read = Raw::deserialize(document).map_err(|error| syntax_error(&error, file));
        let failed = read.is_err();
        documents.push(read);
        if failed {
            break;
        }
    }
    documents
}

fn syntax_error(error: &serde_yaml::Error, file: u32) -> Mistake {
    let place = error.location();
    let number = |pick: fn(&serde_yaml::Location) -> usize| {
        place
            .as_ref()
            .map_or(1, |place| u32::try_from(pick(place)).unwrap_or(u32::MAX))
    };
    let mark = Mark {
        file,
        line: number(serde_yaml::Location::line),
        column: number(serde_yaml::Location::column),
    };
    // The text repeats the place at its end, where we already say it.
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    Mistake::new(mark, format!("not YAML: {message}"))
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Integer(i128::try_from(value).unwrap_or(i128::MAX)))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Integer(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = entries.next_entry()? {
            pairs.push(pair);
        }
        Ok(Raw::Map(pairs))
    }
}
