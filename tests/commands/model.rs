//! `frontdesk check-model`: the account is asked before a customer asks, and what is wrong is said with its fix.

use crate::support::frontdesk;
use anyhow::{Result, ensure};
use frontdesk_sandbox::model::{ModelDouble, Reply};
use serde_json::json;

/// What an operator has set.
fn environment(model: &ModelDouble) -> Vec<(&'static str, String)> {
    vec![
        ("OPENAI_API_KEY", "sk-test".to_owned()),
        ("OPENAI_BASE_URL", format!("{}/v1", model.base_url().trim_end_matches("/v1"))),
        ("OPENAI_MODEL", "gpt-test".to_owned()),
    ]
}

fn check(environment: &[(&'static str, String)]) -> Result<crate::support::Told> {
    let pairs: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    frontdesk(&["check-model"], &pairs)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_answers_is_shown_to_answer() -> Result<()> {
    let double = ModelDouble::start().await;
    double.push(Reply::Text("Yes, I am here.".into()));
    let told = check(&environment(&double))?;
    ensure!(told.ok && told.out.contains("gpt-test; its provider lists it"), "{told:?}");
    ensure!(told.out.contains("Yes, I am here.") && told.out.contains("the model answers"), "{told:?}");
    ensure!(double.calls().len() == 1, "one short question");
    ensure!(!told.out.contains("sk-test"));

    double.set_models(vec![json!({"id": "gpt-test", "shutdown_date": "2027-01-14"})]);
    let told = check(&environment(&double))?;
    ensure!(told.ok && told.out.contains("2027-01-14; choose a successor in OPENAI_MODEL"), "{told:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_account_is_told_apart() -> Result<()> {
    let double = ModelDouble::start().await;
    let environment = environment(&double);
    for (status, code, says) in [
        (401, "invalid_api_key", "OPENAI_API_KEY"),
        (429, "insufficient_quota", "credit"),
        (429, "rate_limit_exceeded", "limit"),
        (404, "model_not_found", "OPENAI_MODEL"),
    ] {
        // A question is asked again at most once by the adapter itself.
        double.set_default(move |_| Reply::Error(status, "invalid_request_error", code));
        let told = check(&environment)?;
        ensure!(!told.ok && told.err.contains(says), "{code}: {told:?}");
    }
    let told = check(&[])?;
    ensure!(!told.ok && told.err.contains("OPENAI_API_KEY") && told.err.contains("mock"), "{told:?}");
    Ok(())
}
