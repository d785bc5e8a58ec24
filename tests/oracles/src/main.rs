//! Two independent readers of what eidas-gateway emits (../README.md).
//!
//! ```text
//! oracles schema FOLDER   libxml2 validates every message and metadata document against the schemas in xsd/
//! oracles samael FOLDER   samael, over libxmlsec1 1.2, reads and verifies what it can: ECDSA
//! ```

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libxml::parser::{Parser, ParserOptions};
use libxml::schemas::{SchemaParserContext, SchemaValidationContext};
use samael::crypto::{CertificateDer, Crypto, CryptoProvider, ReduceMode};
use samael::idp::verified_request::UnverifiedAuthnRequest;
use samael::metadata::EntityDescriptor;
use samael::schema::Response;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut report = Report { failed: false };
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["schema", folder] => schema(Path::new(folder), &mut report),
        ["samael", folder] => samael(Path::new(folder), &mut report),
        _ => Err("usage: oracles schema FOLDER | samael FOLDER".into()),
    };
    match done {
        Ok(()) if !report.failed => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("oracles: {error}");
            ExitCode::from(2)
        }
    }
}

/// One line per case.
struct Report {
    failed: bool,
}

impl Report {
    fn case(&mut self, what: &str, outcome: Result<()>) {
        match outcome {
            Ok(()) => println!("ok {what}"),
            Err(error) => {
                self.failed = true;
                println!("FAILED {what}: {error}");
            }
        }
    }
}

// libxml2.

/// A document of ours, what to change in it, and why it must then be refused: an oracle that accepts everything
/// proves nothing.
const SPOILED: &[(&str, &str, &str, &str)] = &[
    ("authn-request", " isRequired=\"true\"", "", "isRequired is required"),
    ("authn-request", ">public<", ">Public<", "SPType is an enumeration"),
    ("authn-request", " Version=\"2.0\"", "", "Version is required"),
    (
        "connector-metadata",
        "<eidas:NodeCountry>",
        "<eidas:NodeCountry>x",
        "NodeCountry is two capital letters",
    ),
    (
        "connector-metadata",
        " protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"",
        "",
        "a role names its protocol",
    ),
    ("assertion-greek", "LatinScript=\"false\"", "LatinScript=\"perhaps\"", "LatinScript is a boolean"),
    ("assertion-greek", "eidas-natural:LatinScript", "LatinScript", "LatinScript is qualified"),
    ("assertion-plain", ">1977-03-12<", ">12.3.1977<", "a date of birth is a date"),
    ("assertion-plain", ">Female<", ">female<", "Gender is an enumeration"),
    ("assertion-plain", ":PersonIdentifierType", ":NoSuchType", "xsi:type names a type"),
    ("response-plain", "<saml2p:Status>", "<saml2p:Status/><saml2p:Status>", "there is one Status"),
];

/// Emitted all the same, because there are such citizens: day and month are not known, and `xsd:date` has no way to say so.
const INVALID_ON_PURPOSE: (&str, &str) = ("assertion-partial-date.xml", "'1964-00-00' is not a valid value");

fn schema(folder: &Path, report: &mut Report) -> Result<()> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("xsd/all.xsd");
    let mut context = SchemaParserContext::from_file(&all.to_string_lossy());
    let mut schema = SchemaValidationContext::from_parser(&mut context)
        .map_err(|errors| format!("the schemas do not compile: {}", first(&errors)))?;
    for path in
        ["ours/signed", "ours/encrypted", "emitted"].iter().flat_map(|part| documents(&folder.join(part)))
    {
        let outcome = fs::read(&path).map_err(Into::into).and_then(|text| validate(&mut schema, &text));
        let outcome = match outcome {
            Err(error)
                if name(&path) == INVALID_ON_PURPOSE.0
                    && error.to_string().contains(INVALID_ON_PURPOSE.1) =>
            {
                Ok(())
            }
            Ok(()) if name(&path) == INVALID_ON_PURPOSE.0 => Err("is valid by now".into()),
            other => other,
        };
        report.case(&format!("valid {}", name(&path)), outcome);
    }
    for (document, from, to, why) in SPOILED {
        let text = fs::read_to_string(folder.join(format!("emitted/{document}.xml")))?;
        let outcome = match text.contains(from) {
            false => Err(format!("{document}.xml does not hold {from}").into()),
            true => match validate(&mut schema, text.replacen(from, to, 1).as_bytes()) {
                Ok(()) => Err("was accepted".into()),
                Err(_) => Ok(()),
            },
        };
        report.case(&format!("invalid {document}.xml: {why}"), outcome);
    }
    Ok(())
}

fn validate(schema: &mut SchemaValidationContext, text: &[u8]) -> Result<()> {
    let options = ParserOptions { recover: false, no_net: true, ..ParserOptions::default() };
    let document = Parser::default().parse_string_with_options(text, options)?;
    schema.validate_document(&document).map_err(|errors| first(&errors).into())
}

fn first(errors: &[libxml::error::StructuredError]) -> String {
    errors.iter().find_map(|error| error.message.clone()).unwrap_or_default().trim().to_owned()
}

// samael.

fn samael(folder: &Path, report: &mut Report) -> Result<()> {
    for path in documents(&folder.join("ours/signed")) {
        if name(&path).contains("-ecdsa-") {
            report.case(&format!("reduce {}", name(&path)), reduce(folder, &path));
        }
    }
    for path in documents(&folder.join("emitted")) {
        let name = name(&path);
        let text = fs::read_to_string(&path)?;
        let outcome = match name.split(['-', '.']).next() {
            Some("authn") => authn_request(folder, &text),
            Some("connector" | "node") => metadata(&text),
            Some("response") => response(folder, &text),
            _ => continue,
        };
        report.case(&format!("read {name}"), outcome);
    }
    Ok(())
}

/// The strictest mode: what comes back are the octets that were digested.
fn reduce(folder: &Path, path: &Path) -> Result<()> {
    let key = name(path).split('-').next().unwrap_or_default().to_owned();
    let text = fs::read_to_string(path)?;
    let signed = Crypto::reduce_xml_to_signed(&text, &[certificate(folder, &key)?], ReduceMode::PreDigest)?;
    signed.starts_with("<saml2p:Response ").then_some(()).ok_or_else(|| "something else was signed".into())
}

fn authn_request(folder: &Path, text: &str) -> Result<()> {
    let request =
        UnverifiedAuthnRequest::from_xml(text)?.try_verify_with_cert(&certificate(folder, "p256")?)?;
    let comparison = request.requested_authn_context.as_ref().and_then(|context| context.comparison.as_ref());
    (request.force_authn == Some(true) && request.is_passive == Some(false) && comparison.is_some())
        .then_some(())
        .ok_or_else(|| "ForceAuthn, IsPassive or Comparison is missing".into())
}

fn metadata(text: &str) -> Result<()> {
    let entity: EntityDescriptor = text.parse()?;
    let service = entity.sp_sso_descriptors.as_ref().and_then(|roles| roles.first()).is_some();
    let provider = entity.idp_sso_descriptors.as_ref().and_then(|roles| roles.first()).is_some();
    (entity.valid_until.is_some() && (service || provider))
        .then_some(())
        .ok_or_else(|| "no role or no validUntil".into())
}

fn response(folder: &Path, text: &str) -> Result<()> {
    let signed = Crypto::reduce_xml_to_signed(text, &[certificate(folder, "p256")?], ReduceMode::PreDigest)?;
    let response: Response = signed.parse()?;
    response.in_response_to.is_some().then_some(()).ok_or_else(|| "InResponseTo is missing".into())
}

// Files.

fn certificate(folder: &Path, key: &str) -> Result<CertificateDer> {
    Ok(fs::read(folder.join(format!("keys/{key}.crt.der")))?.into())
}

/// The XML files of a folder by name; none if there is no folder.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "xml"));
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
