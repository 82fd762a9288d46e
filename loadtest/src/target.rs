//! Where the load goes: reads the URL, resolves its host once, before any worker runs, and refuses
//! what is not on this machine unless the user insists. It opens no connection.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::cli::Error;

/// A checked URL with the address it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The address to connect to.
    pub(crate) address: SocketAddr,
    /// The value of the Host field (RFC 9110 §7.2).
    pub(crate) authority: String,
    /// The request-target in origin-form (RFC 9112 §3.2.1).
    pub(crate) path: String,
}

impl Target {
    /// Reads `http://HOST[:PORT][/PATH]`.
    ///
    /// # Errors
    /// `Usage` when the URL cannot be read, its scheme is not http, or it leads to another machine
    /// without `allow_remote`; `Run` when the host has no address.
    pub(crate) fn parse(url: &str, allow_remote: bool) -> Result<Self, Error> {
        let usage = |why: &str| Error::Usage(format!("{url}: {why}"));
        let rest = url
            .strip_prefix("http://")
            .ok_or_else(|| usage("expected a URL that starts with http://"))?;
        let (authority, path) = match rest.find(['/', '?']) {
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
        let address = SocketAddr::new(resolve(host)?, port);
        if !allow_remote && !address.ip().to_canonical().is_loopback() {
            return Err(usage(
                "not on this machine; --allow-remote says that you may load it",
            ));
        }
        Ok(Self {
            address,
            authority: authority.to_owned(),
            path,
        })
    }

    /// The request as it goes over the wire, the same bytes every time.
    pub(crate) fn request(&self) -> Vec<u8> {
        format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: corelane-loadtest\r\nAccept: */*\r\n\r\n",
            self.path, self.authority
        )
        .into_bytes()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "http://{}{}", self.authority, self.path)
    }
}

/// Splits `HOST[:PORT]`, where an IPv6 host stands in brackets, and drops the brackets.
fn split_port(authority: &str) -> Option<(&str, u16)> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        (host, port)
    } else {
        let at = authority.find(':').unwrap_or(authority.len());
        authority.split_at(at)
    };
    let port = match port {
        "" => 80,
        _ => port
            .strip_prefix(':')?
            .parse()
            .ok()
            .filter(|&port| port != 0)?,
    };
    (!host.is_empty()).then_some((host, port))
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
        assert_eq!(target.path, "/?x");
        assert_eq!(target.to_string(), "http://[::1]/?x");
    }

    #[test]
    fn the_request_names_the_authority() {
        let target = Target::parse("http://127.0.0.1:81", false).unwrap();
        let request = String::from_utf8(target.request()).unwrap();
        assert!(request.starts_with("GET / HTTP/1.1\r\nHost: 127.0.0.1:81\r\n"));
        assert!(request.ends_with("\r\n\r\n"));
    }

    #[test]
    fn refuses_what_is_not_a_plain_http_url() {
        for url in [
            "https://127.0.0.1/",
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
