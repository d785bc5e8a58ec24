//! From a host name to the addresses that may be connected to.
//!
//! Every connection goes through here, so a name that resolves to a private address is refused by the
//! very addresses that would be used: there is no second look-up that could answer differently.

use std::future::Future;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;

use super::address::{self, Allowed, is_local_host};

/// Resolves names and refuses what may not be called.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    allowed: Allowed,
}

impl Resolver {
    pub(crate) fn new(allowed: Allowed) -> Self {
        Self { allowed }
    }
}

type Found = Result<std::vec::IntoIter<SocketAddr>, Box<dyn std::error::Error + Send + Sync>>;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Found> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let allowed = self.allowed.clone();
        Box::pin(async move {
            let found = if is_local_host(name.as_str()) {
                // RFC 6761 §6.3: these names are this machine, whatever a name server says.
                vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))]
            } else {
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect()
            };
            // One private address among public ones is a sign of an attack: none of them is used.
            for one in &found {
                address::address(one.ip(), &allowed)?;
            }
            Ok(found.into_iter())
        })
    }
}
