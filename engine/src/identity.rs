//! Who a request is from, and what it is called: the resolved client and the request id.

use std::io::Write as _;
use std::net::IpAddr;

use corelane_codec::encode::encode_decimal;
use corelane_codec::{Fields, Name, list_items};
use corelane_config::IpSet;

/// Who a request is from, and what it is called.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Identity {
    /// The client that rules, limits and logs mean; `None` on a Unix socket.
    pub(crate) client: Option<IpAddr>,
    /// Whether the peer is one of `trusted_proxies`.
    pub(crate) trusted_peer: bool,
    pub(crate) request_id: RequestId,
}

/// A request id: ours, or the one that a trusted peer gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId {
    text: [u8; Self::MOST],
    length: u8,
}

/// Where in the text of an id the two digits of each byte stand.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// Every byte as two lower-case hexadecimal digits.
static HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    table
};

impl Default for RequestId {
    fn default() -> Self {
        Self {
            text: [0; Self::MOST],
            length: 0,
        }
    }
}

impl RequestId {
    /// Longer ids of trusted peers are not kept.
    const MOST: usize = 64;

    /// A new UUIDv7 (RFC 9562 §5.7): sortable by time.
    pub(crate) fn new(unix_ms: u64, random: [u64; 2]) -> Self {
        let mut bytes = [0u8; 16];
        bytes[..6].copy_from_slice(&unix_ms.to_be_bytes()[2..]);
        bytes[6..8].copy_from_slice(&random[0].to_be_bytes()[..2]);
        bytes[8..].copy_from_slice(&random[1].to_be_bytes());
        bytes[6] = bytes[6] & 0x0f | 0x70;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut id = Self {
            text: [0; Self::MOST],
            length: 36,
        };
        id.text[..36].copy_from_slice(b"00000000-0000-0000-0000-000000000000");
        for (place, byte) in PLACES.into_iter().zip(bytes) {
            id.text[place..place + 2].copy_from_slice(&HEX[usize::from(byte)]);
        }
        id
    }

    /// An id from elsewhere, if it is short and printable.
    pub(crate) fn from_peer(value: &[u8]) -> Option<Self> {
        if value.is_empty() || value.len() > Self::MOST || !value.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut text = [0; Self::MOST];
        text[..value.len()].copy_from_slice(value);
        u8::try_from(value.len())
            .ok()
            .map(|length| Self { text, length })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text[..usize::from(self.length)]
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// The client of a request that came from `peer`: `X-Forwarded-For` is walked from the right for as
/// long as its entries are trusted proxies; the first that is not is the client.
pub(crate) fn resolve_client(peer: IpAddr, fields: &Fields, trusted: &IpSet) -> IpAddr {
    if !trusted.contains(peer) || !fields.contains(Name::XForwardedFor) {
        return peer;
    }
    // The same walk from the left, because the field lines (one list, RFC 9110 §5.3) come in that
    // order: the last untrusted entry wins, and without one the first of those that vouch for it.
    let mut client = None;
    for item in fields.get_all(Name::XForwardedFor).flat_map(list_items) {
        client = match parse_address(item) {
            Some(address) if trusted.contains(address) => client.or(Some(address)),
            // Nobody vouches for what an untrusted entry says came before it, nor for what stands
            // before something that is no address.
            untrusted => untrusted,
        };
    }
    client.unwrap_or(peer)
}

/// Appends an address as X-Forwarded-For has it. By hand for the common kind: the formatting
/// machinery costs more than reading the request line.
pub(crate) fn push_address(text: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let [first, rest @ ..] = address.octets();
            encode_decimal(text, first.into());
            for octet in rest {
                text.push(b'.');
                encode_decimal(text, octet.into());
            }
        }
        IpAddr::V6(address) => {
            // Writing to memory does not fail.
            let _never_fails = write!(text, "{address}");
        }
    }
}

/// An address as it stands in X-Forwarded-For: `192.0.2.1`, `2001:db8::1`, and with a port
/// `192.0.2.1:80` or `[2001:db8::1]:80`.
fn parse_address(item: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(item).ok()?;
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| {
            text.parse::<std::net::SocketAddr>()
                .ok()
                .map(|address| address.ip())
        })
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, lines: &[&str]) -> String {
        let trusted = IpSet::new(["10.0.0.0/8", "2001:db8:1::/48"].map(|net| net.parse().unwrap()));
        let mut fields = Fields::new();
        for line in lines {
            fields.push_known(Name::XForwardedFor, line.as_bytes());
        }
        resolve_client(peer.parse().unwrap(), &fields, &trusted).to_string()
    }

    #[test]
    fn an_untrusted_peer_is_the_client_whatever_it_says() {
        assert_eq!(client("192.0.2.9", &["198.51.100.1"]), "192.0.2.9");
    }

    #[test]
    fn the_walk_goes_from_the_right_through_trusted_entries() {
        assert_eq!(client("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6, 198.51.100.1, 10.0.0.2"]),
            "198.51.100.1"
        );
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6", "198.51.100.1, 10.0.0.2"]),
            "198.51.100.1"
        );
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn what_is_no_address_ends_the_walk() {
        assert_eq!(
            client("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"]),
            "10.0.0.2"
        );
        assert_eq!(client("10.0.0.1", &["198.51.100.1, unknown"]), "10.0.0.1");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_understood() {
        assert_eq!(client("10.0.0.1", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(
            client("10.0.0.1", &["[2001:db8:2::7]:443"]),
            "2001:db8:2::7"
        );
        assert_eq!(
            client("2001:db8:1::1", &["[2001:db8:2::7]"]),
            "2001:db8:2::7"
        );
        assert_eq!(client("10.0.0.1", &["::ffff:198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn request_ids_are_uuids_of_version_7() {
        let id = RequestId::new(0x0123_4567_89ab, [0xffff_0000_0000_0000, u64::MAX]);
        assert_eq!(id.as_str(), "01234567-89ab-7fff-bfff-ffffffffffff");
    }

    #[test]
    fn ids_of_peers_are_kept_if_short_and_printable() {
        assert_eq!(RequestId::from_peer(b"abc-1").unwrap().as_str(), "abc-1");
        for bad in [&b""[..], b"a b", b"a\x80", &[b'a'; 65]] {
            assert!(RequestId::from_peer(bad).is_none());
        }
    }
}
