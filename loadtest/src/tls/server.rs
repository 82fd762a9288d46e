//! What the origin shows to its clients: a certificate from files, or one made at start. Entered once
//! with the command line's options.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::{ServerConfig, ServerConnection};

use super::{ALPN_H2, ALPN_HTTP1, Session, certificates, provider};
use crate::cli::Error;

/// A certificate chain and its key.
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// All that is needed to begin sessions with clients.
#[derive(Clone, Debug)]
pub(crate) struct ServerTls(Arc<ServerConfig>);

impl Identity {
    /// Reads PEM files.
    ///
    /// # Errors
    /// `Usage` for a file that cannot be read or does not hold what it should.
    pub(crate) fn read(chain: &Path, key: &Path) -> Result<Self, Error> {
        let read = PrivateKeyDer::from_pem_file(key);
        Ok(Self {
            chain: certificates(chain)?,
            key: read.map_err(|error| Error::Usage(format!("{}: {error}", key.display())))?,
        })
    }

    /// Makes a certificate that nobody trusts, for `localhost`, the loopback addresses and `address`.
    ///
    /// # Errors
    /// `Run` when there is no randomness for a key.
    pub(crate) fn self_signed(address: IpAddr) -> Result<Self, Error> {
        let names = ["localhost", "127.0.0.1", "::1", &address.to_string()].map(str::to_owned);
        let make = || -> Result<_, rcgen::Error> {
            let key = KeyPair::generate()?;
            Ok((CertificateParams::new(names)?.self_signed(&key)?, key))
        };
        let (certificate, key) =
            make().map_err(|error| Error::Run(format!("cannot make a certificate: {error}")))?;
        Ok(Self {
            chain: vec![certificate.into()],
            key: key.into(),
        })
    }
}

impl ServerTls {
    /// Shows `identity` and speaks HTTP/2 or HTTP/1.1, as the client likes.
    ///
    /// # Errors
    /// `Usage` when the key is not the certificate's.
    pub(crate) fn new(identity: Identity) -> Result<Self, Error> {
        let refused = |error| Error::Usage(format!("TLS: {error}"));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_no_client_auth()
            .with_single_cert(identity.chain, identity.key)
            .map_err(refused)?;
        config.alpn_protocols = vec![ALPN_H2.to_vec(), ALPN_HTTP1.to_vec()];
        // Tickets are sealed with a key that all workers have, so that any of them resumes a session.
        config.ticketer = Ticketer::new().map_err(|error| Error::Run(format!("TLS: {error}")))?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self(Arc::new(config)))
    }

    /// A new session.
    ///
    /// # Errors
    /// When the configuration cannot be used at all.
    pub(crate) fn session(&self) -> Result<Session, rustls::Error> {
        ServerConnection::new(Arc::clone(&self.0)).map(Session::new)
    }
}
