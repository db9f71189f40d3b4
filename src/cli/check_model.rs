//! `frontdesk check-model`: asks the model one question, with the settings the daemon reads. No daemon need run.

use crate::adapters::openai::Probe;
use crate::app;
use crate::config::Config;
use std::io::Write;

/// How much of the answer is shown, in characters.
const SHOWN: usize = 200;

/// Asks, and says what came of it. It costs one short answer.
pub(super) async fn run(config: &Config) -> Result<(), String> {
    let checked = app::check_model(config).await?;
    let listing = match &checked.listing {
        Ok(Probe { listed: Some(true), shutdown_date: None }) => "its provider lists it".to_owned(),
        Ok(Probe { listed: Some(true), shutdown_date: Some(date) }) => {
            format!("its provider will switch it off: {date}; choose a successor in OPENAI_MODEL")
        }
        Ok(Probe { listed: Some(false), .. }) => {
            "its provider does not list it, and answers under that name".to_owned()
        }
        Ok(Probe { listed: None, .. }) => "its provider tells no list of models".to_owned(),
        Err(error) => format!("its provider gives no list of models ({error})"),
    };
    let answer: String = checked.answer.chars().filter(|letter| !letter.is_control()).take(SHOWN).collect();
    let text = format!(
        "model:   {}; {listing}\nanswer:  {answer}\ntook:    {} ms\nthe model answers\n",
        checked.model,
        checked.took.as_millis()
    );
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| error.to_string())
}
