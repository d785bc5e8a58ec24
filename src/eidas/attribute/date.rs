//! Dates of birth, of which some parts can be unknown.

use serde::{Deserialize, Serialize};

use super::text::{ValueError, read_text};
use crate::saml::AttributeValue;

/// A date of birth. German cards say `1964-00-00` when the day is not known, which no date type can hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateOfBirth {
    /// As sent: `YYYY-MM-DD`, where month and day can be `00`.
    pub text: String,
    /// The same, if it is a day of the calendar.
    pub iso: Option<String>,
    /// The year.
    pub year: u16,
}

impl DateOfBirth {
    /// Reads `YYYY-MM-DD`. Unknown parts (`00`) are allowed if `partial` says so.
    #[must_use]
    pub fn parse(text: &str, partial: bool) -> Option<Self> {
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
        let number = |digits: &[u8]| {
            digits.iter().try_fold(0_u16, |sum, digit| {
                digit.is_ascii_digit().then(|| sum * 10 + u16::from(digit - b'0'))
            })
        };
        let year = number(&[*y1, *y2, *y3, *y4])?;
        let (month, day) = (number(&[*m1, *m2])?, number(&[*d1, *d2])?);
        let known = is_day(year, month, day);
        let unknown_parts = partial && month <= 12 && day <= 31 && (month == 0 || day == 0);
        // A day in an unknown month says nothing.
        let sensible = known || (unknown_parts && !(month == 0 && day != 0));
        sensible.then(|| Self { text: text.to_owned(), iso: known.then(|| text.to_owned()), year })
    }

    pub(crate) fn read(values: &[AttributeValue], partial: bool) -> Result<Option<Self>, ValueError> {
        let Some(text) = read_text(values)? else { return Ok(None) };
        Self::parse(&text, partial).map(Some).ok_or(ValueError::Form)
    }
}

fn is_day(year: u16, month: u16, day: u16) -> bool {
    let month = u8::try_from(month).ok().and_then(|month| time::Month::try_from(month).ok());
    match (month, u8::try_from(day)) {
        (Some(month), Ok(day)) => time::Date::from_calendar_date(i32::from(year), month, day).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Option<(Option<String>, u16)> {
        DateOfBirth::parse(text, true).map(|date| (date.iso, date.year))
    }

    #[test]
    fn a_day_of_the_calendar_is_read() {
        assert_eq!(parse("1984-02-29"), Some((Some("1984-02-29".to_owned()), 1984)));
        assert_eq!(parse("1906-01-20"), Some((Some("1906-01-20".to_owned()), 1906)));
    }

    #[test]
    fn unknown_parts_are_kept_as_sent() {
        assert_eq!(parse("1964-00-00"), Some((None, 1964)));
        assert_eq!(parse("1964-05-00"), Some((None, 1964)));
        assert_eq!(DateOfBirth::parse("1964-00-00", true).unwrap().text, "1964-00-00");
        assert_eq!(DateOfBirth::parse("1964-00-00", false), None);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let wrong = [
            "",
            "1983-02-29",
            "1964-13-01",
            "1964-01-32",
            "1964-00-05",
            "64-01-01",
            "1964-1-1",
            "19640101",
            "1964-01-01Z",
            "1964-01-01T00:00:00Z",
            "-964-01-01",
            "1964/01/01",
            "１９６４-01-01",
        ];
        for text in wrong {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            if let Some(date) = DateOfBirth::parse(&text, true) {
                prop_assert_eq!(date.text, text);
            }
        }

        #[test]
        fn every_day_is_read(year in 0_i32..=9999, ordinal in 1_u16..=365) {
            let day = time::Date::from_ordinal_date(year, ordinal).unwrap();
            let text = format!("{year:04}-{:02}-{:02}", u8::from(day.month()), day.day());
            prop_assert_eq!(DateOfBirth::parse(&text, false).unwrap().iso, Some(text));
        }
    }
}
