//! One side's rounds. Entered with the names of its files; it hands out one figure of every round.

use std::path::Path;

use super::metric::{Metric, Scale};
use super::statistics::ROUNDS_MAX;
use crate::cli::Error;
use crate::report::saved::Saved;

/// A side: its rounds in order.
#[derive(Clone, Debug)]
pub(super) struct Side {
    /// The files' names, as they were given.
    pub(super) files: Vec<String>,
    /// A report for each round.
    pub(super) rounds: Vec<Saved>,
}

impl Side {
    /// Reads every file's rounds.
    ///
    /// # Errors
    /// `Usage` for a file that cannot be read, and for too many rounds.
    pub(super) fn read(files: &[impl AsRef<Path>]) -> Result<Self, Error> {
        let mut side = Self {
            files: Vec::new(),
            rounds: Vec::new(),
        };
        for file in files {
            let file = file.as_ref();
            side.rounds.extend(Saved::read_file(file)?);
            side.files.push(file.display().to_string());
        }
        if side.rounds.len() > ROUNDS_MAX {
            let (files, rounds) = (side.files.join(", "), side.rounds.len());
            let text = format!("{files}: {rounds} rounds; at most {ROUNDS_MAX} are compared");
            return Err(Error::Usage(text));
        }
        Ok(side)
    }

    /// A figure of every round. A round without a good reply had no rate and endless latencies.
    pub(super) fn figures(&self, metric: Metric) -> Vec<f64> {
        let figures = self.rounds.iter().map(|round| metric.read(round));
        figures.map(|figure| figure.max(0.0)).collect()
    }

    /// The figures of a side that the other is compared with.
    ///
    /// # Errors
    /// `Usage` when a round has none that a ratio can be taken to.
    pub(super) fn base(&self, metric: Metric) -> Result<Vec<f64>, Error> {
        let figures = self.figures(metric);
        let unfit = |figure: &f64| !figure.is_finite() || *figure == 0.0;
        match figures.iter().position(unfit) {
            Some(round) if metric.scale() != Scale::Difference => Err(Error::Usage(format!(
                "{}: round {} has no good reply, so nothing can be compared with it",
                self.files.join(", "),
                round + 1
            ))),
            _ => Ok(figures),
        }
    }
}
