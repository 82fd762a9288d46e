//! Turns what a scenario's file or the command line says into kinds of requests: reads the files that it
//! names and finds out what its variables mean. Entered when a plan is made; every mistake is told here,
//! before the first request.

use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::csv::Table;
use super::fields::{FieldName, check_target, check_value, parse_call};
use super::file::{File, Request, Variable};
use super::kind::{Body, Kind};
use super::template::Template;
use super::variables::{Place, Source, Variables};
use super::yaml::{Named, Words};
use super::{Scenario, ScenarioFile};
use crate::cli::{Error, RequestArgs};
use crate::filler::filler;
use crate::target::Target;

/// Kinds of requests; each has histograms of its own in every worker.
const KINDS_MAX: usize = 100;
const WEIGHT_MAX: u32 = 1_000_000;
/// Bytes of a scenario's file.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a table.
const TABLE_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a body.
const BODY_BYTES_MAX: u64 = 256 << 20;

/// Reads a scenario's file.
///
/// # Errors
/// `Usage` with the file, the key and the place of the first mistake.
pub(super) fn read(path: &Path) -> Result<ScenarioFile, Error> {
    let text = read_text(path, FILE_BYTES_MAX)?;
    let file: File = serde_yaml::from_str(&text)
        .map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_owned);
    let variables = file.variables.0.into_iter();
    let sources = variables
        .map(|(name, variable)| Ok((name, source(variable, &folder)?)))
        .collect::<Result<_, _>>()?;
    let reader = Reader {
        path,
        folder,
        text: &text,
        headers: file.headers,
        variables: Variables::new(sources),
    };
    let kinds = reader.kinds(file.requests)?;
    Ok(ScenarioFile {
        target: file.target,
        load: file.load,
        scenario: Scenario {
            name: file.name,
            kinds,
            variables: reader.variables,
        },
    })
}

/// The one kind of request that the command line describes, to `target`.
///
/// # Errors
/// `Usage` for a file that cannot be read.
pub(super) fn single(args: &RequestArgs, target: &Target) -> Result<Kind, Error> {
    let body = match (&args.body, args.body_size) {
        (Some(text), _) => read_body(text, Path::new(""))?.unwrap_or_else(|| text.clone().into()),
        (None, Some(size)) => filler(size).into(),
        (None, None) => Bytes::new(),
    };
    let is_grpc = args.grpc.is_some();
    let path = args.grpc.as_deref().unwrap_or(&target.path);
    let method = method(args.method.clone(), body.is_empty() && !is_grpc);
    let (hosts, fields): (Vec<_>, Vec<_>) =
        args.headers.iter().partition(|(name, _)| name.is_host());
    let field = |(name, value): &(FieldName, String)| (name.0.clone(), Template::plain(value));
    Ok(Kind {
        name: match target.scheme.is_websocket() {
            true => format!("echo {path}"),
            false => name(&method, path, is_grpc),
        },
        weight: 1,
        method,
        authority: hosts.last().map(|(_, value)| value.clone()),
        target: Template::plain(path),
        fields: fields.into_iter().map(field).collect(),
        body: Body::Fixed(body),
        is_grpc,
        think: None,
        checks: Vec::new(),
    })
}

/// What is needed to make kinds of a file's requests.
struct Reader<'a> {
    path: &'a Path,
    folder: PathBuf,
    text: &'a str,
    headers: Named<FieldName, Words>,
    variables: Variables,
}

impl Reader<'_> {
    fn kinds(&self, requests: Vec<Request>) -> Result<Vec<Kind>, Error> {
        if requests.is_empty() || requests.len() > KINDS_MAX {
            let why = format!("expected 1 to {KINDS_MAX} kinds of requests");
            return Err(self.wrong("requests", why, "requests"));
        }
        let mut kinds: Vec<Kind> = Vec::with_capacity(requests.len());
        for (number, request) in requests.into_iter().enumerate() {
            let kind = self.kind(&format!("requests[{number}]"), request)?;
            if kinds.iter().any(|other| other.name == kind.name) {
                let (key, why) = (format!("requests[{number}].name"), "it comes twice");
                return Err(self.wrong(&key, format!("{:?}: {why}", kind.name), &kind.name));
            }
            kinds.push(kind);
        }
        Ok(kinds)
    }

    fn kind(&self, key: &str, request: Request) -> Result<Kind, Error> {
        let at = |name: &str| format!("{key}.{name}");
        let (is_grpc, words) = match (&request.path, &request.grpc) {
            (Some(path), None) => (false, path),
            (None, Some(call)) => (true, call),
            _ => {
                return Err(self.wrong(
                    key,
                    "it has a path, or else grpc with the path of a call",
                    "",
                ));
            }
        };
        let path_key = if is_grpc { "grpc" } else { "path" };
        let path = &words.text;
        if !(1..=WEIGHT_MAX).contains(&request.weight) {
            let why = format!("{}: expected 1 to {WEIGHT_MAX}", request.weight);
            return Err(self.wrong(&at("weight"), why, &format!("weight: {}", request.weight)));
        }
        let target = self.template(&at(path_key), words)?;
        let begins = match path.starts_with('/') || path == "*" {
            _ if is_grpc => parse_call(path).map(drop),
            true => Ok(()),
            false => Err(format!("{path:?}: a path begins with /")),
        };
        begins
            .and_then(|()| target.texts().try_for_each(check_target))
            .map_err(|why| self.wrong(&at(path_key), why, path))?;
        if is_grpc && request.method.is_some() {
            return Err(self.wrong(&at("method"), "a call of gRPC is a POST", "method"));
        }

        let body = match (&request.body, request.body_size) {
            (Some(_), Some(_)) => {
                let why = "either a body or the size of one";
                return Err(self.wrong(&at("body_size"), why, "body_size"));
            }
            (Some(words), None) => self.body(&at("body"), words)?,
            (None, size) => Body::Fixed(filler(self.size(&at("body_size"), size)?).into()),
        };
        let is_empty = matches!(&body, Body::Fixed(bytes) if bytes.is_empty());
        let method = method(request.method, is_empty && !is_grpc);
        let (authority, fields) = self.fields(&at("headers"), &request.headers)?;
        Ok(Kind {
            name: (request.name).unwrap_or_else(|| name(&method, path, is_grpc)),
            weight: request.weight,
            method,
            authority,
            target,
            fields,
            body,
            is_grpc,
            think: request.think,
            checks: request.checks.0,
        })
    }

    /// The fields of all requests and those of one kind, which win; and the authority, if one is set.
    #[expect(clippy::type_complexity, reason = "a pair that is taken apart at once")]
    fn fields(
        &self,
        key: &str,
        own: &Named<FieldName, Words>,
    ) -> Result<(Option<String>, Vec<(String, Template<Place>)>), Error> {
        let is_own = |name: &FieldName| {
            let mut names = own.0.iter().map(|(name, _)| name);
            names.any(|other| other.0.eq_ignore_ascii_case(&name.0))
        };
        let common = self.headers.0.iter().filter(|(name, _)| !is_own(name));
        let common = common.map(|field| ("headers", field));
        let (mut authority, mut fields) = (None, Vec::new());
        for (key, (name, words)) in common.chain(own.0.iter().map(|field| (key, field))) {
            let key = format!("{key}.{}", name.0);
            let value = self.template(&key, words)?;
            let known = value
                .values()
                .flat_map(|place| self.variables.known(*place));
            value
                .texts()
                .chain(known)
                .try_for_each(check_value)
                .map_err(|why| self.wrong(&key, why, &words.text))?;
            if !name.is_host() {
                fields.push((name.0.clone(), value));
            } else if value.is_fixed() {
                authority = Some(value.texts().collect());
            } else {
                return Err(self.wrong(&key, "it takes no variables", &words.text));
            }
        }
        Ok((authority, fields))
    }

    fn body(&self, key: &str, words: &Words) -> Result<Body, Error> {
        if let Some(bytes) = read_body(&words.text, &self.folder)? {
            return Ok(Body::Fixed(bytes));
        }
        let text = self.template(key, words)?;
        Ok(if text.is_fixed() {
            Body::Fixed(text.texts().collect::<String>().into())
        } else {
            Body::Varying(text)
        })
    }

    fn size(&self, key: &str, size: Option<u64>) -> Result<usize, Error> {
        let size = size.unwrap_or(0);
        let fits = usize::try_from(size)
            .ok()
            .filter(|_| size <= BODY_BYTES_MAX);
        fits.ok_or_else(|| {
            let why = format!("at most {} MiB", BODY_BYTES_MAX >> 20);
            self.wrong(key, why, "body_size")
        })
    }

    fn template(&self, key: &str, words: &Words) -> Result<Template<Place>, Error> {
        words.template.resolve(|name| {
            let meaning = self.variables.meaning(name);
            meaning.map_err(|why| self.wrong(key, why, &format!("${{{name}}}")))
        })
    }

    /// A mistake at `key`. Its line is that of the text that is wrong: the YAML reader keeps no places.
    fn wrong(&self, key: &str, why: impl Display, text: &str) -> Error {
        let line = self.text.lines().position(|line| line.contains(text));
        let place = line.map_or_else(String::new, |line| format!(" at line {}", line + 1));
        Error::Usage(format!("{}: {key}: {why}{place}", self.path.display()))
    }
}

fn source(variable: Variable, folder: &Path) -> Result<Source, Error> {
    Ok(match variable {
        Variable::File(name, pick) => {
            let path = folder.join(name);
            let text = read_text(&path, TABLE_BYTES_MAX)?;
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            let table = Table::parse(text)
                .map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
            let table = Arc::new(table);
            Source::Table { table, pick }
        }
        Variable::Sequence(first) => Source::Sequence(first),
        Variable::Random(first, last) => Source::Random(first, last),
        Variable::Uuid => Source::Uuid,
    })
}

/// What a kind is called that nobody has named.
fn name(method: &str, path: &str, is_grpc: bool) -> String {
    format!("{} {path}", if is_grpc { "gRPC" } else { method })
}

/// What is meant by no method: GET, or POST with a body.
fn method(method: Option<String>, is_empty: bool) -> String {
    let default = if is_empty { "GET" } else { "POST" };
    method.unwrap_or_else(|| default.to_owned())
}

/// The bytes of the file that `@FILE` names; `None` for other text.
fn read_body(text: &str, folder: &Path) -> Result<Option<Bytes>, Error> {
    let Some(name) = text.strip_prefix('@') else {
        return Ok(None);
    };
    let bytes = read_bytes(&folder.join(name), BODY_BYTES_MAX)?;
    Ok(Some(bytes.into()))
}

fn read_text(path: &Path, max: u64) -> Result<String, Error> {
    String::from_utf8(read_bytes(path, max)?)
        .map_err(|error| Error::Usage(format!("{}: no UTF-8: {error}", path.display())))
}

/// Reads a file, and no more than `max` bytes of it.
fn read_bytes(path: &Path, max: u64) -> Result<Vec<u8>, Error> {
    let usage = |why: &dyn Display| Error::Usage(format!("{}: {why}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| usage(&error))?;
    let mut bytes = Vec::new();
    file.take(max + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| usage(&error))?;
    if bytes.len() as u64 > max {
        return Err(usage(&format_args!("more than {max} bytes")));
    }
    Ok(bytes)
}
