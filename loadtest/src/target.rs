//! Where the load goes: reads the URL, resolves its host once, before any worker runs, and refuses
//! what is not on this machine unless the user insists. It opens no connection.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::cli::Error;

/// A checked URL with the address it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// How the connection begins.
    pub(crate) scheme: Scheme,
    /// The address to connect to.
    pub(crate) address: SocketAddr,
    /// The host alone, without brackets and port: what a certificate must be for.
    pub(crate) host: String,
    /// The value of the Host field (RFC 9110 §7.2).
    pub(crate) authority: String,
    /// The request-target in origin-form (RFC 9112 §3.2.1).
    pub(crate) path: String,
}

/// What a URL begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// HTTP on bare TCP.
    Http,
    /// HTTP inside TLS.
    Https,
    /// WebSocket on bare TCP (RFC 6455 §3).
    Ws,
    /// WebSocket inside TLS.
    Wss,
}

impl Scheme {
    const ALL: [Self; 4] = [Self::Http, Self::Https, Self::Ws, Self::Wss];

    /// As it stands in URLs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// The port of a URL without one.
    fn default_port(self) -> u16 {
        if self.is_secure() { 443 } else { 80 }
    }

    /// Whether it is one of WebSocket.
    pub(crate) fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// Whether the connection begins with a TLS handshake.
    pub(crate) fn is_secure(self) -> bool {
        matches!(self, Self::Https | Self::Wss)
    }
}

impl Target {
    /// Reads `SCHEME://HOST[:PORT][/PATH]`.
    ///
    /// # Errors
    /// `Usage` when the URL cannot be read, its scheme is not one of `Scheme`, or it leads to another
    /// machine without `allow_remote`; `Run` when the host has no address.
    pub(crate) fn parse(url: &str, allow_remote: bool) -> Result<Self, Error> {
        let usage = |why: &str| Error::Usage(format!("{url}: {why}"));
        let (scheme, rest) = split_scheme(url).ok_or_else(|| {
            usage("expected a URL that starts with http://, https://, ws:// or wss://")
        })?;
        let (authority, path) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let path = path.split('#').next().unwrap_or_default();
        let path = match path.as_bytes().first() {
            Some(b'/') => path.to_owned(),
            _ => format!("/{path}"),
        };
        let printable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable(authority) || !printable(&path) {
            return Err(usage(
                "a URL holds visible ASCII only; percent-encode the rest",
            ));
        }
        if authority.contains('@') {
            return Err(usage("user names in URLs are not supported"));
        }
        let (host, port) = split_port(authority).ok_or_else(|| usage("cannot read HOST:PORT"))?;
        let port = port.unwrap_or_else(|| scheme.default_port());
        let address = SocketAddr::new(resolve(host)?, port);
        if !allow_remote && !address.ip().to_canonical().is_loopback() {
            return Err(usage(
                "not on this machine; --allow-remote says that you may load it",
            ));
        }
        Ok(Self {
            scheme,
            address,
            host: host.to_owned(),
            authority: authority.to_owned(),
            path,
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}://{}{}",
            self.scheme.name(),
            self.authority,
            self.path
        )
    }
}

fn split_scheme(url: &str) -> Option<(Scheme, &str)> {
    let (name, rest) = url.split_once("://")?;
    let scheme = Scheme::ALL
        .into_iter()
        .find(|scheme| scheme.name() == name)?;
    Some((scheme, rest))
}

/// Splits `HOST[:PORT]`, where an IPv6 host stands in brackets, and drops the brackets.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        rest.split_once(']')?
    } else {
        authority.split_at(authority.find(':').unwrap_or(authority.len()))
    };
    if host.is_empty() {
        return None;
    }
    if port.is_empty() {
        return Some((host, None));
    }
    let port = port.strip_prefix(':')?.parse().ok()?;
    (port != 0).then_some((host, Some(port)))
}

#[expect(
    clippy::disallowed_methods,
    reason = "runs once on the main thread, before there is a worker that it could block"
)]
fn resolve(host: &str) -> Result<IpAddr, Error> {
    use std::net::ToSocketAddrs;
    (host, 0)
        .to_socket_addrs()
        .map_err(|error| Error::Run(format!("cannot resolve {host}: {error}")))?
        .next()
        .map(|address| address.ip())
        .ok_or_else(|| Error::Run(format!("{host} has no address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_host_port_and_path() {
        let target = Target::parse("http://127.0.0.1:8080/a?b=c#d", false).unwrap();
        assert_eq!(target.address, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(target.authority, "127.0.0.1:8080");
        assert_eq!(target.path, "/a?b=c");
        let target = Target::parse("http://[::1]?x", false).unwrap();
        assert_eq!(target.address, "[::1]:80".parse().unwrap());
        assert_eq!((target.path.as_str(), target.host.as_str()), ("/?x", "::1"));
        assert_eq!(target.to_string(), "http://[::1]/?x");
    }

    #[test]
    fn schemes_have_their_ports() {
        for (scheme, port) in [("http", 80), ("https", 443), ("ws", 80), ("wss", 443)] {
            let url = format!("{scheme}://127.0.0.1/");
            let target = Target::parse(&url, false).unwrap();
            assert_eq!(
                (target.scheme.name(), target.address.port()),
                (scheme, port)
            );
            assert_eq!(
                (target.host.as_str(), target.to_string()),
                ("127.0.0.1", url)
            );
        }
    }

    #[test]
    fn refuses_what_is_not_a_plain_url() {
        for url in [
            "ftp://127.0.0.1/",
            "HTTP://127.0.0.1/",
            "127.0.0.1",
            "http://",
            "http://:80/",
            "http://127.0.0.1:0/",
            "http://127.0.0.1:99999/",
            "http://[::1/",
            "http://[::1]80/",
            "http://u@127.0.0.1/",
            "http://127.0.0.1/a b",
            "http://127.0.0.1/\r\nX: y",
        ] {
            assert!(
                matches!(Target::parse(url, true), Err(Error::Usage(_))),
                "{url}"
            );
        }
    }

    #[test]
    fn refuses_other_machines_unless_told() {
        for url in ["http://192.0.2.1/", "http://[2001:db8::1]/"] {
            assert!(matches!(Target::parse(url, false), Err(Error::Usage(_))));
            assert!(Target::parse(url, true).is_ok());
        }
        assert!(Target::parse("http://[::ffff:127.0.0.1]/", false).is_ok());
    }
}
