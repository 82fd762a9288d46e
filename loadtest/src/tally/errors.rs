//! Requests that came to nothing, by kind of error. Entered by the tally; it keeps what the first of
//! each kind said, so that a count can be understood.

use crate::client::Failure;

/// What can go wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// No connection.
    Connect,
    /// No TLS session, or one that broke.
    Tls,
    /// No complete reply in time.
    Timeout,
    /// The peer closed the connection before its reply.
    Closed,
    /// The peer reset the connection, or the stream.
    Reset,
    /// The peer gave up the connection (GOAWAY) before the reply.
    GoneAway,
    /// The reply broke the rules of its protocol or off in its middle.
    Malformed,
    /// A complete reply with a status of 400 or more.
    Status,
    /// A complete reply whose status of gRPC is another than OK.
    Grpc,
    /// A message of WebSocket that is not the one that was sent.
    Echo,
    /// A complete reply that is not as a check wants it.
    Check,
    /// Due while all slots were busy and the queue for them full.
    NotSent,
    /// Any other error of the socket.
    Io,
}

/// Errors of one kind, or failures of one check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// How many.
    pub(crate) count: u64,
    /// What the first of them said.
    pub(crate) first: Option<String>,
}

/// Errors of all kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Errors([Count; ErrorKind::ALL.len()]);

impl ErrorKind {
    /// Every kind, in the order of the reports.
    pub(crate) const ALL: [Self; 13] = [
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Closed,
        Self::Reset,
        Self::GoneAway,
        Self::Malformed,
        Self::Status,
        Self::Grpc,
        Self::Echo,
        Self::Check,
        Self::NotSent,
        Self::Io,
    ];

    /// The name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::GoneAway => "goaway",
            Self::Malformed => "malformed",
            Self::Status => "status",
            Self::Grpc => "grpc",
            Self::Echo => "echo",
            Self::Check => "check",
            Self::NotSent => "not_sent",
            Self::Io => "io",
        }
    }
}

impl Count {
    /// Counts one more; `text` is asked for its words if it is the first.
    pub(super) fn add(&mut self, text: impl FnOnce() -> String) {
        self.count += 1;
        self.first.get_or_insert_with(text);
    }

    /// Adds others; a text that is here already stays.
    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.first = self.first.take().or_else(|| other.first.clone());
    }
}

impl Errors {
    /// Counts an error; `text` is asked for its words if it is the first of its kind.
    pub(crate) fn count(&mut self, kind: ErrorKind, text: impl FnOnce() -> String) {
        self.0[kind as usize].add(text);
    }

    /// Counts what a connection failed with. `Stopped` is no error and not the caller's to pass on.
    pub(crate) fn count_failure(&mut self, failure: &Failure) {
        match failure {
            Failure::Connect(error) => self.count(ErrorKind::Connect, || error.to_string()),
            Failure::Tls(why) => self.count(ErrorKind::Tls, || why.clone()),
            Failure::Timeout => self.count(ErrorKind::Timeout, String::new),
            Failure::Closed => self.count(ErrorKind::Closed, String::new),
            Failure::CloseFrame(code) => self.count(ErrorKind::Closed, || match code {
                Some(code) => format!("close code {code}"),
                None => "close without a code".to_owned(),
            }),
            Failure::Refused(status) => self.count(ErrorKind::Status, || status.to_string()),
            Failure::Echo(why) => self.count(ErrorKind::Echo, || why.clone()),
            Failure::Reset => self.count(ErrorKind::Reset, String::new),
            Failure::StreamReset(why) => self.count(ErrorKind::Reset, || why.clone()),
            Failure::GoneAway(why) => self.count(ErrorKind::GoneAway, || why.clone()),
            Failure::Protocol(why) => self.count(ErrorKind::Malformed, || why.clone()),
            Failure::Malformed(why) => self.count(ErrorKind::Malformed, || why.to_string()),
            Failure::Io(error) => self.count(ErrorKind::Io, || error.to_string()),
            Failure::Stopped => {}
        }
    }

    /// The errors of one kind.
    pub(crate) fn of(&self, kind: ErrorKind) -> &Count {
        &self.0[kind as usize]
    }

    /// The kinds that occurred, in the order of the reports.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ErrorKind, &Count)> {
        let all = ErrorKind::ALL.into_iter().zip(&self.0);
        all.filter(|(_, errors)| errors.count > 0)
    }

    /// All errors together.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|errors| errors.count).sum()
    }

    /// Adds others; a text that is here already stays.
    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            mine.merge(theirs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_kinds_is_their_index() {
        for (index, kind) in ErrorKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
    }

    #[test]
    fn merging_adds_and_keeps_the_first_text() {
        let mut left = Errors::default();
        left.count(ErrorKind::Status, || "503".to_owned());
        let mut right = Errors::default();
        right.count(ErrorKind::Status, || "404".to_owned());
        right.count_failure(&Failure::Closed);
        right.count_failure(&Failure::Stopped);
        left.merge(&right);
        assert_eq!(left.total(), 3);
        let status = left.of(ErrorKind::Status);
        assert_eq!((status.count, status.first.as_deref()), (2, Some("503")));
        let names: Vec<_> = left.iter().map(|(kind, _)| kind.name()).collect();
        assert_eq!(names, ["closed", "status"]);
    }
}
