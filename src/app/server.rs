//! Accepts connections, with or without TLS, and lets the running ones end when asked to stop.
//!
//! Knows nothing of what is served. A connection that does not speak is closed: TLS and each request head
//! must be complete within [`PATIENCE`].

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower::ServiceExt as _;

use super::tls::Tls;
use crate::oidc::client_certificate::ClientCertificate;

/// What answers, and how connections are taken.
#[derive(Clone)]
pub struct Server {
    /// What answers requests. Each request carries `ConnectInfo<SocketAddr>`, the peer's address, and a
    /// `ClientCertificate` if one was shown in TLS.
    pub router: Router,
    /// TLS, if this server ends it.
    pub tls: Option<Tls>,
    /// How long running requests may take to end.
    pub grace: Duration,
}

impl Server {
    /// Serves until `stop` is ready; then takes no more connections and returns when the running requests
    /// have ended or the grace is over.
    pub async fn run(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let connections = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let permit = connections.clone().acquire_owned();
            let accepted = tokio::select! {
                accepted = async { (permit.await, listener.accept().await) } => accepted,
                () = &mut stop => break,
            };
            match accepted {
                (Ok(permit), Ok((stream, peer))) => {
                    let (server, watcher) = (self.clone(), graceful.watcher());
                    tokio::spawn(async move {
                        server.connection(stream, peer, watcher).await;
                        drop(permit);
                    });
                }
                // Out of file handles, most likely: wait for connections to end instead of spinning.
                (_, Err(error)) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                (Err(_), Ok(_)) => break,
            }
        }
        drop(listener);
        if timeout(self.grace, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests still running after the grace period were cut off");
        }
    }

    async fn connection(self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.tls.clone() else {
            return self.http(stream, peer, None, watcher).await;
        };
        match timeout(PATIENCE, tls.accept(stream)).await {
            Ok(Ok((stream, shown))) => self.http(stream, peer, shown, watcher).await,
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    async fn http<S>(
        self,
        stream: S,
        peer: SocketAddr,
        certificate: Option<ClientCertificate>,
        watcher: Watcher,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            if let Some(certificate) = certificate.clone() {
                request.extensions_mut().insert(certificate);
            }
            answer(self.router.clone(), request.map(Body::new), REQUEST)
        });
        let mut builder = Builder::new(TokioExecutor::new()).http1_only();
        builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(HEAD);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection.into_owned()).await {
            tracing::debug!(%error, "connection broke");
        }
    }
}

/// The router's answer, or 408 if it takes longer than `limit`, reading the request's body included.
async fn answer(router: Router, request: Request<Body>, limit: Duration) -> Result<Response, Infallible> {
    let late = |_| Ok(StatusCode::REQUEST_TIMEOUT.into_response());
    timeout(limit, router.oneshot(request)).await.unwrap_or_else(late)
}

/// Listens on `port` of the loopback address, or on the next free one of the following nineteen.
///
/// # Errors
/// What the system said about the last port.
pub(crate) async fn bind_near(port: u16) -> io::Result<TcpListener> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in (0..20).filter_map(|n| port.checked_add(n)) {
        match TcpListener::bind(("127.0.0.1", port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Ready when the process is asked to stop: SIGTERM or SIGINT (Ctrl-C).
pub(crate) async fn stop_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupt => {}
        () = terminate() => {}
    }
}

#[cfg(unix)]
async fn terminate() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => _ = signal.recv().await,
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminate() {
    std::future::pending().await
}

/// How long a TLS handshake or a request's head may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a request may take, its body included. Nothing here waits for others while it answers.
const REQUEST: Duration = Duration::from_secs(30);

/// Connections at the same time; more wait in the system's queue.
const MOST_CONNECTIONS: usize = 2048;

/// Octets of a request's head, with its cookies and its query.
const HEAD: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::{mpsc, oneshot};

    #[tokio::test]
    async fn a_running_request_ends_before_the_server_does() {
        let (arrived, mut arrivals) = mpsc::channel(1);
        let (release, released) = oneshot::channel::<()>();
        let released = Arc::new(tokio::sync::Mutex::new(Some(released)));
        let slow = move |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move {
            arrived.send(()).await.unwrap();
            released.lock().await.take().unwrap().await.unwrap();
            peer.ip().to_string()
        };
        let router = Router::new().route("/", get(slow));
        let listener = bind_near(0).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = Server { router, tls: None, grace: Duration::from_secs(30) };
        let running = tokio::spawn(server.run(listener, async move { stopped.await.unwrap() }));

        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        arrivals.recv().await.unwrap();
        stop.send(()).unwrap();
        // The listener closes at once; the request goes on.
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!running.is_finished());
        release.send(()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("127.0.0.1"), "{answer}");
        running.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_whose_body_does_not_come_is_given_up() {
        let router = Router::new().route("/", axum::routing::post(|body: String| async { body }));
        let never = Body::new(http_body_util::Full::new("x".into()).with_trailers(std::future::pending()));
        let request = Request::post("/").body(never).unwrap();
        let late = answer(router.clone(), request, Duration::from_millis(20)).await.unwrap();
        assert_eq!(late.status(), StatusCode::REQUEST_TIMEOUT);
        let request = Request::post("/").body(Body::from("x")).unwrap();
        assert_eq!(answer(router, request, REQUEST).await.unwrap().status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_passed_over() {
        let first = bind_near(0).await.unwrap();
        let port = first.local_addr().unwrap().port();
        let second = bind_near(port).await.unwrap().local_addr().unwrap().port();
        assert!(second > port && second - port < 20);
    }
}
