//! corelane's configuration: what a person writes, turned into one checked, immutable [`Snapshot`],
//! or into *all* the mistakes, each with its place, its key and what to write instead.
//!
//! The rooms, in the order in which a text passes through them: `load` reads files, `yaml` makes
//! trees with places of them, `foreign` refuses what is not ours, `merge` makes one tree, `decode`
//! checks it against the key table in `schema` and builds the snapshot, `table` compiles the routes.
//! The crate does no I/O but reading files and resolving names at load, and knows no runtime.

#![forbid(unsafe_code)]

mod decode;
mod foreign;
mod ip_set;
pub mod limits;
mod load;
mod masked;
mod merge;
mod problem;
mod report;
mod resolve;
pub mod schema;
mod snapshot;
mod sources;
mod table;
mod units;
mod words;
mod yaml;

pub use ip_set::IpSet;
pub use limits::Limits;
pub use load::{Config, Loader};
pub use problem::{ConfigErrors, Place, Problem};
pub use schema::schema;
pub use snapshot::{
    AccessLog, Action, Admin, Balance, ConfigTest, Edits, Endpoint, EndpointAddress, Expect,
    FilterUse, FormatPart, Io, ListenAddress, Listener, LogField, LogFormat, LogPath, PathRewrite,
    PathTemplate, Protocol, Redirect, RedirectFrom, Route, RouteId, Runtime, Service, ServiceId,
    ServiceProtocol, Snapshot, Subset, SubsetId, Underscores, Value, Weighted, WorkerBalance,
};
pub use table::{
    Allow, Because, Captures, Explained, HeaderCondition, HostPattern, Lookup, Matcher, MethodSet,
    PathPattern, PatternKind, QueryCondition, RequestView, RouteTable, Segment, ValueMatch, Why,
};
