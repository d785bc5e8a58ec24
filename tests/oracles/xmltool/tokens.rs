//! JSON Web Tokens: signed with every algorithm, and encrypted to the keys that a peer has made.

use std::fs;
use std::path::Path;

use eidas_gateway::crypto::jose::{JwsAlgorithm, JwsKey};
use eidas_gateway::crypto::jwe::{JweAlgorithm, JweContentAlgorithm, Recipient};
use serde_json::{Map, Value, json};

use crate::Result;

/// Tokens of one kind: now and then a number in one begins with a zero octet.
const EACH: usize = 20;

/// Writes to FOLDER/ours/tokens what the owner of FOLDER/PEER/public.json must be able to read: our JWK Set,
/// signed tokens (ALG.jwt), nested ones (KEY.ALG.ENC.NUMBER.nested) and claims that are encrypted only (….claims).
pub(crate) fn write_all(folder: &Path, peer: &str) -> Result<()> {
    let out = folder.join("ours/tokens");
    fs::create_dir_all(&out)?;
    let save = |name: String, text: &str| fs::write(out.join(name), text);
    let keys =
        JwsAlgorithm::ALL.map(JwsKey::generate).into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
    let jwks = json!({ "keys": keys.iter().map(JwsKey::public_jwk).collect::<Vec<_>>() });
    save("jwks.json".to_owned(), &jwks.to_string())?;
    let mut signed = String::new();
    for key in &keys {
        signed = key.sign("JWT", &claims())?;
        save(format!("{}.jwt", key.algorithm().as_str()), &signed)?;
    }
    let theirs: Value = serde_json::from_slice(&fs::read(folder.join(peer).join("public.json"))?)?;
    let theirs = theirs.get("keys").and_then(Value::as_array).ok_or("no keys")?;
    for key in theirs {
        let kid = key.get("kid").and_then(Value::as_str).ok_or("no kid")?;
        for algorithm in JweAlgorithm::ALL {
            let Ok(recipient) = Recipient::find(&json!({ "keys": [key] }), algorithm) else { continue };
            for content in JweContentAlgorithm::ALL {
                let name = format!("{kid}.{}.{}", algorithm.as_str(), content.as_str());
                for number in 0..EACH {
                    let nested = recipient.encrypt_jwt(&signed, content)?;
                    save(format!("{name}.{number}.nested"), &nested)?;
                }
                let encrypted = recipient.encrypt_claims(&claims(), content)?;
                save(format!("{name}.0.claims"), &encrypted)?;
            }
        }
    }
    Ok(())
}

fn claims() -> Map<String, Value> {
    [("sub", "abc"), ("family_name", "García"), ("given_name_original", "Ελένη")]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}
