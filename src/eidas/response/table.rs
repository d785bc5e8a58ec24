//! The table. Reading it tells what is checked, and in which order.

use super::assertion::{self, Opened};
use super::envelope::{self, Envelope};
use super::person::{self, Statement};
use super::{Context, Verdict};

/// A row.
pub struct Rule {
    /// Its name: `SEC-15`.
    pub id: &'static str,
    /// What it demands.
    pub demands: &'static str,
    pub(super) checks: &'static [Check],
}

/// Where a row is decided.
pub(super) enum Check {
    /// Not in this module; the text says where.
    Elsewhere(&'static str),
    /// While the form field is read: `inbound.rs`.
    Reading,
    /// While the signature is verified: `envelope.rs`, by `xml::dsig`.
    Signature,
    /// On the verified envelope of any response.
    Envelope(fn(&Envelope, &Context<'_>) -> Verdict),
    /// On the verified envelope of a response that reports success.
    Content(fn(&Envelope, &Context<'_>) -> Verdict),
    /// While the assertion is decrypted and read: `assertion.rs`, by `xml::enc`.
    Decryption,
    /// On the assertion.
    Assertion(fn(&Opened, &Context<'_>) -> Verdict),
    /// On the attributes.
    Person(fn(&Statement<'_>, &Context<'_>) -> Verdict),
}

impl Rule {
    /// Where the row is decided, if not while a response is read and judged.
    #[must_use]
    pub fn elsewhere(&self) -> Option<&'static str> {
        self.checks.iter().find_map(|check| match check {
            Check::Elsewhere(place) => Some(*place),
            _ => None,
        })
    }
}

use Check::{Assertion, Content, Decryption, Elsewhere, Person, Reading, Signature};

/// All checks of a received response, in their order.
#[rustfmt::skip]
pub static RULES: &[Rule] = &[
    Rule { id: "SEC-01", demands: "HTTP POST to the ACS with one SAMLResponse", checks: &[Elsewhere("web, the ACS route")] },
    Rule { id: "SEC-02", demands: "size and base64 are checked before anything is decoded", checks: &[Reading] },
    Rule { id: "SEC-03", demands: "no DTD, no entities, no processing instructions", checks: &[Reading] },
    Rule { id: "SEC-04", demands: "limits on depth, attributes and nodes", checks: &[Reading] },
    Rule { id: "SEC-05", demands: "UTF-8 only", checks: &[Reading] },
    Rule { id: "SEC-06", demands: "a saml2p:Response with the structure of its schema", checks: &[Reading] },
    Rule { id: "SEC-07", demands: "one ds:Signature, right after the Issuer", checks: &[Signature] },
    Rule { id: "SEC-08", demands: "one Reference, to the Response's own ID, which is unique", checks: &[Signature] },
    Rule { id: "SEC-09", demands: "transforms, canonicalisation, signature and digest algorithms of the list", checks: &[Signature] },
    Rule { id: "SEC-10", demands: "signed by a key of the node's verified metadata", checks: &[Signature] },
    Rule { id: "SEC-11", demands: "the key is strong enough and fits the algorithm", checks: &[Signature] },
    Rule { id: "SEC-12", demands: "what is read is what was signed", checks: &[Signature] },
    Rule { id: "SEC-13", demands: "it answers the request that was made", checks: &[Check::Envelope(envelope::answers_the_request)] },
    Rule { id: "SEC-14", demands: "it comes from the node that was asked, whose metadata is valid", checks: &[
        Check::Envelope(envelope::metadata_is_valid),
        Check::Envelope(envelope::issuer_is_the_node_asked),
        Check::Envelope(envelope::country_is_the_one_asked),
    ] },
    Rule { id: "SEC-15", demands: "its Destination is our ACS", checks: &[Check::Envelope(envelope::destination_is_ours)] },
    Rule { id: "SEC-16", demands: "SAML 2.0, issued just now", checks: &[
        Check::Envelope(envelope::version_is_2_0),
        Check::Envelope(envelope::issued_just_now),
    ] },
    Rule { id: "SEC-17", demands: "neither Response ID nor Assertion ID was seen before", checks: &[Elsewhere("store, in the transaction that accepts the answer")] },
    Rule { id: "SEC-18", demands: "without success no assertion is looked at", checks: &[Check::Envelope(envelope::status_is_there)] },
    Rule { id: "SEC-19", demands: "one encrypted assertion and nothing else", checks: &[
        Content(envelope::no_plain_assertion),
        Content(envelope::one_encrypted_assertion),
        Assertion(assertion::nothing_encrypted_inside),
    ] },
    Rule { id: "SEC-20", demands: "encryption algorithms of the list", checks: &[Decryption] },
    Rule { id: "SEC-21", demands: "the plaintext is one assertion with the structure of its schema", checks: &[
        Decryption,
        Assertion(assertion::version_is_2_0),
        Assertion(assertion::issued_just_now),
        Assertion(assertion::id_is_its_own),
    ] },
    Rule { id: "SEC-22", demands: "a signature of the assertion, if there is one, verifies", checks: &[Decryption] },
    Rule { id: "SEC-23", demands: "the assertion has the same issuer", checks: &[Assertion(assertion::issuer_is_the_same)] },
    Rule { id: "SEC-24", demands: "one bearer confirmation for us, for this request, for now", checks: &[
        Assertion(assertion::subject_has_a_name),
        Assertion(assertion::one_confirmation),
        Assertion(assertion::method_is_bearer),
        Assertion(assertion::recipient_is_our_acs),
        Assertion(assertion::confirmation_answers_the_request),
        Assertion(assertion::confirmation_is_valid_now),
    ] },
    Rule { id: "SEC-25", demands: "conditions that hold now and name us as the audience", checks: &[
        Assertion(assertion::conditions_hold_now),
        Assertion(assertion::conditions_are_known),
        Assertion(assertion::audience_is_us),
    ] },
    Rule { id: "SEC-26", demands: "one authentication, one attribute statement, one class", checks: &[
        Assertion(assertion::statements_are_two),
        Assertion(assertion::authenticated_for_this_request),
        Assertion(assertion::session_is_open),
        Assertion(assertion::one_class),
    ] },
    Rule { id: "SEC-27", demands: "the level of assurance satisfies the request and is one that the node publishes", checks: &[
        Assertion(assertion::level_exists),
        Assertion(assertion::level_satisfies_the_request),
        Assertion(assertion::level_is_published),
    ] },
    Rule { id: "SEC-28", demands: "identifiers of the right form, from that country, for ours", checks: &[
        Person(person::identifiers_have_their_form),
        Person(person::identifiers_are_of_the_country),
        Person(person::identifiers_are_for_us),
    ] },
    Rule { id: "SEC-29", demands: "a complete minimum data set of the kind asked, each attribute once, in clean values", checks: &[
        Person(person::no_attribute_twice),
        Person(person::values_are_clean),
        Person(person::kind_is_the_one_asked),
        Person(person::data_set_is_complete),
    ] },
    Rule { id: "SEC-30", demands: "a representative only where one is allowed, and then one, complete", checks: &[
        Person(person::representative_is_allowed),
        Person(person::representative_is_one),
        Person(person::representative_is_complete),
    ] },
    Rule { id: "SEC-31", demands: "what was not asked, or is not known, is dropped", checks: &[Elsewhere("Statement::dropped names it, and Statement::subject does not read it")] },
    Rule { id: "SEC-32", demands: "the request is consumed once, the level is checked again", checks: &[Elsewhere("store, by one conditional update; login, before the code is issued")] },
    Rule { id: "SEC-33", demands: "outwardly all refusals look the same", checks: &[Elsewhere("login, the one failure table")] },
    Rule { id: "SEC-34", demands: "a record of node, message identifiers and time, and nothing personal", checks: &[Elsewhere("login, in the record it writes")] },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_34_rows_stand_in_their_order() {
        let expected: Vec<String> = (1..=34).map(|n| format!("SEC-{n:02}")).collect();
        assert_eq!(RULES.iter().map(|rule| rule.id).collect::<Vec<_>>(), expected);
        assert!(RULES.iter().all(|rule| !rule.checks.is_empty()));
    }
}
