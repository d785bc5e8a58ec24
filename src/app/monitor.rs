//! What monitoring sees of a running gateway: the metrics on their own address, and what may end soon.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::{ServeError, Server};
use crate::eidas::CountryTrust;
use crate::jobs::Trusted;
use crate::metrics::Metrics;
use crate::outbound::Source;
use crate::web;

/// What vouches for the countries of a configuration.
pub(super) fn trusted(countries: &[(CountryTrust, Source)]) -> Vec<Trusted> {
    let trusted = |(trust, source): &(CountryTrust, Source)| Trusted {
        country: trust.country,
        anchors: trust.anchors.clone(),
        by_hand: matches!(source, Source::File(_)),
    };
    countries.iter().map(trusted).collect()
}

/// Listens for the monitoring system.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| ServeError::Listen(address.to_string(), error, "metrics.listen"))
}

/// Serves the metrics for ever, if they are wanted.
pub(super) async fn serve(listener: Option<TcpListener>, metrics: Arc<Metrics>) {
    let Some(listener) = listener else { return };
    let server = Server { router: web::metrics(metrics), tls: None, grace: Duration::ZERO };
    server.run(listener, std::future::pending()).await;
}
