//! What the engine does, one file for each theme.

mod account;
mod bulk;
mod chaos;
mod connections;
mod drain;
mod early;
mod faults;
mod fields;
mod framing;
mod interim;
mod intermediary;
mod limits;
mod plain;
mod pool;
mod reload;
mod routes;
mod smuggling;
mod streams;
mod upgrade;
