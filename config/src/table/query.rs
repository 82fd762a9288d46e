//! Query conditions on the raw query of a request: `a=1&b=2` (WHATWG URL §5.1, where `+` is a
//! space). Values are decoded into a buffer that the exchange keeps.

use super::condition::{QueryCondition, ValueMatch};
use super::text::hex_pair;

/// Whether one of the values of the parameter satisfies the condition.
pub(super) fn holds(query: &[u8], condition: &QueryCondition, scratch: &mut Vec<u8>) -> bool {
    let absent = matches!(condition.value, ValueMatch::Absent);
    for pair in query
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
    {
        let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(equals) => (&pair[..equals], &pair[equals + 1..]),
            None => (pair, &pair[..0]),
        };
        if decoded(name, scratch) != condition.name.as_bytes() {
            continue;
        }
        if absent {
            return false;
        }
        if condition.value.holds(decoded(value, scratch)) {
            return true;
        }
    }
    absent
}

/// The text that `raw` stands for; itself when nothing in it is encoded.
fn decoded<'a>(raw: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    if !raw.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return raw;
    }
    scratch.clear();
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        at += 1;
        scratch.push(match byte {
            b'+' => b' ',
            b'%' => match hex_pair(raw, at) {
                Some(escaped) => {
                    at += 2;
                    escaped
                }
                None => b'%',
            },
            other => other,
        });
    }
    scratch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, name: &str, value: ValueMatch) -> bool {
        let condition = QueryCondition {
            name: name.into(),
            value,
        };
        holds(query.as_bytes(), &condition, &mut Vec::new())
    }

    fn exact(value: &str) -> ValueMatch {
        ValueMatch::Exact(value.as_bytes().into())
    }

    #[test]
    fn names_and_values_are_compared_decoded() {
        assert!(check("debug=1", "debug", exact("1")));
        assert!(check("a=2&debug=1", "debug", exact("1")));
        assert!(check("%64ebug=%31", "debug", exact("1")));
        assert!(check("q=a+b%2Bc", "q", exact("a b+c")));
        assert!(check("q=100%", "q", exact("100%")));
        assert!(!check("debug=10", "debug", exact("1")));
        assert!(!check("xdebug=1", "debug", exact("1")));
        assert!(!check("", "debug", exact("")));
    }

    #[test]
    fn any_of_several_values_will_do() {
        assert!(check("a=1&a=2", "a", exact("2")));
        assert!(check("a=1&a=2", "a", ValueMatch::Prefix(b"1"[..].into())));
    }

    #[test]
    fn presence_needs_no_value() {
        assert!(check("debug", "debug", ValueMatch::Present));
        assert!(check("debug=", "debug", exact("")));
        assert!(!check("other", "debug", ValueMatch::Present));
        assert!(check("other", "debug", ValueMatch::Absent));
        assert!(!check("debug", "debug", ValueMatch::Absent));
    }
}
