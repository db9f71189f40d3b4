//! Making the adapter of its settings: what is refused, and what is never shown.

use super::settings;
use frontdesk::adapters::openai::{OpenAi, Settings};
use frontdesk_sandbox::model::ModelDouble;
use secrecy::SecretString;
use std::time::Duration;

#[tokio::test]
async fn neither_settings_nor_account_show_the_key() {
    let double = ModelDouble::start().await;
    let settings = settings(&double);
    let shown = format!("{settings:?} {:?}", OpenAi::new(settings.clone()).unwrap());
    assert!(!shown.contains("sk-test"), "{shown}");
}

#[tokio::test]
async fn a_wrong_setting_is_refused_with_its_fix() {
    let double = ModelDouble::start().await;
    let refused = |change: &dyn Fn(&mut Settings)| {
        let mut settings = settings(&double);
        change(&mut settings);
        OpenAi::new(settings).unwrap_err().to_string()
    };
    let secret = |text: &str| Some(SecretString::from(text.to_owned()));
    assert!(refused(&|s| s.api_key = secret("sk-\u{7}very")).starts_with("OPENAI_API_KEY"));
    assert!(refused(&|s| s.base_url = "openai".into()).starts_with("OPENAI_BASE_URL"));
    assert!(refused(&|s| s.model = " ".into()).starts_with("OPENAI_MODEL"));
    assert!(refused(&|s| s.temperature = Some(f32::NAN)).starts_with("OPENAI_TEMPERATURE"));
    assert!(refused(&|s| s.max_tokens = Some(0)).starts_with("OPENAI_MAX_TOKENS"));
    assert!(refused(&|s| s.call_timeout = Duration::ZERO).starts_with("AI_CALL_TIMEOUT"));
}
