//! What is asked of all shards at once: due wake-ups and the newest conversations. One script answers on one server; a
//! cluster is asked shard by shard, and the answers are put in order here.

use super::fault::Fault;
use super::scripts::{self, Call};
use super::{RedisStore, read_key};
use crate::adapters::store::millis;
use frontdesk_actors::ids::{Node, SHARDS};
use frontdesk_actors::ports::{Due, Listed};
use futures::future::try_join_all;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

impl RedisStore {
    /// The shards that one script may touch together: all of them on one server, one by one in a cluster.
    pub(super) fn groups(&self) -> Vec<Vec<u16>> {
        if self.links.is_cluster() {
            (0..SHARDS).map(|shard| vec![shard]).collect()
        } else {
            vec![(0..SHARDS).collect()]
        }
    }

    /// Returns how many due wake-ups to take from each shard so that the longest overdue of all shards come first.
    async fn shares(&self, limit: i64) -> Result<Vec<(Vec<u16>, i64)>, Fault> {
        let groups = self.groups();
        if groups.len() == 1 {
            return Ok(groups.into_iter().map(|group| (group, limit)).collect());
        }
        let peeks = groups.iter().flatten().map(|shard| async move {
            let call = Call::new(&scripts::PEEK, vec![self.keys.wake(*shard)]).number(limit);
            let due: Vec<i64> = self.links.run(*shard, &call).await?;
            Ok::<_, Fault>(due.into_iter().map(|at| (at, *shard)).collect::<Vec<_>>())
        });
        let mut due: Vec<(i64, u16)> = try_join_all(peeks).await?.into_iter().flatten().collect();
        due.sort_unstable();
        let mut shares: BTreeMap<u16, i64> = BTreeMap::new();
        for (_, shard) in due.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)) {
            *shares.entry(shard).or_default() += 1;
        }
        Ok(shares.into_iter().map(|(shard, share)| (vec![shard], share)).collect())
    }

    /// Takes due conversations, the longest overdue first.
    pub(super) async fn take(&self, node: &Node, lease: Duration, limit: usize) -> Result<Vec<Due>, Fault> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX).min(i64::from(u32::MAX));
        let takes = self.shares(limit).await?.into_iter().map(|(group, share)| async move {
            let keys = group
                .iter()
                .flat_map(|shard| [self.keys.wake(*shard), self.keys.holders(*shard), self.keys.takes(*shard)])
                .collect();
            let call = Call::new(&scripts::TAKE, keys).arg(node.to_string()).number(millis(lease)).number(share);
            let first = group.first().copied().unwrap_or(0);
            self.links.run::<Vec<(String, u32, u8, i64)>>(first, &call).await
        });
        let mut taken: Vec<_> = try_join_all(takes).await?.into_iter().flatten().collect();
        taken.sort_by_key(|(_, _, _, due)| *due);
        taken
            .into_iter()
            .map(|(key, takes, taken_over, _)| Ok(Due { key: read_key(&key)?, takes, taken_over: taken_over == 1 }))
            .collect()
    }

    /// Lists conversations, the last changed first.
    pub(super) async fn newest(&self, limit: usize) -> Result<Vec<Listed>, Fault> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let count = i64::try_from(limit).unwrap_or(i64::MAX).min(i64::from(u32::MAX));
        let recent = self.groups().into_iter().map(|group| async move {
            let keys = group.iter().map(|shard| self.keys.recent(*shard)).collect();
            let call = Call::new(&scripts::RECENT, keys).number(count);
            self.links.run::<Vec<(String, i64)>>(group.first().copied().unwrap_or(0), &call).await
        });
        let mut recent: Vec<_> = try_join_all(recent).await?.into_iter().flatten().collect();
        recent.sort_by_key(|(_, changed)| Reverse(*changed));
        recent.truncate(limit);
        let listed = recent.into_iter().map(|(key, _)| async move {
            let key = read_key(&key)?;
            let mut read = redis::cmd("HGET");
            read.arg(self.keys.record(&key)).arg("s");
            let summary: Option<Vec<u8>> = self.links.send(key.shard(), &read).await?;
            // A record whose retention ended may stand in the index until its shard is written next.
            Ok::<_, Fault>(summary.map(|summary| Listed { key, summary: summary.into() }))
        });
        Ok(try_join_all(listed).await?.into_iter().flatten().collect())
    }
}
