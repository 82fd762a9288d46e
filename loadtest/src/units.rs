//! Sizes, durations and rates as people write them (`64KiB`, `250ms`, `5000/s`); durations, counts,
//! bytes and shares as people read them.
//! Entered by the command line and the report; it knows no defaults and no bounds.

use std::time::Duration;

/// Reads a size: plain bytes, or a whole number of `KiB`, `MiB`, `GiB`.
///
/// # Errors
/// A sentence for the user when the number or the unit cannot be read.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split_unit(text)?;
    let scale = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => {
            return Err(format!(
                "unknown unit {unit:?}: write bytes, KiB, MiB or GiB"
            ));
        }
    };
    number
        .checked_mul(scale)
        .ok_or_else(|| "too large".to_owned())
}

/// Reads a duration: a whole number of `ms`, `s`, `m` or `h`, longer than zero.
///
/// # Errors
/// A sentence for the user when the number or the unit cannot be read.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split_unit(text)?;
    let scale = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(format!("unknown unit {unit:?}: write ms, s, m or h")),
    };
    match number.checked_mul(scale) {
        Some(0) => Err("must be longer than zero".to_owned()),
        // A century and more would overflow the clock's own arithmetic later on.
        Some(ms) if ms <= 1 << 40 => Ok(Duration::from_millis(ms)),
        _ => Err("too long".to_owned()),
    }
}

/// Reads a rate: a number, fractions allowed, per second, minute or hour, as in `5000/s`. Returns
/// requests per second.
///
/// # Errors
/// A sentence for the user when the number or the unit cannot be read.
pub(crate) fn parse_rate(text: &str) -> Result<f64, String> {
    let expected = || format!("{text:?}: expected a rate such as 5000/s, 2.5/s or 30/m");
    let (number, unit) = text.trim().split_once('/').ok_or_else(expected)?;
    let plain = number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = number.parse().ok().filter(|_| plain).ok_or_else(expected)?;
    let seconds = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(expected()),
    };
    Ok(number / seconds)
}

/// Writes a duration in seconds, or in milliseconds when it is shorter.
pub(crate) fn show_duration(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{} s", duration.as_secs_f64())
    }
}

/// Writes nanoseconds with three digits in the unit that fits.
pub(crate) fn show_nanos(nanos: f64) -> String {
    let (value, unit) = match nanos {
        n if n < 1e3 => (n, "ns"),
        n if n < 1e6 => (n / 1e3, "µs"),
        n if n < 1e9 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    };
    format!("{value:.*} {unit}", decimals(value))
}

/// Writes a count or rate without its fraction, its digits in groups of three.
pub(crate) fn show_count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Writes bytes with three digits in the unit that fits.
pub(crate) fn show_bytes(bytes: f64) -> String {
    let (value, unit) = match bytes {
        b if b < 1024.0 => return format!("{b:.0} B"),
        b if b < 1024.0 * 1024.0 => (b / 1024.0, "KiB"),
        b if b < 1024.0 * 1024.0 * 1024.0 => (b / 1024.0 / 1024.0, "MiB"),
        b => (b / 1024.0 / 1024.0 / 1024.0, "GiB"),
    };
    format!("{value:.*} {unit}", decimals(value))
}

/// Writes a share of 1 in per cent; a small one is never rounded to none.
pub(crate) fn show_share(share: f64) -> String {
    match share * 100.0 {
        percent if percent <= 0.0 => "0 %".to_owned(),
        percent if percent < 0.01 => "< 0.01 %".to_owned(),
        percent if percent < 10.0 => format!("{percent:.2} %"),
        percent => format!("{percent:.1} %"),
    }
}

/// The decimals that make three digits of it.
fn decimals(value: f64) -> usize {
    match value {
        v if v < 10.0 => 2,
        v if v < 100.0 => 1,
        _ => 0,
    }
}

fn split_unit(text: &str) -> Result<(u64, &str), String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let number = digits
        .parse()
        .map_err(|_| "expected a whole number with a unit, such as 64KiB or 10s".to_owned())?;
    Ok((number, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("0"), Ok(0));
        assert_eq!(parse_size("1023"), Ok(1023));
        assert_eq!(parse_size("1KiB"), Ok(1024));
        assert_eq!(parse_size("3 MiB"), Ok(3 << 20));
        assert!(parse_size("1kb").unwrap_err().contains("\"kb\""));
        assert!(parse_size("KiB").is_err());
        assert!(parse_size("-1").is_err());
        assert!(parse_size("18446744073709551615GiB").is_err());
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("5m"), Ok(Duration::from_secs(300)));
        assert!(parse_duration("0s").is_err());
        assert!(parse_duration("10").unwrap_err().contains("unit"));
        assert!(parse_duration("99999999999999h").is_err());
    }

    #[test]
    fn rates() {
        assert_eq!(parse_rate("5000/s"), Ok(5000.0));
        assert_eq!(parse_rate("2.5/s"), Ok(2.5));
        assert_eq!(parse_rate(" 30/m"), Ok(0.5));
        assert_eq!(parse_rate("36/h"), Ok(0.01));
        for text in [
            "", "5000", "5000/", "-1/s", "1e3/s", "inf/s", "./s", "NaN/s", "1/ms",
        ] {
            assert!(parse_rate(text).unwrap_err().contains("5000/s"), "{text}");
        }
    }

    #[test]
    fn durations_for_people() {
        assert_eq!(show_duration(Duration::from_millis(250)), "250 ms");
        assert_eq!(show_duration(Duration::from_millis(1_500)), "1.5 s");
        assert_eq!(show_duration(Duration::from_secs(90)), "90 s");
    }

    #[test]
    fn counts_for_people() {
        assert_eq!(show_count(0.4), "0");
        assert_eq!(show_count(999.0), "999");
        assert_eq!(show_count(1_000.0), "1,000");
        assert_eq!(show_count(12_345_678.9), "12,345,679");
    }

    #[test]
    fn bytes_and_shares_for_people() {
        assert_eq!(show_bytes(1023.0), "1023 B");
        assert_eq!(show_bytes(1536.0), "1.50 KiB");
        assert_eq!(show_bytes(25_277_534_208.0), "23.5 GiB");
        assert_eq!(show_share(0.0), "0 %");
        assert_eq!(show_share(0.000_001), "< 0.01 %");
        assert_eq!(show_share(0.012_34), "1.23 %");
        assert_eq!(show_share(1.0), "100.0 %");
    }

    #[test]
    fn nanoseconds_for_people() {
        assert_eq!(show_nanos(950.0), "950 ns");
        assert_eq!(show_nanos(1_234.0), "1.23 µs");
        assert_eq!(show_nanos(45_600_000.0), "45.6 ms");
        assert_eq!(show_nanos(2e9), "2.00 s");
    }
}
