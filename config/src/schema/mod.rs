//! What may be written: one table of objects and their keys. The loader checks against it, the
//! JSON Schema and the reference page are printed from it, and nothing else lists a key.

mod keys;
mod page;
mod print;

pub(crate) use keys::{
    ENDPOINT, FILTER, LISTENER, MATCH, PATH, ROUTE, SERVICE, SUBSET, TEST, TOP, WEIGHTED,
};
pub use page::reference;
pub use print::schema;

/// A mapping with known keys.
#[derive(Debug)]
pub struct Object {
    /// What the messages call it: `a route`.
    pub name: &'static str,
    /// Its heading on the reference page.
    pub title: &'static str,
    /// A short paragraph for the reference page.
    pub about: &'static str,
    /// An example that loads, or is part of one that does.
    pub example: &'static str,
    /// Its keys, in the order of the page.
    pub keys: &'static [Key],
    /// Whether other keys are let through, for somebody else to check.
    pub open: bool,
}

impl Object {
    /// The key of this name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// One key of an [`Object`].
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
    /// What holds when it is absent, for the page; empty when nothing does.
    pub default: &'static str,
    /// One sentence for the page and the schema.
    pub about: &'static str,
}

impl Key {
    pub(crate) const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            required: false,
            default: "",
            about,
        }
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }
}

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// Any scalar, taken as it is written; the string says of what form.
    Text(&'static str),
    /// A whole number.
    Integer(Range),
    /// `64KiB`, `1MiB` or bytes; the range is in bytes.
    Size(Range),
    /// `250ms`, `30s`, `5m` or `1h`; the range is in milliseconds.
    Duration(Range),
    /// One of these words.
    Choice(&'static [Word]),
    /// A list of so many.
    List(&'static Self, Count),
    /// A mapping whose keys are free (the string says what they name), at most so many.
    Map(&'static str, &'static Self, usize),
    /// A mapping with known keys.
    Object(&'static Object),
    /// Either form, told apart by whether a mapping was written: the first is not one.
    Either(&'static Self, &'static Self),
    /// Anything; its owner checks it.
    Any,
    /// A key of a later version: an error that says so. The string names the feature.
    Planned(&'static str),
}

impl Kind {
    /// What it takes, in words that fit after "it takes".
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Text(form) => (*form).to_owned(),
            Self::Integer(_) => "a whole number".to_owned(),
            Self::Size(_) => "a size such as `64KiB`".to_owned(),
            Self::Duration(_) => "a duration such as `30s`".to_owned(),
            Self::Choice(words) => {
                let known = words.iter().filter(|word| !word.planned);
                let words: Vec<String> = known.map(|word| format!("`{}`", word.word)).collect();
                words.join(" or ")
            }
            Self::List(item, _) => format!("a list, each entry {}", item.describe()),
            Self::Map(keys, value, _) => format!("a mapping from {keys} to {}", value.describe()),
            Self::Object(object) => object.name.to_owned(),
            Self::Either(one, other) => format!("{} or {}", one.describe(), other.describe()),
            Self::Any => "anything".to_owned(),
            Self::Planned(feature) => format!("nothing in this version ({feature})"),
        }
    }
}

/// What a number may be, ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The least.
    pub min: u64,
    /// The most.
    pub max: u64,
    /// Whether 0 is allowed besides.
    pub zero: bool,
}

impl Range {
    pub(crate) const fn new(min: u64, max: u64) -> Self {
        Self {
            min,
            max,
            zero: false,
        }
    }

    pub(crate) const fn or_zero(min: u64, max: u64) -> Self {
        Self {
            min,
            max,
            zero: true,
        }
    }

    pub(crate) const fn holds(self, number: u64) -> bool {
        (self.zero && number == 0) || (self.min <= number && number <= self.max)
    }
}

/// How many entries a list may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The least: 0 or 1.
    pub min: usize,
    /// The most.
    pub max: usize,
}

/// Any number up to `max`, none included.
pub(crate) const fn up_to(max: usize) -> Count {
    Count { min: 0, max }
}

/// At least one: an empty list would mean nothing.
pub(crate) const fn some_up_to(max: usize) -> Count {
    Count { min: 1, max }
}

/// A word of a [`Kind::Choice`].
#[derive(Debug, Clone, Copy)]
pub struct Word {
    /// The word.
    pub word: &'static str,
    /// Whether this version knows it; otherwise it is an error that says so.
    pub planned: bool,
}

pub(crate) const fn word(word: &'static str) -> Word {
    Word {
        word,
        planned: false,
    }
}

pub(crate) const fn planned_word(word: &'static str) -> Word {
    Word {
        word,
        planned: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::LogField;

    #[test]
    fn objects_have_titles_of_their_own_and_no_more_keys_than_a_word_has_bits() {
        let objects = page::objects();
        for (index, object) in objects.iter().enumerate() {
            assert!(
                object.keys.len() <= 64,
                "{}: reads are noted in one word",
                object.title
            );
            let same = objects[..index]
                .iter()
                .any(|other| other.title == object.title);
            assert!(!same, "{} stands twice", object.title);
            for (index, key) in object.keys.iter().enumerate() {
                let known = object.keys[..index]
                    .iter()
                    .any(|other| other.name == key.name);
                assert!(!known, "{}.{} stands twice", object.title, key.name);
            }
        }
        assert!(objects.len() > 15, "the walk finds every object");
    }

    #[test]
    fn the_page_names_every_field_of_an_access_record() {
        let about = page::objects()
            .iter()
            .find(|o| o.title == "access_log")
            .unwrap()
            .about;
        for field in LogField::ALL {
            assert!(about.contains(&format!(" {field},")) || about.contains(&format!(" {field}.")));
        }
    }

    #[test]
    fn what_the_contract_promises_for_later_is_known_and_planned() {
        let planned = |title: &str, name: &str| {
            let objects = page::objects();
            let object = objects.iter().find(|object| object.title == title).unwrap();
            matches!(object.key(name).map(|key| key.kind), Some(Kind::Planned(_)))
        };
        for name in [
            "auth",
            "api_keys",
            "rate_limits",
            "cache",
            "telemetry",
            "aggregate",
            "transcode",
            "mesh",
            "discovery",
            "apiVersion",
            "kind",
            "http",
            "tcp",
            "tls",
        ] {
            assert!(planned("The whole", name), "{name}");
        }
        for name in ["service", "proxy_protocol", "tls"] {
            assert!(planned("listeners", name), "{name}");
        }
        for name in ["tls", "trafficPolicy"] {
            assert!(planned("services", name), "{name}");
        }
        for name in ["auth", "require"] {
            assert!(planned("routes", name), "{name}");
        }
    }
}
