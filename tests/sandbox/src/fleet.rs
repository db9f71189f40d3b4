//! Several daemons on one Redis or Redis Cluster, with every webhook going to one of them at random.

use crate::balancer::Balancer;
use crate::chatwoot::{Hook, Target};
use crate::daemon::Daemon;
use crate::redis::RedisCluster;
use crate::town::{ACCOUNT_SECRET, BOT_SECRET, Backing, Town, Wiring};
use anyhow::{Context, Result};
use std::path::Path;

/// What the nodes share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// One Redis server.
    Redis,
    /// Three masters.
    Cluster,
}

/// A town with several desks. The first one is the town's own.
#[derive(Debug)]
pub struct Fleet {
    /// Everything but the other desks.
    pub town: Town,
    /// The other desks.
    pub others: Vec<Daemon>,
    /// What stands before them.
    pub balancer: Balancer,
    /// The cluster, where they use one.
    pub cluster: Option<RedisCluster>,
}

impl Fleet {
    /// Builds a town with so many desks, none of which runs yet; `equip` sets what all of them have in their environment.
    ///
    /// # Errors
    /// If a server cannot be started.
    pub async fn build(
        binary: impl AsRef<Path>,
        nodes: usize,
        shared: Shared,
        seed: u64,
        equip: impl Fn(&mut Daemon),
    ) -> Result<Self> {
        let mut town = Town::build(binary.as_ref(), Backing::Redis, Wiring::Full).await?;
        let cluster = match shared {
            Shared::Redis => None,
            Shared::Cluster => Some(RedisCluster::start().await?),
        };
        if let Some(cluster) = &cluster {
            town.redis = None;
            town.daemon.set("REDIS_URL", cluster.url());
        }
        town.daemon.set("NODE_ID", "node-0");
        equip(&mut town.daemon);
        let others: Vec<Daemon> = (1..nodes)
            .map(|node| town.daemon.twin().map(|twin| twin.with("NODE_ID", format!("node-{node}"))))
            .collect::<Result<_>>()?;
        let addresses = std::iter::once(&town.daemon).chain(&others).map(Daemon::address).collect();
        let balancer = Balancer::start(addresses, seed).await?;
        let fleet = Self { town, others, balancer, cluster };
        fleet.deliver_anywhere();
        Ok(fleet)
    }

    /// Starts all desks.
    ///
    /// # Errors
    /// If one does not start.
    pub async fn start(&mut self) -> Result<()> {
        self.town.daemon.start().await?;
        for other in &mut self.others {
            other.start().await?;
        }
        Ok(())
    }

    /// Returns how many desks there are.
    pub fn len(&self) -> usize {
        self.others.len() + 1
    }

    /// Returns whether there are no desks, which never is so.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Returns a desk.
    ///
    /// # Errors
    /// If there is none of that number.
    pub fn node(&self, number: usize) -> Result<&Daemon> {
        match number.checked_sub(1) {
            None => Ok(&self.town.daemon),
            Some(other) => self.others.get(other).context("there is no such node"),
        }
    }

    /// Returns a desk for change.
    ///
    /// # Errors
    /// If there is none of that number.
    pub fn node_mut(&mut self, number: usize) -> Result<&mut Daemon> {
        match number.checked_sub(1) {
            None => Ok(&mut self.town.daemon),
            Some(other) => self.others.get_mut(other).context("there is no such node"),
        }
    }

    /// Sends every webhook to a node at random from here on.
    pub fn deliver_anywhere(&self) {
        self.deliver(&self.balancer.url("/webhooks/chatwoot"));
    }

    /// Sends every webhook to this node from here on.
    ///
    /// # Errors
    /// If there is none of that number.
    pub fn deliver_to(&self, number: usize) -> Result<()> {
        self.deliver(&self.node(number)?.url("/webhooks/chatwoot"));
        Ok(())
    }

    fn deliver(&self, url: &str) {
        let hook = |secret: &str| Some(Hook { url: url.to_owned(), secret: Some(secret.to_owned()) });
        self.town.chatwoot.deliver_to(Target::AgentBot, hook(BOT_SECRET));
        self.town.chatwoot.deliver_to(Target::Account, hook(ACCOUNT_SECRET));
    }

    /// Reads a counter or gauge of one node; the sum over all its labels that contain `labels`.
    ///
    /// # Errors
    /// If the node does not answer.
    pub async fn metric_of(&self, number: usize, name: &str, labels: &str) -> Result<f64> {
        crate::town::metric(self.node(number)?, name, labels).await
    }

    /// Returns the sum of a counter over all nodes.
    ///
    /// # Errors
    /// If a node does not answer.
    pub async fn metric(&self, name: &str, labels: &str) -> Result<f64> {
        let mut sum = 0.0;
        for number in 0..self.len() {
            sum += self.metric_of(number, name, labels).await?;
        }
        Ok(sum)
    }
}
