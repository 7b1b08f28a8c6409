//! The accept loop: from a socket to the routes and back, with a bound on everything a client can hold on to.
//!
//! warp by itself waits for ever for a request's head, takes bodies of any size and drops the connection when a
//! handler panics. So connections are ours, and warp is what answers: heads have a deadline, connections are counted,
//! a client that stops reading is let go, a panic in a handler is an answer 500 and no more than that, and the end
//! comes within a given time whoever still listens.
//!
//! Not here: what is answered (see [`crate::web::routes`]), and bodies' limits (the handlers read them).

use super::assets;
use super::limits::{Doorkeeper, Full, Limits, Patient, network_of};
use super::problem::{Kind, Problem};
use super::turnstile::Turnstile;
use bytes::Bytes;
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use warp::http::header::{self, HeaderValue};
use warp::http::{HeaderMap, Method, Request, StatusCode};
use warp::reply::Response;

/// All routes, boxed.
pub type Routes = warp::filters::BoxedFilter<(Response,)>;

/// How long the loop waits after the system refused to accept (too many open files, say).
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);
/// How long, and how many bytes, a client is listened to after it was refused in mid-body, so that it reads the
/// refusal instead of a reset.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// Who asks; in each request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The client's address: the peer's, or what a trusted proxy says.
    pub address: IpAddr,
    /// By https, as a trusted proxy says.
    pub https: bool,
}

/// The route that answered; in each response's extensions, for the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered(pub &'static str);

/// In the extensions of a response: whoever asked has proven who they are, and is not counted against their address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vouched;

/// One answered request, for whoever counts.
#[derive(Debug, Clone, Copy)]
pub struct Served {
    /// The route's name; `none` where no route took it.
    pub route: &'static str,
    /// The status.
    pub status: StatusCode,
    /// From the end of the head to the beginning of the answer.
    pub took: Duration,
    /// A handler panicked.
    pub panicked: bool,
}

/// The server, before it listens.
#[derive(Clone)]
pub struct Server {
    /// Its bounds.
    pub limits: Arc<Limits>,
    /// What answers.
    pub routes: Routes,
    /// Told of every answer.
    pub observe: Arc<dyn Fn(Served) + Send + Sync>,
    /// Counts connections; shared with the metrics.
    pub doorkeeper: Doorkeeper,
    /// Speaks TLS, where it has a certificate of its own.
    pub tls: Option<TlsAcceptor>,
    /// Counts requests by address, where the world may come.
    pub turnstile: Option<Arc<Turnstile>>,
}

impl Server {
    /// Serves until `stop` says true, then ends within `within`: answers under way are finished, idle connections
    /// and live streams closed, and whatever is left cut off.
    pub async fn serve(self, listener: TcpListener, mut stop: watch::Receiver<bool>, within: Duration) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => match self.doorkeeper.admit(peer.ip(), &self.limits) {
                    Ok(pass) => {
                        let (server, stop) = (self.clone(), stop.clone());
                        connections.spawn(async move {
                            server.welcome(stream, peer, stop).await;
                            drop(pass);
                        });
                    }
                    // Words in clear would be nonsense to whoever speaks TLS.
                    Err(full) if self.tls.is_none() => turn_away(&stream, full),
                    Err(_) => {}
                },
                Err(error) => {
                    // Out of files, or the peer is gone again. Without a pause this would spin.
                    tracing::warn!(%error, "could not accept a connection; going on in {ACCEPT_BACK_OFF:?}");
                    tokio::time::sleep(ACCEPT_BACK_OFF).await;
                }
            }
        }
        drop(listener);
        let all_ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(within, all_ended).await.is_err() {
            tracing::info!(connections = connections.len(), "cut off connections that did not end in {within:?}");
            connections.shutdown().await;
        }
    }

    async fn welcome(self, stream: TcpStream, peer: SocketAddr, stop: watch::Receiver<bool>) {
        // Answers are small and people wait for them.
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.tls.clone() else { return self.converse(stream, peer, stop).await };
        match tokio::time::timeout(self.limits.header_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.converse(stream, peer, stop).await,
            Ok(Err(error)) => tracing::debug!(%error, "a connection did not get as far as TLS"),
            Err(_) => tracing::debug!("a connection took too long to agree on TLS"),
        }
    }

    async fn converse<S>(self, stream: S, peer: SocketAddr, mut stop: watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = Arc::clone(&self.limits);
        let io = TokioIo::new(Patient::new(stream, limits.write_timeout));
        let service = service_fn(move |request| {
            let server = self.clone();
            Box::pin(async move { Ok::<_, Infallible>(server.answer(request, peer).await) })
        });
        let mut connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            // The least that hyper takes is 8 KiB.
            .max_buf_size(limits.head_bytes_max.max(8 * 1024))
            .serve_connection(io, service);
        let stopped = tokio::select! {
            ended = std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)) => Some(ended),
            _ = stop.wait_for(|stop| *stop) => None,
        };
        let ended = match stopped {
            Some(ended) => ended,
            None => {
                Pin::new(&mut connection).graceful_shutdown();
                std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)).await
            }
        };
        match ended {
            Ok(()) => linger(connection.into_parts().io.into_inner()).await,
            Err(error) => tracing::debug!(%error, "a connection broke off"),
        }
    }

    /// Answers one request, come what may.
    async fn answer(&self, mut request: Request<Incoming>, peer: SocketAddr) -> Response {
        let begun = Instant::now();
        let mut client = client(peer.ip(), request.headers(), &self.limits.trusted_proxies);
        client.https |= self.tls.is_some();
        request.extensions_mut().insert(client);
        if let Some(turnstile) = &self.turnstile
            && !turnstile.pass(client.address, begun)
        {
            let problem = Problem::new(Kind::TooMany, "too many requests from this address; come again in a minute");
            return self.finish(problem.into_response(), client, begun, false);
        }
        if request.method() == Method::HEAD {
            // A GET never writes, and hyper leaves the body of a HEAD's answer out.
            *request.method_mut() = Method::GET;
        }
        let routes = TowerToHyperService::new(warp::service(self.routes.clone()));
        let answering = AssertUnwindSafe(async move { routes.call(request).await }).catch_unwind();
        let (response, panicked) = match tokio::time::timeout(self.limits.answer_timeout, answering).await {
            Ok(Ok(Ok(response))) => (response, false),
            Ok(Ok(Err(never))) => match never {},
            // The panic hook has written message and place to the trace already.
            Ok(Err(_panic)) => {
                let problem = Problem::new(Kind::Defect, "this is a defect of callout; its trace says more");
                (problem.into_response(), true)
            }
            Err(_too_long) => {
                (Problem::new(Kind::Busy, "the answer took too long; send it again").into_response(), false)
            }
        };
        if let Some(turnstile) = &self.turnstile
            && response.extensions().get::<Vouched>().is_some()
        {
            turnstile.give_back(client.address);
        }
        self.finish(response, client, begun, panicked)
    }

    /// Counts an answer, and gives it the headers that every answer bears.
    fn finish(&self, mut response: Response, client: Client, begun: Instant, panicked: bool) -> Response {
        let route = response.extensions().get::<Answered>().map_or("none", |answered| answered.0);
        (self.observe)(Served { route, status: response.status(), took: begun.elapsed(), panicked });
        secure(response.headers_mut(), self.limits.hsts && client.https);
        response
    }
}

/// The headers that every answer bears.
fn secure(headers: &mut HeaderMap, hsts: bool) {
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(assets::CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if hsts {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// Who asks: the peer; or, where the peer is a trusted proxy, the last address that it names which is none.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> Client {
    let is_trusted = |address: IpAddr| trusted.iter().any(|proxy| network_of(*proxy) == network_of(address));
    if !is_trusted(peer) {
        return Client { address: peer, https: false };
    }
    let words = |name: &str| -> Vec<String> {
        let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).map(|word| word.trim().to_owned()).collect()
    };
    let said = words("x-forwarded-for").into_iter().rev().map_while(|word| word.parse::<IpAddr>().ok());
    let address = said.into_iter().find(|address| !is_trusted(*address)).unwrap_or(peer);
    let https = words("x-forwarded-proto").last().is_some_and(|proto| proto == "https");
    Client { address, https }
}

/// Says no to a connection without reading from it; if the system won't take the few bytes at once, so be it.
fn turn_away(stream: &TcpStream, full: Full) {
    let (status, kind, detail) = match full {
        Full::Total => ("503 Service Unavailable", Kind::Busy, "all connections are taken; come again in 2 s"),
        Full::Address => {
            ("429 Too Many Requests", Kind::TooMany, "this address holds too many connections; close some")
        }
    };
    let body = format!(
        "{{\"type\":\"urn:callout:problem:{}\",\"title\":\"{}\",\"status\":{},\"detail\":\"{detail}\"}}",
        kind.code(),
        kind.title(),
        kind.status().as_u16()
    );
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\nRetry-After: 2\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.try_write(answer.as_bytes());
}

/// Closes our side and listens for a moment more: a client that is still sending reads our answer, not a reset.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: Patient<S>) {
    let listening = async {
        stream.shutdown().await?;
        let (mut scrap, mut heard) = ([0; 16 * 1024], 0);
        while heard < LINGER_BYTES_MAX {
            match stream.read(&mut scrap).await? {
                0 => break,
                n => heard += n,
            }
        }
        std::io::Result::Ok(())
    };
    let _ = tokio::time::timeout(LINGER, listening).await;
}

/// A small whole body, for answers made by hand.
pub fn whole(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into().into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn seen(peer: &str, headers: &[(&'static str, &'static str)]) -> (String, bool) {
        let headers = headers.iter().map(|(k, v)| (k.parse().unwrap(), HeaderValue::from_static(v))).collect();
        let client = client(peer.parse().unwrap(), &headers, &["10.0.0.1".parse().unwrap()]);
        (client.address.to_string(), client.https)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_about_who_asks() {
        let forged = ("x-forwarded-for", "192.0.2.9");
        let https = ("x-forwarded-proto", "https");
        assert_eq!(seen("192.0.2.1", &[forged, https]), ("192.0.2.1".into(), false));
        assert_eq!(
            seen("10.0.0.1", &[("x-forwarded-for", "192.0.2.9, 198.51.100.7"), https]),
            ("198.51.100.7".into(), true)
        );
        assert_eq!(seen("10.0.0.1", &[("x-forwarded-for", "198.51.100.7, 10.0.0.1")]), ("198.51.100.7".into(), false));
        assert_eq!(seen("10.0.0.1", &[("x-forwarded-for", "198.51.100.7, rubbish")]), ("10.0.0.1".into(), false));
        assert_eq!(seen("10.0.0.1", &[]), ("10.0.0.1".into(), false));
    }
}
