//! The assertion: SEC-20 to SEC-27.

use std::collections::BTreeSet;

use super::{Context, Envelope, Fault, Refusal, Verdict, ensure, quoted};
use crate::clock::Timestamp;
use crate::crypto::KeyTransport;
use crate::eidas::loa::{AssuranceLevel, Loa};
use crate::saml::names::{BEARER, DS, SAML2, XENC};
use crate::saml::{Assertion, AuthnStatement, Conditions, ReadError, Subject, SubjectConfirmation};
use crate::xml::dsig::{self, ReferenceRule};
use crate::xml::enc::{self, DecryptionError, DecryptionPolicy};
use crate::xml::{Element, Verified};

/// An assertion that was decrypted from a verified response.
pub(super) struct Opened {
    pub(super) assertion: Assertion,
    /// Whether a key came by the key transport of old nodes.
    pub(super) legacy_oaep: bool,
    /// Identifiers of the response's elements.
    outer_ids: BTreeSet<String>,
    /// Identifiers of the assertion's elements.
    inner_ids: Vec<String>,
    response_issuer: String,
    response_issued: Timestamp,
}

impl Opened {
    /// SEC-20 to SEC-22: decrypts, verifies the assertion's own signature if it has one, reads.
    pub(super) fn decrypt(envelope: &Envelope, context: &Context<'_>) -> Result<Self, Refusal> {
        let encrypted = envelope.verified.child(SAML2, "EncryptedAssertion").ok_or_else(|| {
            Fault::new("encrypted_assertions", "the response holds no encrypted assertion").under("SEC-19")
        })?;
        let policy = DecryptionPolicy { allow_rsa_oaep_mgf1p: context.quirks.legacy_oaep };
        let plaintext = enc::decrypt(&encrypted, &context.connector.decryption, &policy)
            .map_err(|e| undecryptable(&e))?;
        if !plaintext.element().is(SAML2, "Assertion") {
            return Err(unreadable(&ReadError::Root("saml2:Assertion")));
        }
        let inner_ids = ids(plaintext.element());
        let verified = verify_inner(plaintext, context).map_err(|fault| fault.under("SEC-22"))?;
        Ok(Self {
            legacy_oaep: encrypted.element().descendants().any(is_legacy_oaep),
            assertion: Assertion::read(&verified).map_err(|error| unreadable(&error))?,
            outer_ids: ids(envelope.verified.element()).into_iter().collect(),
            inner_ids,
            response_issuer: envelope.response.issuer.as_ref().map(|i| i.value.clone()).unwrap_or_default(),
            response_issued: envelope.response.issue_instant,
        })
    }

    fn subject(&self) -> Result<&Subject, Fault> {
        let subject = self.assertion.subject.as_ref();
        subject.ok_or_else(|| Fault::new("subject_missing", "the assertion has no subject"))
    }

    fn confirmation(&self) -> Result<&SubjectConfirmation, Fault> {
        match self.subject()?.confirmations.as_slice() {
            [confirmation] => Ok(confirmation),
            several => {
                Err(Fault::new("confirmations", format!("the subject has {} confirmations", several.len())))
            }
        }
    }

    fn conditions(&self) -> Result<&Conditions, Fault> {
        let conditions = self.assertion.conditions.as_ref();
        conditions.ok_or_else(|| Fault::new("conditions_missing", "the assertion has no conditions"))
    }

    fn authn_statement(&self) -> Result<&AuthnStatement, Fault> {
        match self.assertion.authn_statements.as_slice() {
            [statement] => Ok(statement),
            several => {
                Err(Fault::new("authn_statements", format!("there are {} AuthnStatements", several.len())))
            }
        }
    }

    /// When the person authenticated.
    pub(super) fn authn_instant(&self) -> Result<Timestamp, Fault> {
        Ok(self.authn_statement()?.authn_instant)
    }

    /// The earliest end of validity in the assertion.
    pub(super) fn expires(&self) -> Result<Timestamp, Fault> {
        let ends = [self.conditions()?.not_on_or_after, self.confirmation()?.not_on_or_after];
        ends.into_iter().flatten().min().ok_or_else(|| Fault::new("no_end", "the assertion never expires"))
    }

    /// The level that it states.
    pub(super) fn level(&self, context: &Context<'_>) -> Result<AssuranceLevel, Fault> {
        let uri = self.authn_statement()?.class_refs.first().map_or("", String::as_str);
        let level = if context.quirks.loa_aliases {
            AssuranceLevel::from_uri_or_alias(uri)
        } else {
            AssuranceLevel::from_uri(uri)
        };
        level.ok_or_else(|| Fault::new("level_unknown", format!("{} is no level of assurance", quoted(uri))))
    }
}

/// SEC-22. Most nodes do not sign the assertion; if one does, with a key of its metadata.
fn verify_inner(plaintext: Verified, context: &Context<'_>) -> Result<Verified, Fault> {
    let signed = plaintext.element().descendants().any(|e| e.is(DS, "Signature"));
    if !signed {
        ensure(!context.quirks.require_assertion_signature, "assertion_not_signed", || {
            "this country signs its assertions, this one is not signed".to_owned()
        })?;
        return Ok(plaintext);
    }
    let keys = context.node.signing_keys_at(context.now);
    dsig::verify(plaintext.element(), &keys, ReferenceRule::OwnId)
        .map_err(|error| Fault::new("assertion_signature", error.to_string()))
}

fn is_legacy_oaep(element: &Element) -> bool {
    element.is(XENC, "EncryptionMethod")
        && element.attribute("Algorithm") == Some(KeyTransport::RSA_OAEP_MGF1P)
}

fn undecryptable(error: &DecryptionError) -> Refusal {
    let (rule, code) = match error {
        DecryptionError::Algorithm(_) => ("SEC-20", "encryption_algorithm"),
        DecryptionError::Malformed(_) => ("SEC-20", "encryption_malformed"),
        DecryptionError::Failed => ("SEC-20", "decryption_failed"),
        DecryptionError::Plaintext(_) => ("SEC-21", "plaintext_malformed"),
    };
    Fault::new(code, error.to_string()).under(rule)
}

fn unreadable(error: &ReadError) -> Refusal {
    Fault::new("assertion_structure", error.to_string()).under("SEC-21")
}

/// All identifiers in a tree, under any name a library might look for.
fn ids(element: &Element) -> Vec<String> {
    let attributes = element.descendants().flat_map(Element::attributes);
    attributes.filter(|a| a.local().eq_ignore_ascii_case("id")).map(|a| a.value().trim().to_owned()).collect()
}

/// SEC-19. `EncryptedID` and `EncryptedAttribute` are not used in eIDAS.
pub(super) fn nothing_encrypted_inside(opened: &Opened, _: &Context<'_>) -> Verdict {
    let id = opened.assertion.subject.as_ref().is_some_and(|subject| subject.encrypted_id);
    let attributes: usize = opened.assertion.attribute_statements.iter().map(|s| s.encrypted).sum();
    ensure(!id && attributes == 0, "encrypted_part", || {
        "the assertion holds an EncryptedID or an EncryptedAttribute".to_owned()
    })
}

/// SEC-21.
pub(super) fn version_is_2_0(opened: &Opened, _: &Context<'_>) -> Verdict {
    let version = &opened.assertion.version;
    ensure(version == "2.0", "assertion_version", || format!("the assertion has version {}", quoted(version)))
}

/// SEC-21. Not after the response but for the clocks, and not from another day.
pub(super) fn issued_just_now(opened: &Opened, context: &Context<'_>) -> Verdict {
    let (issued, skew) = (opened.assertion.issue_instant, context.quirks.skew());
    let in_time = issued <= opened.response_issued + skew && context.pending.issued_at <= issued + skew;
    ensure(in_time, "assertion_issue_instant", || {
        format!("the assertion is of {issued}, the response of {}", opened.response_issued)
    })
}

/// SEC-21. No identifier twice within the assertion, none that the response has used.
pub(super) fn id_is_its_own(opened: &Opened, _: &Context<'_>) -> Verdict {
    let mut seen = BTreeSet::new();
    let own = opened.inner_ids.iter().all(|id| seen.insert(id) && !opened.outer_ids.contains(id));
    ensure(own && !opened.assertion.id.is_empty(), "assertion_id", || {
        "the assertion's identifier is empty or used twice".to_owned()
    })
}

/// SEC-23.
pub(super) fn issuer_is_the_same(opened: &Opened, _: &Context<'_>) -> Verdict {
    let issuer = opened.assertion.issuer.as_ref().map_or("", |issuer| issuer.value.as_str());
    ensure(issuer == opened.response_issuer, "assertion_issuer", || {
        format!("the assertion is issued by {}", quoted(issuer))
    })
}

/// SEC-24. Its value is not used: the PersonIdentifier is the key of a person.
pub(super) fn subject_has_a_name(opened: &Opened, _: &Context<'_>) -> Verdict {
    let name = opened.subject()?.name_id.as_ref();
    ensure(name.is_some_and(|name| name.value.chars().count() <= 1024), "name_id", || {
        "the subject has no NameID, or one that is too long".to_owned()
    })
}

/// SEC-24.
pub(super) fn one_confirmation(opened: &Opened, _: &Context<'_>) -> Verdict {
    opened.confirmation().map(drop)
}

/// SEC-24.
pub(super) fn method_is_bearer(opened: &Opened, _: &Context<'_>) -> Verdict {
    let method = &opened.confirmation()?.method;
    ensure(method == BEARER, "confirmation_method", || format!("the method is {}", quoted(method)))
}

/// SEC-24.
pub(super) fn recipient_is_our_acs(opened: &Opened, context: &Context<'_>) -> Verdict {
    let recipient = opened.confirmation()?.recipient.as_deref();
    ensure(recipient == Some(context.pending.acs_url.as_str()), "recipient", || {
        format!("the recipient is {}", recipient.map_or_else(|| "missing".to_owned(), quoted))
    })
}

/// SEC-24.
pub(super) fn confirmation_answers_the_request(opened: &Opened, context: &Context<'_>) -> Verdict {
    let id = opened.confirmation()?.in_response_to.as_deref();
    ensure(id == Some(context.pending.request_id.as_str()), "confirmation_in_response_to", || {
        "the confirmation answers another request or none".to_owned()
    })
}

/// SEC-24. `NotBefore` should not be there; Germany sends it, and then it counts.
pub(super) fn confirmation_is_valid_now(opened: &Opened, context: &Context<'_>) -> Verdict {
    let confirmation = opened.confirmation()?;
    let Some(end) = confirmation.not_on_or_after else {
        return Err(Fault::new("confirmation_no_end", "the confirmation has no NotOnOrAfter"));
    };
    in_window(confirmation.not_before, end, context, "confirmation_not_valid_now")
}

/// SEC-25.
pub(super) fn conditions_hold_now(opened: &Opened, context: &Context<'_>) -> Verdict {
    let conditions = opened.conditions()?;
    let (Some(start), Some(end)) = (conditions.not_before, conditions.not_on_or_after) else {
        return Err(Fault::new("conditions_no_window", "NotBefore or NotOnOrAfter is missing"));
    };
    in_window(Some(start), end, context, "conditions_not_valid_now")
}

fn in_window(start: Option<Timestamp>, end: Timestamp, context: &Context<'_>, code: &'static str) -> Verdict {
    let (now, skew) = (context.now, context.quirks.skew());
    ensure(start.is_none_or(|start| start <= now + skew), code, || {
        format!("it starts later than {now}: compare the clocks")
    })?;
    ensure(now < end + skew, code, || format!("it ended at {end}, it is {now}: compare the clocks"))
}

/// SEC-25. An unknown condition makes validity undetermined (SAML core §2.5.1.1). `OneTimeUse` is kept anyway,
/// `ProxyRestriction` speaks of issuing SAML, which we do not do.
pub(super) fn conditions_are_known(opened: &Opened, _: &Context<'_>) -> Verdict {
    ensure(!opened.conditions()?.unknown, "condition_unknown", || "there is an unknown condition".to_owned())
}

/// SEC-25. Each restriction must name us; without any, nobody is named.
pub(super) fn audience_is_us(opened: &Opened, context: &Context<'_>) -> Verdict {
    let restrictions = &opened.conditions()?.audience_restrictions;
    ensure(!restrictions.is_empty(), "audience_missing", || "no audience is named".to_owned())?;
    let us = |audience: &String| {
        *audience == context.connector.entity_id
            || (context.quirks.audience_acs_url && *audience == context.pending.acs_url)
    };
    ensure(restrictions.iter().all(|audiences| audiences.iter().any(us)), "audience_mismatch", || {
        format!("the audience is {}", quoted(&restrictions.concat().join(" ")))
    })
}

/// SEC-26 (Interoperability Architecture 1.4 §3.2.2).
pub(super) fn statements_are_two(opened: &Opened, _: &Context<'_>) -> Verdict {
    opened.authn_statement()?;
    let attributes = opened.assertion.attribute_statements.len();
    ensure(attributes == 1, "attribute_statements", || {
        format!("there are {attributes} AttributeStatements")
    })?;
    ensure(opened.assertion.other_statements == 0, "other_statements", || {
        "there is a statement that eIDAS does not know".to_owned()
    })
}

/// SEC-26. ForceAuthn was asked, so an older login will not do.
pub(super) fn authenticated_for_this_request(opened: &Opened, context: &Context<'_>) -> Verdict {
    let (at, skew) = (opened.authn_instant()?, context.quirks.skew());
    ensure(at <= context.now + skew, "authn_in_the_future", || {
        format!("authenticated at {at}, it is {}", context.now)
    })?;
    ensure(context.pending.issued_at <= at + skew, "authn_before_the_request", || {
        format!("authenticated at {at}, asked at {}", context.pending.issued_at)
    })
}

/// SEC-26.
pub(super) fn session_is_open(opened: &Opened, context: &Context<'_>) -> Verdict {
    let end = opened.authn_statement()?.session_not_on_or_after;
    ensure(end.is_none_or(|end| context.now < end + context.quirks.skew()), "session_ended", || {
        "the session has ended".to_owned()
    })
}

/// SEC-26.
pub(super) fn one_class(opened: &Opened, _: &Context<'_>) -> Verdict {
    let count = opened.authn_statement()?.class_refs.len();
    ensure(count == 1, "class_refs", || format!("there are {count} AuthnContextClassRefs"))
}

/// SEC-27.
pub(super) fn level_exists(opened: &Opened, context: &Context<'_>) -> Verdict {
    opened.level(context).map(drop)
}

/// SEC-27.
pub(super) fn level_satisfies_the_request(opened: &Opened, context: &Context<'_>) -> Verdict {
    let level = opened.level(context)?;
    ensure(context.pending.loa.admits(&level), "level_not_satisfied", || {
        format!("{} does not satisfy the request", quoted(level.uri()))
    })
}

/// SEC-27. Some nodes list their highest level only, so a lower notified one is taken as published too.
pub(super) fn level_is_published(opened: &Opened, context: &Context<'_>) -> Verdict {
    let level = opened.level(context)?;
    let published = context.node.loas();
    let highest: Option<Loa> = published.iter().filter_map(AssuranceLevel::notified).max();
    let below = level.notified().is_some_and(|level| highest.is_some_and(|highest| level <= highest));
    ensure(published.is_empty() || published.contains(&level) || below, "level_not_published", || {
        format!("{} is not among the levels that the node publishes", quoted(level.uri()))
    })
}
