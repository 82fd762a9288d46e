//! What is asked of the target: kinds of requests, their variables and their checks. Entered when a plan
//! is made, from a file or the command line, and by each worker, which draws its requests from a `Mix`.
//!
//! `file` is what may stand in a scenario's file, `yaml` how its values are read, `read` turns both into
//! kinds; `kind`, `template`, `variables` and `csv` say what is sent, `checks` what must come back.

mod checks;
mod csv;
mod fields;
mod file;
mod kind;
mod mix;
mod read;
mod template;
mod variables;
pub(crate) mod yaml;

use std::path::Path;

pub(crate) use fields::{FieldName, parse_call, parse_field, parse_method};
pub(crate) use kind::{Body, Kind};
pub(crate) use mix::Mix;
pub(crate) use variables::Variables;

use crate::cli::{Error, LoadArgs, RequestArgs};
use crate::target::Target;

/// Everything that a run asks for.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// What reports call it.
    pub(crate) name: Option<String>,
    /// The kinds of requests, one at least.
    pub(crate) kinds: Vec<Kind>,
    /// Where the values in them come from.
    pub(crate) variables: Variables,
}

/// A scenario's file, which may also say where and how fast.
#[derive(Debug)]
pub(crate) struct ScenarioFile {
    /// What is asked for.
    pub(crate) scenario: Scenario,
    /// The target's URL.
    pub(crate) target: Option<String>,
    /// When requests start.
    pub(crate) load: LoadArgs,
}

impl ScenarioFile {
    /// Reads a file in YAML.
    ///
    /// # Errors
    /// `Usage` with the file, the key and the place of the first mistake.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        read::read(path)
    }
}

impl Scenario {
    /// The one kind of request that the command line describes, to `target`.
    ///
    /// # Errors
    /// `Usage` for a file that cannot be read.
    pub(crate) fn single(args: &RequestArgs, target: &Target) -> Result<Self, Error> {
        Ok(Self {
            name: None,
            kinds: vec![read::single(args, target)?],
            variables: Variables::default(),
        })
    }
}
