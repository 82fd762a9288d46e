//! Accept-Language: RFC 4647 §3.4 lookup in the order of the client's weights over the languages
//! that sibling routes (same host, path, methods and listeners) offer.

use super::RequestView;
use crate::limits::MAX_LANGUAGES;

/// The field's name.
pub(super) const FIELD: &str = "accept-language";

/// Longer ranges are no language (RFC 5646 §4.4.1 counts on 35), and shortening them costs time.
const MAX_RANGE: usize = 64;

/// The language tags that sibling routes offer.
#[derive(Debug, Default)]
pub(super) struct Languages {
    tags: Vec<Box<[u8]>>,
}

impl Languages {
    /// Adds one; the same tag in other case counts as the same.
    pub(super) fn offer(&mut self, tag: &[u8]) {
        if self.find(tag).is_none() {
            self.tags.push(tag.into());
        }
    }

    /// The offered tag that lookup finds for the request: of the ranges that lead to one, the first
    /// of the highest weight decides.
    pub(super) fn best_for(&self, view: &impl RequestView) -> Option<&[u8]> {
        let mut best: Option<(u16, usize)> = None;
        let mut left = MAX_LANGUAGES;
        view.header(FIELD.as_bytes(), &mut |value| {
            for item in value.split(|byte| *byte == b',').take(left) {
                left -= 1;
                let Some((range, weight)) = parse_range(item) else {
                    continue;
                };
                if weight > best.map_or(0, |(weight, _)| weight) {
                    best = self.lookup(range).map(|tag| (weight, tag)).or(best);
                }
            }
            false
        });
        best.map(|(_, tag)| &*self.tags[tag])
    }

    /// RFC 4647 §3.4: the range is shortened from its end until an offered tag equals it; a single
    /// letter or digit goes together with what followed it. `*` selects nothing.
    fn lookup(&self, mut range: &[u8]) -> Option<usize> {
        loop {
            if let Some(tag) = self.find(range) {
                return Some(tag);
            }
            let cut = range.iter().rposition(|byte| *byte == b'-')?;
            range = &range[..cut];
            if let [rest @ .., b'-', _] = range {
                range = rest;
            }
        }
    }

    fn find(&self, tag: &[u8]) -> Option<usize> {
        self.tags
            .iter()
            .position(|offered| offered.eq_ignore_ascii_case(tag))
    }
}

/// `fr-FR;q=0.9` → the range and its weight in thousandths (RFC 9110 §12.5.4); `None` for what is
/// neither a range nor a weight.
fn parse_range(item: &[u8]) -> Option<(&[u8], u16)> {
    let mut parts = item.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let range = parts
        .next()
        .filter(|range| !range.is_empty() && range.len() <= MAX_RANGE)?;
    let Some(parameter) = parts.next() else {
        return Some((range, 1000));
    };
    let weight = parameter
        .strip_prefix(b"q=")
        .or_else(|| parameter.strip_prefix(b"Q="))?;
    parse_weight(weight).map(|weight| (range, weight))
}

/// RFC 9110 §12.4.2: `0`, `1`, or up to three decimals between them.
fn parse_weight(text: &[u8]) -> Option<u16> {
    let (whole, decimals) = match text {
        [whole @ (b'0' | b'1')] => (*whole, &b""[..]),
        [whole @ (b'0' | b'1'), b'.', decimals @ ..] if decimals.len() <= 3 => (*whole, decimals),
        _ => return None,
    };
    let mut weight = u16::from(whole - b'0') * 1000;
    let mut unit = 100;
    for digit in decimals {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        weight += u16::from(digit) * unit;
        unit /= 10;
    }
    (weight <= 1000).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::probe::Probe;

    fn best(offered: &[&str], accept: &[&str]) -> Option<String> {
        let mut languages = Languages::default();
        for tag in offered {
            languages.offer(tag.as_bytes());
        }
        let probe = accept
            .iter()
            .fold(Probe::get("/"), |probe, v| probe.header(FIELD, v));
        languages
            .best_for(&probe)
            .map(|tag| String::from_utf8(tag.to_vec()).unwrap())
    }

    #[test]
    fn the_first_range_of_the_highest_weight_decides() {
        let offered = ["fr", "en", "de"];
        for (accept, expected) in [
            ("fr-FR,fr;q=0.9,en", Some("fr")),
            ("en;q=0.8, de;q=0.9", Some("de")),
            ("de, fr", Some("de")),
            ("DE-at", Some("de")),
            ("it, en;q=0.1", Some("en")),
            ("fr;q=0", None),
            ("*", None),
            ("it", None),
            ("", None),
            ("fr;q=2, en;q=0.5", Some("en")),
            ("fr;level=1, en;q=0.5", Some("en")),
        ] {
            assert_eq!(best(&offered, &[accept]).as_deref(), expected, "{accept}");
        }
        assert_eq!(
            best(&offered, &["it", "en;q=0.5", "fr"]).as_deref(),
            Some("fr")
        );
    }

    #[test]
    fn ranges_are_shortened_as_rfc_4647_shows() {
        // The example of §3.4.
        let range = "zh-Hant-CN-x-private1-private2";
        for offered in ["zh-Hant-CN-x-private1", "zh-Hant-CN", "zh-Hant", "zh"] {
            assert_eq!(best(&[offered], &[range]).as_deref(), Some(offered));
        }
        assert_eq!(
            best(&["zh-Hant-CN-x"], &[range]),
            None,
            "a single letter goes with its successor"
        );
        assert_eq!(
            best(&["fr-FR"], &["fr"]),
            None,
            "a range matches no longer tag"
        );
    }

    #[test]
    fn ranges_beyond_the_bound_are_not_read() {
        let many = "it,".repeat(MAX_LANGUAGES);
        assert_eq!(best(&["fr"], &[&format!("{many}fr")]), None);
        assert_eq!(
            best(&["fr"], &[&format!("fr-{}", "a".repeat(MAX_RANGE))]),
            None
        );
    }
}
