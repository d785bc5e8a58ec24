//! The only clock. Everything that decides by time takes a [`Timestamp`] as an argument; only the
//! outermost layer asks a [`Clock`].

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// IMF-fixdate (RFC 9110 §5.6.7).
const HTTP_DATE: &[BorrowedFormatItem<'static>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z.
///
/// Milliseconds, because that is the precision that eIDAS nodes put into `IssueInstant`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The latest and earliest instants that can be written with a four-digit year.
    const MAX_MILLIS: i64 = 253_402_300_799_999;
    const MIN_MILLIS: i64 = -62_135_596_800_000;

    /// From milliseconds since the epoch, clamped to the years 1 to 9999.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        // `clamp` is not const for i64 yet.
        if millis < Self::MIN_MILLIS {
            Self(Self::MIN_MILLIS)
        } else if millis > Self::MAX_MILLIS {
            Self(Self::MAX_MILLIS)
        } else {
            Self(millis)
        }
    }

    /// From seconds since the epoch (`NumericDate` of RFC 7519), clamped to the years 1 to 9999.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Self {
        Self::from_millis(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch (`NumericDate` of RFC 7519), rounded down.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Reads an `xs:dateTime` with a time zone, as SAML writes it (`2026-11-21T09:15:02.113Z`).
    /// Surrounding white space is ignored. A value without a zone is taken as UTC, which SAML core
    /// §1.3.3 demands of every time value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let parsed = OffsetDateTime::parse(text, &Rfc3339)
            .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
            .ok()?;
        let millis = i64::try_from(parsed.unix_timestamp_nanos().div_euclid(1_000_000)).ok()?;
        Some(Self::from_millis(millis))
    }

    /// As HTTP writes it in `Last-Modified` (IMF-fixdate, RFC 9110 §5.6.7): `Sat, 21 Nov 2026 09:15:02 GMT`.
    #[must_use]
    pub fn http_date(self) -> String {
        let at = OffsetDateTime::from_unix_timestamp(self.unix()).ok();
        at.and_then(|at| at.format(HTTP_DATE).ok()).unwrap_or_default()
    }

    /// Reads what [`Self::http_date`] writes. Older forms of an HTTP date, which nobody sends, are not read.
    #[must_use]
    pub fn parse_http(text: &str) -> Option<Self> {
        let at = PrimitiveDateTime::parse(text, HTTP_DATE).ok()?;
        Some(Self::from_unix(at.assume_utc().unix_timestamp()))
    }

    /// How long after `earlier` this is; zero if it is not later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// `2026-11-21T09:15:02.113Z`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i128::from(self.0) * 1_000_000;
        let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| fmt::Error)?;
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second, milli) = at.to_hms_milli();
        let month = u8::from(month);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        Self::from_millis(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp::from_millis(elapsed.map_or(0, |e| i64::try_from(e.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// A clock that stands still until it is moved. For tests and for judging recorded messages.
#[derive(Debug)]
pub struct FixedClock(std::sync::atomic::AtomicI64);

impl FixedClock {
    /// A clock that shows `at`.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self(std::sync::atomic::AtomicI64::new(at.millis()))
    }

    /// Sets the clock to `at`.
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.millis(), std::sync::atomic::Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now() + by);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_has_a_way_of_its_own_to_write_and_read_dates() {
        let at = Timestamp::parse("2026-11-01T09:05:02.999Z").unwrap();
        assert_eq!(at.http_date(), "Sun, 01 Nov 2026 09:05:02 GMT");
        assert_eq!(Timestamp::parse_http(&at.http_date()), Timestamp::parse("2026-11-01T09:05:02Z"));
        assert_eq!(Timestamp::parse_http("2026-11-01T09:05:02Z"), None);
    }

    #[test]
    fn a_saml_instant_survives_reading_and_writing() {
        let text = "2026-11-21T09:15:02.113Z";
        assert_eq!(Timestamp::parse(text).unwrap().to_string(), text);
    }

    #[test]
    fn other_forms_of_the_same_instant_are_equal() {
        let same =
            ["2026-11-21T10:15:02.113+01:00", " 2026-11-21T09:15:02.113Z\n", "2026-11-21T09:15:02.1139Z"];
        for text in same {
            assert_eq!(Timestamp::parse(text), Timestamp::parse("2026-11-21T09:15:02.113Z"), "{text}");
        }
        assert_eq!(Timestamp::parse("2026-11-21T09:15:02"), Timestamp::parse("2026-11-21T09:15:02Z"));
    }

    #[test]
    fn what_is_not_an_instant_is_refused() {
        for text in ["", "2026-11-21", "yesterday", "2026-13-01T00:00:00Z", "99999-01-01T00:00:00Z"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn arithmetic_saturates() {
        let end = Timestamp::from_millis(i64::MAX);
        assert_eq!(end + Duration::MAX, end);
        assert_eq!(end.to_string(), "9999-12-31T23:59:59.999Z");
    }
}
