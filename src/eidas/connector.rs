//! Who we are: the eIDAS-Connector, as our metadata and our requests say it.

use super::country::CountryCode;
use super::kind::SpType;
use crate::crypto::{Certificate, DecryptionKey, SigningKey};

/// Ourselves.
#[derive(Clone, Debug)]
pub struct Connector {
    /// entityID: the https URL at which our metadata is published (Interoperability Architecture 1.4 §6.4).
    pub entity_id: String,
    /// The AssertionConsumerService, at which responses arrive by HTTP-POST.
    pub acs_url: String,
    /// The country that operates us: NodeCountry.
    pub country: CountryCode,
    /// `vendor:software:version` (Message Format 1.4 §3.3).
    pub application_identifier: String,
    /// The name under which requests are made if a client has none of its own.
    pub provider_name: Option<String>,
    /// The sector, if all clients are of one; then it stands in metadata and never in requests
    /// (Message Format 1.4 §4.1).
    pub sp_type: Option<SpType>,
    /// The operator, for metadata.
    pub organization: Option<Organization>,
    /// The contact for support.
    pub support: Option<Contact>,
    /// The technical contact.
    pub technical: Option<Contact>,
    /// Signs requests. Its certificate is published.
    pub signing: SigningKey,
    /// Further signing certificates to publish, during a change of keys.
    pub extra_signing_certificates: Vec<Certificate>,
    /// Signs our metadata.
    pub metadata_signing: SigningKey,
    /// The certificates from the metadata signer's issuer up to the anchor that others pinned.
    pub metadata_chain: Vec<Certificate>,
    /// Decrypts assertions. The first one's certificate is published, the others are still tried.
    pub decryption: Vec<DecryptionKey>,
}

/// `md:Organization`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// `OrganizationName`
    pub name: String,
    /// `OrganizationDisplayName`
    pub display_name: String,
    /// `OrganizationURL`
    pub url: String,
    /// `xml:lang` of the three.
    pub language: String,
}

/// `md:ContactPerson`. An office rather than a person: metadata is public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// `Company`
    pub company: Option<String>,
    /// `GivenName`
    pub given_name: Option<String>,
    /// `SurName`
    pub surname: Option<String>,
    /// `EmailAddress`, without `mailto:`.
    pub email: String,
    /// `TelephoneNumber`
    pub telephone: Option<String>,
}

/// Why a connector must not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// No key to decrypt with.
    #[error("there is no key to decrypt assertions with")]
    NoDecryptionKey,
    /// One key for two purposes (Cryptographic Requirements 1.4 §3.5.2).
    #[error("one key both signs and decrypts; eIDAS wants different keys")]
    SharedKey,
}

impl Connector {
    /// Whether the keys are fit for use together.
    ///
    /// # Errors
    /// [`ConnectorError`].
    pub fn check(&self) -> Result<(), ConnectorError> {
        if self.decryption.is_empty() {
            return Err(ConnectorError::NoDecryptionKey);
        }
        let signing = [&self.signing, &self.metadata_signing].map(|key| key.certificate().spki());
        if self.decryption.iter().any(|key| signing.contains(&key.certificate().spki())) {
            return Err(ConnectorError::SharedKey);
        }
        Ok(())
    }
}
