//! Where a client's `email` comes from.

use super::{Client, EmailSource, SubMode};
use crate::config::fault::Findings;
use crate::login::email;

impl Client {
    pub(super) fn check_email(&self, at: &str, findings: &mut Findings) {
        let mut add = |key: &str, code, message: &str| findings.add(format!("{at}.{key}"), code, message);
        let alias = self.email_source == EmailSource::Alias;
        match &self.email_alias_domain {
            None if alias => {
                add(
                    "email_alias_domain",
                    "missing_key",
                    "email_source = \"alias\" needs the domain of the aliases",
                );
            }
            Some(_) if !alias => {
                add("email_alias_domain", "contradiction", "only email_source = \"alias\" has a domain");
            }
            Some(domain) if !email::is_domain(domain) => {
                add(
                    "email_alias_domain",
                    "bad_value",
                    "a domain is written as eid.example.org, in lower case",
                );
            }
            _ => {}
        }
        if alias && self.sub == SubMode::Raw {
            let message = "an alias is made of the sub, and sub = \"raw\" is the national identifier";
            add("email_source", "contradiction", message);
        }
    }

    pub(in crate::config) fn open_email_source(&self) -> email::EmailSource {
        match (self.email_source, &self.email_alias_domain) {
            (EmailSource::Collect, _) => email::EmailSource::Collect,
            (EmailSource::Alias, Some(domain)) => email::EmailSource::Alias { domain: domain.clone() },
            (EmailSource::None, _) | (EmailSource::Alias, None) => email::EmailSource::Country,
        }
    }
}
