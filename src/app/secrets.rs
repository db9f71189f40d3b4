//! Secrets the operator did not give are generated once and kept in the store, so that every node has the same.

use crate::config::Config;
use aws_lc_rs::rand;
use frontdesk_actors::ports::Store;
use secrecy::{ExposeSecret, SecretString};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Where a generated token is left when nobody sees the terminal.
pub(crate) const TOKEN_FILE: &str = "admin-token";

/// What signs and what opens.
#[derive(Debug, Clone)]
pub(super) struct Secrets {
    /// Signs links, marks and digests.
    pub(super) signing: SecretString,
    /// Opens the admin API.
    pub(super) admin: SecretString,
    admin_is_generated: bool,
}

/// Takes the operator's secrets, or those in the store, or makes them.
pub(super) async fn obtain(config: &Config, store: &Arc<dyn Store>) -> Result<Secrets, String> {
    let signing = match &config.gate.jwt_secret {
        Some(secret) => secret.clone(),
        None => kept(store, "jwt_secret", 32).await,
    };
    let (admin, admin_is_generated) = match &config.listen.admin_token {
        Some(token) => (token.clone(), false),
        None => (kept(store, "admin_token", 24).await, true),
    };
    Ok(Secrets { signing, admin, admin_is_generated })
}

async fn kept(store: &Arc<dyn Store>, name: &str, bytes: usize) -> SecretString {
    let mut fresh = vec![0_u8; bytes];
    rand::fill(&mut fresh).expect("the operating system gives random bytes");
    let fresh = hex::encode(fresh);
    loop {
        match store.put_setting_once(name, &fresh).await {
            Ok(stands) => return stands.into(),
            Err(error) => {
                tracing::error!(error = %error, "cannot read the shared secrets, trying again");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

impl Secrets {
    /// Tells the operator a generated token: on a terminal, else in a file only the owner can read. In the demo nothing
    /// asks for it.
    pub(super) fn announce(&self, config: &Config) {
        if !self.admin_is_generated || config.is_demo() {
            return;
        }
        let mut terminal = std::io::stderr();
        if terminal.is_terminal() {
            // If the terminal has just gone, there is nobody to tell.
            let _ = writeln!(terminal, "ADMIN_TOKEN (generated, kept in the store): {}", self.admin.expose_secret());
            return;
        }
        let path = config.store.data_dir.join(TOKEN_FILE);
        match write_private(&path, self.admin.expose_secret()) {
            Ok(()) => tracing::info!(file = %path.display(), "ADMIN_TOKEN was generated; it stands in this file"),
            Err(error) => tracing::warn!(
                file = %path.display(), error = %error,
                "ADMIN_TOKEN was generated but cannot be written down; set ADMIN_TOKEN to one of your own"
            ),
        }
    }
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")
}
