//! Runs to be shown, each with a name. Entered by `main` with one that has just ended or with the files
//! of others.

use std::path::Path;

use serde_json::Value;

use super::saved::Saved;
use super::text;
use crate::cli::Error;

/// A run and what it is called.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(super) name: String,
    pub(super) report: Saved,
}

impl Run {
    /// A run that has just ended.
    ///
    /// # Errors
    /// `Run` when `report` is none, which is a mistake of the program.
    pub(crate) fn new(report: Value) -> Result<Self, Error> {
        Ok(Self {
            name: "this run".to_owned(),
            report: Saved::from_value(report).map_err(Error::Run)?,
        })
    }

    /// The runs of files, called like their files.
    ///
    /// # Errors
    /// `Usage` for a file that cannot be read.
    pub(crate) fn read(files: &[impl AsRef<Path>]) -> Result<Vec<Self>, Error> {
        let mut runs = Vec::new();
        for file in files.iter().map(AsRef::as_ref) {
            let reports = Saved::read_file(file)?;
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            let name = |number: usize| match reports.len() {
                1 => stem.clone().into_owned(),
                _ => format!("{stem} {}", number + 1),
            };
            let names: Vec<_> = (0..reports.len()).map(name).collect();
            let named = names.into_iter().zip(reports);
            runs.extend(named.map(|(name, report)| Self { name, report }));
        }
        Ok(runs)
    }

    /// The run as text for a terminal.
    pub(crate) fn text(&self) -> String {
        text::render(&self.report)
    }
}
