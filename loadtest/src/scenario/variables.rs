//! Where the values of variables come from. Entered when a plan is made, which asks what a name means,
//! and by each worker, which draws values. A source gives one value to each request that names it, or
//! one row: the columns of a table belong together.

use std::fmt::Write;
use std::sync::Arc;

use super::csv::Table;
use crate::random::Random;

/// All sources of a scenario, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variables(Vec<(String, Source)>);

/// One source of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The rows of a table.
    Table {
        /// The table, shared by all workers.
        table: Arc<Table>,
        /// Which row is next.
        pick: Pick,
    },
    /// This number, the next one, and so on; none comes twice, whatever the number of workers.
    Sequence(u64),
    /// A random number, from the first to the last.
    Random(u64, u64),
    /// A random UUID (RFC 9562 §5.4).
    Uuid,
}

/// Which row of a table is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// One after the other, over all workers, and again from the first.
    Sequential,
    /// Any, each as likely as the others.
    Random,
    /// The same for all requests of a slot, another for each slot while there are enough.
    PerSlot,
}

/// What a name means: a source, and a column if the source has columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The source's number.
    pub(crate) source: usize,
    column: usize,
}

impl Variables {
    /// These sources.
    pub(crate) fn new(sources: Vec<(String, Source)>) -> Self {
        Self(sources)
    }

    /// What `name` means: the name of a source, with a column behind a dot for a table.
    ///
    /// # Errors
    /// A sentence for the user that lists the names there are.
    pub(crate) fn meaning(&self, name: &str) -> Result<Place, String> {
        for (source, (prefix, kind)) in self.0.iter().enumerate() {
            let place = |column| Place { source, column };
            match kind {
                Source::Table { table, .. } => {
                    let rest = name.strip_prefix(prefix.as_str());
                    let column = rest.and_then(|rest| rest.strip_prefix('.'));
                    let found = column
                        .and_then(|column| table.columns.iter().position(|other| other == column));
                    if let Some(column) = found {
                        return Ok(place(column));
                    }
                }
                _ if prefix == name => return Ok(place(0)),
                _ => {}
            }
        }
        Err(match self.names().as_slice() {
            [] => format!("unknown variable ${{{name}}}: there are none"),
            names => format!(
                "unknown variable ${{{name}}}: there are {}",
                names.join(", ")
            ),
        })
    }

    /// Every value that a place can take, if they are known before the run.
    pub(crate) fn known(&self, place: Place) -> impl Iterator<Item = &str> {
        let (_, source) = &self.0[place.source];
        let table = match source {
            Source::Table { table, .. } => Some(table),
            _ => None,
        };
        table
            .into_iter()
            .flat_map(move |table| (0..table.len()).map(move |row| table.cell(row, place.column)))
    }

    fn names(&self) -> Vec<String> {
        let names = self.0.iter().map(|(name, source)| match source {
            Source::Table { table, .. } => {
                let columns = table.columns.iter();
                columns.map(|column| format!("{name}.{column}")).collect()
            }
            _ => vec![name.clone()],
        });
        names.collect::<Vec<Vec<_>>>().concat()
    }
}

/// The sources as one worker draws from them, and what it has drawn for the present request.
#[derive(Debug)]
pub(crate) struct Values {
    sources: Vec<Drawer>,
    random: Random,
    parts: u64,
}

#[derive(Debug)]
struct Drawer {
    source: Source,
    /// The next number of a sequence, or the next row.
    next: u64,
    /// The row that was drawn, or the text.
    row: usize,
    text: String,
}

impl Values {
    /// The sources for worker `part` of `parts`.
    pub(crate) fn new(variables: &Variables, seed: u64, part: u64, parts: u64) -> Self {
        let drawer = |(_, source): &(String, Source)| Drawer {
            next: part
                + match source {
                    Source::Sequence(first) => *first,
                    _ => 0,
                },
            source: source.clone(),
            row: 0,
            text: String::new(),
        };
        Self {
            sources: variables.0.iter().map(drawer).collect(),
            random: Random::for_part(seed, part),
            parts,
        }
    }

    /// Draws from a source, for a request of slot `slot`.
    pub(crate) fn draw(&mut self, source: usize, slot: u64) {
        let drawer = &mut self.sources[source];
        let next = drawer.next;
        match &drawer.source {
            Source::Table { table, pick } => {
                let rows = table.len() as u64;
                let row = match pick {
                    Pick::Sequential => {
                        drawer.next = next.wrapping_add(self.parts);
                        next % rows
                    }
                    Pick::Random => self.random.below(rows),
                    Pick::PerSlot => slot % rows,
                };
                drawer.row = usize::try_from(row).expect("less than a number of rows");
            }
            Source::Sequence(_) => {
                drawer.next = next.wrapping_add(self.parts);
                drawer.set(format_args!("{next}"));
            }
            Source::Random(first, last) => {
                let number = match (last - first).checked_add(1) {
                    Some(count) => first + self.random.below(count),
                    None => self.random.next(),
                };
                drawer.set(format_args!("{number}"));
            }
            Source::Uuid => {
                let (high, low) = (self.random.next(), self.random.next());
                drawer.set(format_args!("{}", uuid(high, low)));
            }
        }
    }

    /// The value that was drawn last for a place.
    pub(crate) fn get(&self, place: &Place) -> &str {
        let drawer = &self.sources[place.source];
        match &drawer.source {
            Source::Table { table, .. } => table.cell(drawer.row, place.column),
            _ => &drawer.text,
        }
    }
}

impl Drawer {
    fn set(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.clear();
        self.text
            .write_fmt(text)
            .expect("a String takes whatever is written to it");
    }
}

/// A UUID of version 4 from 122 of these bits.
fn uuid(high: u64, low: u64) -> String {
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        let table = Arc::new(Table::parse("id,name\n1,a\n2,b\n3,c\n").unwrap());
        let rows = |pick| Source::Table {
            table: Arc::clone(&table),
            pick,
        };
        Variables::new(vec![
            ("turn".to_owned(), rows(Pick::Sequential)),
            ("any".to_owned(), rows(Pick::Random)),
            ("mine".to_owned(), rows(Pick::PerSlot)),
            ("number".to_owned(), Source::Sequence(10)),
            ("dice".to_owned(), Source::Random(1, 6)),
            ("id".to_owned(), Source::Uuid),
        ])
    }

    /// What worker `part` of `parts` draws for `name` in a row.
    fn drawn(name: &str, part: u64, parts: u64, slot: u64, count: usize) -> Vec<String> {
        let variables = variables();
        let mut values = Values::new(&variables, 1, part, parts);
        let place = variables.meaning(name).unwrap();
        (0..count)
            .map(|_| {
                values.draw(place.source, slot);
                values.get(&place).to_owned()
            })
            .collect()
    }

    #[test]
    fn rows_are_picked_as_asked() {
        assert_eq!(drawn("turn.name", 0, 1, 0, 4), ["a", "b", "c", "a"]);
        assert_eq!(drawn("turn.id", 1, 2, 0, 4), ["2", "1", "3", "2"]);
        assert_eq!(drawn("mine.name", 0, 1, 4, 3), ["b", "b", "b"]);
        let any = drawn("any.id", 0, 1, 0, 300);
        for id in ["1", "2", "3"] {
            let count = any.iter().filter(|other| *other == id).count();
            assert!((60..140).contains(&count), "{id}: {count}");
        }
        assert_eq!(any, drawn("any.id", 0, 1, 0, 300), "a seed repeats itself");
        assert_ne!(any, drawn("any.id", 1, 2, 0, 300));
    }

    #[test]
    fn columns_of_one_draw_belong_to_one_row() {
        let variables = variables();
        let mut values = Values::new(&variables, 1, 0, 1);
        let id = variables.meaning("any.id").unwrap();
        let name = variables.meaning("any.name").unwrap();
        for _ in 0..20 {
            values.draw(id.source, 0);
            let row = (values.get(&id), values.get(&name));
            assert!(
                [("1", "a"), ("2", "b"), ("3", "c")].contains(&row),
                "{row:?}"
            );
        }
    }

    #[test]
    fn numbers_are_in_sequence_over_all_workers() {
        let mut all: Vec<_> = (0..3)
            .flat_map(|part| drawn("number", part, 3, 0, 2))
            .collect();
        all.sort_unstable();
        assert_eq!(all, ["10", "11", "12", "13", "14", "15"]);
    }

    #[test]
    fn random_numbers_reach_both_ends() {
        let mut dice = drawn("dice", 0, 1, 0, 200);
        dice.sort_unstable();
        dice.dedup();
        assert_eq!(dice, ["1", "2", "3", "4", "5", "6"]);
    }

    #[test]
    fn uuids_have_their_version_and_differ() {
        assert_eq!(uuid(0, 0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(
            uuid(u64::MAX, u64::MAX),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        let ids = drawn("id", 0, 1, 0, 2);
        assert_ne!(ids[0], ids[1]);
        assert_ne!(ids, drawn("id", 1, 2, 0, 2));
    }

    #[test]
    fn unknown_names_list_the_known_ones() {
        let error = variables().meaning("any").unwrap_err();
        assert!(
            error.contains("${any}") && error.contains("any.id, any.name"),
            "{error}"
        );
        assert!(error.contains("dice"), "{error}");
        assert!(variables().meaning("any.nam").is_err());
        let none = Variables::default().meaning("x").unwrap_err();
        assert!(none.ends_with("there are none"), "{none}");
    }

    #[test]
    fn values_of_tables_are_known_before() {
        let variables = variables();
        let known = |name| -> Vec<String> {
            let place = variables.meaning(name).unwrap();
            variables.known(place).map(str::to_owned).collect()
        };
        assert_eq!(known("any.name"), ["a", "b", "c"]);
        assert_eq!(known("id"), [""; 0]);
    }
}
