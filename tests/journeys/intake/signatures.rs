//! Who may speak as Chatwoot.

use super::webhook::{Answer, Envelope, Webhook, closed, open, send, settled, view};
use anyhow::Result;
use frontdesk_sandbox::chatwoot::{Hook, Target};
use frontdesk_sandbox::town::{ACCOUNT_SECRET, BOT_SECRET, Backing, Town};
use serde_json::{Value, json};
use std::process::Command;

on_both_stores!(
    only_what_is_signed_with_one_of_the_secrets_within_five_minutes_is_taken,
    without_a_secret_unsigned_webhooks_are_taken_on_loopback,
);

/// Puts a body into an envelope.
type Seal<'a> = &'a dyn Fn(&[u8]) -> Envelope;

async fn try_it(town: &Town, id: u64, seal: impl FnOnce(&[u8]) -> Envelope) -> Result<Answer> {
    let body = Webhook::message(57, id, "Hi <there> & \"you\"").bytes();
    send(town, seal(&body), body).await
}

/// The signature covers timestamp and raw body, under any of several secrets, for five minutes. Whoever fails learns
/// nothing about which check failed, and nothing is taken.
async fn only_what_is_signed_with_one_of_the_secrets_within_five_minutes_is_taken(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    let other = |body: &[u8]| Envelope::signed("a-secret-of-somebody-else", 0, body);
    let old = |body: &[u8]| Envelope::signed(ACCOUNT_SECRET, -330, body);
    let ahead = |body: &[u8]| Envelope::signed(ACCOUNT_SECRET, 330, body);
    let of_another_body = |_: &[u8]| Envelope::signed(ACCOUNT_SECRET, 0, b"{}");
    let later = |body: &[u8]| Envelope {
        timestamp: Envelope::signed(ACCOUNT_SECRET, 1, body).timestamp,
        ..Envelope::signed(ACCOUNT_SECRET, 0, body)
    };
    let no_time = |body: &[u8]| Envelope { timestamp: None, ..Envelope::signed(ACCOUNT_SECRET, 0, body) };
    let no_seal = |body: &[u8]| Envelope { signature: None, ..Envelope::signed(ACCOUNT_SECRET, 0, body) };
    let bare = |_: &[u8]| Envelope::unsigned();
    let odd =
        |body: &[u8]| Envelope { signature: Some("sha256=zz".to_owned()), ..Envelope::signed(BOT_SECRET, 0, body) };
    let both = |body: &[u8]| Envelope::signed(&format!("{ACCOUNT_SECRET},{BOT_SECRET}"), 0, body);
    let empty = |body: &[u8]| Envelope::signed("", 0, body);
    let refused = json!({ "code": "unauthorized", "detail": "refused" });
    let bad: [Seal<'_>; 11] =
        [&other, &old, &ahead, &of_another_body, &later, &no_time, &no_seal, &bare, &odd, &both, &empty];
    for (number, seal) in bad.into_iter().enumerate() {
        let answer = try_it(&town, 20_000, seal).await?;
        assert_eq!((answer.status, &answer.body), (401, &refused), "number {number}");
    }
    assert_eq!(view(&town, 57).await?, Value::Null, "nothing was taken");
    assert_eq!(town.metric("frontdesk_signature_failures_total", "").await?, 11.0);
    for (id, secret, seconds) in
        [(1, ACCOUNT_SECRET, 0), (2, BOT_SECRET, 0), (3, BOT_SECRET, -270), (4, BOT_SECRET, 270)]
    {
        let answer = try_it(&town, 20_000 + id, |body| Envelope::signed(secret, seconds, body)).await?;
        assert_eq!((answer.status, answer.word()), (200, "ok"));
    }
    Ok(())
}

/// Without a secret, unsigned webhooks are taken on loopback.
async fn without_a_secret_unsigned_webhooks_are_taken_on_loopback(backing: Backing) -> Result<()> {
    let mut town = closed(backing).await?;
    town.daemon.set("CHATWOOT_WEBHOOK_SECRET", "");
    town.daemon.start().await?;
    let unsigned = Hook { url: town.daemon.url("/webhooks/chatwoot"), secret: None };
    town.chatwoot.deliver_to(Target::Account, Some(unsigned.clone()));
    town.chatwoot.deliver_to(Target::AgentBot, Some(unsigned));
    let conversation = town.chatwoot.new_conversation(412);
    town.chatwoot.customer_writes(conversation, "Do you ship to Norway?");
    super::webhook::replied(&town, conversation, 1).await?;
    assert_eq!(settled(&town, conversation).await?["phase"], "bot");
    super::webhook::calm(&town).await
}

/// Where others can reach the listener, the desk does not even open without a secret, unless the operator says so.
/// Nothing listens here: the settings are only examined.
#[test]
fn without_a_secret_the_desk_opens_to_others_only_if_told_to() {
    let home = tempfile::tempdir().expect("a directory");
    let check = |more: &[(&str, &str)]| {
        let settings = [
            ("LISTEN_ADDR", "0.0.0.0:8080"),
            ("GATE", "off"),
            ("CHATWOOT_BASE_URL", "https://chat.example.test"),
            ("CHATWOOT_ACCOUNT_ID", "1"),
            ("CHATWOOT_API_TOKEN", "a-token"),
            ("ADMIN_TOKEN", "an-admin-token-for-tests"),
        ];
        let mut command = Command::new(super::webhook::BINARY);
        command.arg("check-config").current_dir(home.path()).env_clear().envs(settings);
        let output = command.envs(more.iter().copied()).output().expect("the binary runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    };
    let (fine, said) = check(&[]);
    assert!(
        !fine && said.contains("CHATWOOT_WEBHOOK_SECRET") && said.contains("ALLOW_UNSIGNED_WEBHOOKS=true"),
        "{said}"
    );
    // The documented set-up: a proxy on the same machine, which lets strangers through.
    let proxied = [("LISTEN_ADDR", "127.0.0.1:8080"), ("PUBLIC_URL", "https://desk.example.test")];
    let (fine, said) = check(&proxied);
    assert!(!fine && said.contains("CHATWOOT_WEBHOOK_SECRET"), "{said}");
    let (fine, said) = check(&[proxied[0], proxied[1], ("ALLOW_UNSIGNED_WEBHOOKS", "true")]);
    assert!(fine, "{said}");
    for allowed in [("ALLOW_UNSIGNED_WEBHOOKS", "true"), ("CHATWOOT_WEBHOOK_SECRET", "one,two")] {
        let (fine, said) = check(&[allowed]);
        assert!(fine, "{said}");
    }
}
