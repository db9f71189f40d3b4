//! A load balancer without any sense: every connection goes to a node drawn at random. One that refuses is passed over, as
//! real balancers do; one that hangs is not.

use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A running balancer. It stops when dropped.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    shared: Arc<Mutex<Inner>>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Inner {
    nodes: Vec<SocketAddr>,
    dice: u64,
    /// How many connections each node got.
    served: Vec<usize>,
}

impl Inner {
    /// Returns all nodes in a random order (SplitMix64).
    fn draw(&mut self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        for last in (1..order.len()).rev() {
            self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.dice ^ (self.dice >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let at = usize::try_from((mixed ^ (mixed >> 31)) % (last as u64 + 1)).unwrap_or(0);
            order.swap(last, at);
        }
        order
    }
}

impl Balancer {
    /// Starts a balancer before these nodes.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn start(nodes: Vec<SocketAddr>, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("bind the balancer")?;
        let address = listener.local_addr()?;
        let served = vec![0; nodes.len()];
        let shared = Arc::new(Mutex::new(Inner { nodes, dice: seed, served }));
        let inner = shared.clone();
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, inner.clone()));
            }
        });
        Ok(Self { address, shared, server })
    }

    /// Returns an address of the balancer.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns how many connections each node got.
    pub fn served(&self) -> Vec<usize> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).served.clone()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(mut client: TcpStream, shared: Arc<Mutex<Inner>>) {
    let order = shared.lock().unwrap_or_else(PoisonError::into_inner).draw();
    for at in order {
        let node = shared.lock().unwrap_or_else(PoisonError::into_inner).nodes[at];
        if let Ok(mut upstream) = TcpStream::connect(node).await {
            shared.lock().unwrap_or_else(PoisonError::into_inner).served[at] += 1;
            // A cut on either side is a cut on the other.
            let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
            return;
        }
    }
}
