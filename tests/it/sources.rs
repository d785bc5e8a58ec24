//! Where metadata may come from, and what is asked of it: pinned documents, lists, revocation, weak
//! certificates, and the verdict of `metadata check` on every document in tests/vectors.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use eidas_gateway::clock::Timestamp;
use eidas_gateway::crypto::{Certificate, KeyUsage, PrivateKey, SigningKey, hash};
use eidas_gateway::eidas::mdsl::{ListTrust, MetadataServiceList, SERVICE_LIST};
use eidas_gateway::eidas::trust::{self, Answers, RevocationPolicy, VouchedBy, lifecycle, revocation};
use eidas_gateway::eidas::{CountryCode, CountryTrust, TrustedNode};
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::saml::metadata::{EntityDescriptor, KeyDescriptor};
use eidas_gateway::saml::names::DS;
use eidas_gateway::xml::{self, dsig};
use serde_json::{Value, json};

use crate::cli::{Recorded, check, folder, text};
use crate::lifecycle::{HOUR, House, Publisher, URL};
use crate::stage::{KEYS, certificate_of, country, entity, now, parse, role, signed_by, signing_key};

/// A time at which the answers in tests/vectors/trust are valid.
const IN_TIME: Timestamp = Timestamp::from_unix(1_796_083_200);
const DAY: Duration = Duration::from_secs(86_400);

fn vectors(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file)
}

fn vector(name: &str) -> Vec<u8> {
    fs::read(vectors("trust").join(name)).unwrap()
}

fn certificate(name: &str) -> Certificate {
    Certificate::from_pem(&vector(&format!("{name}.crt"))).unwrap().remove(0)
}

fn signer(name: &str) -> SigningKey {
    let key = PrivateKey::from_pem(&vector(&format!("{name}.key"))).unwrap();
    SigningKey::new(key, certificate(name), None).unwrap()
}

/// The node's metadata, valid at [`IN_TIME`], signed by a key of tests/vectors/trust.
fn by(name: &str) -> String {
    let mut entity = entity();
    entity.valid_until = Some(IN_TIME + DAY);
    signed_by(&entity, &signer(name))
}

fn trust_in(anchor: &str, change: impl FnOnce(&mut CountryTrust)) -> CountryTrust {
    let mut trust = CountryTrust::new(country("XB"), vec![certificate(anchor)]);
    change(&mut trust);
    trust
}

/// Whom the metadata makes us ask.
fn asked(xml: &str, trust: &CountryTrust, answers: &Answers, at: Timestamp) -> Vec<(String, bool)> {
    let questions = revocation::questions(xml.as_bytes(), trust, answers, at);
    questions.into_iter().map(|question| (question.url, question.post.is_some())).collect()
}

/// The answers when everybody who is asked says this.
fn answers(xml: &str, trust: &CountryTrust, said: Result<Vec<u8>, String>) -> Answers {
    let mut answers = Answers::default();
    for question in revocation::questions(xml.as_bytes(), trust, &answers.clone(), IN_TIME) {
        answers.add(&question, said.clone(), IN_TIME);
    }
    answers
}

fn judged(xml: &str, trust: &CountryTrust, answers: &Answers) -> Result<TrustedNode, &'static str> {
    trust::check_with(xml.as_bytes(), trust, answers, IN_TIME).map_err(|refusal| refusal.code)
}

#[test]
fn a_revoked_signer_is_refused_by_list_and_by_responder_hard_or_soft() {
    for (good, revoked, url, post) in [
        ("listed", "revoked", "http://pki.example.xb/root.crl", false),
        ("by-ocsp", "revoked-by-ocsp", "http://ocsp.example.xb/", true),
    ] {
        for policy in [RevocationPolicy::Hard, RevocationPolicy::Soft] {
            let trust = trust_in("root", |trust| trust.revocation = policy);
            for (name, expected) in [(good, None), (revoked, Some("signer_revoked"))] {
                let xml = by(name);
                assert_eq!(
                    asked(&xml, &trust, &Answers::default(), IN_TIME),
                    [(url.to_owned(), post)],
                    "{name}"
                );
                let said = vector(&if post { format!("{name}.der") } else { "root.crl".to_owned() });
                let known = answers(&xml, &trust, Ok(said));
                let verdict = judged(&xml, &trust, &known);
                assert_eq!(verdict.as_ref().err().copied(), expected, "{name} {policy:?}");
                assert!(verdict.is_err() || verdict.unwrap().warnings().is_empty(), "{name}");
            }
        }
    }
}

#[test]
fn without_an_answer_hard_refuses_and_soft_tells() {
    let xml = by("listed");
    let hard = trust_in("root", |trust| trust.revocation = RevocationPolicy::Hard);
    let soft = trust_in("root", |_| ());
    let off = trust_in("root", |trust| trust.revocation = RevocationPolicy::Off);
    let forged = vector("by-ocsp.der");
    for said in [Err("no route".to_owned()), Ok(b"nonsense".to_vec()), Ok(forged)] {
        let none = answers(&xml, &hard, said);
        assert_eq!(judged(&xml, &hard, &none).unwrap_err(), "revocation_unknown");
        let node = judged(&xml, &soft, &none).unwrap();
        assert!(node.warnings()[0].contains("nobody says whether CN=listed was revoked"), "{node:?}");
    }
    assert_eq!(judged(&xml, &hard, &Answers::default()).unwrap_err(), "revocation_unknown");
    assert_eq!(asked(&xml, &off, &Answers::default(), IN_TIME), []);
    assert!(judged(&xml, &off, &Answers::default()).unwrap().warnings().is_empty());
    // What can be asked by LDAP only cannot be asked here.
    let by_ldap = by("by-ldap");
    assert_eq!(asked(&by_ldap, &hard, &Answers::default(), IN_TIME), []);
    assert_eq!(judged(&by_ldap, &hard, &Answers::default()).unwrap_err(), "revocation_unknown");
}

#[test]
fn an_answer_is_kept_until_its_end_and_a_revocation_until_it_is_taken_back() {
    let trust = trust_in("root", |trust| trust.revocation = RevocationPolicy::Hard);
    let xml = by("listed");
    let good = answers(&xml, &trust, Ok(vector("root.crl")));
    assert_eq!(asked(&xml, &trust, &good, IN_TIME + Duration::from_secs(3600)), []);
    // The list says that it is good for thirty days; metadata that long-lived is asked about again.
    let mut long = entity();
    long.valid_until = Some(IN_TIME + DAY * 365);
    let long = signed_by(&long, &signer("listed"));
    assert_eq!(asked(&long, &trust, &good, IN_TIME + DAY * 40).len(), 1);
    let late = trust::check_with(long.as_bytes(), &trust, &good, IN_TIME + DAY * 40);
    assert_eq!(late.unwrap_err().code, "revocation_unknown");
    // Who gave no answer is not asked again at once.
    let none = answers(&xml, &trust, Err("no route".to_owned()));
    assert_eq!(asked(&xml, &trust, &none, IN_TIME + Duration::from_secs(10)), []);
    assert_eq!(asked(&xml, &trust, &none, IN_TIME + Duration::from_secs(600)).len(), 1);
    // That a source falls silent does not make a revoked certificate good.
    let revoked = by("revoked");
    let mut known = answers(&revoked, &trust, Ok(vector("root.crl")));
    let later = IN_TIME + Duration::from_secs(600);
    for question in revocation::questions(revoked.as_bytes(), &trust, &known.clone(), later) {
        known.add(&question, Err("no route".to_owned()), later);
    }
    assert_eq!(judged(&revoked, &trust, &known).unwrap_err(), "signer_revoked");
}

/// The keeper believes a node while nobody says anything against its signer. What it says then is more than the
/// fault of a new document: it ends the trust in the last good one, here, in the store and after a start.
#[tokio::test]
async fn a_signer_that_is_revoked_takes_the_last_good_document_along() {
    const CRL: &str = "http://pki.example.xb/root.crl";
    let publisher = Arc::new(Publisher::default());
    let house = House::new(publisher.clone()).await;
    house.clock.set(IN_TIME);
    let trust = trust_in("root", |_| ());
    publisher.publish(URL, by("revoked"));
    house.keep(&trust).await;
    house.after(Duration::ZERO).await;
    assert!(house.believed().is_ok(), "soft: nobody says anything");
    assert_eq!(house.store.documents().await.unwrap().len(), 1);

    // The node publishes nothing any more, so that no new document is at fault.
    publisher.withdraw(URL);
    publisher.publish(CRL, vector("root.crl"));
    house.after(HOUR).await;
    let reason = house.believed().unwrap_err();
    assert!(reason.contains("signer_revoked"), "{reason}");
    assert_eq!(house.records().last().unwrap()["code"], "signer_revoked");
    assert_eq!(house.store.refreshes().await.unwrap()[0].code.as_deref(), Some("signer_revoked"));
    assert_eq!(house.store.documents().await, Ok(Vec::new()));
    // A start at a time when nobody answers.
    publisher.withdraw(CRL);
    let again = House::on(house.store.clone(), house.clock.clone(), publisher.clone());
    again.keep(&trust).await;
    again.after(Duration::ZERO).await;
    assert!(again.believed().is_err());
    // Metadata by a signer in good standing brings the country back.
    publisher.publish(CRL, vector("root.crl"));
    publisher.publish(URL, by("listed"));
    house.after(HOUR).await;
    assert!(house.believed().is_ok(), "{:?}", house.believed());
}

#[tokio::test]
async fn a_start_asks_about_the_signer_of_what_is_in_the_store() {
    let publisher = Arc::new(Publisher::default());
    let house = House::new(publisher.clone()).await;
    house.clock.set(IN_TIME);
    publisher.publish(URL, by("revoked"));
    let trust = trust_in("root", |_| ());
    house.keep(&trust).await;
    house.after(Duration::ZERO).await;
    publisher.withdraw(URL);
    publisher.publish("http://pki.example.xb/root.crl", vector("root.crl"));
    let again = House::on(house.store.clone(), house.clock.clone(), publisher);
    again.keep(&trust).await;
    let reason = again.believed().unwrap_err();
    assert!(reason.contains("signer_revoked"), "{reason}");
    assert_eq!(again.store.documents().await, Ok(Vec::new()));
}

#[test]
fn nobody_is_asked_about_what_no_anchor_vouches_for() {
    let stranger = trust_in("rsa-root", |_| ());
    assert_eq!(asked(&by("listed"), &stranger, &Answers::default(), IN_TIME), []);
    let changed = by("listed").replace("/sso\"", "/evil\"");
    assert_eq!(asked(&changed, &trust_in("root", |_| ()), &Answers::default(), IN_TIME), []);
    // A pinned signer is its own anchor: it is revoked by taking it away.
    assert_eq!(asked(&by("listed"), &trust_in("listed", |_| ()), &Answers::default(), IN_TIME), []);
}

#[test]
fn pkcs1_on_certificates_is_a_switch_of_the_country() {
    let none = Answers::default();
    let (strict, tolerant) =
        (trust_in("rsa-root", |_| ()), trust_in("rsa-root", |trust| trust.accept_pkcs1_certificates = true));
    assert_eq!(judged(&by("pkcs1"), &strict, &none).unwrap_err(), "certificate_algorithm");
    assert!(judged(&by("pkcs1"), &tolerant, &none).is_ok());
    assert!(judged(&by("pss"), &strict, &none).is_ok());
}

#[test]
fn a_key_with_explicit_curve_parameters_is_no_key() {
    let with = |change: &dyn Fn(&mut EntityDescriptor)| {
        let mut entity = entity();
        change(&mut entity);
        let xml = signed_by(&entity, &KEYS.node_metadata);
        let trust = CountryTrust::new(country("XB"), vec![KEYS.node_metadata.certificate().clone()]);
        trust::check(xml.as_bytes(), &trust, IN_TIME).map_err(|refusal| refusal.code)
    };
    let alone = with(&|entity| {
        entity.valid_until = Some(IN_TIME + DAY);
        role(entity).common.keys[0].certificates = vec![certificate("explicit")];
    });
    assert_eq!(alone.unwrap_err(), "key_curve");
    let beside = with(&|entity| {
        entity.valid_until = Some(IN_TIME + DAY);
        let key = role(entity).common.keys[0].clone();
        role(entity)
            .common
            .keys
            .push(KeyDescriptor { certificates: vec![certificate("explicit")], ..key.clone() });
        role(entity).common.keys.push(KeyDescriptor { usage: None, ..key });
    });
    let node = beside.unwrap();
    assert_eq!(node.signing_certificates().count(), 1);
    assert_eq!(node.warnings().len(), 2, "{:?}", node.warnings());
}

#[test]
fn a_certificate_of_the_future_or_the_past_signs_nothing() {
    let made = |from: Timestamp, until: Timestamp| {
        let key =
            PrivateKey::generate(eidas_gateway::crypto::KeyKind::Ec(eidas_gateway::crypto::Curve::P256))
                .unwrap();
        let mut request = certificate_of("signer", KeyUsage::Signing);
        (request.not_before, request.not_after) = (from, until);
        SigningKey::new(key.clone(), key.self_signed(&request, &SystemRandom).unwrap(), None).unwrap()
    };
    for (key, of_metadata, of_messages) in [
        (made(now() + DAY, now() + DAY * 9), "certificate_not_yet_valid", "key_not_yet_valid"),
        (made(now() - DAY * 9, now() - DAY), "certificate_expired", "key_expired"),
    ] {
        let pinned = CountryTrust::new(country("XB"), vec![key.certificate().clone()]);
        let refused = trust::check(signed_by(&entity(), &key).as_bytes(), &pinned, now()).unwrap_err();
        assert_eq!(refused.code, of_metadata);
        let mut entity = entity();
        role(&mut entity).common.keys[0].certificates = vec![key.certificate().clone()];
        let refused = crate::stage::metadata(|original| *original = entity).unwrap_err();
        assert_eq!(refused.code, of_messages);
    }
}

#[test]
fn several_anchors_stand_side_by_side_during_a_rollover() {
    let (old, new) = (signing_key("old"), signing_key("new"));
    let both = vec![old.certificate().clone(), new.certificate().clone()];
    let trust = CountryTrust::new(country("XB"), both);
    let of = |key: &SigningKey| trust::check(signed_by(&entity(), key).as_bytes(), &trust, now()).unwrap();
    let changes = lifecycle::changes(&of(&old), &of(&new));
    assert!(
        matches!(&changes[..], [change @ lifecycle::Change::MetadataSigner { .. }] if change.is_trust()),
        "{changes:?}"
    );
    let only = CountryTrust::new(country("XB"), vec![new.certificate().clone()]);
    let refused = trust::check(signed_by(&entity(), &old).as_bytes(), &only, now()).unwrap_err();
    assert_eq!(refused.code, "signer_unknown");
}

/// Metadata as the German middleware exports it: unsigned, under an address of ours.
fn middleware() -> String {
    let mut entity = entity();
    entity.entity_id = "https://middleware.example.xa/eidas-middleware/Metadata".to_owned();
    entity.valid_until = Some(now() + DAY * 30);
    role(&mut entity).common.node_country = Some("DE".to_owned());
    role(&mut entity).single_sign_on_services[0].location =
        "https://middleware.example.xa/eidas-middleware/RequestReceiver".to_owned();
    xml::write(&entity.to_element())
}

#[test]
fn a_pinned_document_counts_unsigned_and_nothing_else_does() {
    let xml = middleware();
    let digest = hash::sha256(xml.as_bytes());
    let pinned =
        |code: &str| CountryTrust { pinned: Some(digest), ..CountryTrust::new(country(code), Vec::new()) };
    let check = |xml: &str, trust: &CountryTrust, at| {
        trust::check(xml.as_bytes(), trust, at).map_err(|refusal| refusal.code)
    };
    let node = check(&xml, &pinned("DE"), now()).unwrap();
    assert_eq!(node.vouched_by(), &VouchedBy::PinnedFile(digest));
    assert_eq!(node.metadata_signer(), None);
    // Another country, another octet, another time, or without the pin.
    assert_eq!(check(&xml, &pinned("AT"), now()).unwrap_err(), "country_mismatch");
    assert_eq!(check(&xml.replace("/Request", "/Evil"), &pinned("DE"), now()).unwrap_err(), "pin_mismatch");
    assert_eq!(check(&xml, &pinned("DE"), now() + DAY * 31).unwrap_err(), "metadata_expired");
    let unpinned = CountryTrust::new(country("DE"), vec![KEYS.node_metadata.certificate().clone()]);
    assert_eq!(check(&xml, &unpinned, now()).unwrap_err(), "metadata_signature");
    // A signature by an anchor does not help a document that is not the pinned one.
    let signed = signed_by(&entity(), &KEYS.node_metadata);
    assert_eq!(check(&signed, &pinned("XB"), now()).unwrap_err(), "pin_mismatch");
    // Another export is something to approve.
    let other = xml.replace("2026-12-21", "2026-12-20");
    let digest = hash::sha256(other.as_bytes());
    let other = check(&other, &CountryTrust { pinned: Some(digest), ..pinned("DE") }, now()).unwrap();
    let changes = lifecycle::changes(&node, &other);
    assert!(changes.iter().any(lifecycle::Change::is_trust), "{changes:?}");
}

/// A country's node: its metadata, and the key that signs it.
fn node_of(code: CountryCode, key: &SigningKey) -> String {
    let mut entity = entity();
    entity.entity_id = format!("https://proxy.example.{code}/metadata");
    role(&mut entity).common.node_country = Some(code.to_string());
    signed_by(&entity, key)
}

/// A signed list of these countries; those without a key have no node.
fn list_of(countries: &BTreeMap<CountryCode, Option<SigningKey>>, signer: &SigningKey) -> String {
    let entries: String = countries
        .iter()
        .map(|(code, key)| match key {
            None => format!("<ser:MetadataList Territory='{code}'/>"),
            Some(key) => format!(
                "<ser:MetadataList Territory='{code}'>\
                 <ser:MetadataLocation Location='https://proxy.example.{code}/metadata'><ser:Endpoint \
                 EndpointType='http://eidas.europa.eu/metadata/ept/ProxyService' \
                 EntityID='https://proxy.example.{code}/metadata'/><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}\
                 </ds:X509Certificate></ds:X509Data></ds:KeyInfo></ser:MetadataLocation></ser:MetadataList>",
                key.certificate().base64()
            ),
        })
        .collect();
    let list = format!(
        "<ser:MetadataServiceList xmlns:ser='{}' xmlns:ds='{}' Version='1.0' ID='_l' IssueDate='{}' \
         NextUpdate='{}'><ser:SchemeInformation><ser:IssuerName>Test</ser:IssuerName><ser:SchemeIdentifier>\
         https://list.example/</ser:SchemeIdentifier><ser:SchemeTerritory>EU</ser:SchemeTerritory>\
         </ser:SchemeInformation>{entries}<ser:DistributionPoints><ser:DistributionPoint>https://list.example/\
         </ser:DistributionPoint></ser:DistributionPoints></ser:MetadataServiceList>",
        SERVICE_LIST.uri,
        DS.uri,
        now(),
        now() + DAY
    );
    let root = parse(&list);
    let at = root.nodes().len();
    xml::write(&dsig::sign(root, at, signer, &[]).unwrap())
}

/// The seven territories that have no Proxy-Service in production.
const WITHOUT_NODE: [&str; 7] = ["BG", "EL", "EU", "HU", "IE", "IS", "NO"];

#[test]
fn one_list_brings_all_territories_and_each_speaks_for_itself() {
    let lists = signing_key("list");
    let countries: BTreeMap<_, _> = CountryCode::participants()
        .map(|code| (code, (!WITHOUT_NODE.contains(&code.as_str())).then(|| signing_key(code.as_str()))))
        .collect();
    assert_eq!(countries.len(), 31);
    let xml = list_of(&countries, &lists);
    let trust =
        ListTrust::Signed { anchors: vec![lists.certificate().clone()], accept_pkcs1_certificates: false };
    let list = MetadataServiceList::read(xml.as_bytes(), &trust, now()).unwrap();
    let documents: BTreeMap<_, _> =
        countries.iter().filter_map(|(code, key)| Some((*code, node_of(*code, key.as_ref()?)))).collect();
    let mut served = 0;
    for code in countries.keys() {
        let resolved = list.resolve(&CountryTrust::new(*code, Vec::new()));
        let Some(document) = documents.get(code) else {
            assert_eq!(resolved.unwrap_err().code, "list_nothing_usable", "{code}");
            continue;
        };
        let (effective, url) = resolved.unwrap();
        assert_eq!(url, format!("https://proxy.example.{code}/metadata"));
        assert_eq!(trust::check(document.as_bytes(), &effective, now()).unwrap().country(), *code);
        served += 1;
        // No other country's document does instead.
        let (_, other) = documents.iter().find(|(other, _)| *other != code).unwrap();
        assert_eq!(trust::check(other.as_bytes(), &effective, now()).unwrap_err().code, "signer_unknown");
    }
    assert_eq!(served, 24);
}

#[test]
fn a_listed_entity_counts_for_its_own_country_only() {
    let (lists, xb, xc) = (signing_key("list"), signing_key("xb"), signing_key("xc"));
    let countries =
        BTreeMap::from([(country("XB"), Some(xb)), (country("XC"), Some(xc.clone())), (country("XD"), None)]);
    let trust =
        ListTrust::Signed { anchors: vec![lists.certificate().clone()], accept_pkcs1_certificates: false };
    let xml = list_of(&countries, &lists);
    let list = MetadataServiceList::read(xml.as_bytes(), &trust, now()).unwrap();
    // XC signs metadata that says XC, but under the name of XB's node.
    let mut entity = entity();
    entity.entity_id = "https://proxy.example.XB/metadata".to_owned();
    role(&mut entity).common.node_country = Some("XC".to_owned());
    let usurper = signed_by(&entity, &xc);
    let (listed, _) = list.resolve(&CountryTrust::new(country("XC"), Vec::new())).unwrap();
    assert_eq!(trust::check(usurper.as_bytes(), &listed, now()).unwrap_err().code, "entity_mismatch");
    // The same for a country whose metadata does not come from the list.
    let own = CountryTrust {
        claims: std::sync::Arc::new(list.claims()),
        ..CountryTrust::new(country("XC"), vec![xc.certificate().clone()])
    };
    let refused = trust::check(usurper.as_bytes(), &own, now()).unwrap_err();
    assert_eq!(refused.code, "entity_of_another_country");
    // An anchor of the operator's own is the only one.
    let (strict, _) =
        list.resolve(&CountryTrust::new(country("XC"), vec![KEYS.stranger.certificate().clone()])).unwrap();
    assert_eq!(strict.anchors, [KEYS.stranger.certificate().clone()]);
}

/// Every XML document in tests/vectors, by its path from there.
fn documents(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "xml") {
            found.push(path);
        }
    }
}

#[test]
fn metadata_check_has_a_verdict_on_every_document_in_the_vectors() {
    // By the end of the path: the country it is judged as, and the verdict.
    let expected = [
        ("rsa3072/proxy-metadata.xml", "accepted"),
        ("ecP384/proxy-metadata.xml", "accepted"),
        ("connector-metadata.xml", "not_a_service"),
        ("authnrequest.xml", "not_metadata"),
        ("response.xml", "not_metadata"),
        ("response-failure.xml", "not_metadata"),
        ("assertion-decrypted.xml", "not_metadata"),
        ("assertion.xml", "not_metadata"),
        ("encryptedkey-ecdh.xml", "not_metadata"),
        ("mdsl.xml", "list_signature"),
    ];
    let keys = vectors("cef-2.9/keys");
    let anchors = ["proxy-sig-ec", "proxy-sig-rsa", "conn-sig-ec", "conn-sig-rsa"]
        .map(|name| keys.join(format!("{name}.crt")));
    let mut found = Vec::new();
    documents(&vectors(""), &mut found);
    assert!(found.len() >= 24);
    for file in found {
        let example = file.ends_with("examples/connector-metadata.xml");
        let (_, code) = expected.iter().find(|(end, _)| text(&file).ends_with(end)).unwrap();
        let code = if example { "metadata_signature" } else { code };
        let mut arguments =
            vec!["metadata", "check", "--country", "XA", "--at", "2026-11-21T18:00:00Z", text(&file)];
        arguments.extend(anchors.iter().flat_map(|anchor| ["--anchor", text(anchor)]));
        let (exit, verdict) = check(&arguments);
        let got = match verdict["verdict"].as_str() {
            Some("accepted") => "accepted",
            _ => verdict["code"].as_str().unwrap(),
        };
        assert_eq!(got, code, "{}: {verdict}", file.display());
        assert_eq!(exit, i32::from(code != "accepted"));
    }
}

#[test]
fn metadata_check_judges_everything_that_a_configuration_names() {
    let recorded = Recorded::ec();
    let folder = folder("sources");
    let pinned = middleware();
    let digest: String = hash::sha256(pinned.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    fs::write(folder.join("de.xml"), &pinned).unwrap();
    fs::copy(vectors("examples/mdsl.xml"), folder.join("list.xml")).unwrap();
    let config = format!(
        "{}\n[[country]]\ncode = 'DE'\nmetadata_file = '{folder}/de.xml'\ntrust = 'pinned_file'\n\
         metadata_sha256 = '{digest}'\n[[metadata_list]]\nname = 'pinned'\nfile = '{folder}/list.xml'\n\
         [[country]]\ncode = 'XB'\nlist = 'pinned'\nrevocation = 'hard'\nreview = true\n[[country]]\ncode = 'XC'\nlist = 'pinned'\n",
        fs::read_to_string(&recorded.config).unwrap(),
        folder = folder.display(),
    );
    let file = recorded.config.with_file_name("sources.toml");
    fs::write(&file, config).unwrap();
    let at = ["--at", "2026-11-21T18:00:00Z"];
    let judge = |more: &[&str]| {
        let mut arguments = vec!["metadata", "check", "--config", text(&file)];
        arguments.extend(at.iter().chain(more));
        check(&arguments)
    };
    let (exit, verdict) = judge(&[]);
    let codes: Vec<_> = verdict["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().or(one["verdict"].as_str()).unwrap())
        .collect();
    // The list; XA by its anchor; DE by its pin; XB's address does not exist; XC is not in the list.
    assert_eq!(exit, 1);
    assert_eq!(codes, ["accepted", "accepted", "accepted", "connect_failed", "list_country_missing"]);
    let list = &verdict["documents"][0];
    assert_eq!((&list["kind"], &list["issuer"]), (&json!("list"), &json!("Example issuer")));
    assert_eq!(
        list["countries"]["XB"][0]["entity_id"],
        json!("https://proxy.eidas.example.xb/ServiceMetadata")
    );
    let (exit, verdict) = judge(&["--country", "DE"]);
    assert_eq!((exit, &verdict["documents"][0]["vouched_by"]), (0, &json!("pinned_file")));
    assert_eq!(verdict["documents"][0]["signer"], Value::Null);
    // The list under its own name is believed; a copy of it elsewhere is not.
    assert_eq!(judge(&[text(&folder.join("list.xml"))]).0, 0);
    assert_eq!(judge(&[text(&vectors("examples/mdsl.xml"))]).1["code"], "list_signature");
    // A metadata file of a listed country is judged by what the list says of it: here, nothing.
    let node = folder.join("xb.xml");
    fs::write(&node, signed_by(&entity(), &KEYS.node_metadata)).unwrap();
    assert_eq!(judge(&[text(&node)]).1["code"], "no_anchor");
    // By hand.
    let de = folder.join("de.xml");
    let by_hand = |digest: &str| {
        check(&["metadata", "check", "--sha256", digest, "--country", "DE", at[0], at[1], text(&de)])
    };
    assert_eq!(by_hand(&digest).0, 0);
    assert_eq!(by_hand(&"00".repeat(32)).1["code"], "pin_mismatch");
}
