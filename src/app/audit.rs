//! The audit of a store from the command line: which store the settings name, and what they demand of it.

use super::store::with_causes;
use crate::adapters::store::embedded::EmbeddedReader;
use crate::adapters::store::redis::{RedisSettings, RedisStore};
use crate::adapters::{green_api, kommo};
use crate::config::Config;
use frontdesk_actors::audit::{Report, Rules, everything};
use frontdesk_actors::engine::LEASE;
use frontdesk_actors::ports::Scan;
use frontdesk_actors::time::SystemClock;

/// Reads the whole store that the settings name, changing nothing, and says what must not be. The daemon may run meanwhile.
///
/// # Errors
/// Why the store cannot be read, and what to do.
pub async fn audit(config: &Config) -> Result<Report, String> {
    let store = open(config)?;
    everything(store.as_ref(), &rules(config), &SystemClock).await.map_err(|error| with_causes(&error))
}

fn open(config: &Config) -> Result<Box<dyn Scan>, String> {
    let settings = &config.store;
    let Some(url) = &settings.redis_url else {
        return match EmbeddedReader::open(&settings.data_dir) {
            Ok(reader) => Ok(Box::new(reader)),
            Err(error) => Err(with_causes(&error)),
        };
    };
    let settings = RedisSettings {
        connections: 2,
        response_timeout: settings.redis_timeout,
        retention: settings.retention,
        ..RedisSettings::new(url.clone())
    };
    match RedisStore::connect(&settings) {
        Ok(store) => Ok(Box::new(store)),
        Err(error) => Err(with_causes(&error)),
    }
}

fn rules(config: &Config) -> Rules {
    let gated = [
        ("chatwoot", true),
        ("web", config.web.gate),
        (green_api::CHANNEL, config.green_api.gate),
        (kommo::CHANNEL, config.kommo.gate),
    ];
    Rules {
        memory_messages: config.model.memory_messages,
        on_the_wire: LEASE + config.chatwoot.settle_time,
        gated: gated
            .into_iter()
            .filter(|(_, gated)| config.gate.enabled && *gated)
            .map(|(channel, _)| channel.to_owned())
            .collect(),
    }
}
