//! Which run of the server answers, or of each master. A server that was started again may have read an older file and
//! forgotten what it acknowledged last, so a new run is noticed before anything else is asked of it.
//!
//! A connection to one server ends with the server, and the run is read whenever one is opened. A cluster's connection
//! repairs itself: its run is read when it says that a node went away, and once a second besides.

use super::link::Connection;
use frontdesk_actors::ids::stable_hash;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::{RedisResult, Value};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long a cluster is waited for that does not tell its runs: a stopped node must not hold up the others' shards.
const WITHIN: Duration = Duration::from_millis(250);

/// How long a reading of a cluster stands, unless a node went away.
const STANDS: Duration = Duration::from_secs(1);

/// How long to rest before a cluster that did not answer is asked again.
const REST: Duration = Duration::from_millis(500);

/// The runs as last read.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// By master; one server has no name.
    known: Mutex<BTreeMap<String, String>>,
    /// All of them in one number; 0 as long as none is known.
    name: AtomicU64,
    /// Whether a node of the cluster has gone away since.
    parted: AtomicBool,
    /// When a cluster was last asked, and whether it answered.
    asked: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

impl Runs {
    /// Returns one number for all runs.
    pub(super) fn name(&self) -> Option<u64> {
        Some(self.name.load(Ordering::Acquire)).filter(|name| *name != 0)
    }

    /// A node of the cluster has gone away: when it is back, it may be another run.
    pub(super) fn part(&self) {
        self.parted.store(true, Ordering::Release);
    }

    /// Reads the run of one server over a fresh connection.
    pub(super) async fn read_single(&self, connection: &mut Connection) -> RedisResult<()> {
        let info: String = connection.ask(redis::cmd("INFO").arg("server")).await?;
        if let Some(run) = run_id(&info) {
            self.note([(String::new(), run.to_owned())].into());
        }
        Ok(())
    }

    /// Reads the runs of a cluster's masters if it is time to.
    pub(super) async fn refresh(&self, connection: &Connection) {
        let Connection::Cluster(cluster) = connection else { return };
        let mut asked = self.asked.lock().await;
        let parted = self.parted.load(Ordering::Acquire);
        let rests = asked.is_some_and(|(at, answered)| match (answered, parted) {
            (true, true) => false,
            (true, false) => at.elapsed() < STANDS,
            (false, _) => at.elapsed() < REST,
        });
        if rests {
            return;
        }
        self.parted.store(false, Ordering::Release);
        let mut command = redis::cmd("INFO");
        command.arg("server");
        let masters = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        let mut cluster = cluster.clone();
        let told = match timeout(WITHIN, cluster.route_command(command, masters)).await {
            Ok(Ok(answer)) => by_master(answer),
            Ok(Err(_)) | Err(_) => None,
        };
        let answered = told.is_some();
        match told {
            Some(runs) => self.note(runs),
            None => self.part(),
        }
        *asked = Some((Instant::now(), answered));
    }

    /// Whoever is not mentioned is away, and stays known: coming back as the same run it has forgotten nothing.
    fn note(&self, told: BTreeMap<String, String>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(told);
        let all: Vec<&str> = known.values().map(String::as_str).collect();
        self.name.store(stable_hash(all.join(" ").as_bytes()).max(1), Ordering::Release);
    }
}

/// Reads every master's answer; `None` if one did not give any.
fn by_master(answer: Value) -> Option<BTreeMap<String, String>> {
    let told: BTreeMap<String, String> = redis::from_redis_value(answer).ok()?;
    told.into_iter().map(|(master, info)| Some((master, run_id(&info)?.to_owned()))).collect()
}

fn run_id(info: &str) -> Option<&str> {
    info.lines().find_map(|line| line.strip_prefix("run_id:")).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_run_of_any_master_is_another_name_and_an_absent_one_is_not() {
        let runs = Runs::default();
        assert_eq!(runs.name(), None);
        let of =
            |a: &str, b: &str| BTreeMap::from([("a:1".to_owned(), a.to_owned()), ("b:2".to_owned(), b.to_owned())]);
        runs.note(of("1", "2"));
        let first = runs.name();
        assert!(first.is_some());
        runs.note([("a:1".to_owned(), "1".to_owned())].into());
        assert_eq!(runs.name(), first, "a master that is away has forgotten nothing yet");
        runs.note(of("1", "3"));
        assert_ne!(runs.name(), first);
    }

    #[test]
    fn a_run_is_found_among_what_a_server_tells() {
        assert_eq!(run_id("# Server\r\nredis_version:7.0\r\nrun_id:abc\r\n"), Some("abc"));
        assert_eq!(run_id("# Server\r\n"), None);
    }
}
