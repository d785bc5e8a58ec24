//! What the audit record of the last day says of logins that never come to an end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::{Finding, Severity};
use crate::clock::Timestamp;
use crate::config::Config;

/// Reads the end of the audit file, if there is one.
pub(super) fn examine(config: &Config, now: Timestamp) -> Vec<Finding> {
    let file = config.audit.file.as_deref();
    let text = file.and_then(|file| end_of(file).ok()).unwrap_or_default();
    judge(&text, &config.entity_id(), now)
}

/// What a line says, as far as it matters here.
#[derive(Deserialize)]
struct Line {
    at: String,
    event: String,
    client: Option<String>,
    country: Option<String>,
    request_id: Option<String>,
    code: Option<String>,
}

/// A country, or a client, as the lines tell of it.
#[derive(Default)]
struct Tally {
    sent: usize,
    came_back: usize,
    redeemed: usize,
    refused: BTreeMap<String, usize>,
}

fn judge(text: &str, entity_id: &str, now: Timestamp) -> Vec<Finding> {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let lately = lines.filter_map(|line| Some((Timestamp::parse(&line.at)?, line)));
    let lately = lately.filter(|(at, _)| *at > now - A_DAY && *at <= now);
    let mut countries: BTreeMap<String, Tally> = BTreeMap::new();
    let mut clients: BTreeMap<String, Tally> = BTreeMap::new();
    let mut answered = BTreeSet::new();
    for (at, line) in lately {
        let is_departure = line.event == "depart";
        if let Some(country) = line.country.filter(|_| line.request_id.is_some()) {
            let tally = countries.entry(country).or_default();
            // Whoever left just now may still come back.
            tally.sent += usize::from(is_departure && at <= now - A_LOGIN);
            let first = !is_departure && answered.insert(line.request_id);
            tally.came_back += usize::from(first);
        }
        if let Some(client) = line.client {
            let tally = clients.entry(client).or_default();
            tally.redeemed += usize::from(line.event == "redeem");
            if let Some(code) = line.code.filter(|code| line.event == "refuse" && code.starts_with("EG-1")) {
                *tally.refused.entry(code).or_default() += 1;
            }
        }
    }
    let silent = countries.into_iter().filter(|(_, tally)| tally.sent >= ENOUGH && tally.came_back == 0);
    let silent = silent.map(|(country, Tally { sent, .. })| {
        let message = format!(
            "{country}: {sent} people left for it within a day, and nobody came back, not even with an error: \
             ask its operator whether {entity_id} is on the node's whitelist"
        );
        Finding { severity: Severity::Warning, code: "no_answers", message, page: WHITELIST }
    });
    let failing =
        clients.into_iter().filter(|(_, tally)| tally.redeemed == 0).filter_map(|(client, tally)| {
            let mut codes = tally.refused.into_iter();
            let (code, times) = codes.next().filter(|(_, times)| *times >= ENOUGH)?;
            let message = format!(
                "client {client}: {times} attempts within a day ended with {code}, and none with a login"
            );
            let finding =
                Finding { severity: Severity::Warning, code: "client_fails", message, page: ERRORS };
            codes.next().is_none().then_some(finding)
        });
    silent.chain(failing).collect()
}

/// The last part of a file, which may be large.
fn end_of(file: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(file)?;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(MOST)))?;
    let mut octets = Vec::new();
    file.take(MOST).read_to_end(&mut octets)?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

const A_DAY: Duration = Duration::from_secs(86_400);

/// How long a login can take, and some.
const A_LOGIN: Duration = Duration::from_secs(20 * 60);

/// So many are no accident.
const ENOUGH: usize = 3;

/// Octets.
const MOST: u64 = 4 << 20;

const ERRORS: &str = "docs/errors.md#what-to-do";
const WHITELIST: &str = "docs/cef-node.md#settings-of-the-node-that-decide-whether-you-get-in";

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-21T12:00:00.000Z";

    fn found(lines: &[String]) -> Vec<(&'static str, String)> {
        let findings =
            judge(&lines.concat(), "https://gw.example/saml/metadata", Timestamp::parse(NOW).unwrap());
        findings.into_iter().map(|finding| (finding.code, finding.message)).collect()
    }

    fn departure(at: &str, request: u8) -> String {
        format!(
            "{{\"at\":\"2026-11-{at}Z\",\"event\":\"depart\",\"country\":\"SE\",\"client\":\"kc\",\"request_id\":\"_{request}\"}}\n"
        )
    }

    fn of_client(event: &str, code: &str) -> String {
        format!("{{\"at\":\"{NOW}\",\"event\":\"{event}\",\"client\":\"kc\",\"code\":\"{code}\"}}\n")
    }

    #[test]
    fn a_country_that_nobody_comes_back_from_is_named() {
        let mut lines: Vec<_> = (1..=3).map(|n| departure("21T10:00:00", n)).collect();
        let expected = "SE: 3 people left for it within a day, and nobody came back, not even with an error: \
                        ask its operator whether https://gw.example/saml/metadata is on the node's whitelist";
        assert_eq!(found(&lines), [("no_answers", expected.to_owned())]);
        // Too few, too long ago, just now.
        assert_eq!(found(&lines[1..]), []);
        for at in ["20T11:00:00", "21T11:50:00", "22T10:00:00"] {
            assert_eq!(found(&(1..=3).map(|n| departure(at, n)).collect::<Vec<_>>()), [], "{at}");
        }
        for event in ["verify", "decline", "refuse"] {
            lines.truncate(3);
            lines.push(departure("21T10:01:00", 2).replace("depart", event));
            assert_eq!(found(&lines), [], "{event}");
        }
    }

    #[test]
    fn a_client_that_always_fails_in_the_same_way_is_named() {
        let refused = || of_client("refuse", "EG-1101");
        let lines = [refused(), "no JSON\n".to_owned(), refused(), refused()];
        let expected = "client kc: 3 attempts within a day ended with EG-1101, and none with a login";
        assert_eq!(found(&lines), [("client_fails", expected.to_owned())]);
        assert_eq!(found(&lines[..3]), []);
        for other in [of_client("redeem", ""), of_client("refuse", "EG-1002")] {
            assert_eq!(found(&[lines.concat(), other]), []);
        }
        // What citizens do is not the client's fault.
        assert_eq!(found(&[of_client("refuse", "EG-3006").repeat(3)]), []);
    }
}
