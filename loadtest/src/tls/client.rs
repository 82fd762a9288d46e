//! What the load generator trusts, and what it offers. Entered once with the command line's options.

use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use super::{Session, certificates, provider};
use crate::cli::{Error, ProtocolArgs};
use crate::target::Target;

/// Where systems keep the roots that they trust, in the order in which they are tried: Debian and
/// Alpine, Fedora, openSUSE, others.
const SYSTEM_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// All that is needed to begin sessions with one server.
#[derive(Clone, Debug)]
pub(crate) struct ClientTls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl ClientTls {
    /// Sessions with a target over which one of the protocols in `alpn` is spoken; `None` for a target
    /// that wants no TLS.
    ///
    /// # Errors
    /// `Usage` for options that mean TLS without it, a host that no certificate can name, or a file of
    /// roots without any; `Run` when the system has none.
    pub(crate) fn for_target(
        target: &Target,
        alpn: &[&[u8]],
        args: &ProtocolArgs,
    ) -> Result<Option<Self>, Error> {
        if !target.scheme.is_secure() {
            return match (args.insecure, &args.cacert, args.no_tls_resumption) {
                (false, None, false) => Ok(None),
                _ => Err(Error::Usage(format!(
                    "{target}: --insecure, --cacert and --no-tls-resumption are for https:// and wss://"
                ))),
            };
        }
        let host = &target.host;
        let name = ServerName::try_from(host.clone())
            .map_err(|_| Error::Usage(format!("{host}: a name that no certificate can have")))?;
        let mut config = config(args)?;
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        if args.no_tls_resumption {
            config.resumption = Resumption::disabled();
        }
        Ok(Some(Self {
            config: Arc::new(config),
            name,
        }))
    }

    /// A new session; sessions before it may be resumed.
    ///
    /// # Errors
    /// When this configuration and this name do not go together.
    pub(crate) fn session(&self) -> Result<Session, rustls::Error> {
        ClientConnection::new(Arc::clone(&self.config), self.name.clone()).map(Session::new)
    }
}

/// A configuration that believes whom the options say.
fn config(args: &ProtocolArgs) -> Result<ClientConfig, Error> {
    let provider = provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Run(format!("TLS: {error}")))?;
    if args.insecure {
        let builder = builder.dangerous();
        let builder = builder.with_custom_certificate_verifier(Arc::new(Believer(provider)));
        return Ok(builder.with_no_client_auth());
    }
    let roots = match &args.cacert {
        Some(path) => roots(path)?,
        None => roots(system_roots()?)?,
    };
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn system_roots() -> Result<&'static Path, Error> {
    let mut known = SYSTEM_ROOTS.iter().map(Path::new);
    known.find(|path| path.exists()).ok_or_else(|| {
        Error::Run(format!(
            "no trusted roots in any of {}; name them with --cacert, or use --insecure",
            SYSTEM_ROOTS.join(", ")
        ))
    })
}

fn roots(path: &Path) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    // One certificate that webpki cannot read is no reason to give up on a system's hundreds.
    let (added, _) = store.add_parsable_certificates(certificates(path)?);
    if added == 0 {
        return Err(Error::Usage(format!(
            "{}: no usable certificate in it",
            path.display()
        )));
    }
    Ok(store)
}

/// Believes every certificate, and still wants the server to have its key.
#[derive(Debug)]
struct Believer(Arc<CryptoProvider>);

impl ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn client(url: &str, args: &ProtocolArgs) -> Result<Option<ClientTls>, Error> {
        let target = Target::parse(url, true).unwrap();
        ClientTls::for_target(&target, &[], args)
    }

    /// Sessions with a host that is believed whatever it shows.
    pub(crate) fn believing(host: &str) -> ClientTls {
        let args = ProtocolArgs {
            insecure: true,
            ..ProtocolArgs::default()
        };
        client(&format!("https://{host}/"), &args).unwrap().unwrap()
    }

    #[test]
    fn a_plain_target_has_no_tls_and_its_options_are_refused() {
        assert!(
            client("http://127.0.0.1/", &ProtocolArgs::default())
                .unwrap()
                .is_none()
        );
        let resuming = ProtocolArgs {
            no_tls_resumption: true,
            ..ProtocolArgs::default()
        };
        let error = client("http://127.0.0.1/", &resuming).unwrap_err();
        assert!(matches!(&error, Error::Usage(why) if why.contains("https://")));
    }

    #[test]
    fn a_file_without_roots_is_named() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        for (path, part) in [
            (manifest, "no certificate"),
            ("/no/such/file", "o such file"),
        ] {
            let args = ProtocolArgs {
                cacert: Some(path.into()),
                ..ProtocolArgs::default()
            };
            let error = client("https://[::1]/", &args).unwrap_err().to_string();
            assert!(error.starts_with(path) && error.contains(part), "{error}");
        }
    }
}
