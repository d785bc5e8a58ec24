//! The story of one login in ten steps, told from the gateway's audit lines.

use serde_json::{Map, Value};

use super::flow::{LoggedIn, Problem};

/// One step, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The step's name in code, logs and documents.
    pub(super) name: &'static str,
    /// The step in a few words.
    pub(super) title: &'static str,
    /// What happened, a sentence each.
    pub(super) facts: Vec<String>,
    /// How it went.
    pub(super) outcome: Outcome,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As it should.
    Done,
    /// The login ended here.
    Stopped,
    /// Not reached.
    Open,
}

impl Outcome {
    /// For the style sheet and for readers of screens.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Open => "open",
        }
    }
}

/// Names and titles of the ten steps (docs/architecture.md).
const STEPS: [(&str, &str); 10] = [
    ("request", "The service asks the gateway"),
    ("country", "You choose a country"),
    ("prepare", "The gateway signs a request for that country"),
    ("depart", "Your browser carries it there"),
    ("authenticate", "You log in at home"),
    ("return", "Your browser brings the answer back"),
    ("verify", "The gateway verifies the answer"),
    ("normalise", "Attributes become claims"),
    ("release", "A code goes back to the service"),
    ("redeem", "The service redeems it"),
];

/// Tells the login that this visitor made from the audit lines since it began.
pub(super) fn story(lines: &[String], client: &str, result: Result<&LoggedIn, &Problem>) -> Vec<Step> {
    let events: Vec<Map<String, Value>> =
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut story = Story::new();
    // By client, not by login: after a node's no, the gateway goes on under a new login for the same request.
    for event in events.iter().filter(|event| text(event, "client") == client) {
        story.take(event);
    }
    story.end(result);
    story.0
}

struct Story(Vec<Step>);

impl Story {
    fn new() -> Self {
        let step = |(name, title)| Step { name, title, facts: Vec::new(), outcome: Outcome::Open };
        Self(STEPS.map(step).to_vec())
    }

    fn take(&mut self, event: &Map<String, Value>) {
        match text(event, "event") {
            "request" => self.done(
                "request",
                vec![
                    format!("Client {} asked for {}.", text(event, "client"), list(event, "scope")),
                    format!("Level of assurance: {}.", text(event, "loa")),
                ],
            ),
            "depart" => self.depart(event),
            "verify" => self.verify(event),
            "decline" => {
                self.done("return", vec![format!("Signed answer {} arrived.", text(event, "response_id"))]);
                self.stop(
                    "authenticate",
                    format!("{} answered {}.", text(event, "country"), statuses(event)),
                );
            }
            "release" => {
                self.done("release", vec!["This browser began the login, so it got the code.".to_owned()])
            }
            "redeem" => self.done("redeem", vec!["Code, client secret and PKCE verifier fitted.".to_owned()]),
            "refuse" => self.refuse(event),
            _ => {}
        }
    }

    fn refuse(&mut self, event: &Map<String, Value>) {
        let code = text(event, "code");
        let fact = match text(event, "rule") {
            "" => format!("Refused: {code}."),
            "left" => format!("You went back to the service: {code}."),
            rule => format!("Refused by rule {rule}: {code}."),
        };
        self.stop(text(event, "step"), fact);
    }

    /// A new departure begins steps 2 to 10 afresh: the citizen may have tried before.
    fn depart(&mut self, event: &Map<String, Value>) {
        for step in self.0.iter_mut().skip(1) {
            step.outcome = Outcome::Open;
            step.facts.clear();
        }
        let (country, node) = (text(event, "country"), text(event, "node"));
        self.done("country", vec![format!("{country}.")]);
        self.done(
            "prepare",
            vec![
                format!("AuthnRequest {} for {node}.", text(event, "request_id")),
                format!("It asks for {}.", list(event, "attributes")),
            ],
        );
        self.done("depart", vec!["By HTTP POST, from a form that sends itself.".to_owned()]);
    }

    fn verify(&mut self, event: &Map<String, Value>) {
        self.done("authenticate", vec![format!("{} let you in.", text(event, "country"))]);
        self.done("return", vec![format!("Response {} arrived by HTTP POST.", text(event, "response_id"))]);
        self.done(
            "verify",
            vec![
                "Signature, decryption and every rule of the table held.".to_owned(),
                format!("Level of assurance: {}.", text(event, "loa")),
            ],
        );
        let dropped = list(event, "dropped");
        let dropped =
            if dropped.is_empty() { String::new() } else { format!("Dropped, as not asked for: {dropped}.") };
        self.done("normalise", vec![format!("Claims: {}.", list(event, "released")), dropped]);
    }

    /// What the relying party knows at the end.
    fn end(&mut self, result: Result<&LoggedIn, &Problem>) {
        match result {
            Ok(_) => {
                for (name, _) in STEPS {
                    self.done(name, Vec::new());
                }
                let fact =
                    "Signature, issuer, audience, nonce and times of the ID token verified; userinfo read.";
                self.done("redeem", vec![fact.to_owned()]);
            }
            Err(_) if self.0.iter().any(|step| step.outcome == Outcome::Stopped) => {}
            Err(problem) => {
                let open = self.0.iter().find(|step| step.outcome == Outcome::Open).map(|step| step.name);
                let fact = format!("The login ended here: {}.", problem.code);
                self.stop(open.unwrap_or("redeem"), fact);
            }
        }
    }

    fn done(&mut self, name: &str, facts: Vec<String>) {
        self.set(name, Outcome::Done, facts);
    }

    /// The first trouble is the one that counts; what follows is its echo.
    fn stop(&mut self, name: &str, fact: String) {
        if self.0.iter().all(|step| step.outcome != Outcome::Stopped) {
            self.set(name, Outcome::Stopped, vec![fact]);
        }
    }

    fn set(&mut self, name: &str, outcome: Outcome, facts: Vec<String>) {
        if let Some(step) = self.0.iter_mut().find(|step| step.name == name) {
            step.outcome = outcome;
            step.facts.extend(facts.into_iter().filter(|fact| !fact.is_empty()));
        }
    }
}

fn text<'a>(event: &'a Map<String, Value>, name: &str) -> &'a str {
    event.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list(event: &Map<String, Value>, name: &str) -> String {
    let values = event.get(name).and_then(Value::as_array).into_iter().flatten();
    values.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

/// The last parts of the status codes: `Responder/AuthnFailed`.
fn statuses(event: &Map<String, Value>) -> String {
    let values = event.get("status").and_then(Value::as_array).into_iter().flatten();
    let last = values.filter_map(Value::as_str).filter_map(|code| code.rsplit(':').next());
    last.filter(|code| !code.is_empty()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(events: &[&str]) -> Vec<String> {
        events.iter().map(|event| (*event).to_owned()).collect()
    }

    fn outcomes(steps: &[Step]) -> Vec<Outcome> {
        steps.iter().map(|step| step.outcome).collect()
    }

    const REQUEST: &str =
        r#"{"event":"request","login":"L","client":"shop","scope":["openid"],"loa":"substantial"}"#;
    const DEPART: &str = r#"{"event":"depart","login":"L","client":"shop","country":"XA","node":"n","request_id":"_r","loa":"x","attributes":["FamilyName"]}"#;

    #[test]
    fn a_login_that_was_declined_stops_at_the_citizen() {
        let declined = r#"{"event":"decline","login":"L","client":"shop","country":"XA","response_id":"_a","status":["urn:x:Responder","urn:x:AuthnFailed"]}"#;
        let events = lines(&[REQUEST, DEPART, declined]);
        let problem = Problem::new("access_denied", "");
        let steps = story(&events, "shop", Err(&problem));
        use Outcome::{Done, Open, Stopped};
        assert_eq!(outcomes(&steps), [Done, Done, Done, Done, Stopped, Done, Open, Open, Open, Open]);
        assert_eq!(steps[4].facts, ["XA answered Responder/AuthnFailed."]);
    }

    #[test]
    fn a_second_departure_forgets_the_first() {
        let refused = r#"{"event":"refuse","login":"L","client":"shop","step":"verify","rule":"SEC-15","code":"EG-2104"}"#;
        let events = lines(&[REQUEST, DEPART, refused, DEPART]);
        let result = LoggedIn { id_token: Map::new(), userinfo: Map::new() };
        let steps = story(&events, "shop", Ok(&result));
        assert_eq!(outcomes(&steps), [Outcome::Done; 10]);
        assert!(steps[6].facts.is_empty());
    }

    #[test]
    fn another_visitors_login_is_not_told() {
        let other = r#"{"event":"request","login":"M","client":"other","scope":[],"loa":"high"}"#;
        let problem = Problem::new("unreachable", "");
        let steps = story(&lines(&[other]), "shop", Err(&problem));
        assert_eq!(steps[0].outcome, Outcome::Stopped);
        assert_eq!(steps[0].facts, ["The login ended here: unreachable."]);
    }
}
