//! The two parsers against each other and against what was meant: documents made up together with
//! the tree that they stand for, every fixture of the crate, and the corners where readers differ.

use std::path::Path;

use super::{Entry, Mark, Node, Parsed, Scalar, ScalarKind, Value, parse};

const BUDGET: usize = 100_000;

#[test]
fn made_up_documents_read_back_with_every_value_and_place() {
    for seed in 1..3_000 {
        let mut writer = Writer::new(seed);
        let meant = writer.block_map(0, 3);
        let text = writer.text;
        let parsed = parse(&text, 0, BUDGET);
        assert_eq!(parsed.mistakes, [], "seed {seed}:\n{text}");
        assert_eq!(parsed.documents, [meant], "seed {seed}:\n{text}");
    }
}

#[test]
fn fixtures_have_the_values_that_serde_yaml_alone_reads() {
    let mut documents = 0;
    for folder in ["tests/accept", "tests/reject", "tests/source"] {
        for_each_file(Path::new(folder), &mut |text| {
            let parsed = parse(text, 0, BUDGET);
            if !parsed.mistakes.is_empty() {
                return;
            }
            let alone = serde_yaml::Deserializer::from_str(text)
                .map(|document| serde::Deserialize::deserialize(document).expect("it parses"));
            let alone: Vec<serde_yaml::Value> = alone
                .filter(|value| *value != serde_yaml::Value::Null)
                .collect();
            let ours: Vec<serde_yaml::Value> =
                parsed.documents.iter().map(without_places).collect();
            assert_eq!(ours, alone);
            documents += ours.len();
        });
    }
    assert!(
        documents > 30,
        "{documents} documents are too few: have the fixtures moved?"
    );
}

#[test]
fn every_fixtures_scalars_stand_where_their_marks_say() {
    for folder in ["tests/accept", "tests/source"] {
        for_each_file(Path::new(folder), &mut |text| {
            let lines: Vec<&str> = text.lines().collect();
            for document in parse(text, 0, BUDGET).documents {
                for_each_scalar(&document, &mut |mark, scalar| {
                    let line = lines[mark.line as usize - 1];
                    let rest: String = line.chars().skip(mark.column as usize - 1).collect();
                    let quoted = rest.starts_with(['"', '\'', '|', '>']);
                    assert!(
                        quoted || rest.starts_with(&*scalar.text),
                        "{mark:?}: {rest}"
                    );
                });
            }
        });
    }
}

#[test]
fn scalars_are_what_yaml_1_2_says() {
    for (text, kind) in [
        ("yes", ScalarKind::Text),
        ("no", ScalarKind::Text),
        ("on", ScalarKind::Text),
        ("off", ScalarKind::Text),
        ("y", ScalarKind::Text),
        ("true", ScalarKind::Bool(true)),
        ("False", ScalarKind::Bool(false)),
        ("~", ScalarKind::Null),
        ("null", ScalarKind::Null),
        ("12", ScalarKind::Integer(12)),
        ("-12", ScalarKind::Integer(-12)),
        ("0x10", ScalarKind::Integer(16)),
        ("0o10", ScalarKind::Integer(8)),
        ("010", ScalarKind::Text),
        ("1_000", ScalarKind::Text),
        ("12:30:00", ScalarKind::Text),
        ("1.50", ScalarKind::Float(1.5)),
        ("2026-11-23", ScalarKind::Text),
        ("\"12\"", ScalarKind::Text),
        ("'true'", ScalarKind::Text),
        ("30s", ScalarKind::Text),
    ] {
        let parsed = parse(&format!("a: {text}\n"), 0, BUDGET);
        let node = parsed.documents[0].get("a").expect("it is there");
        let Value::Scalar(scalar) = &node.value else {
            panic!("{text} is a scalar")
        };
        assert_eq!(scalar.kind, kind, "{text}");
        assert_eq!(
            &*scalar.text,
            text.trim_matches(['"', '\'']),
            "as it was written"
        );
    }
}

#[test]
fn texts_that_cannot_be_read_say_where() {
    for (text, place, message) in [
        ("a: [1, 2\nb: 3\n", (2, 2), "not YAML: "),
        (
            "a: 1\n\tb: 2\n",
            (1, 4),
            "not YAML: while scanning a plain scalar, found a tab",
        ),
        ("a: \"unclosed\n", (1, 4), "not YAML: "),
        (
            "a: *b\n",
            (1, 4),
            "not YAML: while parsing node, found unknown anchor",
        ),
        (
            "a: &b [*b]\n",
            (1, 8),
            "an alias for no value that is complete in this document",
        ),
        ("a: &b 1\n---\nc: *b\n", (3, 4), ""),
        ("a: !!str 1\n", (1, 4), "tags (`!name`) mean nothing here"),
        ("a: 1\na: 2\n", (2, 1), "`a` is already at line 1"),
        ("a: {b: 1, b: 2}\n", (1, 11), "`b` is already at line 1"),
        ("[a]: 1\n", (1, 1), "a key must be text"),
        ("~: 1\n", (1, 1), "a key without text"),
        (
            "a: 1\nb: \u{1}\n",
            (2, 4),
            "U+0001 is no printable character",
        ),
    ] {
        let parsed = parse(text, 0, BUDGET);
        let mistake = parsed
            .mistakes
            .first()
            .unwrap_or_else(|| panic!("{text:?} reads well"));
        assert_eq!(
            (mistake.mark.line, mistake.mark.column),
            place,
            "{text:?}: {mistake:?}"
        );
        assert!(
            mistake.message.starts_with(message),
            "{text:?}: {mistake:?}"
        );
    }
}

#[test]
fn what_follows_a_duplicate_key_is_still_there() {
    let Parsed {
        documents,
        mistakes,
        complete,
        ..
    } = parse("a: 1\na: 2\nb: 3\n", 0, BUDGET);
    assert_eq!((mistakes.len(), complete), (1, true));
    let keys: Vec<&str> = documents[0]
        .entries()
        .unwrap()
        .iter()
        .map(|e| &*e.key)
        .collect();
    assert_eq!(keys, ["a", "b"]);
}

#[test]
fn aliases_stand_for_their_value_and_the_place_of_its_anchor() {
    let parsed = parse("a: &x {b: 1}\nc: *x\n", 7, BUDGET);
    let (a, c) = (parsed.documents[0].get("a"), parsed.documents[0].get("c"));
    assert_eq!(a, c);
    assert_eq!(
        c.unwrap().mark,
        Mark {
            file: 7,
            line: 1,
            column: 4
        }
    );
}

#[test]
fn a_few_lines_that_stand_for_billions_of_values_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        bomb.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            [&*alias; 9].join(", ")
        ));
    }
    let parsed = parse(&bomb, 0, BUDGET);
    assert!(
        parsed.mistakes[0].message.starts_with("more values than"),
        "{:?}",
        parsed.mistakes
    );
    assert!(parsed.documents.is_empty());
}

#[test]
fn one_value_that_many_aliases_stand_for_counts_each_time() {
    let items = ["x"; 1_000].join(", ");
    let aliases = ["*a"; 200].join(", ");
    let parsed = parse(&format!("a: &a [{items}]\nb: [{aliases}]\n"), 0, BUDGET);
    assert!(
        parsed.mistakes[0].message.starts_with("more values than"),
        "{:?}",
        parsed.mistakes
    );
    assert_eq!(parsed.mistakes[0].mark.line, 2);
}

#[test]
fn depth_and_documents_have_bounds() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(parse(&nested(32), 0, BUDGET).mistakes, []);
    for text in [nested(33), "- ".repeat(100_000), "? ".repeat(100_000)] {
        let mistakes = parse(&text, 0, BUDGET).mistakes;
        assert_eq!(mistakes[0].message, "nested deeper than 32 levels");
    }
    // Brackets are counted before there are values.
    let mistakes = parse(&nested(100_000), 0, BUDGET).mistakes;
    assert_eq!(mistakes[0].message, "not YAML: recursion limit exceeded");
    assert_eq!(
        parse(&"---\na\n".repeat(1_000), 0, BUDGET).documents.len(),
        1_000
    );
    let mistakes = parse(&"---\na\n".repeat(1_001), 0, BUDGET).mistakes;
    assert_eq!(mistakes[0].message, "more than 1000 documents in one file");
}

#[test]
fn empty_documents_and_a_byte_order_mark_are_nothing() {
    for text in [
        "",
        "\n",
        "# only a comment\n",
        "---\n",
        "---\n---\n",
        "\u{feff}",
        "~\n",
    ] {
        let parsed = parse(text, 0, BUDGET);
        let nulls = parsed
            .documents
            .iter()
            .filter(|node| node.describe() != "nothing")
            .count();
        assert_eq!((nulls, &parsed.mistakes[..]), (0, &[][..]), "{text:?}");
    }
    let parsed = parse("\u{feff}a: 1\n---\n---\nb: 2\n", 0, BUDGET);
    assert_eq!(parsed.documents.len(), 2);
    assert_eq!(parsed.documents[0].mark.column, 1);
}

fn for_each_file(path: &Path, visit: &mut impl FnMut(&str)) {
    if path.is_dir() {
        for entry in path.read_dir().expect("fixtures are there") {
            for_each_file(&entry.expect("readable").path(), visit);
        }
    } else if path
        .extension()
        .is_some_and(|kind| kind == "yaml" || kind == "yml")
    {
        visit(&std::fs::read_to_string(path).expect("readable"));
    }
}

fn for_each_scalar(node: &Node, visit: &mut impl FnMut(Mark, &Scalar)) {
    match &node.value {
        Value::Scalar(scalar) => visit(node.mark, scalar),
        Value::List(items) => items.iter().for_each(|item| for_each_scalar(item, visit)),
        Value::Map(entries) => {
            entries
                .iter()
                .for_each(|entry| for_each_scalar(&entry.value, visit));
        }
    }
}

fn without_places(node: &Node) -> serde_yaml::Value {
    match &node.value {
        Value::List(items) => items.iter().map(without_places).collect::<Vec<_>>().into(),
        Value::Map(entries) => {
            let pair = |entry: &Entry| (key(&entry.key), without_places(&entry.value));
            serde_yaml::Value::Mapping(entries.iter().map(pair).collect())
        }
        Value::Scalar(scalar) => match scalar.kind {
            ScalarKind::Null => serde_yaml::Value::Null,
            ScalarKind::Bool(value) => value.into(),
            ScalarKind::Integer(value) => i64::try_from(value).expect("fixtures are small").into(),
            ScalarKind::Float(value) => value.into(),
            ScalarKind::Text => (*scalar.text).into(),
        },
    }
}

/// A key as `serde_yaml` alone reads it.
fn key(text: &str) -> serde_yaml::Value {
    if text.is_empty() {
        return text.into();
    }
    serde_yaml::from_str(text).unwrap_or_else(|_| text.into())
}

/// Writes documents in every style together with the tree that they stand for.
struct Writer {
    random: u64,
    text: String,
    line: u32,
    column: u32,
}

impl Writer {
    fn new(seed: u64) -> Self {
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self {
            random,
            text: String::new(),
            line: 1,
            column: 1,
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    fn write(&mut self, text: &str) {
        for letter in text.chars() {
            self.text.push(letter);
            if letter == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
    }

    fn mark(&self) -> Mark {
        Mark {
            file: 0,
            line: self.line,
            column: self.column,
        }
    }

    fn indent(&mut self, indent: usize) {
        while self.below(6) == 0 {
            self.write("# a comment: {with} [signs] \"and\" 'quotes'\n");
        }
        self.write(&" ".repeat(indent));
    }

    /// A block mapping; the first line is indented too.
    fn block_map(&mut self, indent: usize, depth: u32) -> Node {
        let mut first = None;
        let mut entries = Vec::new();
        for index in 0..1 + self.below(4) {
            self.indent(indent);
            let mark = self.mark();
            first.get_or_insert(mark);
            let key = self.key(index);
            self.write(":");
            let value = self.block_value(indent, depth);
            entries.push(Entry {
                key: key.into(),
                mark,
                value,
            });
        }
        Node::new(first.unwrap(), Value::Map(entries))
    }

    fn key(&mut self, index: u64) -> String {
        let name = ["k", "h\u{e9}", "x-a", "with space"][usize::try_from(self.below(4)).unwrap()];
        let key = format!("{name}{index}");
        match self.below(3) {
            0 => self.write(&format!("\"{key}\"")),
            1 => self.write(&format!("'{key}'")),
            _ => self.write(&key),
        }
        key
    }

    /// What comes after `key:` or `-`, with the end of its line.
    fn block_value(&mut self, indent: usize, depth: u32) -> Node {
        match self.below(if depth == 0 { 3 } else { 5 }) {
            0 | 1 => {
                self.write(" ");
                let node = self.scalar();
                self.end_of_line();
                node
            }
            2 => {
                self.write(" ");
                let node = self.flow(depth);
                self.end_of_line();
                node
            }
            3 => {
                self.end_of_line();
                self.block_map(indent + 2, depth - 1)
            }
            _ => {
                self.end_of_line();
                self.block_list(indent + 2, depth - 1)
            }
        }
    }

    fn block_list(&mut self, indent: usize, depth: u32) -> Node {
        let mut first = None;
        let mut items = Vec::new();
        for _ in 0..1 + self.below(3) {
            self.indent(indent);
            let mark = self.mark();
            first.get_or_insert(mark);
            self.write("-");
            items.push(self.block_value(indent, depth));
        }
        Node::new(first.unwrap(), Value::List(items))
    }

    fn flow(&mut self, depth: u32) -> Node {
        let mark = self.mark();
        let count = self.below(3);
        if depth == 0 || self.below(2) == 0 {
            let mut items = Vec::new();
            self.write("[");
            for index in 0..count {
                self.write(if index > 0 { ", " } else { "" });
                items.push(self.flow_item(depth));
            }
            self.write("]");
            return Node::new(mark, Value::List(items));
        }
        let mut entries = Vec::new();
        self.write("{");
        for index in 0..count {
            self.write(if index > 0 { ", " } else { "" });
            let mark = self.mark();
            let key = self.key(index);
            self.write(": ");
            let value = self.flow_item(depth);
            entries.push(Entry {
                key: key.into(),
                mark,
                value,
            });
        }
        self.write("}");
        Node::new(mark, Value::Map(entries))
    }

    fn flow_item(&mut self, depth: u32) -> Node {
        if depth > 0 && self.below(4) == 0 {
            self.flow(depth - 1)
        } else {
            self.scalar()
        }
    }

    fn scalar(&mut self) -> Node {
        const SCALARS: [(&str, &str, ScalarKind); 16] = [
            ("plain", "plain", ScalarKind::Text),
            ("two words", "two words", ScalarKind::Text),
            ("/a/b/*", "/a/b/*", ScalarKind::Text),
            ("http://a:80/b#c", "http://a:80/b#c", ScalarKind::Text),
            (
                "\"a \\\"b\\\" \\u00e9: {x}\"",
                "a \"b\" \u{e9}: {x}",
                ScalarKind::Text,
            ),
            (
                "'it''s: [x], # no comment'",
                "it's: [x], # no comment",
                ScalarKind::Text,
            ),
            ("\"\"", "", ScalarKind::Text),
            ("h\u{e9}llo", "h\u{e9}llo", ScalarKind::Text),
            ("yes", "yes", ScalarKind::Text),
            ("true", "true", ScalarKind::Bool(true)),
            ("'true'", "true", ScalarKind::Text),
            ("30", "30", ScalarKind::Integer(30)),
            ("\"30\"", "30", ScalarKind::Text),
            ("1.10", "1.10", ScalarKind::Float(1.1)),
            ("~", "~", ScalarKind::Null),
            ("30s", "30s", ScalarKind::Text),
        ];
        let mark = self.mark();
        let pick = usize::try_from(self.below(SCALARS.len() as u64)).unwrap();
        let (written, text, kind) = SCALARS[pick];
        self.write(written);
        Node::new(
            mark,
            Value::Scalar(Scalar {
                text: text.into(),
                kind,
            }),
        )
    }

    fn end_of_line(&mut self) {
        let end = ["\n", " # why: \"because\"\n", "\n\n", "\r\n"];
        let pick = usize::try_from(self.below(4)).unwrap();
        self.write(end[pick]);
    }
}
