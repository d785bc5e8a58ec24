//! The simulated member state `XA` as a program of its own, beside a gateway that really serves. An example, so
//! that it is never shipped.
//!
//! ```text
//! member-state LISTEN BASE ISSUER CERTIFICATE ANCHOR [AUTHORITIES]
//! ```
//!
//! It listens at LISTEN (address and port), is reached as BASE, speaks with the gateway at ISSUER, whose metadata must be
//! signed with CERTIFICATE (a file), and writes the certificate of its own metadata to the file ANCHOR. AUTHORITIES is a
//! file with the certification authorities by which ISSUER is recognised; without it the system's count. When it says
//! `ready`, it answers.

use std::error::Error;
use std::fs;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use eidas_gateway::clock::{Clock, SystemClock};
use eidas_gateway::crypto::Certificate;
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::node::{Answer, Call, MemberState, Neighbour, Wire, member_state};
use eidas_gateway::outbound::{Allowed, Fetcher, Limits};
use eidas_gateway::xml;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, base, issuer, certificate, anchor, authorities @ ..] = arguments.as_slice() else {
        return Err("usage: member-state LISTEN BASE ISSUER CERTIFICATE ANCHOR [AUTHORITIES]".into());
    };
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let listener = TcpListener::bind(listen).await?;
    let node = MemberState::xa(base, clock.now(), &*random)?;
    fs::write(anchor, node.signing.certificate().pem())?;
    let neighbour = Neighbour {
        entity_id: format!("{issuer}/saml/metadata"),
        trusted: Certificate::from_pem(&fs::read(certificate)?)?,
    };
    let wire = Network(Fetcher::new(Limits {
        time: Duration::from_secs(10),
        size: xml::Limits::METADATA.octets,
        // Wherever the gateway is: beside it in a test, or on a network of containers.
        allowed: Allowed { networks: vec!["0.0.0.0/0".parse()?, "::/0".parse()?], loopback: true },
        ca_file: authorities.first().map(Into::into),
    }));
    let router = member_state(node, neighbour, Arc::new(wire), clock, random);
    println!("ready");
    axum::serve(listener, router).await?;
    Ok(())
}

/// Calls over the network. The member state only ever fetches metadata.
struct Network(Fetcher);

impl Wire for Network {
    fn call(&self, call: Call) -> Pin<Box<dyn Future<Output = Result<Answer, String>> + Send + '_>> {
        Box::pin(async move {
            let body = self.0.get(&call.url).await.map_err(|error| error.to_string())?;
            Ok(Answer { status: 200, body })
        })
    }
}
