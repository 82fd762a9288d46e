//! Addresses as they are written: `127.0.0.1:8080`, `[::1]:8080`, `users.internal:8001`,
//! `unix:/run/users.sock`. Names are only told from numbers here; `resolve` looks them up.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::snapshot::{EndpointAddress, ListenAddress};
use crate::table::HostPattern;

/// What an endpoint's text stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Address(EndpointAddress),
    Name { host: Box<str>, port: u16 },
}

/// Reads an endpoint.
pub(super) fn target(text: &str) -> Result<Target, String> {
    if let Some(path) = unix_path(text)? {
        return Ok(Target::Address(EndpointAddress::Unix(path)));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return Err(format!(
            "`{scheme}://` does not belong here, write `{rest}`"
        ));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return match address.port() {
            0 => Err("port 0 cannot be connected to".to_owned()),
            _ => Ok(Target::Address(EndpointAddress::Tcp(address))),
        };
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(format!("`{text}` has no port, write `{text}:80`"));
    };
    let port = match port.parse::<u16>() {
        Ok(0) => return Err("port 0 cannot be connected to".to_owned()),
        Ok(port) => port,
        Err(_) => return Err(format!("`{port}` is no port")),
    };
    if host.contains(':') {
        return Err(format!(
            "`{text}` is no address; IPv6 addresses stand in brackets"
        ));
    }
    match HostPattern::parse(host)? {
        // A number with a wrong octet must not be looked up as a name.
        HostPattern::Exact(name) if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            Err(format!("`{host}` is no IPv4 address"))
        }
        HostPattern::Exact(name) => Ok(Target::Name { host: name, port }),
        HostPattern::Wildcard(_) | HostPattern::Any => Err(format!("`{host}` is no one host")),
    }
}

/// Reads what a listener binds.
pub(super) fn listen(text: &str) -> Result<ListenAddress, String> {
    if let Some(path) = unix_path(text)? {
        return Ok(ListenAddress::Unix(path));
    }
    tcp(text).map(ListenAddress::Tcp)
}

/// Reads an address with numbers only.
pub(super) fn tcp(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let all = |port: &str| format!("write `0.0.0.0:{port}` for IPv4, `[::]:{port}` for IPv6");
    match text.rsplit_once(':') {
        Some(("" | "*", port)) => Err(format!("`{text}` names no address, {}", all(port))),
        Some(("localhost", port)) => Err(format!(
            "names are not looked up here, write `127.0.0.1:{port}`"
        )),
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(format!("`{text}` is only a port, {}", all(text)))
        }
        _ => Err(format!(
            "`{text}` is no address with a port, such as `127.0.0.1:8080`"
        )),
    }
}

/// Reads a Host that an upstream is to see: a name, with or without a port.
pub(super) fn authority(text: &str) -> Result<String, String> {
    let bracket = text.rfind(']').unwrap_or(0);
    let (host, port) = match text[bracket..].find(':') {
        Some(colon) => (&text[..bracket + colon], &text[bracket + colon..]),
        None => (text, ""),
    };
    if !(port.is_empty() || matches!(port[1..].parse::<u16>(), Ok(1..))) {
        return Err(format!("`{}` is no port", &port[1..]));
    }
    match HostPattern::parse(host)? {
        HostPattern::Exact(name) => Ok(format!("{name}{port}")),
        HostPattern::Wildcard(_) | HostPattern::Any => Err(format!("`{host}` is no one host")),
    }
}

fn unix_path(text: &str) -> Result<Option<PathBuf>, String> {
    /// `sun_path` of unix(7), with its final NUL.
    const MAX_PATH: usize = 108;
    let Some(path) = text.strip_prefix("unix:") else {
        return Ok(None);
    };
    if !path.starts_with('/') {
        return Err(format!("`{text}` is not absolute, write `unix:/path`"));
    }
    if path.len() >= MAX_PATH || path.contains('\0') {
        return Err(format!(
            "a socket's path has fewer than {MAX_PATH} bytes and no NUL"
        ));
    }
    Ok(Some(path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_addresses_names_or_sockets() {
        let tcp = |text: &str| Ok(Target::Address(EndpointAddress::Tcp(text.parse().unwrap())));
        assert_eq!(target("127.0.0.1:80"), tcp("127.0.0.1:80"));
        assert_eq!(target("[::1]:80"), tcp("[::1]:80"));
        assert_eq!(
            target("Users.internal:80"),
            Ok(Target::Name {
                host: "users.internal".into(),
                port: 80
            })
        );
        assert_eq!(
            target("unix:/a"),
            Ok(Target::Address(EndpointAddress::Unix("/a".into())))
        );
        for refused in [
            "",
            "users",
            "users:",
            "users:0",
            "127.0.0.1:0",
            "users:70000",
            "::1:80",
            "256.0.0.1:80",
            "http://users:80",
            "unix:a",
            "*.users:80",
            "*:80",
            ":80",
            "a b:80",
            "users:80/path",
        ] {
            assert!(target(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn listeners_take_numbers_only_and_say_what_to_write() {
        assert_eq!(
            listen("127.0.0.1:0"),
            Ok(ListenAddress::Tcp("127.0.0.1:0".parse().unwrap()))
        );
        for (refused, message) in [
            (
                ":80",
                "`:80` names no address, write `0.0.0.0:80` for IPv4, `[::]:80` for IPv6",
            ),
            (
                "80",
                "`80` is only a port, write `0.0.0.0:80` for IPv4, `[::]:80` for IPv6",
            ),
            (
                "localhost:80",
                "names are not looked up here, write `127.0.0.1:80`",
            ),
            (
                "a:80",
                "`a:80` is no address with a port, such as `127.0.0.1:8080`",
            ),
        ] {
            assert_eq!(listen(refused).unwrap_err(), message);
        }
    }
}
