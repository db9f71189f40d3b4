//! A wire that can be cut: a TCP proxy between two parties, and what goes wrong on the way.
//!
//! It knows no protocol. Each burst of bytes from the client is put before a judge, which lets it pass or names a trouble;
//! a request of a few kilobytes is one burst. What the server answers always passes, unless a trouble says otherwise.

use anyhow::{Context, Result};
use bytes::BytesMut;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// How much one burst may hold.
const BURST: usize = 256 * 1024;

/// How long the far end may take to finish with a request whose sender hears no more.
const AFTERMATH: Duration = Duration::from_secs(10);

/// How long a silenced client is kept waiting before it is let go.
const SILENCE: Duration = Duration::from_secs(60);

/// What happens to a burst and its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is thrown away and both ends are reset.
    Cut,
    /// It arrives after this long.
    Delay(Duration),
    /// It is swallowed, and so is everything after it; the client waits for nothing.
    BlackHole,
    /// It arrives, and the client is reset before any answer: an ambiguous request.
    ForwardThenReset,
    /// It arrives, and the answer never does.
    ForwardThenSilence,
    /// It arrives, and the client reads the end of the stream instead of an answer.
    ForwardThenClose,
    /// The client waits for nothing; it arrives after this long, whether or not the client still waits.
    LandLate(Duration),
}

/// Decides about a burst from a client.
pub type Judge = Arc<dyn Fn(&[u8]) -> Option<Trouble> + Send + Sync>;

/// Chooses one of several servers for a new connection, by its number among them.
pub type Balance = Arc<dyn Fn(usize) -> usize + Send + Sync>;

/// A running proxy. It stops when dropped.
pub struct Link {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

struct Shared {
    targets: Vec<SocketAddr>,
    rules: Mutex<Rules>,
    /// Counts general cuts: every connection ends with the next one.
    cuts: watch::Sender<u64>,
}

struct Rules {
    judge: Option<Judge>,
    balance: Balance,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Link {
    /// Opens a proxy on a free port of the loopback, in front of one or several servers.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn open(targets: Vec<SocketAddr>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("bind a proxy")?;
        let address = listener.local_addr()?;
        let rules = Mutex::new(Rules { judge: None, balance: Arc::new(|_| 0) });
        let shared = Arc::new(Shared { targets, rules, cuts: watch::channel(0).0 });
        let accepting = tokio::spawn(accept(listener, shared.clone())).abort_handle();
        Ok(Self { address, shared, accepting })
    }

    /// Returns where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts every burst before this judge from here on; `None` lets all pass.
    pub fn judge(&self, judge: Option<Judge>) {
        self.shared.rules().judge = judge;
    }

    /// Chooses the server of each new connection like this from here on.
    pub fn balance(&self, balance: Balance) {
        self.shared.rules().balance = balance;
    }

    /// Resets every connection that stands; new ones are taken.
    pub fn cut_all(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut_all();
    }
}

impl Shared {
    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn target(&self) -> Option<SocketAddr> {
        let balance = self.rules().balance.clone();
        self.targets.get(balance(self.targets.len())).copied()
    }

    fn trouble(&self, burst: &[u8]) -> Option<Trouble> {
        let judge = self.rules().judge.clone();
        judge.and_then(|judge| judge(burst))
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        tokio::spawn(serve(client, shared.clone()));
    }
}

/// What ends the relaying of a connection.
enum End {
    /// One side has closed, or a general cut came.
    Over,
    /// Both ends are reset.
    Reset,
    /// What came last met a trouble that lasts.
    Lasting(Trouble, BytesMut),
}

async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let mut cuts = shared.cuts.subscribe();
    let connected = match shared.target() {
        Some(target) => TcpStream::connect(target).await.ok(),
        None => None,
    };
    let Some(mut server) = connected else {
        // Nobody listens there: neither does anybody here.
        return reset(client);
    };
    for stream in [&client, &server] {
        // A failure costs latency only.
        let _ = stream.set_nodelay(true);
    }
    let end = tokio::select! {
        end = relay(&mut client, &mut server, &shared) => end,
        _ = cuts.changed() => End::Reset,
    };
    match end {
        End::Over => {}
        End::Reset => {
            reset(client);
            reset(server);
        }
        End::Lasting(trouble, burst) => linger(client, server, trouble, &burst).await,
    }
}

/// Carries bytes both ways until something ends it.
async fn relay(client: &mut TcpStream, server: &mut TcpStream, shared: &Shared) -> End {
    let (mut up, mut down) = (BytesMut::with_capacity(BURST), BytesMut::with_capacity(BURST));
    loop {
        tokio::select! {
            read = client.read_buf(&mut up) => {
                if !matches!(read, Ok(1..)) {
                    return End::Over;
                }
                match shared.trouble(&up) {
                    None => {}
                    Some(Trouble::Cut) => return End::Reset,
                    Some(Trouble::Delay(pause)) => tokio::time::sleep(pause).await,
                    Some(lasting) => return End::Lasting(lasting, up),
                }
                if server.write_all_buf(&mut up).await.is_err() {
                    return End::Reset;
                }
            }
            read = server.read_buf(&mut down) => {
                match read {
                    Ok(1..) if client.write_all_buf(&mut down).await.is_ok() => {}
                    Ok(_) => return End::Over,
                    // A killed process resets its connections.
                    Err(_) => return End::Reset,
                }
            }
        }
        up.reserve(BURST);
        down.reserve(BURST);
    }
}

/// Plays a trouble to its end. The server's connection stands until it has answered: closing it could stop its work.
async fn linger(mut client: TcpStream, mut server: TcpStream, trouble: Trouble, burst: &[u8]) {
    match trouble {
        Trouble::Cut | Trouble::Delay(_) => {}
        Trouble::BlackHole => swallow(&mut client, SILENCE).await,
        Trouble::ForwardThenReset => {
            // The far end may be gone, which is as ambiguous.
            let _ = server.write_all(burst).await;
            reset(client);
            swallow_answer(&mut server).await;
        }
        Trouble::ForwardThenClose => {
            let _ = server.write_all(burst).await;
            let _ = client.shutdown().await;
            swallow_answer(&mut server).await;
        }
        Trouble::ForwardThenSilence => {
            let _ = server.write_all(burst).await;
            tokio::join!(swallow(&mut client, SILENCE), swallow_answer(&mut server));
        }
        Trouble::LandLate(pause) => {
            let late = async {
                tokio::time::sleep(pause).await;
                let _ = server.write_all(burst).await;
                swallow_answer(&mut server).await;
            };
            tokio::join!(swallow(&mut client, SILENCE), late);
        }
    }
}

/// Reads until the other side leaves, or for this long.
async fn swallow(stream: &mut TcpStream, limit: Duration) {
    let reading = async {
        let mut ignored = [0; 4096];
        while matches!(stream.read(&mut ignored).await, Ok(1..)) {}
    };
    // Whoever has not left by then is let go.
    let _ = tokio::time::timeout(limit, reading).await;
}

/// Reads the beginning of an answer: the request has been worked on then.
async fn swallow_answer(server: &mut TcpStream) {
    let mut ignored = [0; 4096];
    // Without an answer in time the work is given up.
    let _ = tokio::time::timeout(AFTERMATH, server.read(&mut ignored)).await;
}

/// Closes without a word: the other side reads a reset.
fn reset(stream: TcpStream) {
    // Already gone is just as well.
    let _ = stream.set_zero_linger();
    drop(stream);
}
