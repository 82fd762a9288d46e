//! Reads tables of comma-separated values (RFC 4180) whose first line names the columns. Entered when a
//! plan is made; a table is kept whole, for all workers.

/// Rows of cells, each as wide as the first line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// The columns' names.
    pub(crate) columns: Vec<String>,
    /// Every row's cells, row after row.
    cells: Vec<String>,
}

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// A sentence for the user that names the line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader {
            rest: text,
            line: 1,
        };
        let columns = reader.record()?.unwrap_or_default();
        if columns.iter().any(String::is_empty) {
            return Err("line 1: the first line names the columns, each with a name".to_owned());
        }
        let mut cells = Vec::new();
        loop {
            let line = reader.line;
            let Some(record) = reader.record()? else {
                break;
            };
            if record.len() != columns.len() {
                return Err(format!(
                    "line {line}: {} cells under {} columns",
                    record.len(),
                    columns.len()
                ));
            }
            cells.extend(record);
        }
        if cells.is_empty() {
            return Err("it has no row below the first line".to_owned());
        }
        Ok(Self { columns, cells })
    }

    /// How many rows there are, one at least.
    pub(crate) fn len(&self) -> usize {
        self.cells.len() / self.columns.len()
    }

    /// The cell of a row and a column, both counted from 0.
    pub(crate) fn cell(&self, row: usize, column: usize) -> &str {
        &self.cells[row * self.columns.len() + column]
    }
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    /// The cells of the next line that is not empty; `None` at the end.
    fn record(&mut self) -> Result<Option<Vec<String>>, String> {
        while let Some(rest) = strip_line_end(self.rest) {
            self.rest = rest;
            self.line += 1;
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut record = vec![self.cell()?];
        loop {
            if let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest;
                record.push(self.cell()?);
            } else if let Some(rest) = strip_line_end(self.rest) {
                self.rest = rest;
                self.line += 1;
                return Ok(Some(record));
            } else if self.rest.is_empty() {
                return Ok(Some(record));
            } else {
                return Err(format!("line {}: text behind a closing quote", self.line));
            }
        }
    }

    fn cell(&mut self) -> Result<String, String> {
        let Some(mut rest) = self.rest.strip_prefix('"') else {
            let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
            let (cell, rest) = self.rest.split_at(end);
            // The CR of a line's end is left for `record`.
            let plain = match rest.as_bytes().first() {
                Some(b'\n') => cell.strip_suffix('\r').unwrap_or(cell),
                _ => cell,
            };
            self.rest = &self.rest[plain.len()..];
            return Ok(plain.to_owned());
        };
        let begun = self.line;
        let mut cell = String::new();
        loop {
            let (text, behind) = rest
                .split_once('"')
                .ok_or_else(|| format!("line {begun}: a quote that is not closed"))?;
            cell.push_str(text);
            self.line += text.matches('\n').count();
            match behind.strip_prefix('"') {
                Some(behind) => {
                    cell.push('"');
                    rest = behind;
                }
                None => {
                    self.rest = behind;
                    return Ok(cell);
                }
            }
        }
    }
}

fn strip_line_end(text: &str) -> Option<&str> {
    text.strip_prefix("\r\n")
        .or_else(|| text.strip_prefix('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rows_under_their_columns() {
        let text = "id,name\n1,Ann\r\n2,\"Bob \"\"B\"\", Jr.\"\n\n3,\"two\nlines\"\n4,";
        let table = Table::parse(text).unwrap();
        assert_eq!(table.columns, ["id", "name"]);
        let names: Vec<_> = (0..table.len()).map(|row| table.cell(row, 1)).collect();
        assert_eq!(names, ["Ann", "Bob \"B\", Jr.", "two\nlines", ""]);
        assert_eq!(table.cell(3, 0), "4");
    }

    #[test]
    fn a_table_may_have_one_column() {
        let table = Table::parse("id\n7\n8\n").unwrap();
        assert_eq!((table.len(), table.cell(1, 0)), (2, "8"));
    }

    #[test]
    fn errors_name_the_line() {
        for (text, part) in [
            ("", "no row"),
            ("id\n", "no row"),
            ("id,\n1,2\n", "line 1"),
            ("id,name\n1,a\n2\n", "line 3: 1 cells under 2 columns"),
            ("id\n\"a\nb\"\nc,d\n", "line 4: 2 cells"),
            ("id\n\"a", "line 2: a quote"),
            ("id\n\"a\"b\n", "line 2: text behind"),
        ] {
            let error = Table::parse(text).unwrap_err();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
