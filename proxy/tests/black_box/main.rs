//! The program as its users meet it: started as a process, spoken to by command line, signals, files
//! and sockets. Nothing in here knows its insides, except the agreement of `explain` with what
//! origins receive, which asks the same function that the program asks.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod agreement;
#[cfg(test)]
mod check;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod http;
#[cfg(test)]
mod origin;
#[cfg(test)]
mod program;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod usage;
