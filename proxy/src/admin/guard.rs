//! Who may ask the admin API. A browser on the same machine can be made to send requests to it by
//! any web page: by a name that suddenly resolves to 127.0.0.1 (so the Host must be ours), or by a
//! form (so every order needs a field that no page may set for a foreign site).

use std::net::IpAddr;

use hyper::header::HOST;
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, StatusCode};

use super::reply::Problem;

/// The field that every order carries.
const ORDER_FIELD: &str = "x-corelane-admin";

/// Refuses what may come from a web page. `local` is the address that the connection was made to.
///
/// # Errors
/// The refusal.
pub(super) fn check(request: &Parts, local: IpAddr) -> Result<(), Problem> {
    if !is_for_us(request, local) {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "the Host must be the admin address or localhost",
        ));
    }
    let is_question = matches!(request.method, Method::GET | Method::HEAD);
    let has_order_field = request
        .headers
        .get(ORDER_FIELD)
        .is_some_and(|value| value == "1");
    if is_question || has_order_field {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "this needs the header `X-Corelane-Admin: 1`",
    ))
}

fn is_for_us(request: &Parts, local: IpAddr) -> bool {
    let mut hosts = request.headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let named = host.to_str().ok();
    let named = named.and_then(|host| host.parse::<Authority>().ok());
    let named = named.is_some_and(|authority| is_ours(&authority, local));
    let target = request.uri.authority();
    named && target.is_none_or(|authority| is_ours(authority, local))
}

/// The port does not count: it is another one where a port is forwarded.
fn is_ours(authority: &Authority, local: IpAddr) -> bool {
    let host = authority.host();
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let address = bare.unwrap_or(host).parse::<IpAddr>();
    let is_local = |address: IpAddr| address.to_canonical() == local;
    !authority.as_str().contains('@')
        && (host.eq_ignore_ascii_case("localhost") || address.is_ok_and(is_local))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(line: &str, fields: &[(&str, &str)], local: &str) -> u16 {
        let (method, uri) = line.split_once(' ').unwrap();
        let mut request = hyper::Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        match check(&parts, local.parse().unwrap()) {
            Ok(()) => 200,
            Err(problem) => problem.status().as_u16(),
        }
    }

    #[test]
    fn the_host_is_the_admin_address_or_localhost() {
        for (host, expected) in [
            ("127.0.0.1:9901", 200),
            ("127.0.0.1", 200),
            ("localhost:9901", 200),
            ("LocalHost:1", 200),
            ("127.0.0.2:9901", 421),
            ("attacker.example:9901", 421),
            ("localhost.attacker.example", 421),
            ("x@localhost", 421),
            ("2130706433", 421),
            ("", 421),
            ("a b", 421),
        ] {
            assert_eq!(
                status("GET /config", &[("host", host)], "127.0.0.1"),
                expected,
                "{host}"
            );
        }
        assert_eq!(status("GET /", &[("host", "[::1]:9901")], "::1"), 200);
        assert_eq!(
            status("GET /", &[("host", "[::ffff:10.0.0.7]")], "10.0.0.7"),
            200
        );
    }

    #[test]
    fn exactly_one_host_counts_and_the_target_must_agree() {
        let ours = ("host", "localhost");
        assert_eq!(status("GET /", &[], "127.0.0.1"), 421);
        assert_eq!(
            status("GET /", &[ours, ("host", "b.example")], "127.0.0.1"),
            421
        );
        assert_eq!(status("GET http://b.example/", &[ours], "127.0.0.1"), 421);
        assert_eq!(status("GET http://127.0.0.1/", &[ours], "127.0.0.1"), 200);
    }

    #[test]
    fn orders_need_the_field_that_pages_cannot_set() {
        let ours = ("host", "localhost");
        let order = |value| ("x-corelane-admin", value);
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let line = format!("{method} /reload");
            assert_eq!(status(&line, &[ours], "127.0.0.1"), 403);
            assert_eq!(status(&line, &[ours, order("0")], "127.0.0.1"), 403);
            assert_eq!(status(&line, &[ours, order("1")], "127.0.0.1"), 200);
        }
        assert_eq!(status("HEAD /", &[ours], "127.0.0.1"), 200);
    }
}
