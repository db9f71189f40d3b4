//! Other nodes that fall silent. What was sent to a node in its last seconds is lost with it, and one that dies for good does
//! not read it back: whoever is left does, once.

use crate::ports::{PortError, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// The setting that names the nodes that keep notes, one per line. Written without a lock: who is missing adds itself again.
const NODES: &str = "heard_by";

/// For how long a node's note may stand still. It is written every 15 s.
const SILENT: Duration = Duration::from_secs(45);

/// Returns the setting in which a node notes until when it has heard everything. Per node: while others go on, what was sent
/// to this one is lost with it.
pub(super) fn note_of(node: &str) -> String {
    format!("heard_until:{node}")
}

/// What one node knows of the others.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// The note of each, and since when it stands still by this node's own clock: no two clocks are compared.
    seen: BTreeMap<String, (String, Instant)>,
    /// Those whose gap is being closed here.
    silent: BTreeSet<String>,
}

impl Others {
    /// Looks at the notes of the others, and sees to it that they look at this node's. Returns the notes of those that have
    /// fallen silent since.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read or written.
    pub(super) async fn watch(&mut self, store: &dyn Store, me: &str) -> Result<Vec<(String, String)>, PortError> {
        let mut nodes = nodes(store).await?;
        if nodes.insert(me.to_owned()) {
            put(store, &nodes).await?;
        }
        self.seen.retain(|node, _| nodes.contains(node));
        let mut silent = Vec::new();
        for node in nodes.into_iter().filter(|node| node != me) {
            let Some(note) = store.setting(&note_of(&node)).await? else { continue };
            let now = Instant::now();
            let (known, since) = self.seen.entry(node.clone()).or_insert_with(|| (note.clone(), now));
            if *known != note {
                (*known, *since) = (note, now);
                self.silent.remove(&node);
            } else if since.elapsed() >= SILENT && self.silent.insert(node.clone()) {
                silent.push((node, note));
            }
        }
        Ok(silent)
    }

    /// Everything was read back that had been missed by now: nobody else need do it for those that fell silent.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read or written.
    pub(super) async fn caught_up(&mut self, store: &dyn Store) -> Result<(), PortError> {
        if self.silent.is_empty() {
            return Ok(());
        }
        let nodes: BTreeSet<String> = &nodes(store).await? - &self.silent;
        put(store, &nodes).await?;
        self.silent.clear();
        self.seen.retain(|node, _| nodes.contains(node));
        Ok(())
    }
}

async fn nodes(store: &dyn Store) -> Result<BTreeSet<String>, PortError> {
    let nodes = store.setting(NODES).await?.unwrap_or_default();
    Ok(nodes.lines().map(str::to_owned).collect())
}

async fn put(store: &dyn Store, nodes: &BTreeSet<String>) -> Result<(), PortError> {
    let nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
    store.put_setting(NODES, &nodes.join("\n")).await
}
