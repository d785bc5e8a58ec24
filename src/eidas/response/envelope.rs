//! The envelope: SEC-07 to SEC-19.

use std::time::Duration;

use super::{Context, Fault, Inbound, Refusal, Verdict, ensure, quoted};
use crate::saml::Response;
use crate::saml::names::{DS, NAMEID_ENTITY, SAML2, status};
use crate::xml::dsig::{self, ReferenceRule, SignatureError};
use crate::xml::{Element, Verified};

/// A response that a key of the node signed.
pub(super) struct Envelope {
    pub(super) verified: Verified,
    pub(super) response: Response,
}

/// How old a response may be: it is made while the browser waits and posted at once.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);

impl Envelope {
    /// SEC-07 to SEC-12. From here on only the verified element is read; the document that arrived is gone.
    pub(super) fn verify(inbound: Inbound, context: &Context<'_>) -> Result<Self, Refusal> {
        let root = inbound.root;
        let keys = context.node.signing_keys_at(context.now);
        signature_follows_the_issuer(&root).map_err(|fault| fault.under("SEC-07"))?;
        let verified = dsig::verify(&root, &keys, ReferenceRule::OwnId).map_err(|error| refused(&error))?;
        let response = Response::read(&verified)
            .map_err(|error| Fault::new("structure", error.to_string()).under("SEC-12"))?;
        Ok(Self { verified, response })
    }

    pub(super) fn is_success(&self) -> bool {
        self.response.status.code == status::SUCCESS
    }
}

/// The schema's place for it. How many there are is for the verification to say.
fn signature_follows_the_issuer(root: &Element) -> Verdict {
    let mut children = root.elements().skip_while(|child| child.is(SAML2, "Issuer"));
    let here = root.children(DS, "Signature").next().is_some();
    let in_place = children.next().is_some_and(|child| child.is(DS, "Signature"));
    ensure(!here || in_place, "signature_misplaced", || "the signature does not follow the Issuer".to_owned())
}

fn refused(error: &SignatureError) -> Refusal {
    use SignatureError as E;
    let (rule, code) = match error {
        E::Missing => ("SEC-07", "signature_missing"),
        E::Several => ("SEC-07", "signature_several"),
        E::Misplaced => ("SEC-07", "signature_misplaced"),
        E::Malformed(_) => ("SEC-08", "signature_malformed"),
        E::DuplicateId => ("SEC-08", "duplicate_id"),
        E::Reference => ("SEC-08", "reference"),
        E::Transform(_) => ("SEC-09", "transform"),
        E::Canonicalization(_) => ("SEC-09", "canonicalization"),
        E::SignatureAlgorithm(_) => ("SEC-09", "signature_algorithm"),
        E::DigestAlgorithm(_) => ("SEC-09", "digest_algorithm"),
        E::Signature => ("SEC-10", "signature_invalid"),
        E::Key => ("SEC-11", "no_fitting_key"),
        E::Digest => ("SEC-12", "content_changed"),
    };
    Fault::new(code, error.to_string()).under(rule)
}

/// SEC-13. Unsolicited responses are not accepted (Interoperability Architecture 1.4 §3.2.2.2).
pub(super) fn answers_the_request(envelope: &Envelope, context: &Context<'_>) -> Verdict {
    match envelope.response.in_response_to.as_deref() {
        None => Err(Fault::new("in_response_to_missing", "the response answers no request")),
        Some(id) => ensure(id == context.pending.request_id, "in_response_to_mismatch", || {
            format!("the response answers {}, not the request made", quoted(id))
        }),
    }
}

/// SEC-14. Validity is checked at use, for a node is revoked by letting its metadata lapse.
pub(super) fn metadata_is_valid(_: &Envelope, context: &Context<'_>) -> Verdict {
    ensure(context.node.usable_at(context.now), "metadata_expired", || {
        format!("the node's metadata was valid until {}", context.node.valid_until())
    })
}

/// SEC-14.
pub(super) fn issuer_is_the_node_asked(envelope: &Envelope, context: &Context<'_>) -> Verdict {
    let Some(issuer) = &envelope.response.issuer else {
        return Err(Fault::new("issuer_missing", "the response names no issuer"));
    };
    ensure(issuer.format.as_deref().is_none_or(|format| format == NAMEID_ENTITY), "issuer_format", || {
        "the Issuer is not an entity".to_owned()
    })?;
    let asked = context.node.entity_id() == context.pending.entity_id;
    ensure(asked && issuer.value == context.pending.entity_id, "issuer_mismatch", || {
        format!(
            "the response is from {}, asked was {}",
            quoted(&issuer.value),
            quoted(&context.pending.entity_id)
        )
    })
}

/// SEC-14. The node's country is the NodeCountry of its metadata.
pub(super) fn country_is_the_one_asked(_: &Envelope, context: &Context<'_>) -> Verdict {
    ensure(context.node.country() == context.pending.country, "country_mismatch", || {
        format!("the node is of {}, asked was {}", context.node.country(), context.pending.country)
    })
}

/// SEC-15. Octet by octet: not the same host in other letters, not with a slash at the end.
pub(super) fn destination_is_ours(envelope: &Envelope, context: &Context<'_>) -> Verdict {
    match envelope.response.destination.as_deref() {
        None => Err(Fault::new("destination_missing", "the response names no destination")),
        Some(destination) => ensure(destination == context.pending.acs_url, "destination_mismatch", || {
            format!("the response is for {}", quoted(destination))
        }),
    }
}

/// SEC-16.
pub(super) fn version_is_2_0(envelope: &Envelope, _: &Context<'_>) -> Verdict {
    let version = &envelope.response.version;
    ensure(version == "2.0", "version", || format!("the response has version {}", quoted(version)))
}

/// SEC-16.
pub(super) fn issued_just_now(envelope: &Envelope, context: &Context<'_>) -> Verdict {
    let (issued, now, skew) = (envelope.response.issue_instant, context.now, context.quirks.skew());
    ensure(issued <= now + skew, "issued_in_the_future", || {
        format!("issued at {issued}, it is {now}: compare the clocks")
    })?;
    ensure(now <= issued + MAX_AGE + skew, "issued_too_long_ago", || {
        format!("issued at {issued}, it is {now}: compare the clocks")
    })?;
    ensure(context.pending.issued_at <= issued + skew, "issued_before_the_request", || {
        format!("issued at {issued}, the request at {}: compare the clocks", context.pending.issued_at)
    })
}

/// SEC-18. What follows from another status than success is decided in [`super::judge`]: no row after this one
/// is looked at, and no assertion.
pub(super) fn status_is_there(envelope: &Envelope, _: &Context<'_>) -> Verdict {
    ensure(!envelope.response.status.code.is_empty(), "status_missing", || {
        "the status code is empty".to_owned()
    })
}

/// SEC-19. eIDAS assertions are encrypted (Interoperability Architecture 1.4 §3.2.2).
pub(super) fn no_plain_assertion(envelope: &Envelope, _: &Context<'_>) -> Verdict {
    ensure(envelope.response.assertions.is_empty(), "plain_assertion", || {
        "the response holds an assertion that is not encrypted".to_owned()
    })
}

/// SEC-19.
pub(super) fn one_encrypted_assertion(envelope: &Envelope, _: &Context<'_>) -> Verdict {
    let count = envelope.response.encrypted_assertions.len();
    ensure(count == 1, "encrypted_assertions", || format!("the response holds {count} encrypted assertions"))
}
