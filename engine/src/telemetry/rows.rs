//! [`Rows`]: a bounded table whose rows are found by name when a configuration is prepared, and by
//! number ever after. Names are never forgotten, so a name keeps its number across reloads; when the
//! table is full, every new name shares the overflow row.

use std::sync::Arc;

use ahash::AHashMap;

/// The name of the row that all names share which found the table full.
pub(super) const OVERFLOW: &str = "__overflow__";

/// A table of `R`, one for each pair of names. Row 0 is the overflow row.
#[derive(Debug)]
pub(super) struct Rows<R> {
    rows: Vec<Row<R>>,
    index: AHashMap<Arc<str>, AHashMap<Arc<str>, u32>>,
    cap: usize,
}

/// A row and the names that lead to it.
#[derive(Debug, Clone)]
pub(super) struct Row<R> {
    pub(super) names: [Arc<str>; 2],
    pub(super) value: R,
}

impl<R> Row<R> {
    /// Whether it is the row of those that found the table full.
    pub(super) fn is_overflow(&self) -> bool {
        *self.names[0] == *OVERFLOW
    }
}

impl<R: Default> Rows<R> {
    /// A table for at most `cap` pairs of names, and the overflow row.
    pub(super) fn new(cap: usize) -> Self {
        let mut table = Self {
            rows: Vec::new(),
            index: AHashMap::new(),
            cap,
        };
        table.insert(OVERFLOW, OVERFLOW);
        table
    }

    /// The number of the row for these names, which is made if it is new and there is room.
    pub(super) fn id(&mut self, first: &str, second: &str) -> u32 {
        match self
            .index
            .get(first)
            .and_then(|seconds| seconds.get(second))
        {
            Some(&id) => id,
            None if self.rows.len() > self.cap => 0,
            None => self.insert(first, second),
        }
    }

    /// The row with this number; the overflow row for a number that no name has here.
    pub(super) fn row(&mut self, id: u32) -> &mut R {
        let at = if (id as usize) < self.rows.len() {
            id as usize
        } else {
            0
        };
        &mut self.rows[at].value
    }

    /// Every row, in the order in which the names came.
    pub(super) fn as_slice(&self) -> &[Row<R>] {
        &self.rows
    }

    fn insert(&mut self, first: &str, second: &str) -> u32 {
        let id = u32::try_from(self.rows.len()).expect("tables are capped far below 2^32 rows");
        let names: [Arc<str>; 2] = [first.into(), second.into()];
        let seconds = self.index.entry(names[0].clone()).or_default();
        seconds.insert(names[1].clone(), id);
        self.rows.push(Row {
            names,
            value: R::default(),
        });
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number() {
        let mut rows: Rows<u64> = Rows::new(10);
        let first = rows.id("a", "b");
        let second = rows.id("ab", "");
        assert_ne!(first, second);
        assert_eq!(rows.id("a", "b"), first);
        *rows.row(first) += 1;
        assert_eq!((*rows.row(first), *rows.row(second)), (1, 0));
    }

    #[test]
    fn a_full_table_sends_new_names_to_the_overflow_row() {
        let mut rows: Rows<u64> = Rows::new(2);
        let kept = [rows.id("a", ""), rows.id("b", "")];
        assert!(!kept.contains(&0));
        assert_eq!(rows.id("c", ""), 0);
        assert_eq!([rows.id("a", ""), rows.id("b", "")], kept);
        assert_eq!(rows.as_slice().len(), 3);
        assert_eq!(&*rows.as_slice()[0].names[0], OVERFLOW);
    }

    #[test]
    fn a_foreign_number_is_the_overflow_row() {
        let mut rows: Rows<u64> = Rows::new(2);
        *rows.row(77) += 5;
        assert_eq!(*rows.row(0), 5);
    }
}
