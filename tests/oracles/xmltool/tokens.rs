//! JSON Web Tokens: signed with every algorithm, and encrypted to the keys that a peer has made; requests and
//! proofs that a peer has signed.

use std::fs;
use std::path::Path;

use eidas_gateway::clock::{Clock as _, SystemClock};
use eidas_gateway::crypto::jose::{JwsAlgorithm, JwsKey};
use eidas_gateway::crypto::jwe::{JweAlgorithm, JweContentAlgorithm, Recipient};
use eidas_gateway::oidc::authorize::{AuthorizationResponse, ResponseMode};
use eidas_gateway::oidc::client::SecretHash;
use eidas_gateway::oidc::{Client, Issuer, SigningKeys, dpop, request_object};
use serde_json::{Map, Value, json};

use crate::Result;

/// Tokens of one kind: now and then a number in one begins with a zero octet.
const EACH: usize = 20;

/// Writes to FOLDER/ours/tokens what the owner of FOLDER/PEER/public.json must be able to read: our JWK Set,
/// signed tokens (ALG.jwt), signed answers (ALG.answer), nested tokens (KEY.ALG.ENC.NUMBER.nested) and claims that are encrypted only (….claims).
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
    let keys = SigningKeys::new(keys)?;
    for algorithm in JwsAlgorithm::ALL {
        let answer = AuthorizationResponse {
            mode: ResponseMode::Jwt,
            client_id: "client".to_owned(),
            redirect_uri: "https://client.example/cb".to_owned(),
            algorithm,
            parameters: vec![("code", "c".to_owned()), ("state", "é".to_owned())],
        };
        let delivery = answer.deliver(&keys, &Issuer::parse(ISSUER)?, SystemClock.now())?;
        let [("response", jwt)] = delivery.parameters.as_slice() else { return Err("no response".into()) };
        save(format!("{}.answer", algorithm.as_str()), jwt)?;
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

/// Reads FOLDER/PEER/requests: request objects (ALG.request) by the keys of signing.json, DPoP proofs (ALG.dpop), and
/// copies of both in which one letter of the claims is another one (….spoiled), which must not pass.
pub(crate) fn read_requests(folder: &Path, peer: &str) -> Result<bool> {
    let home = folder.join(peer).join("requests");
    let jwks: Value = serde_json::from_slice(&fs::read(home.join("signing.json"))?)?;
    let (client, issuer, now) =
        (Client::new("client", SecretHash::of("x"), Vec::new()), Issuer::parse(ISSUER)?, SystemClock.now());
    let addresses = [format!("{ISSUER}/token")];
    let mut all = true;
    for algorithm in JwsAlgorithm::ALL {
        let name = algorithm.as_str();
        for kind in ["request", "dpop"] {
            if kind == "dpop" && !dpop::ALGORITHMS.contains(&algorithm) {
                continue;
            }
            for end in ["", ".spoiled"] {
                let file = format!("{name}.{kind}{end}");
                let text = fs::read_to_string(home.join(&file))?;
                let outcome = if kind == "request" {
                    let judged = request_object::judge(&text, &client, algorithm, Some(&jwks), &issuer, now);
                    judged
                        .map_err(|refused| refused.fault.to_string())
                        .map(|object| object.parameters.contains(&("state".to_owned(), "é".to_owned())))
                } else {
                    let sent = dpop::Sent {
                        method: "POST",
                        addresses: &addresses,
                        access_token: Some("token"),
                        now,
                    };
                    let expected = fs::read_to_string(home.join(format!("{name}.thumbprint")))?;
                    let judged = dpop::judge(&text, &sent).map_err(|fault| fault.to_string());
                    judged.map(|proof| proof.thumbprint == expected)
                };
                let wanted = match &outcome {
                    Ok(is_as_written) => end.is_empty() && *is_as_written,
                    Err(fault) => !end.is_empty() && REFUSED.contains(&fault.as_str()),
                };
                all &= wanted;
                println!("{} read {file}: {outcome:?}", if wanted { "ok" } else { "FAILED" });
            }
        }
    }
    Ok(all)
}

const ISSUER: &str = "https://gateway.example";

/// What is said of a request and of a proof whose signature does not hold.
const REFUSED: [&str; 2] = [
    "the request object is not signed as this client has to sign",
    "the signature of the DPoP proof does not verify",
];

fn claims() -> Map<String, Value> {
    [("sub", "abc"), ("family_name", "García"), ("given_name_original", "Ελένη")]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}
