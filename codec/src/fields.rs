//! The fields of one message: an arena in which order, repetition and the sender's spelling are
//! kept.
//!
//! Parsers fill it, filters and the engine edit it, the encoder writes it out. It never interprets
//! a value; the one thing it does enforce is that every field in it can stand on the wire, so that
//! nothing pushed here can end a line early and begin another message.

mod read;

use crate::grammar::{is_field_name, is_field_value, list_items};
use crate::names::{Name, NameSet};

/// The most `Connection` options that are looked at. [`crate::framing`] refuses a message with
/// more, because each unknown option costs a walk over all fields.
pub const CONNECTION_OPTIONS_MAX: usize = 32;

/// The most fields that one head may have, whatever [`crate::HeadLimits`] say.
pub const FIELDS_MAX: usize = 1000;

/// The bytes around name and value in a line: `": "` and CRLF.
const LINE_OVERHEAD: usize = 4;

/// Fields in the order in which they came, names as they were spelled.
///
/// Every field is held as its finished line, `Name: value` and CRLF, and neighbours lie side by
/// side: writing a head out is copying a few long runs. A removed field leaves its line behind,
/// unused, until [`Fields::clear`].
#[derive(Clone, Debug, Default)]
pub struct Fields {
    lines: Vec<u8>,
    entries: Vec<Entry>,
    /// The names that are there.
    present: NameSet,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: Name,
    live: bool,
    start: usize,
    /// Where the name ends; `": "` follows.
    colon: usize,
    /// Where the value ends; CRLF follows.
    end: usize,
}

/// A field made ahead of time, for who adds the same one to many messages: its line is checked and
/// written once, and [`Fields::push_line`] copies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldLine {
    id: Name,
    colon: usize,
    /// With its CRLF.
    line: Box<[u8]>,
}

/// One field, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Which known name it has.
    pub id: Name,
    /// The name as it was sent.
    pub name: &'a [u8],
    /// The value without whitespace at its ends.
    pub value: &'a [u8],
}

impl Field<'_> {
    /// Whether the name has a `_` in it: CGI-like origins read it as `-`, so that it can pose as
    /// another field.
    #[must_use]
    pub fn has_underscore(&self) -> bool {
        // No known name has one, and nearly every field has a known name.
        self.id == Name::Other && memchr::memchr(b'_', self.name).is_some()
    }
}

impl FieldLine {
    /// `None` for a name that is no token or a value that cannot stand on one line, as
    /// [`Fields::push`] has it.
    #[must_use]
    pub fn new(name: &[u8], value: &[u8]) -> Option<Self> {
        let mut fields = Fields::new();
        fields.push(name, value).then(|| Self {
            id: Name::of(name),
            colon: name.len(),
            line: fields.lines.into_boxed_slice(),
        })
    }
}

impl Entry {
    fn field<'a>(&self, lines: &'a [u8]) -> Field<'a> {
        Field {
            id: self.id,
            name: self.name(lines),
            value: &lines[self.colon + 2..self.end],
        }
    }

    fn name<'a>(&self, lines: &'a [u8]) -> &'a [u8] {
        &lines[self.start..self.colon]
    }

    /// Whether the entry's name is `id`, or, when that is [`Name::Other`], is spelled like `name`.
    fn is(&self, id: Name, name: &[u8], lines: &[u8]) -> bool {
        self.live
            && self.id == id
            && (id != Name::Other || self.name(lines).eq_ignore_ascii_case(name))
    }
}

impl Fields {
    /// No fields and no memory yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            lines: Vec::new(),
            entries: Vec::new(),
            present: NameSet::EMPTY,
        }
    }

    /// Removes everything and keeps the memory.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.entries.clear();
        self.present = NameSet::EMPTY;
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.iter().filter(|entry| entry.live).count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    /// The bytes of all fields on the wire, each with `": "` and CRLF.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.iter()
            .map(|field| field.name.len() + field.value.len() + LINE_OVERHEAD)
            .sum()
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.entries
            .iter()
            .filter(|entry| entry.live)
            .map(|entry| entry.field(&self.lines))
    }

    /// Whether a field of this name is there. Costs one bit test; [`Name::Other`] asks for any
    /// unknown name.
    #[must_use]
    pub const fn contains(&self, name: Name) -> bool {
        self.present.contains(name)
    }

    /// The first value of a known name.
    #[must_use]
    pub fn get(&self, name: Name) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// All values of a known name, in order; none for [`Name::Other`].
    pub fn get_all(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.select(name, b"")
    }

    /// How many fields have this known name.
    #[must_use]
    pub fn count(&self, name: Name) -> usize {
        self.get_all(name).count()
    }

    /// The first value of any name, whatever its case.
    #[must_use]
    pub fn get_named(&self, name: &[u8]) -> Option<&[u8]> {
        self.all_named(name).next()
    }

    /// All values of any name, whatever its case, in order.
    pub fn all_named<'a>(&'a self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        self.select(Name::of(name), name)
    }

    /// Adds a field at the end. A name that is no token or a value that cannot stand on one line
    /// ([`is_field_name`], [`is_field_value`]) is not added, and the answer is `false`.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> bool {
        let sound = is_field_name(name) && is_field_value(value);
        if sound {
            self.append(Name::of(name), name, value);
        }
        sound
    }

    /// [`Fields::push`] for a known name, spelled as usual; `false` for [`Name::Other`].
    pub fn push_known(&mut self, name: Name, value: &[u8]) -> bool {
        let sound = name != Name::Other && is_field_value(value);
        if sound {
            self.append_known(name, value);
        }
        sound
    }

    /// Adds a field that was made ahead of time at the end.
    pub fn push_line(&mut self, line: &FieldLine) {
        let start = self.lines.len();
        self.lines.extend_from_slice(&line.line);
        self.index(Entry {
            id: line.id,
            live: true,
            start,
            colon: start + line.colon,
            end: self.lines.len() - 2,
        });
    }

    /// Removes all fields of this name and adds one at the end. What cannot stand on the wire
    /// changes nothing, and the answer is `false`.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> bool {
        let sound = is_field_name(name) && is_field_value(value);
        if sound {
            self.remove_named(name);
            self.append(Name::of(name), name, value);
        }
        sound
    }

    /// [`Fields::set`] for a known name; `false` for [`Name::Other`].
    pub fn set_known(&mut self, name: Name, value: &[u8]) -> bool {
        let sound = name != Name::Other && is_field_value(value);
        if sound {
            self.remove(name);
            self.append_known(name, value);
        }
        sound
    }

    /// Removes all fields of a known name and says how many there were; 0 for [`Name::Other`].
    pub fn remove(&mut self, name: Name) -> usize {
        if name == Name::Other || !self.contains(name) {
            return 0;
        }
        self.remove_set(NameSet::EMPTY.with(name))
    }

    /// Removes all fields of any name, whatever its case, and says how many there were.
    pub fn remove_named(&mut self, name: &[u8]) -> usize {
        match Name::of(name) {
            Name::Other if !self.contains(Name::Other) => 0,
            Name::Other => {
                let removed = strike(&mut self.entries, name, &self.lines);
                self.refresh_present();
                removed
            }
            known => self.remove(known),
        }
    }

    /// Keeps the fields for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(Field<'_>) -> bool) {
        let lines = &self.lines;
        for entry in self.entries.iter_mut().filter(|entry| entry.live) {
            entry.live = keep(entry.field(lines));
        }
        self.refresh_present();
    }

    /// Removes the fields with a `_` in their name ([`Field::has_underscore`]) and says how many
    /// there were.
    pub fn remove_underscored(&mut self) -> usize {
        if !self.contains(Name::Other) || !self.iter().any(|field| field.has_underscore()) {
            return 0;
        }
        let before = self.len();
        self.retain(|field| !field.has_underscore());
        before - self.len()
    }

    /// Removes what is meant for one connection only (RFC 9110 §7.6.1): [`Name::is_hop_by_hop`] and
    /// the fields that `Connection` names, except those of [`Name::is_essential`].
    pub fn remove_hop_by_hop(&mut self) {
        let mut doomed = NameSet::HOP_BY_HOP;
        if self.contains(Name::Connection) {
            self.remove_connection_options(&mut doomed);
        }
        if self.present.intersects(doomed) {
            self.remove_set(doomed);
        }
    }

    /// Removes the fields whose unknown names `Connection` lists, and adds the known ones to
    /// `doomed`.
    fn remove_connection_options(&mut self, doomed: &mut NameSet) {
        let (lines, entries) = (&self.lines, &mut self.entries);
        let mut options_left = CONNECTION_OPTIONS_MAX;
        // By index, because an option and the field that it removes live in the same list.
        for at in 0..entries.len() {
            if !entries[at].is(Name::Connection, b"", lines) {
                continue;
            }
            for option in list_items(entries[at].field(lines).value).take(options_left) {
                options_left -= 1;
                let name = Name::of(option);
                if name == Name::Other {
                    strike(entries, option, lines);
                } else if !name.is_essential() {
                    doomed.insert(name);
                }
            }
        }
    }

    /// Removes the names of `set` and says how many fields that were.
    fn remove_set(&mut self, set: NameSet) -> usize {
        let mut removed = 0;
        self.present = NameSet::EMPTY;
        for entry in self.entries.iter_mut().filter(|entry| entry.live) {
            if set.contains(entry.id) {
                entry.live = false;
                removed += 1;
            } else {
                self.present.insert(entry.id);
            }
        }
        removed
    }

    fn refresh_present(&mut self) {
        self.remove_set(NameSet::EMPTY);
    }

    fn select<'a>(&'a self, id: Name, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        let entries: &[Entry] = if self.contains(id) {
            &self.entries
        } else {
            &[]
        };
        entries
            .iter()
            .filter(move |entry| entry.is(id, name, &self.lines))
            .map(|entry| &self.lines[entry.colon + 2..entry.end])
    }

    /// Adds a field that is known to be sound.
    fn append(&mut self, id: Name, name: &[u8], value: &[u8]) {
        let start = self.lines.len();
        self.lines.reserve(name.len() + value.len() + LINE_OVERHEAD);
        self.lines.extend_from_slice(name);
        self.lines.extend_from_slice(b": ");
        self.lines.extend_from_slice(value);
        self.lines.extend_from_slice(b"\r\n");
        let colon = start + name.len();
        self.index(Entry {
            id,
            live: true,
            start,
            colon,
            end: colon + 2 + value.len(),
        });
    }

    /// Adds a field with a known name and a sound value: what [`Fields::append`] does in one copy
    /// less.
    fn append_known(&mut self, id: Name, value: &[u8]) {
        let line_start = id.line_start().as_bytes();
        let start = self.lines.len();
        self.lines.reserve(line_start.len() + value.len() + 2);
        self.lines.extend_from_slice(line_start);
        self.lines.extend_from_slice(value);
        self.lines.extend_from_slice(b"\r\n");
        let value_at = start + line_start.len();
        self.index(Entry {
            id,
            live: true,
            start,
            colon: value_at - 2,
            end: value_at + value.len(),
        });
    }

    fn index(&mut self, entry: Entry) {
        self.present.insert(entry.id);
        self.entries.push(entry);
    }

    /// At least as many bytes as [`Fields::write_lines`] writes.
    pub(crate) const fn line_bytes(&self) -> usize {
        self.lines.len()
    }

    /// Writes the lines of all fields whose names are not in `except`.
    pub(crate) fn write_lines(&self, out: &mut Vec<u8>, except: NameSet) {
        let mut run = 0..0;
        for entry in &self.entries {
            if !entry.live || except.contains(entry.id) {
                continue;
            }
            if entry.start != run.end {
                out.extend_from_slice(&self.lines[run]);
                run = entry.start..entry.start;
            }
            run.end = entry.end + 2;
        }
        out.extend_from_slice(&self.lines[run]);
    }
}

/// Removes the entries with this unknown name and says how many there were.
fn strike(entries: &mut [Entry], name: &[u8], lines: &[u8]) -> usize {
    let mut struck = 0;
    for entry in entries {
        if entry.is(Name::Other, name, lines) {
            entry.live = false;
            struck += 1;
        }
    }
    struck
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::new();
        for (name, value) in lines {
            assert!(
                fields.push(name.as_bytes(), value.as_bytes()),
                "{name}: {value}"
            );
        }
        fields
    }

    fn text(fields: &Fields) -> String {
        let mut out = Vec::new();
        fields.write_lines(&mut out, NameSet::EMPTY);
        assert_eq!(fields.byte_len(), out.len());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn edits_keep_the_order_of_the_rest() {
        let mut fields = fields(&[
            ("A", "1"),
            ("Host", "x"),
            ("b", "2"),
            ("B", "3"),
            ("C", "4"),
        ]);
        assert_eq!(fields.get_named(b"B"), Some(b"2".as_slice()));
        assert_eq!(fields.all_named(b"B").count(), 2);
        assert!(fields.set(b"b", b"5"));
        assert!(fields.set_known(Name::Host, b"y"));
        assert_eq!(text(&fields), "A: 1\r\nC: 4\r\nb: 5\r\nHost: y\r\n");
        assert_eq!((fields.len(), fields.count(Name::Host)), (4, 1));
        assert_eq!(fields.remove_named(b"c"), 1);
        assert_eq!(fields.remove_named(b"c"), 0);
        assert_eq!(fields.remove(Name::Host), 1);
        assert!(!fields.contains(Name::Host) && fields.contains(Name::Other));
        fields.retain(|field| field.name == b"none");
        assert!(fields.is_empty() && !fields.contains(Name::Other));
        assert_eq!(text(&fields), "");
    }

    #[test]
    fn what_cannot_stand_on_the_wire_changes_nothing() {
        let mut fields = fields(&[("A", "1"), ("Host", "x")]);
        for (name, value) in [
            ("A", "1\r\nB: 2"),
            ("A", "\n"),
            ("A", " 1"),
            ("", "1"),
            ("A:", "1"),
        ] {
            assert!(
                !fields.push(name.as_bytes(), value.as_bytes()),
                "{name}: {value}"
            );
            assert!(
                !fields.set(name.as_bytes(), value.as_bytes()),
                "{name}: {value}"
            );
        }
        assert!(!fields.push_known(Name::Host, b"a\0"));
        assert!(!fields.set_known(Name::Host, b"a\r"));
        assert!(!fields.push_known(Name::Other, b"a"));
        assert!(!fields.set_known(Name::Other, b"a"));
        assert_eq!(text(&fields), "A: 1\r\nHost: x\r\n");
    }

    #[test]
    fn lines_made_ahead_are_fields_like_others() {
        let mut fields = fields(&[("A", "1")]);
        fields.push_line(&FieldLine::new(b"Via", b"1.1 x").unwrap());
        fields.push_line(&FieldLine::new(b"b", b"").unwrap());
        assert_eq!(text(&fields), "A: 1\r\nVia: 1.1 x\r\nb: \r\n");
        assert_eq!(fields.get(Name::Via), Some(b"1.1 x".as_slice()));
        assert_eq!(fields.get_named(b"B"), Some(b"".as_slice()));
        assert_eq!(fields.remove(Name::Via), 1);
        assert_eq!(FieldLine::new(b"a", b"1\r\nb: 2"), None);
        assert_eq!(FieldLine::new(b"a b", b"1"), None);
    }

    #[test]
    fn underscored_names_are_found() {
        let mut fields = fields(&[("X_A", "1"), ("X-A", "2"), ("_", "3"), ("Host", "a_b")]);
        assert_eq!(fields.iter().filter(Field::has_underscore).count(), 2);
        assert_eq!(fields.remove_underscored(), 2);
        assert_eq!(fields.remove_underscored(), 0);
        assert_eq!(text(&fields), "X-A: 2\r\nHost: a_b\r\n");
    }

    /// Framing refuses more; this is what keeps the work bounded for whoever does not ask it.
    #[test]
    fn connection_options_are_looked_at_up_to_their_number() {
        let many = vec!["x"; CONNECTION_OPTIONS_MAX - 1].join(",");
        let connection = [("Connection", many.as_str()), ("Connection", "a, b")];
        let mut fields = fields(&[("A", "1"), ("B", "2"), connection[0], connection[1]]);
        fields.remove_hop_by_hop();
        assert_eq!(text(&fields), "B: 2\r\n");
    }
}
