//! The pages a citizen sees, as plain data: a struct goes in, HTML comes out.
//!
//! Everything works without scripts and carries no inline style, no event handler and nothing from another
//! host, so that the strictest Content-Security-Policy holds. The one script in the gateway is
//! [`POST_SCRIPT`], allowed by its hash. Ids (`#country-ES`, `#continue`, `#cancel`, `#retry`,
//! `#other-country`, `#reference`, `#consent-accept`, `#email`, `#email-send`, `#email-code`, `#email-confirm`,
//! `#email-again`, `#logout`, `#stay`) are a contract: tests and operators' monitors click them.
//!
//! What this module does not do: it decides nothing, sets no header and knows no route; addresses come in
//! as text.

mod country;
mod depart;
mod email;
mod index;
mod leave;
mod logout;
mod release;
mod trouble;

pub mod assets;
pub mod words;

pub use country::{Country, CountryPage};
pub use depart::{Field, POST_SCRIPT, POST_SCRIPT_SHA256, PostPage};
pub use email::EmailPage;
pub use index::IndexPage;
pub use leave::LeavePage;
pub use logout::{LogoutPage, SaidPage};
pub use release::{Datum, ReleasePage};
pub use trouble::{ErrorPage, FailurePage, Retry, WaitingPage, WrongBrowserPage};

/// A page: data that can be shown.
pub trait Page {
    /// The whole document, UTF-8 HTML.
    fn html(&self) -> String;
}

impl<T: askama::Template> Page for T {
    fn html(&self) -> String {
        // Writing text into a String does not fail; should a template ever do, the person is still told.
        self.render().unwrap_or_else(|_| {
            "<!doctype html><html lang=\"en\"><title>Error</title><p>This page could not be shown.</p></html>"
                .to_owned()
        })
    }
}

/// A form of one button: cancel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// The path the form is posted to.
    pub action: String,
    /// The login's anti-forgery token, sent as the field `token`.
    pub token: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "<img src=x onerror=alert(1)> \" ' & </script>";

    fn cancel() -> Cancel {
        Cancel { action: "/login/L/cancel".into(), token: "T".into() }
    }

    fn retry() -> Retry {
        Retry {
            action: "/login/L/country".into(),
            country: "ES".into(),
            country_name: EVIL.into(),
            token: "T".into(),
        }
    }

    fn country_page() -> CountryPage {
        CountryPage {
            service: EVIL.into(),
            purpose: Some(EVIL.into()),
            legal_person: false,
            level: "substantial".into(),
            released: vec![words::attribute("FamilyName").into(), EVIL.into()],
            countries: vec![
                Country { code: "EL".into(), name: "Greece".into(), unavailable: None },
                Country { code: "ES".into(), name: "Spain".into(), unavailable: Some(EVIL.into()) },
            ],
            action: "/login/L/country".into(),
            token: "T".into(),
            cancel: cancel(),
            notice: Some(EVIL.into()),
        }
    }

    /// Every page, each with hostile text wherever text goes.
    fn all() -> Vec<(&'static str, String)> {
        let post = PostPage::to_node("ES", EVIL, "https://node.example/sso", EVIL, Some(EVIL));
        let failure = FailurePage {
            heading: EVIL.into(),
            explanation: EVIL.into(),
            code: "EG-2201".to_owned(),
            reference: "7F3K-92QD".into(),
            service: EVIL.into(),
            retry: Some(retry()),
            other_country: Some("/login/L".into()),
            cancel: Some(cancel()),
        };
        let waiting = WaitingPage {
            country: EVIL.into(),
            service: EVIL.into(),
            retry: retry(),
            other_country: Some("/login/L".into()),
            cancel: cancel(),
        };
        let error = ErrorPage {
            heading: EVIL.into(),
            explanation: EVIL.into(),
            code: "redirect_uri_unknown".into(),
            reference: "7F3K-92QD".into(),
        };
        let index = IndexPage {
            issuer: "https://gateway.example".into(),
            discovery: "/.well-known/openid-configuration".into(),
            metadata: "/saml/metadata".into(),
            jwks: "/jwks".into(),
            countries: vec![EVIL.into()],
        };
        let release = ReleasePage {
            asks: true,
            service: EVIL.into(),
            purpose: Some(EVIL.into()),
            country: EVIL.into(),
            level: EVIL.into(),
            data: vec![Datum { name: EVIL.into(), lines: vec![EVIL.into(), EVIL.into()] }],
            action: "/login/L/consent".into(),
            handle: EVIL.into(),
            token: EVIL.into(),
        };
        let logout = LogoutPage {
            service: Some(EVIL.into()),
            action: "/end_session/confirm".into(),
            token: EVIL.into(),
            fields: vec![Field::new("state", EVIL)],
        };
        let leave = LeavePage { service: EVIL.into(), explanation: EVIL.into(), address: EVIL.into() };
        let email = |sent_to: Option<&str>| EmailPage {
            service: EVIL.into(),
            sent_to: sent_to.map(str::to_owned),
            typed: EVIL.into(),
            notice: Some(EVIL.into()),
            reference: Some("7F3K-92QD".into()),
            action: "/login/L/email".into(),
            handle: EVIL.into(),
            token: EVIL.into(),
        };
        vec![
            ("email", email(None).html()),
            ("e-mail code", email(Some(EVIL)).html()),
            ("release", release.html()),
            ("logout", logout.html()),
            ("logged out", SaidPage::logged_out().html()),
            ("leave", leave.html()),
            ("country", country_page().html()),
            ("post", post.html()),
            ("failure", failure.html()),
            ("waiting", waiting.html()),
            ("wrong browser", WrongBrowserPage { reference: "7F3K-92QD".into() }.html()),
            ("error", error.html()),
            ("index", index.html()),
        ]
    }

    #[test]
    fn hostile_text_stays_text() {
        for (name, html) in all() {
            assert!(!html.contains("<img src=x"), "{name}");
            assert!(!html.contains("\" ' &"), "{name}");
        }
    }

    #[test]
    fn pages_satisfy_a_policy_without_inline_anything() {
        for (name, html) in all() {
            assert!(!html.contains("style="), "{name} has an inline style");
            assert!(!html.contains("<style"), "{name} has a style element");
            assert_eq!(html.matches("<script>").count(), usize::from(name == "post"), "{name}");
            for event in [" onclick=", " onload=", " onsubmit=", "javascript:"] {
                assert!(!html.contains(event), "{name} has {event}");
            }
            let foreign = ["src=\"http", "<link rel=\"stylesheet\" href=\"http", "url("];
            assert!(!foreign.iter().any(|f| html.contains(f)), "{name} loads from another host");
        }
    }

    #[test]
    fn pages_say_their_language_and_have_one_main_heading() {
        for (name, html) in all() {
            assert!(html.starts_with("<!doctype html>"), "{name}");
            assert!(html.contains("<html lang=\"en\">"), "{name}");
            assert_eq!(html.matches("<h1").count(), 1, "{name}");
            assert_eq!(html.matches("<main").count(), 1, "{name}");
        }
    }

    #[test]
    fn the_script_is_the_one_that_its_hash_allows() {
        use base64::Engine as _;
        let hash =
            openssl::hash::hash(openssl::hash::MessageDigest::sha256(), POST_SCRIPT.as_bytes()).unwrap();
        assert_eq!(base64::engine::general_purpose::STANDARD.encode(hash), POST_SCRIPT_SHA256);
        let page = PostPage::to_node("ES", "Spain", "https://node.example/sso", "PD94", None).html();
        assert!(page.contains(&format!("<script>{POST_SCRIPT}</script>")));
        assert!(page.contains(r#"<form id="post" method="post" action="https://node.example/sso">"#));
        assert!(page.contains(r#"<input type="hidden" name="SAMLRequest" value="PD94">"#));
        assert!(!page.contains("RelayState"));
    }

    #[test]
    fn a_country_is_a_button_and_an_unavailable_one_says_why() {
        let html = country_page().html();
        assert!(html.contains(r#"id="country-EL" name="country" value="EL">"#));
        assert!(
            html.contains(
                r#"id="country-ES" name="country" value="ES" disabled aria-describedby="reason-ES">"#
            )
        );
        assert!(html.contains("Family name"));
        assert!(!html.contains("No country can serve"));
        let mut page = country_page();
        page.countries.remove(0);
        assert!(page.html().contains("No country can serve"));
    }

    #[test]
    fn the_static_files_are_served_by_name_alone() {
        assert_eq!(assets::asset("style.css").unwrap().content_type, "text/css; charset=utf-8");
        assert!(assets::asset("mark.svg").unwrap().body.starts_with(b"<svg"));
        assert!(assets::asset("../style.css").is_none());
    }
}
