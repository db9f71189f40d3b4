//! Reads the server's durability settings back, and says what they mean for what the desk acknowledges.

use super::fault::Fault;
use super::link::{Connection, Links};
use crate::adapters::store::{Finding, Severity};
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};
use std::collections::{BTreeMap, BTreeSet};

const NAMES: [&str; 4] = ["appendonly", "appendfsync", "maxmemory-policy", "min-replicas-to-write"];

/// Whose connection is lent for it: any would do.
const SHARD: u16 = 0;

/// What the masters say, setting by setting. Masters that differ give several values.
type Told = BTreeMap<&'static str, BTreeSet<String>>;

/// Reads the settings and judges them.
pub(super) async fn examine(links: &Links) -> Result<Vec<Finding>, Fault> {
    let (mut connection, number) = links.borrow(SHARD).await?;
    let mut told = Told::new();
    for name in NAMES {
        match read(&mut connection, name).await {
            Ok(values) => {
                told.insert(name, values);
            }
            Err(error) if is_forbidden(&error) => return Ok(vec![forbidden()]),
            Err(error) => return Err(links.give_back(SHARD, number, error).await),
        }
    }
    Ok(judge(&told, links.is_cluster()))
}

async fn read(connection: &mut Connection, name: &str) -> RedisResult<BTreeSet<String>> {
    let mut command = redis::cmd("CONFIG");
    command.arg("GET").arg(name);
    let answers: Vec<BTreeMap<String, String>> = match connection {
        Connection::Single(_) => vec![connection.ask(&command).await?],
        Connection::Cluster(cluster) => {
            let masters = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
            let answer = cluster.route_command(command, masters).await?;
            let by_node: BTreeMap<String, BTreeMap<String, String>> = redis::from_redis_value(answer)?;
            by_node.into_values().collect()
        }
    };
    Ok(answers.into_iter().flat_map(BTreeMap::into_values).collect())
}

/// Managed services rename or forbid CONFIG.
pub(super) fn is_forbidden(error: &RedisError) -> bool {
    let kind = error.kind();
    kind == ErrorKind::Server(ServerErrorKind::NoPerm) || kind == ErrorKind::Server(ServerErrorKind::ResponseError)
}

fn forbidden() -> Finding {
    Finding {
        severity: Severity::Note,
        text: "this Redis does not let frontdesk read its settings (CONFIG GET): make sure yourself that it has \
               appendonly yes, appendfsync always and maxmemory-policy noeviction"
            .to_owned(),
    }
}

fn judge(told: &Told, is_cluster: bool) -> Vec<Finding> {
    let values = |name: &str| told.get(name).into_iter().flatten().map(String::as_str);
    let mut findings = Vec::new();
    let mut find = |severity, text: String| findings.push(Finding { severity, text });
    if let Some(policy) = values("maxmemory-policy").find(|policy| *policy != "noeviction") {
        find(
            Severity::Refuse,
            format!(
                "Redis may throw records away when memory runs out (maxmemory-policy {policy}), and the desk would then \
                 talk over people: set maxmemory-policy noeviction"
            ),
        );
    }
    if values("appendonly").any(|on| on != "yes") {
        find(
            Severity::Warn,
            "Redis keeps no log (appendonly no): a restart takes back everything acknowledged since its last snapshot; \
             set appendonly yes and appendfsync always"
                .to_owned(),
        );
    } else if values("appendfsync").any(|policy| policy == "no") {
        find(
            Severity::Warn,
            "Redis leaves syncing to the operating system (appendfsync no): a crash of the machine may take back half a \
             minute of acknowledged messages; set appendfsync always"
                .to_owned(),
        );
    } else if values("appendfsync").any(|policy| policy == "everysec") {
        find(
            Severity::Warn,
            "Redis syncs once a second (appendfsync everysec): a crash may take back up to two seconds of acknowledged \
             messages; set appendfsync always to keep them"
                .to_owned(),
        );
    }
    if is_cluster && values("min-replicas-to-write").any(|count| count == "0") {
        find(
            Severity::Note,
            "a failover of this cluster may take back the last acknowledged messages: min-replicas-to-write 1 narrows that"
                .to_owned(),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severities(settings: [&str; 4], is_cluster: bool) -> Vec<Severity> {
        let told = NAMES.into_iter().zip(settings).map(|(name, value)| (name, [value.to_owned()].into())).collect();
        judge(&told, is_cluster).into_iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn eviction_is_refused_and_weak_durability_is_said() {
        assert_eq!(severities(["yes", "always", "noeviction", "0"], false), []);
        assert_eq!(severities(["yes", "everysec", "noeviction", "0"], false), [Severity::Warn]);
        assert_eq!(severities(["yes", "no", "noeviction", "0"], false), [Severity::Warn]);
        assert_eq!(severities(["no", "everysec", "noeviction", "0"], false), [Severity::Warn]);
        for policy in ["volatile-lru", "allkeys-random", "volatile-ttl"] {
            assert_eq!(severities(["yes", "always", policy, "0"], false), [Severity::Refuse]);
        }
        assert_eq!(severities(["yes", "always", "noeviction", "0"], true), [Severity::Note]);
    }
}
