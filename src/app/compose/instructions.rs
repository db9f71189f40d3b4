//! Where the model's instructions come from, as the settings say.

use super::with_causes;
use crate::adapters::google_docs::{self, GoogleDoc};
use crate::config::Config;
use crate::instructions::{Document, Files, Kept, Rhythm, Watch};
use frontdesk_actors::ports::Store;
use frontdesk_actors::time::Clock;
use std::sync::Arc;

/// The folder of instructions in the data directory.
const FOLDER: &str = "bot_instructions";

/// Reads the instructions and goes on reading them.
pub(super) async fn watch(
    config: &Config,
    clock: &Arc<dyn Clock>,
    store: &Arc<dyn Store>,
) -> Result<Arc<Watch>, String> {
    let folder = config.model.instructions_dir.clone().unwrap_or_else(|| config.store.data_dir.join(FOLDER));
    let files = Files { prompt_file: config.model.prompt_file.clone(), folder };
    let document = document(config, clock)?.map(|document| (document, Kept::in_dir(&config.store.data_dir)));
    let watch = Watch::open(files, document, clock.clone()).await.map_err(|error| error.to_string())?;
    watch.share(store.clone());
    watch.start(Rhythm { files: config.model.instructions_poll, document: config.google.docs_poll });
    Ok(watch)
}

fn document(config: &Config, clock: &Arc<dyn Clock>) -> Result<Option<Arc<dyn Document>>, String> {
    let google = &config.google;
    let (Some(document), Some(credentials)) = (google.document(), &google.credentials) else { return Ok(None) };
    let settings = google_docs::Settings {
        document: document.to_owned(),
        credentials: credentials.clone(),
        base_url: google.docs_base_url.clone(),
        timeout: google.timeout,
    };
    let document = GoogleDoc::new(settings, clock.clone()).map_err(|error| with_causes(&error))?;
    Ok(Some(Arc::new(document)))
}
