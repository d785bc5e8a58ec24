//! What a failure says to a person: a heading, and what it means and what they can do. In plain words, and
//! never with a detail that only the log may have.

/// Heading and explanation for the text key of a row of the failure table. `country` is the name of the
/// country that the login was at.
pub(crate) fn of(key: &str, country: Option<&str>) -> (String, String) {
    let there = country.unwrap_or("your country");
    let (heading, explanation) = match key {
        "already-released" => (
            "You have been here already",
            "This login has gone on to the service. Go back to the service; if you are not logged in there, \
             start again from there.",
        ),
        "answer-refused" => (
            "The answer could not be accepted",
            "The answer that came from abroad did not pass our checks, so nobody was logged in. You can try \
             again. If it happens again, tell the service the reference number below.",
        ),
        "bad-request" => (
            "This request could not be read",
            "What arrived here was incomplete or too large. Go back to the service and start again.",
        ),
        "country-trouble" => (
            "The login abroad did not work",
            "The login service of the country that you chose reports a problem. You can try again, or log in \
             with an eID of another country.",
        ),
        "country-unable" => (
            "This country cannot help here",
            "The country that you chose does not offer what this service needs. If you have an eID of another \
             country, you can use that one.",
        ),
        "country-unavailable" => (
            "This country cannot be reached now",
            "The connection to the login service of the country that you chose is interrupted. Try again \
             later, or use an eID of another country.",
        ),
        "declined-cancelled" => (
            "You were not logged in",
            "The login was cancelled, or it did not succeed. You can try again, or go back to the service.",
        ),
        "declined-denied" => (
            "The login was refused",
            "The country that you chose did not give its permission for this login. You can use an eID of \
             another country, or go back to the service.",
        ),
        "forged-form" => (
            "This page has to be opened again",
            "For your safety we did not accept this form, because it did not come from the page that we showed \
             you. Go back to the service and start again.",
        ),
        "level-too-low" => (
            "A stronger eID is needed",
            "This service needs a higher level of assurance than your login gave. If you have a stronger eID, \
             such as an identity card with a chip, try again with that one.",
        ),
        "level-unavailable" => (
            "No country offers what this service needs",
            "The level of assurance that this service insists on is not available.",
        ),
        "login-expired" => (
            "This login has ended",
            "It took too long, or it was finished before. Go back to the service and start again.",
        ),
        "logout-refused" => (
            "You could not be logged out here",
            "The service that sent you here asked in a way that we cannot follow, so nothing was changed. Close \
             this page and, on a computer that others use, close the browser.",
        ),
        "mail-trouble" => (
            "We could not send you a mail",
            "Your login is not lost: try again in a minute. If it happens again, tell the service the reference \
             number.",
        ),
        "method-not-allowed" => {
            ("This page cannot be called like that", "Go back to the service and start again.")
        }
        "no-country" => (
            "No country can be reached now",
            "The connections to the login services of all countries are interrupted. Try again later.",
        ),
        "not-found" => ("There is no such page", "Go back to the service and start again."),
        "other-person" => (
            "Somebody else was expected",
            "This service wants to see the same person again, and you logged in as somebody else. If you have \
             another eID, try again with that one.",
        ),
        "representation-refused" => (
            "Acting for somebody else is not possible here",
            "You logged in on behalf of another person or a company. This service accepts only your own login.",
        ),
        "request-refused" | "request-unknown" => (
            "This login cannot start",
            "The service that sent you here is not set up correctly. Go back to it, and tell its support the \
             reference number below.",
        ),
        "wrong-browser" => (
            "Continue in the browser where you started",
            "This login was begun in another browser, or your browser did not keep our cookie. Nothing was \
             released. Go back to the service and start again.",
        ),
        // "our-fault", and whatever has no words of its own.
        _ => (
            "Something went wrong on our side",
            "This is not your fault. Try again in a few minutes. If it happens again, tell the service the \
             reference number below.",
        ),
    };
    (heading.to_owned(), explanation.replace("the country that you chose", there))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::Failure;

    #[test]
    fn every_row_of_the_failure_table_has_words() {
        let (ours, _) = of("our-fault", None);
        for failure in Failure::ALL {
            let key = failure.row().text;
            let (heading, explanation) = of(key, Some("Spain"));
            assert!(key == "our-fault" || heading != ours, "{key}");
            assert!(explanation.ends_with('.'), "{key}");
        }
    }
}
