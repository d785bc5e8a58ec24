//! Calls from one part of the demo to another: HTTP, but without a client of its own.

use std::future::Future;
use std::pin::Pin;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use tower::ServiceExt as _;

/// An HTTP call.
#[derive(Clone, Debug)]
pub struct Call {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The absolute address.
    pub url: String,
    /// The value of `Authorization`.
    pub authorization: Option<String>,
    /// The body, form-encoded.
    pub form: Option<String>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Something that can make HTTP calls.
pub trait Wire: Send + Sync {
    /// Makes one call. An error is a sentence on why there is no answer.
    fn call(&self, call: Call) -> Pin<Box<dyn Future<Output = Result<Answer, String>> + Send + '_>>;
}

/// Calls a router in this process, as if over the network: with the Host header of the address.
#[derive(Clone, Debug)]
pub struct InProcess(pub Router);

impl Call {
    /// `GET url`.
    #[must_use]
    pub fn get(url: &str) -> Self {
        Self { method: "GET", url: url.to_owned(), authorization: None, form: None }
    }
}

impl Wire for InProcess {
    fn call(&self, call: Call) -> Pin<Box<dyn Future<Output = Result<Answer, String>> + Send + '_>> {
        Box::pin(async move {
            let request = request(call).ok_or("the address is not one that can be called")?;
            let Ok(response) = self.0.clone().oneshot(request).await;
            let status = response.status().as_u16();
            let body = axum::body::to_bytes(response.into_body(), LIMIT).await;
            let body = body.map_err(|_| "the answer is too long")?.to_vec();
            Ok(Answer { status, body })
        })
    }
}

fn request(call: Call) -> Option<Request<Body>> {
    let (_, rest) = call.url.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut request = Request::builder()
        .method(call.method)
        .uri(if path.is_empty() { "/" } else { path })
        .header(header::HOST, host);
    if let Some(authorization) = call.authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    if call.form.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    request.body(call.form.map_or_else(Body::empty, Body::from)).ok()
}

/// More than the largest metadata that the demo knows.
const LIMIT: usize = 1 << 20;
