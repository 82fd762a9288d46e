//! TLS by rustls, for both ends of the tool. Entered with a checked configuration and a fresh
//! connection; it hands out a stream of plaintext that looks like a plain one.
//!
//! `session` is the protocol without I/O, `stream` puts it over a socket, `client` and `server` say what
//! is trusted and what is shown. The cryptography is aws-lc-rs, named at every place that needs it, so
//! that a process-wide default is never asked for.

pub(crate) mod client;
pub(crate) mod server;
mod session;
mod stream;

pub(crate) use session::{Session, broken, reason};
pub(crate) use stream::{Secured, TlsStream};

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::cli::Error;

/// HTTP/2 as ALPN calls it (RFC 9113 §3.2).
pub(crate) const ALPN_H2: &[u8] = b"h2";
/// HTTP/1.1 as ALPN calls it (RFC 7301 §6).
pub(crate) const ALPN_HTTP1: &[u8] = b"http/1.1";

/// Gathers the randomness that handshakes on this thread draw from. That takes a tenth of a second, once,
/// which would be part of the first latencies if a handshake had to do it.
pub(crate) fn prepare_thread() {
    // A failure is told again by the handshake that it breaks.
    aws_lc_rs::rand::fill(&mut [0; 32]).unwrap_or(());
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// All certificates of a PEM file.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let refused = |why: String| Error::Usage(format!("{}: {why}", path.display()));
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| refused(error.to_string()))?;
    if certificates.is_empty() {
        return Err(refused("no certificate in it".to_owned()));
    }
    Ok(certificates)
}
