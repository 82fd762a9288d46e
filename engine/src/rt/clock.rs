//! The clock of one worker: coarse for deadlines, fine for measurements, virtual for tests.
//!
//! A deadline is a number of milliseconds since the worker started. The coarse clock costs a few
//! nanoseconds and lags by at most one kernel tick (4 ms), which is finer than the timer wheel.

use std::cell::{Cell, RefCell};
#[cfg(any(test, simulation))]
use std::rc::Rc;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Milliseconds since the worker's clock started; `NEVER` for no deadline.
pub(crate) type Millis = u64;

/// The deadline that never comes.
pub(crate) const NEVER: Millis = u64::MAX;

/// One worker's clock.
#[derive(Debug)]
pub(crate) struct Clock {
    source: Source,
    /// Wall clock minus fine clock, in microseconds; renewed by `adjust`.
    unix_offset_us: Cell<u64>,
    date: RefCell<Date>,
}

#[derive(Debug)]
enum Source {
    Kernel {
        origin_us: u64,
    },
    /// Milliseconds, moved by hand.
    #[cfg(any(test, simulation))]
    Virtual(Rc<Cell<u64>>),
}

#[derive(Debug)]
struct Date {
    second: u64,
    text: [u8; 29],
}

impl Clock {
    /// A clock that follows the kernel's monotonic clock.
    pub(crate) fn kernel() -> Self {
        Self::from_source(Source::Kernel {
            origin_us: micros(ClockId::Monotonic),
        })
    }

    /// A clock that stands still until its cell (milliseconds) is moved.
    #[cfg(any(test, simulation))]
    pub(crate) fn virtual_time(now: Rc<Cell<u64>>) -> Self {
        Self::from_source(Source::Virtual(now))
    }

    fn from_source(source: Source) -> Self {
        let date = RefCell::new(Date {
            second: u64::MAX,
            text: [b' '; 29],
        });
        let clock = Self {
            source,
            unix_offset_us: Cell::new(0),
            date,
        };
        clock.adjust();
        clock
    }

    /// Milliseconds since the start, coarse: for deadlines.
    pub(crate) fn now_ms(&self) -> Millis {
        match &self.source {
            Source::Kernel { origin_us } => {
                micros(ClockId::MonotonicCoarse).saturating_sub(*origin_us) / 1000
            }
            #[cfg(any(test, simulation))]
            Source::Virtual(now) => now.get(),
        }
    }

    /// Microseconds since the start, fine: for durations that are reported.
    pub(crate) fn now_us(&self) -> u64 {
        match &self.source {
            Source::Kernel { origin_us } => micros(ClockId::Monotonic).saturating_sub(*origin_us),
            #[cfg(any(test, simulation))]
            Source::Virtual(now) => now.get() * 1000,
        }
    }

    /// The wall-clock time, in microseconds since 1970, of an instant of `now_us`.
    pub(crate) fn unix_us(&self, at_us: u64) -> u64 {
        at_us.saturating_add(self.unix_offset_us.get())
    }

    /// Follows steps of the wall clock; called about once a second.
    pub(crate) fn adjust(&self) {
        let wall = match self.source {
            Source::Kernel { .. } => micros(ClockId::Realtime),
            #[cfg(any(test, simulation))]
            // 2026-01-01: a fixed date, so that a simulated run prints the same bytes every time.
            Source::Virtual(_) => 1_767_225_600_000_000 + self.now_us(),
        };
        self.unix_offset_us.set(wall.saturating_sub(self.now_us()));
    }

    /// Runs `f` on the value of a `Date` field for now (RFC 9110 §5.6.7), rendered once a second.
    pub(crate) fn with_date<R>(&self, f: impl FnOnce(&[u8; 29]) -> R) -> R {
        let second = self.unix_us(self.now_ms() * 1000) / 1_000_000;
        let mut date = self.date.borrow_mut();
        if date.second != second {
            date.second = second;
            date.text = http_date(second);
        }
        f(&date.text)
    }
}

fn micros(clock: ClockId) -> u64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(clock);
    u64::try_from(tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(tv_nsec).unwrap_or(0) / 1000
}

/// An IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`, of a time in seconds since 1970.
fn http_date(unix_seconds: u64) -> [u8; 29] {
    const DAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
    const MONTHS: [&[u8; 3]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let (days, second_of_day) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let (year, month, day) = civil_date(days);
    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    let weekday = usize::try_from(days % 7).unwrap_or(0);
    text[..3].copy_from_slice(DAYS[weekday]);
    put_digits(&mut text[5..7], day);
    let month_index = usize::try_from(month - 1).unwrap_or(0);
    text[8..11].copy_from_slice(MONTHS[month_index]);
    put_digits(&mut text[12..16], year);
    put_digits(&mut text[17..19], second_of_day / 3600);
    put_digits(&mut text[20..22], second_of_day / 60 % 60);
    put_digits(&mut text[23..25], second_of_day % 60);
    text
}

/// Year, month and day of a number of days since 1970, in the Gregorian calendar.
fn civil_date(days: u64) -> (u64, u64, u64) {
    // Counted from 0000-03-01, so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

fn put_digits(to: &mut [u8], mut number: u64) {
    for digit in to.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_known_seconds() {
        assert_eq!(&http_date(0), b"Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(&http_date(784_111_777), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(&http_date(1_709_210_096), b"Thu, 29 Feb 2024 12:34:56 GMT");
        assert_eq!(&http_date(4_102_444_799), b"Thu, 31 Dec 2099 23:59:59 GMT");
    }

    #[test]
    fn a_virtual_clock_moves_by_hand_only() {
        let now = Rc::new(Cell::new(5));
        let clock = Clock::virtual_time(now.clone());
        assert_eq!((clock.now_ms(), clock.now_us()), (5, 5000));
        now.set(2005);
        assert_eq!(clock.now_ms(), 2005);
        clock.with_date(|date| assert_eq!(date, b"Thu, 01 Jan 2026 00:00:02 GMT"));
    }

    #[test]
    fn the_coarse_clock_lags_the_fine_one_by_a_tick_at_most() {
        let clock = Clock::kernel();
        let (coarse, fine) = (clock.now_ms(), clock.now_us() / 1000);
        assert!(
            coarse <= fine + 1 && fine <= coarse + 20,
            "coarse {coarse}, fine {fine}"
        );
    }
}
