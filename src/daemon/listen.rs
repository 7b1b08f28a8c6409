//! The doors to the web: one for everything, or one for staff and one for the world, each with TLS or without.
//!
//! Not here: what is answered at which ([`crate::web::routes`]).

use super::app::StartError;
use super::supervise;
use crate::config::Config;
use crate::web;
use crate::web::app::App as Site;
use crate::web::routes::Listener;
use crate::web::tls::Certificate;
use crate::web::turnstile::Turnstile;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

/// Requests under way have so long to end.
const WEB_STOPS_WITHIN: Duration = Duration::from_secs(5);
/// How often the files of certificates are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// One address that was taken.
#[derive(Debug)]
pub struct OpenDoor {
    /// Where.
    pub address: SocketAddr,
    listener: TcpListener,
    certificate: Option<Arc<Certificate>>,
}

impl OpenDoor {
    async fn open(
        address: SocketAddr,
        certificate: Option<&PathBuf>,
        key: Option<&PathBuf>,
    ) -> Result<Self, StartError> {
        let certificate = match certificate.zip(key) {
            Some((chain, key)) => Some(Certificate::read(chain, key)?),
            None => None,
        };
        let taken = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        Ok(Self { address, listener, certificate })
    }
}

/// The addresses that were taken.
#[derive(Debug)]
pub struct Doors {
    /// For everything, or for staff where there is a public one.
    pub staff: OpenDoor,
    /// For the world.
    pub public: Option<OpenDoor>,
}

impl Doors {
    /// Takes the addresses of the settings and reads their certificates.
    ///
    /// # Errors
    /// When an address cannot be had or a certificate not be used.
    pub async fn open(config: &Config) -> Result<Self, StartError> {
        let (web, outside) = (&config.web, &config.public);
        let staff = OpenDoor::open(web.listen, web.certificate.as_ref(), web.private_key.as_ref()).await?;
        let public = match outside.listen {
            Some(address) => {
                Some(OpenDoor::open(address, outside.certificate.as_ref(), outside.private_key.as_ref()).await?)
            }
            None => None,
        };
        Ok(Self { staff, public })
    }

    /// The certificates of both.
    pub fn certificates(&self) -> Vec<Arc<Certificate>> {
        let doors = [Some(&self.staff), self.public.as_ref()];
        doors.into_iter().flatten().filter_map(|door| door.certificate.clone()).collect()
    }

    /// Serves at each door until `stop` says true.
    pub fn serve(self, site: &Arc<Site>, config: &Config, stop: watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
        let staff_is = if self.public.is_some() { Listener::Staff } else { Listener::Only };
        let doors = [Some((self.staff, staff_is)), self.public.map(|door| (door, Listener::Public))];
        let serve = |(door, listener): (OpenDoor, Listener)| {
            let metrics = Arc::clone(&site.metrics);
            let public = listener == Listener::Public;
            let server = web::serve::Server {
                limits: Arc::clone(&site.limits),
                routes: web::routes::router(site, listener),
                observe: Arc::new(move |served| metrics.served(served)),
                doorkeeper: if public { site.public_doorkeeper.clone() } else { site.doorkeeper.clone() },
                tls: door.certificate.as_ref().map(Certificate::acceptor),
                turnstile: public.then(|| Arc::new(Turnstile::new(config.public.requests_per_minute))),
            };
            let (name, address) = (if public { "web-public" } else { "web" }, door.address);
            info!(%address, tls = door.certificate.is_some(), "listening on {address} for {listener:?}");
            supervise::task(name, server.serve(door.listener, stop.clone(), WEB_STOPS_WITHIN))
        };
        doors.into_iter().flatten().map(serve).collect()
    }
}

/// Reads certificates again where their files have changed.
pub fn renew(certificates: &[Arc<Certificate>]) {
    for certificate in certificates {
        match certificate.renew() {
            Ok(false) => {}
            Ok(true) => info!("a certificate was read again and is in use"),
            Err(error) => warn!(%error, "a certificate has changed and cannot be used; the old one stays: {error}"),
        }
    }
}

/// Looks each minute whether a certificate has changed, until `stop` says true.
pub async fn keep_fresh(certificates: Vec<Arc<Certificate>>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        renew(&certificates);
    }
}
