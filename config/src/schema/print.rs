//! The key table as JSON Schema (2020-12), for editors.

use serde_json::{Map, Value, json};

use super::keys::TOP;
use super::{Key, Kind, Object, Range};
use crate::limits::{self, LIMITS};
use crate::units::{DURATION_PATTERN, SIZE_PATTERN};

/// The JSON Schema of a configuration document. Keys that this version does not know are not in it.
#[must_use]
pub fn schema() -> Value {
    let mut definitions = Map::new();
    define(&TOP, &mut definitions);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "corelane configuration",
        "$ref": reference(&TOP),
        "$defs": definitions,
    })
}

fn reference(object: &Object) -> String {
    format!("#/$defs/{}", object.title.replace([' ', ':'], "_"))
}

/// Adds an object and all that it refers to.
fn define(object: &'static Object, definitions: &mut Map<String, Value>) {
    let name = object.title.replace([' ', ':'], "_");
    if definitions.contains_key(&name) {
        return;
    }
    definitions.insert(name.clone(), Value::Null);
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in object.keys {
        if let Some(value) = property(object, key, definitions) {
            properties.insert(key.name.to_owned(), value);
        }
        if key.required {
            required.push(key.name);
        }
    }
    let mut schema = json!({
        "type": "object",
        "description": object.about,
        "properties": properties,
        "additionalProperties": object.open,
    });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    if !object.open {
        schema["patternProperties"] = json!({ "^x-": {} });
    }
    definitions.insert(name, schema);
}

fn property(object: &Object, key: &Key, definitions: &mut Map<String, Value>) -> Option<Value> {
    let mut value = kind(&key.kind, definitions)?;
    let description = match default(object, key) {
        None => key.about.to_owned(),
        Some(default) => format!("{} Default: {default}.", key.about),
    };
    value["description"] = description.into();
    Some(value)
}

/// What holds when the key is absent; the limits have it in their own table.
fn default(object: &Object, key: &Key) -> Option<String> {
    if object.title != limits::OBJECT.title {
        return Some(key.default.to_owned()).filter(|default| !default.is_empty());
    }
    let limit = LIMITS.iter().find(|limit| limit.name == key.name)?;
    Some(limit.print(limit.default))
}

/// `None` for what this version does not know.
fn kind(kind_of: &Kind, definitions: &mut Map<String, Value>) -> Option<Value> {
    Some(match kind_of {
        Kind::Bool => json!({ "type": "boolean" }),
        // Scalars are taken as they are written, so `2` is as good as `"2"`.
        Kind::Text(_) => json!({ "type": ["string", "number", "boolean"] }),
        Kind::Integer(range) => integer(*range),
        Kind::Size(_) => json!({ "type": ["string", "integer"], "pattern": SIZE_PATTERN }),
        Kind::Duration(_) => json!({ "type": ["string", "integer"], "pattern": DURATION_PATTERN }),
        Kind::Choice(words) => {
            let words = words.iter().filter(|word| !word.planned);
            let values = words.flat_map(|word| {
                let number = word.word.parse::<u64>().ok().map(Value::from);
                std::iter::once(Value::from(word.word)).chain(number)
            });
            json!({ "enum": values.collect::<Vec<_>>() })
        }
        Kind::List(item, count) => json!({
            "type": "array",
            "items": kind(item, definitions)?,
            "minItems": count.min,
            "maxItems": count.max,
        }),
        Kind::Map(_, value, max) => json!({
            "type": "object",
            "additionalProperties": kind(value, definitions)?,
            "maxProperties": max,
        }),
        Kind::Object(object) => {
            define(object, definitions);
            json!({ "$ref": reference(object) })
        }
        Kind::Either(one, other) => {
            json!({ "anyOf": [kind(one, definitions)?, kind(other, definitions)?] })
        }
        Kind::Any => json!({}),
        Kind::Planned(_) => return None,
    })
}

fn integer(range: Range) -> Value {
    let min = if range.zero { 0 } else { range.min };
    json!({ "type": "integer", "minimum": min, "maximum": range.max })
}
