//! The rotation file: which key takes the place of which, and when. `keys rotate` writes it; what follows
//! from it is decided in `eidas::rollover`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::connector::KeyPair;
use super::files::Files;
use super::oidc::{TokenAlgorithm, TokenKey};
use crate::clock::Timestamp;
use crate::crypto::turn::{Stage, Turn};
use crate::crypto::{Certificate, DecryptionKey, SigningKey};
use crate::eidas::rollover::{KeyUse, stages};
use crate::oidc::token_keys::KEEP;

/// Keys that take the place of those in `gateway.toml`, in the order in which they do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// After `connector.signing`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signing: Vec<Planned>,
    /// After the first of `connector.encryption`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encryption: Vec<Planned>,
    /// After `connector.metadata_signing`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata_signing: Vec<Planned>,
    /// After the first of `oidc.signing_key` with the same algorithm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token: Vec<PlannedToken>,
}

/// A key and its two instants.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// The private key, relative to the rotation file.
    pub key_file: PathBuf,
    /// Its certificate, relative to the rotation file.
    pub certificate_file: PathBuf,
    /// From when its certificate is published.
    #[serde(with = "words")]
    pub publish_from: Timestamp,
    /// From when it is used.
    #[serde(with = "words")]
    pub use_from: Timestamp,
    /// For how many minutes the key before it is still needed from then on, if that one has leaked. Without it
    /// the key before it is needed for as long as peers may have our metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_minutes: Option<u32>,
}

/// A key that signs tokens, and its two instants.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedToken {
    /// What it signs with.
    pub algorithm: TokenAlgorithm,
    /// The private key, relative to the rotation file.
    pub key_file: PathBuf,
    /// From when it is published.
    #[serde(with = "words")]
    pub publish_from: Timestamp,
    /// From when it signs.
    #[serde(with = "words")]
    pub use_from: Timestamp,
    /// For how many minutes the key before it is still published from then on, if that one has leaked. Without
    /// it that key is published for as long as what it signed may be valid, and a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_minutes: Option<u32>,
}

impl Planned {
    fn turn(&self) -> Turn {
        turn(self.publish_from, self.use_from, self.keep_minutes)
    }
}

fn turn(publish_from: Timestamp, use_from: Timestamp, keep_minutes: Option<u32>) -> Turn {
    let keep = keep_minutes.map(|minutes| Duration::from_secs(60 * u64::from(minutes)));
    Turn { publish_from, use_from, keep }
}

/// A key that is not retired, before its files are opened.
pub(super) struct Live {
    at: String,
    pair: KeyPair,
    turn: Turn,
    stage: Stage,
}

impl Rotation {
    /// Reads the file at `path`; nothing is planned if there is none.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
        };
        let mut rotation: Self =
            toml::from_str(&text).map_err(|error| format!("{}: {}", path.display(), error.message()))?;
        let base = path.parent().unwrap_or_else(|| Path::new(""));
        for usage in [KeyUse::Signing, KeyUse::Encryption, KeyUse::MetadataSigning] {
            let planned = rotation.of_mut(usage);
            planned.sort_by_key(|key| key.use_from);
            for key in planned {
                key.key_file = base.join(&key.key_file);
                key.certificate_file = base.join(&key.certificate_file);
            }
        }
        rotation.token.sort_by_key(|key| key.use_from);
        for key in &mut rotation.token {
            key.key_file = base.join(&key.key_file);
        }
        Ok(rotation)
    }

    /// The text of a rotation file, with the files named relative to the folder `base`.
    #[must_use]
    pub fn text(&self, base: &Path) -> String {
        let mut relative = self.clone();
        for usage in [KeyUse::Signing, KeyUse::Encryption, KeyUse::MetadataSigning] {
            for key in relative.of_mut(usage) {
                for file in [&mut key.key_file, &mut key.certificate_file] {
                    if let Ok(inside) = file.strip_prefix(base) {
                        *file = inside.to_owned();
                    }
                }
            }
        }
        for key in &mut relative.token {
            if let Ok(inside) = key.key_file.strip_prefix(base) {
                key.key_file = inside.to_owned();
            }
        }
        format!("{HEAD}{}", toml::to_string(&relative).unwrap_or_default())
    }

    /// What is planned for `usage`.
    #[must_use]
    pub fn of(&self, usage: KeyUse) -> &[Planned] {
        match usage {
            KeyUse::Signing => &self.signing,
            KeyUse::Encryption => &self.encryption,
            KeyUse::MetadataSigning => &self.metadata_signing,
        }
    }

    /// What is planned for `usage`, to be changed.
    pub fn of_mut(&mut self, usage: KeyUse) -> &mut Vec<Planned> {
        match usage {
            KeyUse::Signing => &mut self.signing,
            KeyUse::Encryption => &mut self.encryption,
            KeyUse::MetadataSigning => &mut self.metadata_signing,
        }
    }

    /// As [`Self::load`], for a configuration that is being opened.
    pub(super) fn read(path: &Path, files: &mut Files<'_>) -> Option<Self> {
        Self::load(path).map_err(|why| files.findings.add(AT, "bad_rotation", why)).ok()
    }

    /// The keys for `usage` that somebody may still need: that of the configuration, and those planned.
    pub(super) fn live(&self, usage: KeyUse, at: String, first: &KeyPair, now: Timestamp) -> Vec<Live> {
        let planned = self.of(usage).iter().map(|key| {
            let (key_file, certificate_file) = (key.key_file.clone(), key.certificate_file.clone());
            (AT.to_owned(), KeyPair { key_file, certificate_file, digest: first.digest }, key.turn())
        });
        let all: Vec<_> = [(at, first.clone(), Turn::FIRST)].into_iter().chain(planned).collect();
        let turns: Vec<Turn> = all.iter().map(|(.., turn)| *turn).collect();
        let live = all.into_iter().zip(stages(usage, &turns, now));
        live.filter(|(_, stage)| *stage != Stage::Retired)
            .map(|((at, pair, turn), stage)| Live { at, pair, turn, stage })
            .collect()
    }
}

/// A key that signs tokens and is not retired, before its file is opened.
pub(super) struct LiveToken {
    pub(super) at: String,
    pub(super) key: TokenKey,
    pub(super) turn: Turn,
}

impl Rotation {
    /// The keys with the algorithm of `first`, which the key `at` names, that somebody may still need: that one,
    /// and those planned.
    pub(super) fn live_tokens(&self, at: String, first: &TokenKey, now: Timestamp) -> Vec<LiveToken> {
        let planned = self.token.iter().filter(|key| key.algorithm == first.algorithm).map(|planned| {
            let key = TokenKey { key_file: planned.key_file.clone(), algorithm: planned.algorithm };
            let turn = turn(planned.publish_from, planned.use_from, planned.keep_minutes);
            LiveToken { at: AT.to_owned(), key, turn }
        });
        let first = LiveToken { at, key: first.clone(), turn: Turn::FIRST };
        let all: Vec<_> = [first].into_iter().chain(planned).collect();
        let turns: Vec<Turn> = all.iter().map(|key| key.turn).collect();
        let live = all.into_iter().zip(crate::crypto::turn::stages(KEEP, &turns, now));
        live.filter(|(_, stage)| *stage != Stage::Retired).map(|(key, _)| key).collect()
    }
}

impl Live {
    pub(super) fn open(&self, files: &mut Files<'_>) -> Option<(Turn, (SigningKey, Vec<Certificate>))> {
        Some((self.turn, files.signing_key(&self.at, &self.pair, self.stage)?))
    }

    pub(super) fn open_decryption(&self, files: &mut Files<'_>) -> Option<(Turn, DecryptionKey)> {
        Some((self.turn, files.decryption_key(&self.at, &self.pair, self.stage)?))
    }
}

/// Instants as text, as everywhere else.
mod words {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::clock::Timestamp;

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse(&text)
            .ok_or_else(|| de::Error::custom(format!("`{text}` is not a time as in 2026-11-21T17:56:39Z")))
    }
}

/// The key of the configuration that leads here.
const AT: &str = "connector.rotation_file";

const HEAD: &str = "\
# Which key takes the place of which, and when. Written by `eidas-gateway keys rotate`; see docs/operations.md.
# Entries of keys that are retired (`keys list`) can be removed together with their files, all but the newest.
";
