//! eidas-gateway: accept the national eID of any EU citizen behind your identity broker.
//!
//! One binary between two worlds. Toward member states it is an eIDAS-Connector (SAML 2.0 in the eIDAS
//! profile); toward brokers it is an OpenID Provider. docs/architecture.md is the map of these modules.

pub mod clock;
pub mod ids;
pub mod secret;

pub mod app;
pub mod audit;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod eidas;
pub mod jobs;
pub mod login;
pub mod metrics;
pub mod node;
pub mod oidc;
pub mod outbound;
pub mod saml;
pub mod store;
pub mod web;
pub mod xml;
