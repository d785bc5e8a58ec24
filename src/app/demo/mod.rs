//! The demo: gateway, two simulated member states and a relying party in one process, told apart by the
//! host name (docs/adr/0015). Keys are made at each start, everything else is here; nothing is written.
//!
//! This is the only place outside tests that knows `node`.

mod banner;
mod parties;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse as _, Redirect};
use tower::ServiceExt as _;

use super::{ServeError, Server, logging, server};
use crate::clock::{Clock, SystemClock};
use crate::config::{Format, LogLevel, Logging};
use crate::ids::{Random, SystemRandom};
use crate::jobs;
use crate::store::Store;

pub use parties::{Demo, DemoError};

/// Runs the demo on `port` or the next free one until the process is told to stop. With the port of a mail
/// server on this machine, people can also log in with an e-mail address.
///
/// # Errors
/// [`ServeError`], before anything was served.
pub async fn demo(port: u16, mail_port: Option<u16>) -> Result<(), ServeError> {
    logging::start(&Logging { format: Format::Text, level: LogLevel::Warn });
    let (clock, random): (Arc<dyn Clock>, Arc<dyn Random>) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let listener = server::bind_near(port).await;
    let listener =
        listener.map_err(|error| ServeError::Listen(format!("127.0.0.1:{port}"), error, "--port"))?;
    let port = listener.local_addr().map_or(port, |address| address.port());

    let demo = Demo::new(port, mail_port, clock.clone(), random).await?;
    banner::print(&demo);
    let (store, router): (Arc<dyn Store>, _) = (demo.store.clone(), demo.router.clone());
    let upkeep = tokio::spawn(async move {
        tokio::join!(jobs::purge(store, clock), refresh(&demo));
    });
    Server { router, tls: None, grace: Duration::from_secs(2) }.run(listener, server::stop_signal()).await;
    upkeep.abort();
    Ok(())
}

/// The nodes' metadata is valid for a day; so is a demo that is left running.
async fn refresh(demo: &Demo) {
    loop {
        tokio::time::sleep(Duration::from_secs(60 * 60)).await;
        demo.load_countries().await;
    }
}

/// Hands each request to the party whose host name it was sent to; all else leads to `entrance`.
fn by_host(parties: BTreeMap<String, Router>, entrance: String) -> Router {
    let parties = Arc::new(parties);
    Router::new().fallback(move |request: Request| {
        let (parties, entrance) = (parties.clone(), entrance.clone());
        async move {
            let host =
                request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
            match parties.get(&name) {
                Some(party) => party.clone().oneshot(request).await.into_response(),
                None => Redirect::to(&entrance).into_response(),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;

    #[tokio::test]
    async fn each_host_name_leads_to_its_own_party_and_strangers_to_the_entrance() {
        let party = |name: &'static str| Router::new().route("/", get(move || async move { name }));
        let parties = [("a.localhost", party("a")), ("b.localhost", party("b"))];
        let parties = parties.map(|(name, party)| (name.to_owned(), party)).into();
        let router = by_host(parties, "http://a.localhost:8080/".to_owned());
        let mut answers = Vec::new();
        for host in ["a.localhost:8080", "B.localhost", "127.0.0.1:8080", "a.localhost.evil.example", ""] {
            let request = Request::builder().uri("/").header(header::HOST, host).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            let location = answer.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
            let body = axum::body::to_bytes(answer.into_body(), 100).await.unwrap();
            answers.push(location.unwrap_or_else(|| String::from_utf8(body.to_vec()).unwrap()));
        }
        let entrance = "http://a.localhost:8080/";
        assert_eq!(answers, ["a", "b", entrance, entrance, entrance]);
    }
}
