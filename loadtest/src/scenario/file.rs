//! A scenario's file in YAML: its keys and their types. Entered when a plan is made; reading the files
//! that it names and giving its variables their meaning is left to `read`.

use std::ops::RangeInclusive;
use std::time::Duration;

use regex::bytes::Regex;
use serde::{Deserialize, Deserializer};

use super::checks::{BodyTest, Check, FieldTest};
use super::fields::FieldName;
use super::variables::Pick;
use super::yaml::{self, Named, Statuses, Words};
use crate::cli::LoadArgs;
use crate::units::parse_size;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// What reports call it.
    pub(super) name: Option<String>,
    /// Scheme, host and port of the target.
    pub(super) target: Option<String>,
    /// When requests start.
    #[serde(default)]
    pub(super) load: LoadArgs,
    /// Fields of all requests.
    #[serde(default)]
    pub(super) headers: Named<FieldName, Words>,
    /// Sources of values.
    #[serde(default)]
    pub(super) variables: Named<String, Variable>,
    /// The kinds of requests.
    pub(super) requests: Vec<Request>,
}

/// One kind of request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) name: Option<String>,
    #[serde(default = "one")]
    pub(super) weight: u32,
    #[serde(default, deserialize_with = "method")]
    pub(super) method: Option<String>,
    pub(super) path: Option<Words>,
    pub(super) grpc: Option<Words>,
    #[serde(default)]
    pub(super) headers: Named<FieldName, Words>,
    pub(super) body: Option<Words>,
    #[serde(default, deserialize_with = "size")]
    pub(super) body_size: Option<u64>,
    #[serde(default, deserialize_with = "durations")]
    pub(super) think: Option<RangeInclusive<Duration>>,
    #[serde(default)]
    pub(super) checks: Checks,
}

/// Where a variable's values come from.
#[derive(Debug)]
pub(super) enum Variable {
    /// Rows of this file.
    File(String, Pick),
    /// Whole numbers in sequence, from this one on.
    Sequence(u64),
    /// Random whole numbers from the first to the last.
    Random(u64, u64),
    /// UUIDs of version 4.
    Uuid,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVariable {
    file: Option<String>,
    pick: Option<PickName>,
    sequence: Option<u64>,
    random: Option<RandomRange>,
    uuid: Option<UuidVersion>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PickName {
    Sequential,
    Random,
    PerSlot,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RandomRange {
    from: u64,
    to: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum UuidVersion {
    V4,
}

impl<'de> Deserialize<'de> for Variable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        yaml::checked(deserializer, |raw: RawVariable| {
            if raw.pick.is_some() && raw.file.is_none() {
                return Err("pick goes with file".to_owned());
            }
            let pick = match raw.pick {
                None | Some(PickName::Sequential) => Pick::Sequential,
                Some(PickName::Random) => Pick::Random,
                Some(PickName::PerSlot) => Pick::PerSlot,
            };
            match (raw.file, raw.sequence, raw.random, raw.uuid) {
                (Some(file), None, None, None) => Ok(Self::File(file, pick)),
                (None, Some(first), None, None) => Ok(Self::Sequence(first)),
                (None, None, Some(range), None) if range.from <= range.to => {
                    Ok(Self::Random(range.from, range.to))
                }
                (None, None, Some(_), None) => Err("random: from is above to".to_owned()),
                (None, None, None, Some(UuidVersion::V4)) => Ok(Self::Uuid),
                _ => Err("expected one of file, sequence, random and uuid".to_owned()),
            }
        })
    }
}

/// What a good reply must be, in the order in which it is looked at.
#[derive(Debug, Default)]
pub(super) struct Checks(pub(super) Vec<Check>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChecks {
    status: Option<Statuses>,
    #[serde(default)]
    headers: Vec<FieldCheck>,
    #[serde(default)]
    body: BodyChecks,
}

#[derive(Debug)]
struct FieldCheck(String, FieldTest);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFieldCheck {
    name: String,
    equals: Option<String>,
    #[serde(default, deserialize_with = "regex")]
    matches: Option<Regex>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BodyChecks {
    contains: Option<String>,
    equals: Option<String>,
    #[serde(default, deserialize_with = "sizes")]
    size: Option<RangeInclusive<u64>>,
    #[serde(default)]
    json: Named<String, serde_json::Value>,
}

impl<'de> Deserialize<'de> for FieldCheck {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        yaml::checked(deserializer, |raw: RawFieldCheck| {
            let test = match (raw.equals, raw.matches) {
                (None, None) => FieldTest::Present,
                (Some(text), None) => FieldTest::Equals(text),
                (None, Some(expression)) => FieldTest::Matches(expression),
                (Some(_), Some(_)) => return Err("either equals or matches".to_owned()),
            };
            Ok(Self(raw.name, test))
        })
    }
}

impl<'de> Deserialize<'de> for Checks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        yaml::checked(deserializer, |raw: RawChecks| {
            let status = raw.status.map(|Statuses(ranges)| Check::Status(ranges));
            let headers = raw.headers.into_iter();
            let headers = headers.map(|FieldCheck(name, test)| Check::Field(name, test));
            let body = raw.body;
            let json = body.json.0.into_iter().map(|(pointer, value)| {
                if pointer.is_empty() || pointer.starts_with('/') {
                    Ok(BodyTest::Json(pointer, value))
                } else {
                    Err(format!("body.json: {pointer:?}: a pointer begins with /"))
                }
            });
            let json: Vec<_> = json.collect::<Result<_, _>>()?;
            let tests = [
                body.size.map(BodyTest::Size),
                body.equals.map(BodyTest::Equals),
                body.contains.map(BodyTest::Contains),
            ];
            let body = tests.into_iter().flatten().chain(json).map(Check::Body);
            Ok(Self(
                status.into_iter().chain(headers).chain(body).collect(),
            ))
        })
    }
}

fn one() -> u32 {
    1
}

fn method<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    yaml::text(deserializer, super::fields::parse_method).map(Some)
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    yaml::text(deserializer, parse_size).map(Some)
}

fn sizes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<RangeInclusive<u64>>, D::Error> {
    yaml::text(deserializer, yaml::sizes).map(Some)
}

fn durations<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<RangeInclusive<Duration>>, D::Error> {
    yaml::text(deserializer, yaml::durations).map(Some)
}

fn regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Regex>, D::Error> {
    yaml::text(deserializer, |text| {
        Regex::new(text).map_err(|error| error.to_string())
    })
    .map(Some)
}
