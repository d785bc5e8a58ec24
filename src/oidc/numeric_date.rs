//! The times in JWTs that clients make.

use serde_json::{Map, Value};

/// A claim that should be a NumericDate, and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoTime;

/// The claim `name` as a NumericDate in whole seconds (RFC 7519 §2), between 1970 and the year 5138; `None` if it is
/// not there.
///
/// # Errors
/// [`NoTime`].
pub(super) fn read(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, NoTime> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = value.as_i64().or_else(|| value.as_f64().and_then(|time| format!("{time:.0}").parse().ok()));
    whole.filter(|time| (0..100_000_000_000).contains(time)).map(Some).ok_or(NoTime)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_a_number_of_seconds_with_or_without_a_fraction() {
        for (value, expected) in [
            (json!(1_795_000_000), Ok(Some(1_795_000_000))),
            (json!(1_795_000_000.4), Ok(Some(1_795_000_000))),
            (json!(0), Ok(Some(0))),
            (json!(-1), Err(NoTime)),
            (json!(1e11), Err(NoTime)),
            (json!(1e300), Err(NoTime)),
            (json!("1795000000"), Err(NoTime)),
            (json!(null), Err(NoTime)),
        ] {
            let claims = Map::from_iter([("exp".to_owned(), value)]);
            assert_eq!(read(&claims, "exp"), expected, "{claims:?}");
            assert_eq!(read(&claims, "iat"), Ok(None));
        }
    }
}
