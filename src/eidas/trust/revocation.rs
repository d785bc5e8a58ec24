//! Whether a certificate on the path to a metadata signer was revoked (Interoperability Architecture 1.4
//! §6.5): what has to be asked, what the answers so far amount to, and what it means when nobody answers.
//!
//! Decisions only. [`questions`] says whom to ask; whoever asks puts the answers into [`Answers`], which
//! judge and keep them; [`decide`] is part of [`super::check_with`]. What says nothing of revocation needs
//! no answer, and an anchor is revoked by the operator, who takes it away.

use std::collections::BTreeMap;
use std::time::Duration;

use super::check::{CountryTrust, TrustRefusal, refuse, signed};
use crate::clock::Timestamp;
use crate::crypto::Certificate;
use crate::crypto::revocation::{Revocation, by_crl, by_ocsp, ocsp_request};
use crate::xml::{Document, Limits};

/// What becomes of a country while nobody says whether its certificates were revoked. A certificate known
/// to be revoked is refused by `Hard` and `Soft` alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RevocationPolicy {
    /// Refused.
    Hard,
    /// Accepted, with a warning.
    #[default]
    Soft,
    /// Nobody is asked.
    Off,
}

/// Something to ask. Answers go into [`Answers::add`].
#[derive(Clone, Debug)]
pub struct Question {
    /// Where: an http address that a certificate names, whose issuer is vouched for.
    pub url: String,
    /// The OCSP request to post (`application/ocsp-request`); none for a revocation list, which is fetched.
    pub post: Option<Vec<u8>>,
    certificate: Certificate,
    issuer: Certificate,
}

/// What was answered so far, for any number of countries: by certificate, issuer and address.
#[derive(Clone, Debug, Default)]
pub struct Answers(BTreeMap<Key, Answer>);

/// SHA-256 of the certificate, SHA-256 of its issuer, the address.
type Key = ([u8; 32], [u8; 32], String);

#[derive(Clone, Debug)]
enum Answer {
    Good { until: Timestamp },
    Revoked { asked: Timestamp },
    None { asked: Timestamp, reason: String },
}

/// How long before somebody who gave no answer, or called a certificate revoked, is asked again.
const PAUSE: Duration = Duration::from_secs(300);
/// Addresses asked for one certificate.
const MAX_SOURCES: usize = 4;

impl Answers {
    /// Judges what came back to `question`, or why nothing did, and keeps it: a good answer until its
    /// `nextUpdate`, a revocation until the same source takes it back.
    pub fn add(&mut self, question: &Question, answer: Result<Vec<u8>, String>, now: Timestamp) {
        let Question { certificate, issuer, .. } = question;
        let judged = answer.and_then(|octets| {
            let said = match question.post {
                Some(_) => by_ocsp(&octets, certificate, issuer, now),
                None => by_crl(&octets, certificate, issuer, now),
            };
            said.map_err(|error| error.to_string())
        });
        let key = key(certificate, issuer, &question.url);
        let judged = match judged {
            Ok(Revocation::Good { until }) => Answer::Good { until },
            Ok(Revocation::Revoked) => Answer::Revoked { asked: now },
            Err(_) if matches!(self.0.get(&key), Some(Answer::Revoked { .. })) => {
                Answer::Revoked { asked: now }
            }
            Err(reason) => Answer::None { asked: now, reason },
        };
        self.0.retain(|_, old| !matches!(old, Answer::Good { until } if *until < now));
        self.0.insert(key, judged);
    }

    fn of(&self, certificate: &Certificate, issuer: &Certificate, now: Timestamp) -> Status {
        let mut reasons = Vec::new();
        let mut good = false;
        for url in sources(certificate) {
            match self.0.get(&key(certificate, issuer, url)) {
                Some(Answer::Revoked { .. }) => return Status::Revoked,
                Some(Answer::Good { until }) => good |= now <= *until,
                Some(Answer::None { reason, .. }) => reasons.push(format!("{url}: {reason}")),
                None => {}
            }
        }
        match good {
            true => Status::Good,
            false => Status::Unknown(reasons.join("; ")),
        }
    }

    fn is_due(&self, key: &Key, now: Timestamp) -> bool {
        match self.0.get(key) {
            Some(Answer::Good { until }) => now > *until,
            Some(Answer::Revoked { asked } | Answer::None { asked, .. }) => now.since(*asked) >= PAUSE,
            None => true,
        }
    }
}

enum Status {
    Good,
    Revoked,
    Unknown(String),
}

/// What must be asked before the document can be judged: nothing if the country does not care, if no anchor
/// of it vouches for the document in the first place, or if all is known already.
#[must_use]
pub fn questions(metadata: &[u8], trust: &CountryTrust, answers: &Answers, now: Timestamp) -> Vec<Question> {
    if trust.revocation == RevocationPolicy::Off || trust.pinned.is_some() {
        return Vec::new();
    }
    let Ok(document) = Document::parse(metadata, &Limits::METADATA) else { return Vec::new() };
    // Only a certificate that is vouched for may make us call an address.
    let Ok((_, path)) = signed(document.root(), trust, now) else { return Vec::new() };
    links(&path).flat_map(|(certificate, issuer)| about(certificate, issuer, answers, now)).collect()
}

/// What must be asked about one certificate.
fn about(
    certificate: &Certificate,
    issuer: &Certificate,
    answers: &Answers,
    now: Timestamp,
) -> Vec<Question> {
    if matches!(answers.of(certificate, issuer, now), Status::Good) {
        return Vec::new();
    }
    let responders = certificate.ocsp_urls();
    let due = sources(certificate).filter(|url| answers.is_due(&key(certificate, issuer, url), now));
    due.filter_map(|url| {
        let post = match responders.contains(url) {
            true => Some(ocsp_request(certificate, issuer).ok()?),
            false => None,
        };
        Some(Question { url: url.clone(), post, certificate: certificate.clone(), issuer: issuer.clone() })
    })
    .collect()
}

/// Judges a path, the signer first: whether all that can be revoked is known not to be. What an operator
/// should know of it comes back as warnings.
pub(super) fn decide(
    path: &[Certificate],
    policy: RevocationPolicy,
    answers: &Answers,
    now: Timestamp,
) -> Result<Vec<String>, TrustRefusal> {
    let mut warnings = Vec::new();
    if policy == RevocationPolicy::Off {
        return Ok(warnings);
    }
    for (certificate, issuer) in links(path).filter(|(certificate, _)| certificate.names_revocation()) {
        let subject = certificate.subject();
        match (answers.of(certificate, issuer, now), policy) {
            (Status::Good, _) => {}
            (Status::Revoked, _) => {
                return Err(refuse("signer_revoked", format!("the certificate {subject} was revoked")));
            }
            (Status::Unknown(why), RevocationPolicy::Hard) => {
                let detail = format!("nobody says whether {subject} was revoked. {why}");
                return Err(refuse("revocation_unknown", detail.trim_end()));
            }
            (Status::Unknown(why), _) => {
                let warning = format!("nobody says whether {subject} was revoked. {why}");
                warnings.push(warning.trim_end().to_owned());
            }
        }
    }
    Ok(warnings)
}

/// Each certificate below the anchor, with its issuer.
fn links(path: &[Certificate]) -> impl Iterator<Item = (&Certificate, &Certificate)> {
    path.iter().zip(path.iter().skip(1))
}

/// Whom a certificate names: responders first, because their answers are small and fresh.
fn sources(certificate: &Certificate) -> impl Iterator<Item = &String> {
    certificate.ocsp_urls().iter().chain(certificate.crl_urls()).take(MAX_SOURCES)
}

fn key(certificate: &Certificate, issuer: &Certificate, url: &str) -> Key {
    (certificate.fingerprint(), issuer.fingerprint(), url.to_owned())
}
