//! What was opened. Entered by the dialers, which count, and by the reports.

/// Connections and TLS sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Connections {
    /// Connections opened.
    pub(crate) opened: u64,
    /// TLS handshakes completed, resumptions included.
    pub(crate) handshakes: u64,
    /// Those of them that took up an earlier session.
    pub(crate) resumed: u64,
}

impl Connections {
    /// Adds another worker's.
    pub(super) fn merge(&mut self, other: Self) {
        self.opened += other.opened;
        self.handshakes += other.handshakes;
        self.resumed += other.resumed;
    }
}
