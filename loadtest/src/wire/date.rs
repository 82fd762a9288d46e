//! The Date field's value (RFC 9110 §5.6.7). Entered by the origin once a second.

const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [(&str, u64); 12] = [
    ("Jan", 31),
    ("Feb", 28),
    ("Mar", 31),
    ("Apr", 30),
    ("May", 31),
    ("Jun", 30),
    ("Jul", 31),
    ("Aug", 31),
    ("Sep", 30),
    ("Oct", 31),
    ("Nov", 30),
    ("Dec", 31),
];
/// The last second that the field can say, 31 December 9999 23:59:59.
const LAST_SECOND: u64 = 253_402_300_799;

/// Writes seconds since the Unix epoch as `Thu, 01 Jan 1970 00:00:00 GMT`.
pub(crate) fn http_date(unix_seconds: u64) -> String {
    let now = unix_seconds.min(LAST_SECOND);
    let (days, seconds) = (now / 86_400, now % 86_400);
    let weekday = WEEKDAYS[(days % 7) as usize];
    let (year, month, day) = calendar(days);
    format!(
        "{weekday}, {day:02} {month} {year:04} {:02}:{:02}:{:02} GMT",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
    )
}

/// Year, month and day of the month of a day since the epoch.
fn calendar(mut days: u64) -> (u64, &'static str, u64) {
    let mut year = 1970;
    while days >= 365 + leap_day(year) {
        days -= 365 + leap_day(year);
        year += 1;
    }
    for (name, length) in MONTHS {
        let length = length + if name == "Feb" { leap_day(year) } else { 0 };
        if days < length {
            return (year, name, days + 1);
        }
        days -= length;
    }
    unreachable!("a year's days fit its months")
}

fn leap_day(year: u64) -> u64 {
    u64::from(year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(http_date(seconds), text);
        }
    }
}
