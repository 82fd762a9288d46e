//! Sizes and durations as people write them, both ways. A unit is never guessed: `30` is no
//! duration and `64K` no size; the messages say what to write.

use std::time::Duration;

const SIZES: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];
const TIMES: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The forms of a size, for the schema.
pub(crate) const SIZE_PATTERN: &str = "^[0-9]+(B|KiB|MiB|GiB)?$";
/// The forms of a duration, for the schema.
pub(crate) const DURATION_PATTERN: &str = "^([0-9]+(ms|s|m|h)|0)$";

/// `64KiB` → 65536; plain numbers are bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor = match SIZES.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        None if unit.is_empty() => 1,
        None => return Err(unknown_unit(text, number, unit, "KiB, MiB, GiB or bytes")),
    };
    scale(number, factor).ok_or_else(|| format!("`{text}` is not a size"))
}

/// `250ms` → 250; in milliseconds.
pub(crate) fn parse_duration(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor = match TIMES.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        None if unit.is_empty() && number == "0" => 1,
        None if unit.is_empty() && !number.is_empty() => {
            return Err(format!(
                "`{text}` has no unit, write `{text}s` or `{text}ms`"
            ));
        }
        None => return Err(unknown_unit(text, number, unit, "ms, s, m or h")),
    };
    scale(number, factor).ok_or_else(|| format!("`{text}` is not a duration"))
}

/// 65536 → `64KiB`.
pub(crate) fn print_size(bytes: u64) -> String {
    match SIZES
        .iter()
        .find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor))
    {
        Some((unit, factor)) if *factor > 1 => format!("{}{unit}", bytes / factor),
        _ => bytes.to_string(),
    }
}

/// 90 s → `90s`.
pub(crate) fn print_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    match TIMES
        .iter()
        .find(|(_, factor)| millis >= *factor && millis.is_multiple_of(*factor))
    {
        Some((unit, factor)) => format!("{}{unit}", millis / factor),
        None => "0s".to_owned(),
    }
}

fn split(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(digits)
}

fn scale(number: &str, factor: u64) -> Option<u64> {
    number.parse::<u64>().ok()?.checked_mul(factor)
}

fn unknown_unit(text: &str, number: &str, unit: &str, units: &str) -> String {
    if number.is_empty() {
        return format!("`{text}` does not begin with a number");
    }
    format!("`{text}` has the unit `{unit}`, and the units are {units}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [("0", 0), ("1000", 1000), ("12B", 12), ("64KiB", 65_536)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "KiB",
            "-1",
            "1.5MiB",
            "64K",
            "64kb",
            "64 KiB",
            "99999999999999999GiB",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, millis) in [("0", 0), ("0s", 0), ("250ms", 250), ("5m", 300_000)] {
            assert_eq!(parse_duration(text), Ok(millis), "{text}");
        }
        for text in ["", "s", "30", "1.5s", "1h30m", "-1s", "10 s", "1d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(
            parse_duration("30").unwrap_err(),
            "`30` has no unit, write `30s` or `30ms`"
        );
    }

    #[test]
    fn what_is_printed_reads_back() {
        for number in [
            0,
            1,
            999,
            1000,
            1024,
            60_000,
            90_000,
            3_600_000,
            65_536,
            1 << 30,
        ] {
            assert_eq!(parse_size(&print_size(number)), Ok(number));
            let duration = Duration::from_millis(number);
            assert_eq!(parse_duration(&print_duration(duration)), Ok(number));
        }
    }
}
