//! `traceparent` of W3C Trace Context, read strictly.
//!
//! The access log enters with the value of the field to learn the trace that a request belongs to.
//! Nothing here makes identifiers or decides about sampling.

/// Where a request stands in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace, never all zero.
    pub trace_id: [u8; 16],
    /// The caller's span, never all zero.
    pub parent_id: [u8; 8],
    /// Bit 0: the caller may have recorded it.
    pub flags: u8,
}

/// The length of `version-trace_id-parent_id-flags`.
const LENGTH: usize = 55;

impl TraceContext {
    /// Reads the value of a `traceparent` field. Of a version after 00 the parts of version 00 are
    /// read and what follows after a `-` is ignored, as the recommendation asks; anything else that
    /// is not exactly as specified, upper-case digits among it, is `None`.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (parts, rest) = value.split_at_checked(LENGTH)?;
        let [version] = hex::<1>(&parts[..2])?;
        let separated = [2, 35, 52].iter().all(|&at| parts[at] == b'-');
        let ends = match (version, rest) {
            (0xff, _) => false,
            (_, []) => true,
            (0, _) => false,
            (_, [after, ..]) => *after == b'-',
        };
        if !separated || !ends {
            return None;
        }
        let trace_id = hex::<16>(&parts[3..35])?;
        let parent_id = hex::<8>(&parts[36..52])?;
        let [flags] = hex::<1>(&parts[53..])?;
        let valid = trace_id != [0; 16] && parent_id != [0; 8];
        valid.then_some(Self {
            trace_id,
            parent_id,
            flags,
        })
    }

    /// Whether the caller may have recorded the request.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags & 1 != 0
    }
}

/// `N` bytes from twice as many lower-case digits.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = lower_hex_digit(high)? << 4 | lower_hex_digit(low)?;
    }
    (pairs.len() == N).then_some(bytes)
}

const fn lower_hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn reads_version_00() {
        let context = TraceContext::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(context.trace_id[..4], [0x4b, 0xf9, 0x2f, 0x35]);
        assert_eq!(
            context.parent_id,
            [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]
        );
        assert!(context.is_sampled());
    }

    #[test]
    fn later_versions_may_be_longer() {
        let later = GOOD.replacen("00", "cc", 1);
        assert!(TraceContext::parse(later.as_bytes()).is_some());
        assert!(TraceContext::parse(format!("{later}-more").as_bytes()).is_some());
        assert!(TraceContext::parse(format!("{later}more").as_bytes()).is_none());
        assert!(TraceContext::parse(format!("{GOOD}-more").as_bytes()).is_none());
    }

    #[test]
    fn anything_else_is_none() {
        for bad in [
            "",
            "00",
            &GOOD[..54],
            &GOOD.to_ascii_uppercase(),
            &GOOD.replacen("00", "ff", 1),
            &GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &GOOD.replace("-0", "_0"),
            &GOOD.replace("4bf9", "4bg9"),
            &format!(" {GOOD}"),
        ] {
            assert_eq!(TraceContext::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
