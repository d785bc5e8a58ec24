//! A name that is none, and the one that was probably meant.

/// What serde says of an unknown key or word, with the one name that is nearest to it instead of all that there
/// are; as it stands if none is near.
pub(super) fn in_short(message: &str) -> String {
    let Some((said, _)) = message.split_once(", expected").filter(|(said, _)| said.starts_with("unknown"))
    else {
        return message.to_owned();
    };
    let mut names = message.split('`').skip(1).step_by(2);
    let given = names.next().unwrap_or_default();
    let near = names.filter(|name| is_near(given, name)).min_by_key(|name| distance(given, name));
    near.map_or_else(|| message.to_owned(), |near| format!("{said}; did you mean `{near}`?"))
}

/// A slip of the pen, or the beginning of the name.
fn is_near(given: &str, name: &str) -> bool {
    distance(given, name) <= 1 + given.len() / 6 || (given.len() > 2 && name.starts_with(given))
}

/// How many letters have to be put in, left out or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (n, x) in a.chars().enumerate() {
        let mut left = n + 1;
        let mut next = vec![left];
        for (pair, y) in row.windows(2).zip(b.chars()) {
            if let [diagonal, above] = *pair {
                left = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
                next.push(left);
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_said_instead_of_all() {
        let rows = [
            (
                "unknown field `redirect_uri`, expected one of `id`, `redirect_uris`",
                "unknown field `redirect_uri`; did you mean `redirect_uris`?",
            ),
            (
                "unknown field `secret`, expected one of `sector`, `secret_file`, `secret_hash`",
                "unknown field `secret`; did you mean `secret_file`?",
            ),
            (
                "unknown variant `keyclaok`, expected `keycloak` or `entra`",
                "unknown variant `keyclaok`; did you mean `keycloak`?",
            ),
            (
                "unknown variant `high`, expected `public` or `private`",
                "unknown variant `high`, expected `public` or `private`",
            ),
            ("invalid type: integer `1`, expected a string", "invalid type: integer `1`, expected a string"),
        ];
        for (message, expected) in rows {
            assert_eq!(in_short(message), expected);
        }
    }

    #[test]
    fn letters_are_counted() {
        for (a, b, expected) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("listen", "listen", 0), ("issuer", "isuser", 2)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
