//! `verified_claims`: the modules of the conformance plan for OpenID Connect for Identity Assurance
//! (`ekyc-test-plan-oidccore`). Each test has the name of its module. Requests and answers are held against
//! schemas of our own, made after the specifications (`tests/ida`).

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::support::{Answer, Browser, World, authorize, get};

static REQUESTS: LazyLock<Validator> =
    LazyLock::new(|| schema(include_str!("../ida/verified_claims_request.json")));
static ANSWERS: LazyLock<Validator> = LazyLock::new(|| schema(include_str!("../ida/verified_claims.json")));

fn schema(text: &str) -> Validator {
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

#[track_caller]
fn assert_valid(schema: &Validator, document: &Value) {
    let faults: Vec<_> = schema.iter_errors(document).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?} in {document}");
}

async fn world() -> World {
    World::with(|_, policy| policy.verified_claims = true).await
}

/// The answer in both places: the claims of the ID token, and those at userinfo.
async fn asked(world: &World, claims: &Value, citizen: &'static str) -> (Map<String, Value>, Value) {
    assert_valid(&REQUESTS, claims);
    let claims = claims.to_string();
    let code = Browser::new(world).code(&[("scope", "openid"), ("claims", &claims)], citizen).await;
    let tokens = world.token(&code).await.json();
    let id_token = world.id_token(tokens["id_token"].as_str().unwrap()).await;
    let userinfo = world.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
    assert_valid(&ANSWERS, &Value::Object(id_token.clone()));
    assert_valid(&ANSWERS, &userinfo);
    (id_token, userinfo)
}

/// What is at userinfo if these claims are asked for there, about a person whose given name is Astrid.
async fn at_userinfo(world: &World, claims: Value) -> Option<Value> {
    let wanted = json!({ "verification": { "trust_framework": null }, "claims": claims });
    let (_, userinfo) = asked(world, &json!({ "userinfo": { "verified_claims": wanted } }), "plain").await;
    userinfo.get("verified_claims").cloned()
}

fn astrid() -> Option<Value> {
    let verification = json!({ "trust_framework": "eidas" });
    Some(json!({ "verification": verification, "claims": { "given_name": "Astrid" } }))
}

fn refused(answer: &Answer) -> (String, String) {
    let word = |name| answer.redirect_parameter(name).unwrap_or_default();
    (word("error"), word("error_description"))
}

#[tokio::test]
async fn ekyc_server_happypath() {
    let world = world().await;
    let discovery = world.send(get("/.well-known/openid-configuration")).await.json();
    assert_eq!(discovery["verified_claims_supported"], true);
    assert_eq!(discovery["trust_frameworks_supported"], json!(["eidas"]));
    assert_eq!(discovery["evidence_supported"], json!(["electronic_record"]));
    assert_eq!(discovery["electronic_records_supported"], json!(["eidas_notified_eid"]));
    let supported = discovery["claims_in_verified_claims_supported"].as_array().unwrap();
    // Everything that is said to be supported is asked for, and all that there is comes.
    let every: Map<_, _> =
        supported.iter().map(|name| (name.as_str().unwrap().to_owned(), Value::Null)).collect();
    let wanted = json!({
        "verification": {
            "trust_framework": null,
            "assurance_level": null,
            "time": null,
            "verification_process": null,
            "evidence": [{
                "type": { "value": "electronic_record" },
                "time": null,
                "check_details": [{
                    "check_method": null, "organization": null, "check_id": null, "time": null,
                }],
                "record": { "type": null, "source": { "name": null, "country_code": null } },
            }],
        },
        "claims": every,
    });
    let (id_token, userinfo) =
        asked(&world, &json!({ "id_token": { "verified_claims": wanted } }), "plain").await;
    assert_eq!(userinfo.get("verified_claims"), None);
    let event = world.events().into_iter().find(|event| event["event"] == "verify").unwrap();
    let time = "2026-11-21T12:00:00.000Z";
    let expected = json!({
        "verification": {
            "trust_framework": "eidas",
            "assurance_level": "high",
            "time": time,
            "verification_process": event["response_id"],
            "evidence": [{
                "type": "electronic_record",
                "time": time,
                "check_details": [{
                    "check_method": "auth",
                    "organization": id_token["verified_claims"]["verification"]["evidence"][0]["check_details"][0]["organization"],
                    "check_id": event["assertion_id"],
                    "time": time,
                }],
                "record": {
                    "type": "eidas_notified_eid",
                    "source": {
                        "name": id_token["verified_claims"]["verification"]["evidence"][0]["record"]["source"]["name"],
                        "country_code": "XB",
                    },
                },
            }],
        },
        "claims": {
            "name": "Astrid Lindqvist",
            "given_name": "Astrid",
            "family_name": "Lindqvist",
            "birthdate": "1977-03-12",
            "eidas_date_of_birth": "1977-03-12",
            "eidas_person_identifier": "XB/XX/19770312-2384",
            "place_of_birth": { "locality": "Fjordby" },
            "gender": "female",
        },
    });
    assert_eq!(id_token["verified_claims"], expected);
    // How to reach somebody is vouched for by nobody.
    assert!(!supported.contains(&json!("email")) && !supported.contains(&json!("phone_number")));
    // The audit knows that there were such claims, and nothing of what they said.
    assert!(event["released"].as_array().unwrap().contains(&json!("verified_claims")));
}

#[tokio::test]
async fn ekyc_server_happypath_emptyobject() {
    assert_eq!(at_userinfo(&world().await, json!({ "given_name": {} })).await, astrid());
}

#[tokio::test]
async fn ekyc_server_happypath_essentialfalse() {
    assert_eq!(at_userinfo(&world().await, json!({ "given_name": { "essential": false } })).await, astrid());
}

#[tokio::test]
async fn ekyc_server_unknown_claim_omitted() {
    assert_eq!(at_userinfo(&world().await, json!({ "given_name": null, "shoe_size": null })).await, astrid());
}

#[tokio::test]
async fn ekyc_server_unknown_essential_claim_omitted() {
    let essential = json!({ "given_name": null, "shoe_size": { "essential": true } });
    assert_eq!(at_userinfo(&world().await, essential).await, astrid());
}

#[tokio::test]
async fn ekyc_server_unknown_claim_specialchars_omitted() {
    assert_eq!(
        at_userinfo(&world().await, json!({ "given_name": null, "c%1/a&,.b\"": null })).await,
        astrid()
    );
}

#[tokio::test]
async fn ekyc_server_one_claim_with_random_value_omitted() {
    let world = world().await;
    let random = json!({ "value": "q8Zk3" });
    let other = at_userinfo(&world, json!({ "given_name": null, "family_name": random })).await;
    assert_eq!(other, astrid());
    assert_eq!(at_userinfo(&world, json!({ "given_name": random })).await, None);
    let right = json!({ "given_name": { "values": ["q8Zk3", "Astrid"] } });
    assert_eq!(at_userinfo(&world, right).await, astrid());
}

#[tokio::test]
async fn ekyc_server_request_only_in_idtoken() {
    let wanted = json!({ "verification": { "trust_framework": null }, "claims": { "given_name": null } });
    let request = json!({ "id_token": { "verified_claims": wanted } });
    let (id_token, userinfo) = asked(&world().await, &request, "plain").await;
    assert_eq!(id_token.get("verified_claims"), astrid().as_ref());
    assert_eq!(userinfo.get("verified_claims"), None);
    // Asked for as a verified claim, and therefore not given as a plain one.
    assert!(id_token.get("given_name").is_none() && userinfo.get("given_name").is_none());
}

#[tokio::test]
async fn ekyc_server_request_only_in_userinfo() {
    let wanted = json!({ "verification": { "trust_framework": null }, "claims": { "given_name": null } });
    let request = json!({ "userinfo": { "verified_claims": wanted } });
    let (id_token, userinfo) = asked(&world().await, &request, "plain").await;
    assert_eq!(id_token.get("verified_claims"), None);
    assert_eq!(userinfo.get("verified_claims"), astrid().as_ref());
}

/// A request that somebody could come with: two frameworks, ages, one optional attribute.
#[tokio::test]
async fn ekyc_server_testuserprovidedrequest() {
    let world = world().await;
    let of = |framework: &str| {
        json!({
            "verification": {
                "trust_framework": { "value": framework },
                "assurance_level": { "values": ["substantial", "high"] },
                "time": { "max_age": 3600 },
            },
            "claims": { "nationalities": { "essential": true }, "birthdate": null },
        })
    };
    let request = json!({ "userinfo": { "verified_claims": [of("de_aml"), of("eidas")] } });
    let (_, userinfo) = asked(&world, &request, "greek").await;
    let expected = json!([{
        "verification": {
            "trust_framework": "eidas",
            "assurance_level": "high",
            "time": "2026-11-21T12:00:00.000Z",
        },
        "claims": { "nationalities": ["GR"], "birthdate": "1984-02-29" },
    }]);
    assert_eq!(userinfo["verified_claims"], expected);
}

/// The same claims at userinfo, plain and verified, say the same.
#[tokio::test]
async fn ekyc_server_testbasedonuserinfo_defaults() {
    let wanted = json!({
        "verification": { "trust_framework": null },
        "claims": { "name": null, "family_name": null, "birthdate": null, "gender": null },
    });
    let mut request = wanted["claims"].clone();
    request["verified_claims"] = wanted;
    let (_, userinfo) = asked(&world().await, &json!({ "userinfo": request }), "plain").await;
    let verified = userinfo["verified_claims"]["claims"].as_object().unwrap();
    assert_eq!(verified.len(), 4);
    for (name, value) in verified {
        assert_eq!(userinfo[name], *value, "{name}");
    }
}

/// What the provider has of nobody, such as what this country does not send.
#[tokio::test]
async fn ekyc_server_test_userinfo_notfoundinop() {
    let world = world().await;
    assert_eq!(at_userinfo(&world, json!({ "nationalities": null, "middle_name": null })).await, None);
    assert_eq!(at_userinfo(&world, json!({ "given_name": null, "nationalities": null })).await, astrid());
}

#[tokio::test]
async fn a_verification_that_cannot_be_had_leaves_all_out_and_fails_no_login() {
    let world = world().await;
    for verification in [
        json!({ "trust_framework": { "value": "uk_diatf" } }),
        json!({ "trust_framework": null, "assurance_level": { "value": "low" } }),
        json!({ "trust_framework": null, "evidence": [{ "type": { "value": "document" } }] }),
    ] {
        let wanted = json!({ "verification": verification, "claims": { "given_name": null } });
        let request = json!({ "id_token": { "verified_claims": wanted } });
        let (id_token, _) = asked(&world, &request, "plain").await;
        assert_eq!(id_token.get("verified_claims"), None, "{wanted}");
    }
}

#[tokio::test]
async fn only_clients_that_may_have_them_and_only_notified_levels_give_verified_claims() {
    let wanted = json!({ "verification": { "trust_framework": null }, "claims": { "given_name": null } });
    let request = json!({ "userinfo": { "verified_claims": wanted } });
    let plain = World::new().await;
    let (_, userinfo) = asked(&plain, &request, "plain").await;
    assert!(userinfo.get("verified_claims").is_none() && userinfo.get("given_name").is_none());
    let discovery = plain.send(get("/.well-known/openid-configuration")).await.json();
    assert_eq!(discovery["verified_claims_supported"], false);
    assert_eq!(discovery.get("trust_frameworks_supported"), None);
    let lenient = World::with(|_, policy| {
        policy.verified_claims = true;
        policy.accept_non_notified = true;
    })
    .await;
    let (id_token, userinfo) = asked(&lenient, &request, "not-notified").await;
    assert_eq!(id_token["eidas_loa"], "http://eidas.europa.eu/NotNotified/LoA/substantial");
    assert_eq!(userinfo.get("verified_claims"), None);
}

#[tokio::test]
async fn a_malformed_request_for_verified_claims_is_refused() {
    let world = world().await;
    for malformed in [json!({}), json!({ "verification": { "trust_framework": null }, "claims": {} })] {
        let claims = json!({ "userinfo": { "verified_claims": malformed } });
        assert!(!REQUESTS.is_valid(&claims));
        let answer = Browser::new(&world).get(&authorize(&[("claims", &claims.to_string())])).await;
        assert_eq!(refused(&answer), ("invalid_request".to_owned(), "claims is malformed".to_owned()));
    }
}

#[tokio::test]
async fn an_optional_attribute_is_asked_of_the_country_and_shown_to_the_citizen() {
    let world = world().await;
    let wanted = json!({ "verification": { "trust_framework": null }, "claims": { "gender": null } });
    let claims = json!({ "id_token": { "verified_claims": wanted } }).to_string();
    let browser = Browser::new(&world);
    let (_, page) = browser.start(&[("scope", "openid"), ("claims", &claims)]).await;
    let (_, chips) = page.body.split_once("id=\"released\"").unwrap();
    let chips = chips.split_once("</ul>").unwrap().0;
    assert!(chips.contains("<li>Gender</li>"), "{chips}");
}
