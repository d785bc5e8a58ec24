//! A publisher on this machine that plays every failure: each has its own code, and none takes away what was
//! trusted before.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use eidas_gateway::clock::Clock as _;
use eidas_gateway::eidas::CountryCode;
use eidas_gateway::eidas::trust::CountryTrust;
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::jobs::Sources;
use eidas_gateway::node::MemberState;
use eidas_gateway::outbound::{Allowed, Fetcher, Limits, Source};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::lifecycle::{HOUR, House, key_of, metadata, start, vouching, xb};

const LARGEST: usize = 1 << 20;

/// What the publisher does with a request.
enum Reply {
    /// Sends these octets and ends the connection.
    Octets(Vec<u8>),
    /// Sends these octets, then one more now and then, and never ends.
    Drip(Vec<u8>),
    /// Sends a head, and octets for as long as anybody takes them, up to fifty million.
    Flood,
}

struct Server {
    reply: Arc<Mutex<Reply>>,
    requests: Arc<Mutex<Vec<String>>>,
    port: u16,
}

impl Server {
    async fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let reply = Arc::new(Mutex::new(Reply::Octets(Vec::new())));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answers, heard) = (reply.clone(), requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, answers.clone(), heard.clone()));
            }
        });
        Self { reply, requests, port }
    }

    fn url(&self) -> String {
        format!("http://xb.localhost:{}/metadata", self.port)
    }

    fn replies(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    fn last_request(&self) -> String {
        self.requests.lock().unwrap().last().unwrap().clone()
    }
}

async fn answer(mut stream: TcpStream, reply: Arc<Mutex<Reply>>, heard: Arc<Mutex<Vec<String>>>) {
    let mut request = vec![0; 4096];
    let size = stream.read(&mut request).await.unwrap_or_default();
    heard.lock().unwrap().push(String::from_utf8_lossy(&request[..size]).into_owned());
    let (octets, then) = match &*reply.lock().unwrap() {
        Reply::Octets(octets) => (octets.clone(), 0),
        Reply::Drip(octets) => (octets.clone(), 1),
        Reply::Flood => (document(&[], "Content-Length: 50000000\r\n"), 50),
    };
    let _ = stream.write_all(&octets).await;
    match then {
        // Stays silent until the other side gives up.
        1 => _ = stream.read(&mut request).await,
        megabytes => {
            for _ in 0..megabytes {
                if stream.write_all(&vec![b' '; 1_000_000]).await.is_err() {
                    break;
                }
            }
        }
    }
}

/// An answer with status 200; `more` are further header lines.
fn document(octets: &[u8], more: &str) -> Vec<u8> {
    let length = if more.contains("Content-Length") {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", octets.len())
    };
    let head = format!("HTTP/1.1 200 OK\r\n{length}{more}Connection: close\r\n\r\n");
    [head.as_bytes(), octets].concat()
}

fn xml(octets: impl AsRef<[u8]>) -> Reply {
    Reply::Octets(document(octets.as_ref(), "Content-Type: application/samlmetadata+xml; charset=utf-8\r\n"))
}

fn fetcher(seconds: u64) -> Arc<Fetcher> {
    let allowed = Allowed { networks: Vec::new(), loopback: true };
    let time = Duration::from_secs(seconds);
    Arc::new(Fetcher::new(Limits { time, size: LARGEST, allowed, ca_file: None }))
}

async fn keep(house: &House, trust: &CountryTrust, url: &str) {
    let countries = vec![(trust.clone(), Source::Url(url.to_owned()))];
    house.keeper.configure(Sources { countries, lists: Vec::new() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failure_has_its_code_and_leaves_the_last_good_document_in_place() {
    let (server, node) = (Server::new().await, xb());
    let house = House::new(fetcher(1)).await;
    let url = server.url();
    let (other, foreign) = (xb(), MemberState::xa("https://xa.example", start(), &SystemRandom).unwrap());
    let future = MemberState::xb("https://xb.example", start() + HOUR * 100, &SystemRandom).unwrap();
    let trust = vouching(&[&node, &foreign, &future]);
    server.replies(xml(metadata(&node, start())));
    keep(&house, &trust, &url).await;
    house.after(Duration::ZERO).await;
    assert_eq!(house.believed(), Ok(key_of(&node)));
    let good = house.store.documents().await.unwrap();

    let fresh = metadata(&node, start());
    let status = |line: &str| Reply::Octets(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n").into());
    let with = |more: &str| Reply::Octets(document(fresh.as_bytes(), more));
    let half = &fresh.as_bytes()[..fresh.len() / 2];
    let rows = [
        ("truncated on the way", Reply::Octets(document(half, "Content-Length: 90000\r\n")), "transport"),
        ("truncated at the publisher", xml(half), "metadata_malformed"),
        ("fifty megabytes", Reply::Flood, "too_large"),
        ("a slow drip", Reply::Drip(document(half, "Content-Length: 90000\r\n")), "timeout"),
        ("compressed", with("Content-Encoding: gzip\r\n"), "compressed"),
        ("a page", with("Content-Type: text/html\r\n"), "content_type"),
        ("not there", status("404 Not Found"), "http_status"),
        ("out of order", status("503 Service Unavailable"), "http_status"),
        ("moved inside", status("302 Found\r\nLocation: http://10.0.0.1/metadata"), "redirect"),
        ("not modified, though nobody asked whether", status("304 Not Modified"), "redirect"),
        ("no answer", Reply::Octets(Vec::new()), "connect_failed"),
        ("expired", xml(metadata(&node, start() - HOUR * 24)), "metadata_expired"),
        ("of the future", xml(metadata(&future, start())), "certificate_not_yet_valid"),
        ("signed by somebody else", xml(metadata(&other, start())), "signer_path"),
        ("signed for another country", xml(metadata(&foreign, start())), "country_mismatch"),
        ("changed", xml(fresh.replace("xb.example/sso", "evil.example/sso")), "metadata_signature"),
    ];
    let mut failures = 0;
    for (what, reply, code) in rows {
        server.replies(reply);
        house.after(HOUR).await;
        let refresh = &house.store.refreshes().await.unwrap()[0];
        assert_eq!(refresh.code.as_deref(), Some(code), "{what}: {:?}", refresh.detail);
        failures += 1;
        assert_eq!(refresh.failures, failures, "{what}");
        assert_eq!(house.believed(), Ok(key_of(&node)), "{what}");
        let now = house.store.documents().await.unwrap();
        assert_eq!((now.len(), now[0].sha256), (1, good[0].sha256), "{what}");
        let event = house.records().pop().unwrap();
        assert_eq!((&event["event"], &event["code"]), (&"metadata_refused".into(), &code.into()), "{what}");
    }
    // Addresses that may not be called, although something good was there before.
    for (url, code) in [
        ("http://node.example/metadata", "https_required"),
        ("https://10.0.0.1/metadata", "private_address"),
        ("ftp://node.example/metadata", "bad_url"),
    ] {
        keep(&house, &trust, url).await;
        house.after(Duration::ZERO).await;
        assert_eq!(house.records().pop().unwrap()["code"], code, "{url}");
        assert_eq!(house.believed(), Ok(key_of(&node)), "{url}");
    }
    // And when all is well again, so is the country.
    let now = house.clock.now();
    server.replies(xml(metadata(&node, now)));
    keep(&house, &trust, &server.url()).await;
    house.after(Duration::ZERO).await;
    let documents = house.store.documents().await.unwrap();
    assert_eq!((documents[0].fetched, documents[0].valid_until), (now, now + HOUR * 24));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_is_asked_only_for_what_has_changed() {
    let (server, node) = (Server::new().await, xb());
    let house = House::new(fetcher(10)).await;
    let dated = "Last-Modified: Sat, 21 Nov 2026 11:00:00 GMT\r\n";
    let with = |octets: String, tag: &str| {
        Reply::Octets(document(
            octets.as_bytes(),
            &format!("Content-Type: text/xml\r\nETag: {tag}\r\n{dated}"),
        ))
    };
    server.replies(with(metadata(&node, start()), "\"one\""));
    keep(&house, &vouching(&[&node]), &server.url()).await;
    house.after(Duration::ZERO).await;
    let request = server.last_request().to_ascii_lowercase();
    assert!(!request.contains("if-none-match") && !request.contains("accept-encoding"), "{request}");

    server.replies(Reply::Octets(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec()));
    house.after(HOUR).await;
    let request = server.last_request().to_ascii_lowercase();
    assert!(request.contains("if-none-match: \"one\"\r\n"), "{request}");
    assert!(request.contains("if-modified-since: sat, 21 nov 2026 11:00:00 gmt\r\n"), "{request}");
    assert_eq!(house.events(), ["metadata_fetched"]);

    server.replies(with(metadata(&node, start() + HOUR), "\"two\""));
    house.after(HOUR).await;
    let kept = &house.store.documents().await.unwrap()[0];
    assert_eq!(kept.etag.as_deref(), Some("\"two\""));
    assert_eq!(house.events(), ["metadata_fetched", "metadata_fetched"]);
    assert_eq!(CountryCode::parse(&kept.source), CountryCode::parse("XB"));
}
