//! Numbers and times as text, appended to a line without allocating and without the formatting
//! machinery of the standard library, which would cost more than the rest of the line.

use super::pen::Pen;

/// The last moment that RFC 3339 can write: the end of the year 9999, in seconds.
const LAST_SECOND: u64 = 253_402_300_799;

/// `00` to `99`.
static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut n: u8 = 0;
    while n < 100 {
        pairs[n as usize] = [b'0' + n / 10, b'0' + n % 10];
        n += 1;
    }
    pairs
};

/// Appends `n`.
#[inline]
pub(super) fn push_number(pen: &mut Pen<'_>, mut n: u64) {
    if n < 10 {
        return pen.byte(pair(n)[1]);
    }
    let Some(place) = pen.claim(n.ilog10() as usize + 1) else {
        return;
    };
    let (first, pairs) = place.split_at_mut(place.len() % 2);
    for place in pairs.as_chunks_mut().0.iter_mut().rev() {
        *place = pair(n % 100);
        n /= 100;
    }
    if let Some(place) = first.first_mut() {
        *place = pair(n)[1];
    }
}

/// Appends microseconds as milliseconds with three decimals.
pub(super) fn push_millis(pen: &mut Pen<'_>, us: u64) {
    push_number(pen, us / 1000);
    pen.block(decimals(us % 1000), 4);
}

/// Appends bytes as lower-case hexadecimal.
pub(super) fn push_hex(pen: &mut Pen<'_>, bytes: &[u8]) {
    for &byte in bytes {
        pen.block(hex(byte), 2);
    }
}

/// A byte as two lower-case hexadecimal digits.
pub(super) fn hex(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [
        DIGITS[usize::from(byte >> 4)],
        DIGITS[usize::from(byte & 15)],
    ]
}

/// The text of a time, kept so that only its milliseconds change within a second.
#[derive(Debug)]
pub(super) struct Timestamp {
    second: u64,
    text: [u8; 24],
}

impl Timestamp {
    pub(super) fn new() -> Self {
        Self {
            second: 0,
            text: *b"1970-01-01T00:00:00.000Z",
        }
    }

    /// The time as RFC 3339 writes it, in UTC with milliseconds.
    pub(super) fn at(&mut self, unix_us: u64) -> &[u8; 24] {
        let second = (unix_us / 1_000_000).min(LAST_SECOND);
        if second != self.second {
            self.enter(second);
        }
        self.text[19..23].copy_from_slice(&decimals(unix_us / 1000 % 1000));
        &self.text
    }

    #[cold]
    fn enter(&mut self, second: u64) {
        let (year, month, day) = date(second / 86_400);
        let parts = [
            (0, year / 100),
            (2, year % 100),
            (5, month),
            (8, day),
            (11, second / 3600 % 24),
            (14, second / 60 % 60),
            (17, second % 60),
        ];
        for (at, number) in parts {
            self.text[at..at + 2].copy_from_slice(&pair(number));
        }
        self.second = second;
    }
}

/// The date that is so many days after 1970-01-01, in the Gregorian calendar. Years are counted from
/// March here, so that the leap day is the last day of a year.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // since 0000-03-01
    let era = days / 146_097; // of 400 years
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// `.` and three digits of a number below 1000.
fn decimals(n: u64) -> [u8; 4] {
    let [tens, ones] = pair(n % 100);
    [b'.', pair(n / 100)[1], tens, ones]
}

/// Two digits of a number below 100.
fn pair(n: u64) -> [u8; 2] {
    usize::try_from(n)
        .ok()
        .and_then(|n| PAIRS.get(n))
        .copied()
        .unwrap_or(*b"??")
}

#[cfg(test)]
mod tests {
    use super::super::pen::tests::written;
    use super::*;

    #[test]
    fn numbers_are_what_the_standard_library_prints() {
        let mut edges = vec![0, u64::MAX];
        for digits in 1..20 {
            let power = 10_u64.pow(digits);
            edges.extend([
                power - 1,
                power,
                power + 1,
                power / 10 * 9,
                u64::MAX / power,
            ]);
        }
        for n in edges.into_iter().chain(0..2_000) {
            assert_eq!(written(|pen| push_number(pen, n)), n.to_string());
            let millis = format!("{}.{:03}", n / 1000, n % 1000);
            assert_eq!(written(|pen| push_millis(pen, n)), millis);
        }
    }

    #[test]
    fn hexadecimal_keeps_leading_zeros() {
        let text = written(|pen| push_hex(pen, &[0, 0x0f, 0xa0, 0xff]));
        assert_eq!(text, "000fa0ff");
    }

    #[test]
    fn times_are_right_at_the_edges_of_the_calendar() {
        let mut timestamp = Timestamp::new();
        for (unix_us, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_001_000, "2000-03-01T00:00:00.001Z"),
            (1_709_251_199_000_000, "2024-02-29T23:59:59.000Z"),
            (1_735_689_599_123_456, "2024-12-31T23:59:59.123Z"),
            (1_735_689_600_000_000, "2025-01-01T00:00:00.000Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999Z"),
            (u64::MAX, "9999-12-31T23:59:59.551Z"),
        ] {
            assert_eq!(std::str::from_utf8(timestamp.at(unix_us)), Ok(text));
        }
    }

    #[test]
    fn days_follow_each_other() {
        let mut previous = (1969, 12, 31);
        for days in 0..146_097 * 2 {
            let next = date(days);
            let (year, month, day) = previous;
            let follows = next == (year, month, day + 1)
                || (day >= 28 && next == (year, month + 1, 1))
                || ((month, day) == (12, 31) && next == (year + 1, 1, 1));
            assert!(follows, "{next:?} after {previous:?}");
            previous = next;
        }
        assert_eq!(previous, (2769, 12, 31));
    }
}
