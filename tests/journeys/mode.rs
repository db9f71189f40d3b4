//! A8: the global human switch, and single conversations by order.

use super::support::{BINARY, Chat, NO_GATE, english, on_both_stores, open};
use anyhow::Result;
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::redis::RedisServer;
use frontdesk_sandbox::town::{Backing, Town};
use serde_json::{Value, json};

on_both_stores!(
    the_switch_says_what_it_is_and_survives_a_restart,
    everything_needs_the_admin_token,
    in_demo_mode_nothing_needs_a_token,
    with_it_on_a_pending_conversation_is_opened_at_the_next_message,
    what_is_being_answered_is_the_peoples_at_once,
    off_gives_back_what_no_person_touched,
    an_assignment_by_chatwoots_rule_is_no_touch,
    one_conversation_is_handed_over_and_resumed_by_order,
    orders_that_make_no_sense_are_refused,
);

async fn toggle(town: &Town, enabled: bool) -> Result<()> {
    let (status, answer) = town.admin("POST", "/toggle-human", json!({ "enabled": enabled })).await?;
    assert_eq!((status, answer), (200, json!({ "human_mode": enabled })));
    Ok(())
}

async fn the_switch_says_what_it_is_and_survives_a_restart(backing: Backing) -> Result<()> {
    let mut town = open(backing, &[]).await?;
    let off = (200, json!({ "human_mode": false }));
    assert_eq!(town.admin("GET", "/human-status", Value::Null).await?, off);
    toggle(&town, true).await?;
    let on = (200, json!({ "human_mode": true }));
    assert_eq!(town.admin("GET", "/human-status", Value::Null).await?, on);
    town.daemon.kill()?;
    town.daemon.start().await?;
    assert_eq!(town.admin("GET", "/human-status", Value::Null).await?, on);
    toggle(&town, false).await?;
    assert_eq!(town.admin("GET", "/human-status", Value::Null).await?, off);
    Ok(())
}

async fn everything_needs_the_admin_token(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Hello").await?;
    let one = format!("/api/conversations/{}", chat.key());
    let routes = [
        ("POST", "/toggle-human".to_owned()),
        ("GET", "/human-status".to_owned()),
        ("GET", "/api/conversations".to_owned()),
        ("GET", one.clone()),
        ("POST", format!("{one}/handoff")),
        ("POST", format!("{one}/resume")),
        ("POST", format!("{one}/forget")),
    ];
    for (method, path) in &routes {
        for token in [None, Some("a-wrong-token")] {
            let request =
                town.daemon.http().request(method.parse()?, town.daemon.url(path)).json(&json!({ "enabled": true }));
            let request = token.map_or(request.try_clone(), |token| Some(request.bearer_auth(token)));
            let Some(request) = request else { anyhow::bail!("a JSON request can be copied") };
            assert_eq!(request.send().await?.status(), 401, "{method} {path} {token:?}");
        }
    }
    assert_eq!((chat.phase().await?.as_str(), chat.status().as_str()), ("awaiting_email", "pending"));
    assert_eq!(town.admin("GET", "/human-status", Value::Null).await?.1, json!({ "human_mode": false }));
    Ok(())
}

async fn in_demo_mode_nothing_needs_a_token(backing: Backing) -> Result<()> {
    let redis = if backing == Backing::Redis { Some(RedisServer::start().await?) } else { None };
    let mut daemon = Daemon::new(BINARY)?;
    if let Some(redis) = &redis {
        daemon.set("REDIS_URL", redis.url());
    }
    daemon.start().await?;
    let toggled = daemon.http().post(daemon.url("/toggle-human")).json(&json!({ "enabled": true })).send().await?;
    assert_eq!(toggled.json::<Value>().await?, json!({ "human_mode": true }));
    let status = daemon.http().get(daemon.url("/human-status")).send().await?;
    assert_eq!(status.json::<Value>().await?, json!({ "human_mode": true }));
    Ok(())
}

async fn with_it_on_a_pending_conversation_is_opened_at_the_next_message(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Hello").await?;
    toggle(&town, true).await?;
    assert_eq!(chat.status(), "pending", "not before the customer writes");
    chat.says("I would like to know your prices");
    chat.becomes("open").await?;
    chat.rests().await?;
    assert_eq!((chat.replies().len(), chat.phase().await?.as_str()), (1, "human"));
    let new = Chat::stranger(&town, "Ivan");
    new.says("Hello, do you ship?");
    new.becomes("open").await?;
    new.rests().await?;
    assert_eq!((new.replies().len(), town.model.calls().len()), (0, 0));
    Ok(())
}

async fn what_is_being_answered_is_the_peoples_at_once(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    town.model.push(Reply::Hang);
    let chat = Chat::begin(&town);
    chat.says("Do you ship?");
    town.model.wait_for_calls(1).await;
    toggle(&town, true).await?;
    assert!(town.model.wait_for_abort(0).await.aborted);
    town.model.release();
    chat.becomes("open").await?;
    chat.rests().await?;
    assert_eq!((chat.replies().len(), town.model.calls().len()), (0, 1));
    toggle(&town, false).await?;
    assert_eq!(chat.read(1).await?, ["You said: Do you ship?"], "nobody came");
    Ok(())
}

async fn off_gives_back_what_no_person_touched(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    toggle(&town, true).await?;
    let (untouched, touched) = (Chat::begin(&town), Chat::begin(&town));
    for chat in [untouched, touched] {
        chat.says("Do you ship?");
        chat.becomes("open").await?;
    }
    town.chatwoot.agent_writes(touched.id, "We do.");
    touched.says("Thank you!");
    untouched.rests().await?;
    touched.rests().await?;
    toggle(&town, false).await?;
    untouched.becomes("pending").await?;
    assert_eq!(untouched.read(1).await?, ["You said: Do you ship?"], "what waited is answered");
    touched.rests().await?;
    assert_eq!((touched.phase().await?.as_str(), touched.status().as_str()), ("human", "open"));
    assert!(touched.replies().is_empty());
    touched.says("And where to?");
    touched.rests().await?;
    assert!(touched.replies().is_empty());
    Ok(())
}

async fn an_assignment_by_chatwoots_rule_is_no_touch(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    toggle(&town, true).await?;
    let chat = Chat::begin(&town);
    chat.says("Do you ship?");
    chat.becomes("open").await?;
    town.chatwoot.agent_assigns(chat.id);
    chat.rests().await?;
    toggle(&town, false).await?;
    chat.becomes("pending").await?;
    assert_eq!(chat.read(1).await?, ["You said: Do you ship?"]);
    Ok(())
}

async fn one_conversation_is_handed_over_and_resumed_by_order(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let (chat, other) = (Chat::begin(&town), Chat::stranger(&town, "Ivan"));
    chat.asks("Hello").await?;
    assert_eq!(chat.order("handoff").await?, json!({ "status": "ok", "phase": "human" }));
    chat.is_handed_over().await?;
    assert_eq!(chat.read(2).await?[1], english(&Phrase::HandoffAsked));
    assert_eq!(other.asks("And me?").await?, "You said: And me?", "it is one conversation's order");
    chat.says("Is anybody there?");
    chat.rests().await?;
    assert_eq!(chat.replies().len(), 2);
    assert_eq!(chat.order("resume").await?, json!({ "status": "ok", "phase": "bot" }));
    chat.becomes("pending").await?;
    assert!(chat.read(3).await?[2].contains("Is anybody there?"));
    Ok(())
}

async fn orders_that_make_no_sense_are_refused(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    for body in [json!({}), json!({ "enabled": "yes" }), json!({ "on": true }), json!([])] {
        assert_eq!(town.admin("POST", "/toggle-human", body.clone()).await?.0, 400, "{body}");
    }
    for (path, status) in [("chatwoot:1:4711", 404), ("nonsense", 400)] {
        for order in ["handoff", "resume"] {
            let path = format!("/api/conversations/{path}/{order}");
            assert_eq!(town.admin("POST", &path, json!({})).await?.0, status, "{path}");
        }
    }
    Ok(())
}
