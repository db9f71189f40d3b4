//! The listener, and the daemon's end.
//!
//! Chatwoot never repeats a refused or cut connection, so the listening socket should outlive the process
//! (`frontdesk.socket`), and the end goes in steps: say so, serve on for the echoes of what we just sent, drain the
//! engine, stop accepting, let accepted connections bring their request, finish what is open, go.

use axum::Router;
use axum::serve::{Listener, ListenerExt};
use listenfd::ListenFd;
use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const BACKLOG: u32 = 4096;

/// Where the daemon stands between serving and gone. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    closing: CancellationToken,
    impatient: CancellationToken,
}

impl Lifecycle {
    /// Makes one that serves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts the end. Once more: without patience.
    pub fn close(&self) {
        if self.closing.is_cancelled() {
            self.impatient.cancel();
        }
        self.closing.cancel();
    }

    /// Returns whether the end has begun.
    pub fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Waits for the beginning of the end. Long-lived responses (event streams) must end with it.
    pub async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Closes on SIGTERM and SIGINT from here on; a second one skips the patience.
    ///
    /// # Errors
    /// If the signals cannot be listened for.
    pub fn close_on_signals(&self) -> io::Result<()> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let lifecycle = self.clone();
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                };
                tracing::info!(signal = name, "closing; once more to skip waiting");
                lifecycle.close();
            }
        });
        Ok(())
    }
}

/// How much time each step of the end gets.
#[derive(Debug, Clone)]
pub struct Farewell {
    /// How long webhooks are served on before the engine is drained.
    pub linger: Duration,
    /// How long accepted connections may take to bring their request once no more are accepted.
    pub settle: Duration,
    /// How long open requests may take to finish.
    pub finish: Duration,
}

impl Default for Farewell {
    fn default() -> Self {
        Self { linger: Duration::from_secs(3), settle: Duration::from_millis(300), finish: Duration::from_secs(5) }
    }
}

/// Why nothing is listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another process has the address.
    #[error("{0} is taken by another process; stop it or set LISTEN_ADDR to another address")]
    Taken(SocketAddr),
    /// The address cannot be used.
    #[error("listening on {0} failed; set LISTEN_ADDR to an address of this machine and a port you may open")]
    Bind(SocketAddr, #[source] io::Error),
    /// The socket passed by the service manager cannot be used.
    #[error("the socket passed by the service manager is not a TCP listener; check ListenStream in frontdesk.socket")]
    Passed(#[source] io::Error),
}

/// What is listened on.
#[derive(Debug)]
pub struct Listening {
    /// The listener.
    pub listener: TcpListener,
    /// Whether the service manager holds the socket too: then what nobody has accepted waits for the next run.
    pub outlives_us: bool,
}

/// Takes the socket passed by the service manager, or listens on `address`.
///
/// # Errors
/// [`ListenError`], which says what to change.
pub fn listen(address: SocketAddr) -> Result<Listening, ListenError> {
    match ListenFd::from_env().take_tcp_listener(0).map_err(ListenError::Passed)? {
        Some(passed) => {
            passed.set_nonblocking(true).map_err(ListenError::Passed)?;
            let listener = TcpListener::from_std(passed).map_err(ListenError::Passed)?;
            Ok(Listening { listener, outlives_us: true })
        }
        None => Ok(Listening { listener: bind(address)?, outlives_us: false }),
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A daemon that restarts must not wait for the connections of its predecessor to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    open().map_err(|error| {
        let taken = error.kind() == io::ErrorKind::AddrInUse;
        if taken { ListenError::Taken(address) } else { ListenError::Bind(address, error) }
    })
}

/// Serves until `lifecycle` closes, then ends in steps; `drain` stops the engine. Returns when everything is over.
///
/// # Errors
/// If serving fails as a whole.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    (lifecycle, farewell): (Lifecycle, Farewell),
    drain: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let (deaf, quiet) = (CancellationToken::new(), CancellationToken::new());
    let ears = Ears { listener: Some(listener), deaf: deaf.clone() }.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "setting TCP_NODELAY failed");
        }
    });
    let serving = axum::serve(ears, router).with_graceful_shutdown(quiet.clone().cancelled_owned());
    let mut serving = tokio::spawn(serving.into_future());
    tokio::select! {
        ended = &mut serving => return joined(ended),
        () = lifecycle.closing() => {}
    }
    patiently(&lifecycle, farewell.linger).await;
    drain.await;
    deaf.cancel();
    patiently(&lifecycle, farewell.settle).await;
    quiet.cancel();
    match timeout(farewell.finish, &mut serving).await {
        Ok(ended) => joined(ended),
        Err(_elapsed) => {
            tracing::warn!("requests that did not finish in time are cut");
            serving.abort();
            Ok(())
        }
    }
}

async fn patiently(lifecycle: &Lifecycle, wait: Duration) {
    let _cut_short = timeout(wait, lifecycle.impatient.cancelled()).await;
}

fn joined(ended: Result<io::Result<()>, tokio::task::JoinError>) -> io::Result<()> {
    ended.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// A listener that can stop accepting before its connections are told to finish. hyper closes a connection whose
/// request has not been read when it is told, and with it a webhook that nobody repeats.
#[derive(Debug)]
struct Ears {
    listener: Option<TcpListener>,
    deaf: CancellationToken,
}

impl Listener for Ears {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        if let Some(listener) = &mut self.listener {
            tokio::select! {
                // Whoever queues already is served first: a closed listener resets them.
                biased;
                accepted = Listener::accept(listener) => return accepted,
                () = self.deaf.cancelled() => {}
            }
        }
        // The socket of a service manager stays open in its hands and keeps queueing connections for the next process.
        self.listener = None;
        pending().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        let gone = || io::Error::new(io::ErrorKind::NotConnected, "the listener is closed");
        self.listener.as_ref().map_or_else(|| Err(gone()), TcpListener::local_addr)
    }
}
