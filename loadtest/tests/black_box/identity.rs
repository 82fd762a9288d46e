//! Certificates for tests, and servers that show them. Entered by the tests of TLS.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use crate::server::server;

/// A server's end of a TLS connection, with blocking calls.
pub(crate) type Secured = StreamOwned<ServerConnection, TcpStream>;

/// A certificate for some names that is its own root.
pub(crate) struct Identity {
    directory: TempDir,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Makes it and writes it into files.
    pub(crate) fn new(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names.clone()).unwrap();
        // Roots of the same name are taken for each other.
        params
            .distinguished_name
            .push(DnType::CommonName, &names[0]);
        let certificate = params.self_signed(&key).unwrap();
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("cert.pem"), certificate.pem()).unwrap();
        fs::write(directory.path().join("key.pem"), key.serialize_pem()).unwrap();
        Self {
            directory,
            certificate: certificate.into(),
            key: key.into(),
        }
    }

    /// Where `cert.pem` or `key.pem` is.
    pub(crate) fn file(&self, name: &str) -> String {
        let path = self.directory.path().join(name);
        path.into_os_string().into_string().unwrap()
    }

    /// A server that shows it, speaks one of these protocols and does `serve` with each connection.
    pub(crate) fn server(
        &self,
        alpn: &[&str],
        serve: impl Fn(Secured) + Send + Sync + 'static,
    ) -> SocketAddr {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let config = Arc::new(config);
        server(move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            serve(StreamOwned::new(connection, stream));
        })
    }
}
