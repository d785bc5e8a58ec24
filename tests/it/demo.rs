//! The demo, clicked through by a browser without scripts: one router, told apart by host names, cookies
//! kept per host, forms filled in by the ids that people's tools use too.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use eidas_gateway::app::Demo;
use eidas_gateway::clock::SystemClock;
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::oidc::form;
use tower::ServiceExt as _;

const PORT: u16 = 8080;

/// The demo's router and its store live on a runtime of their own, for all tests.
fn demo() -> &'static (tokio::runtime::Runtime, Demo) {
    static DEMO: OnceLock<(tokio::runtime::Runtime, Demo)> = OnceLock::new();
    DEMO.get_or_init(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let demo = Demo::new(PORT, None, Arc::new(SystemClock), Arc::new(SystemRandom));
        let demo = runtime.block_on(demo).unwrap();
        (runtime, demo)
    })
}

struct Browser {
    router: Router,
    /// Host and name to value.
    cookies: BTreeMap<(String, String), String>,
    url: String,
    status: StatusCode,
    page: String,
}

impl Browser {
    fn new() -> Self {
        let router = demo().1.router.clone();
        let (cookies, page) = (BTreeMap::new(), String::new());
        Self { router, cookies, url: demo().1.shop.clone(), status: StatusCode::OK, page }
    }

    fn open(&mut self, address: &str) {
        self.call("GET", &resolve(&self.url, address), None);
    }

    /// Follows the link `#id` of this page.
    fn follow(&mut self, id: &str) {
        let link = tags(&self.page, "<a").find(|tag| attribute(tag, "id").as_deref() == Some(id));
        let link = link.unwrap_or_else(|| panic!("no link #{id} on {}: {}", self.url, self.page));
        let address = attribute(link, "href").unwrap();
        self.open(&address);
    }

    /// Presses the button `#id` of a form of this page.
    fn press(&mut self, id: &str) {
        let button = tags(&self.page, "<button").find(|tag| attribute(tag, "id").as_deref() == Some(id));
        let button = button.unwrap_or_else(|| panic!("no #{id} on {}: {}", self.url, self.page));
        let at = self.page.find(button).unwrap();
        let start = self.page[..at].rfind("<form").unwrap();
        let form = &self.page[start..start + self.page[start..].find("</form>").unwrap()];
        let action = resolve(&self.url, &attribute(form, "action").unwrap());
        let mut fields: Vec<_> = tags(form, "<input")
            .filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"))
            .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())))
            .collect();
        fields.extend(
            attribute(button, "name").map(|name| (name, attribute(button, "value").unwrap_or_default())),
        );
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = form::with_query("", &fields);
        self.call("POST", &action, Some(body.trim_start_matches('?').to_owned()));
    }

    fn call(&mut self, method: &str, url: &str, body: Option<String>) {
        let (mut method, mut url, mut body) = (method.to_owned(), url.to_owned(), body);
        for _ in 0..10 {
            let origin = origin(&url).to_owned();
            let host = origin.trim_start_matches("http://").to_owned();
            let path = if url.len() > origin.len() { &url[origin.len()..] } else { "/" };
            let mut request =
                Request::builder().method(method.as_str()).uri(path).header(header::HOST, &host);
            let cookies: Vec<_> = self.cookies.iter().filter(|((of, _), _)| *of == host).collect();
            // SameSite=Lax: no cookie on a POST from another site.
            if method == "GET" || self.url.starts_with(&origin) {
                for ((_, name), value) in cookies {
                    request = request.header(header::COOKIE, format!("{name}={value}"));
                }
            }
            if method == "POST" {
                let site = if self.url.starts_with(&origin) { "same-origin" } else { "cross-site" };
                request = request
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .header(header::ORIGIN, crate::demo::origin(&self.url))
                    .header("Sec-Fetch-Site", site);
            }
            let request = request.body(body.take().map_or_else(Body::empty, Body::from)).unwrap();
            let answer = demo().0.block_on(self.router.clone().oneshot(request)).unwrap();
            for cookie in answer.headers().get_all(header::SET_COOKIE) {
                let (name, value) =
                    cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
                let key = (host.clone(), name.to_owned());
                match value {
                    "" => self.cookies.remove(&key),
                    value => self.cookies.insert(key, value.to_owned()),
                };
            }
            self.url = url;
            self.status = answer.status();
            let location = answer.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
            let page = demo().0.block_on(to_bytes(answer.into_body(), 1 << 20)).unwrap();
            self.page = String::from_utf8(page.to_vec()).unwrap();
            match location {
                Some(to) => (method, url) = ("GET".to_owned(), resolve(&self.url, &to)),
                None => return,
            }
        }
        panic!("too many redirects at {}", self.url);
    }

    /// From the shop to the citizens of a country.
    fn depart(&mut self, offer: &str, country: &str) {
        self.open("/");
        self.open(&format!("/login/{offer}"));
        self.press(&format!("country-{country}"));
        self.press("continue");
        assert!(
            self.url.starts_with(&format!("http://{}.node.localhost", country.to_lowercase())),
            "{}",
            self.url
        );
    }

    /// A whole login.
    fn log_in(offer: &str, country: &str, button: &str) -> Self {
        let mut browser = Self::new();
        browser.depart(offer, country);
        browser.press(button);
        browser.press("continue");
        browser
    }

    /// The text of the element `#id`, as a person reads it.
    fn text(&self, id: &str) -> Option<String> {
        let at = self.page.find(&format!("id=\"{id}\""))?;
        let rest = &self.page[at..];
        let text = &rest[rest.find('>')? + 1..];
        let mut plain = String::new();
        let mut depth = 1;
        let mut rest = text;
        while depth > 0 {
            let (words, tag) = rest.split_at(rest.find('<')?);
            plain.push_str(words);
            depth += if tag.starts_with("</") { -1 } else { 1 };
            rest = &tag[tag.find('>')? + 1..];
        }
        Some(unescape(plain.trim()))
    }
}

fn origin(url: &str) -> &str {
    let host = url.find("://").unwrap() + 3;
    &url[..url[host..].find('/').map_or(url.len(), |end| host + end)]
}

fn resolve(base: &str, address: &str) -> String {
    match address {
        absolute if absolute.starts_with("http") => absolute.to_owned(),
        path => format!("{}{path}", origin(base)),
    }
}

fn tags<'a>(html: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    html.match_indices(start).map(|(at, _)| &html[at..at + html[at..].find('>').unwrap() + 1])
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!(" {name}=\""))?.1;
    Some(unescape(value.split_once('"')?.0))
}

fn unescape(text: &str) -> String {
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[test]
fn a_person_logs_in_and_the_shop_shows_the_claims() {
    for country in ["XA", "XB"] {
        let browser = Browser::log_in("natural", country, "citizen-greek");
        assert!(browser.text("welcome").is_some(), "{}: {}", browser.url, browser.page);
        assert_eq!(browser.text("claim-eidas_country").as_deref(), Some(country));
        assert!(browser.text("claim-family_name_original").is_some(), "{}", browser.page);
    }
}

#[test]
fn a_company_logs_in_with_the_person_who_acts_for_it() {
    let company = Browser::log_in("legal", "XA", "citizen-company");
    assert!(company.text("claim-eidas_legal_name").is_some(), "{}", company.page);
    let director = Browser::log_in("legal", "XB", "citizen-director");
    assert!(director.text("claim-eidas_representative").is_some(), "{}", director.page);
}

#[test]
fn a_level_that_is_too_low_is_refused_and_the_same_person_may_log_in_where_it_is_enough() {
    let refused = Browser::log_in("natural", "XA", "citizen-low");
    assert!(refused.text("welcome").is_none(), "{}", refused.page);
    let admitted = Browser::log_in("low", "XA", "citizen-low");
    assert_eq!(
        admitted.text("claim-eidas_loa").as_deref(),
        Some("http://eidas.europa.eu/LoA/low"),
        "{}",
        admitted.page
    );
    let not_notified = Browser::log_in("low", "XA", "citizen-not-notified");
    assert!(not_notified.text("welcome").is_some(), "{}", not_notified.page);
}

#[test]
fn who_gives_up_at_the_gateway_is_back_at_the_shop_with_an_error() {
    let mut browser = Browser::new();
    browser.open("/");
    browser.open("/login/natural");
    browser.press("cancel");
    browser.follow("continue");
    assert_eq!(
        browser.text("error-code").as_deref(),
        Some("access_denied"),
        "{}: {}",
        browser.url,
        browser.page
    );
}

#[test]
fn who_gives_up_at_the_node_is_offered_another_try() {
    let mut browser = Browser::log_in("natural", "XA", "node-cancel");
    assert!(browser.url.starts_with("http://gateway.localhost"), "{}", browser.url);
    browser.press("cancel");
    browser.follow("continue");
    assert_eq!(
        browser.text("error-code").as_deref(),
        Some("access_denied"),
        "{}: {}",
        browser.url,
        browser.page
    );
}
