//! Opening the store that the settings name.

use crate::adapters::store::Severity;
use crate::adapters::store::embedded::{EmbeddedSettings, EmbeddedStore};
use crate::adapters::store::redis::{RedisSettings, RedisStore};
use crate::config::Config;
use frontdesk_actors::ports::Store;
use std::sync::Arc;
use std::time::Duration;

/// How often a store that does not answer is asked again at the start.
const PAUSE: Duration = Duration::from_millis(500);

/// A store that may not answer yet.
#[derive(Debug)]
pub(super) enum Opened {
    Embedded(Arc<EmbeddedStore>),
    Redis(Arc<RedisStore>),
}

/// Opens the store; a Redis that is down is no error.
pub(super) async fn open(config: &Config) -> Result<Opened, String> {
    let settings = &config.store;
    let Some(url) = &settings.redis_url else {
        let (dir, retention) = (settings.data_dir.clone(), settings.retention);
        let opening = move || EmbeddedStore::open(&dir, EmbeddedSettings { retention, ..EmbeddedSettings::default() });
        let opened = tokio::task::spawn_blocking(opening).await.map_err(|error| error.to_string())?;
        return opened.map(|store| Opened::Embedded(Arc::new(store))).map_err(|error| with_causes(&error));
    };
    let roots = match &settings.redis_ca_file {
        None => None,
        Some(path) => Some(std::fs::read(path).map_err(|error| {
            format!(
                "REDIS_CA_FILE {} cannot be read ({error}): name a PEM file that the daemon may read",
                path.display()
            )
        })?),
    };
    let settings = RedisSettings {
        roots,
        connections: settings.redis_connections,
        response_timeout: settings.redis_timeout,
        retention: settings.retention,
        ..RedisSettings::new(url.clone())
    };
    RedisStore::connect(&settings).map(|store| Opened::Redis(Arc::new(store))).map_err(|error| with_causes(&error))
}

/// Waits until the store answers; refuses one whose settings would lose what the desk acknowledges.
pub(super) async fn until_it_answers(opened: Opened) -> Result<Arc<dyn Store>, String> {
    let redis = match opened {
        Opened::Embedded(store) => return Ok(store),
        Opened::Redis(redis) => redis,
    };
    let mut told = false;
    let findings = loop {
        match redis.examine().await {
            Ok(findings) => break findings,
            Err(error) => {
                if !told {
                    tracing::error!(
                        error = with_causes(&error),
                        "Redis does not answer; webhooks get 500 until it does"
                    );
                    told = true;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    };
    for finding in &findings {
        match finding.severity {
            Severity::Refuse => return Err(finding.text.clone()),
            Severity::Warn => tracing::warn!("{}", finding.text),
            Severity::Note => tracing::info!("{}", finding.text),
        }
    }
    Ok(redis)
}

/// Returns the message of an error with those of its causes.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
