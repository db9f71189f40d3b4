//! A3: the page behind the link, the code in chat, and the ways in which a challenge ends.

use super::support::{Chat, Setting, english, mail_sent, on_both_stores, open, until, verified, words};
use anyhow::{Context, Result};
use frontdesk::links::Links;
use frontdesk_actors::domain::Lang;
use frontdesk_actors::ids::{ContactKey, ConversationKey};
use frontdesk_actors::language::Phrase;
use frontdesk_actors::ports::VerificationMail;
use frontdesk_actors::time::Timestamp;
use frontdesk_sandbox::town::{Backing, Town, token};

on_both_stores!(
    opening_the_page_never_verifies_and_the_button_does,
    the_page_is_a_plain_form_that_asks_before_it_offers_a_way_out,
    the_page_speaks_four_languages,
    the_code_typed_in_chat_verifies,
    a_used_link_says_so_ever_after,
    foreign_and_malformed_links_are_refused,
    a_link_works_only_for_its_conversation_contact_and_address,
    after_its_time_the_next_message_gets_a_new_challenge,
    resending_has_a_cool_down,
    resending_has_a_cap,
    a_resend_that_the_address_may_not_get_is_not_announced,
    a_corrected_address_replaces_the_challenge,
    five_wrong_codes_end_the_challenge,
    the_first_message_after_the_mail_is_reminded_and_the_rest_of_its_burst_is_not,
);

const PATIENT_CAPS: [Setting<'_>; 3] = [
    ("FRONTDESK__GATE__RESEND_COOLDOWN", "0s"),
    ("FRONTDESK__GATE__MAILS_PER_ADDRESS_HOUR", "100"),
    ("FRONTDESK__GATE__MAILS_PER_CONTACT_DAY", "100"),
];

async fn page(town: &Town, method: &str, path: &str) -> Result<(u16, String)> {
    let response = town.daemon.http().request(method.parse()?, town.daemon.url(path)).send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}

async fn opening_the_page_never_verifies_and_the_button_does(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    let mail = chat.gives("jane@example.com").await?;
    let path = format!("/verify?token={}", token(&mail)?);
    for method in ["GET", "HEAD", "GET"] {
        assert_eq!(page(&town, method, &path).await?.0, 200, "{method}");
    }
    assert_eq!(chat.phase().await?, "pending_verification");
    let (status, done) = town.press(&mail).await?;
    assert_eq!(status, 200);
    assert!(done.contains("Thank you, your address is confirmed"), "{done}");
    assert_eq!(chat.read(2).await?[1], verified("jane@example.com"));
    assert_eq!(chat.phase().await?, "bot");
    Ok(())
}

async fn the_page_is_a_plain_form_that_asks_before_it_offers_a_way_out(backing: Backing) -> Result<()> {
    let town = open(backing, &[("SITE_NAME", "Acme")]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Where is my <b>parcel</b>?").await?;
    let mail = chat.gives("jane@example.com").await?;
    let url = town.daemon.url(&format!("/verify?token={}", token(&mail)?));
    let response = town.daemon.http().get(url).send().await?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!((header("cache-control"), header("referrer-policy")), ("no-store", "no-referrer"));
    assert!(header("content-security-policy").contains("default-src 'none'"));
    let page = response.text().await?;
    let confirm = page.find(r#"<form method="post" action="/verify">"#).context("no confirming form")?;
    let disown = page.find(r#"method="post" action="/verify/disown""#).context("no way out")?;
    assert!(confirm < disown);
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains(r#"type="hidden" name="token""#));
    for shown in ["Acme", "jane@example.com", "UTC", "parcel"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains("<b>"), "a customer's words are escaped: {page}");
    Ok(())
}

async fn the_page_speaks_four_languages(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chats = [
        ("en", "Hello, where is my order?", "Confirm your address"),
        ("ru", "Здравствуйте, где мой заказ?", "Подтвердите"),
        ("kk", "Сәлеметсіз бе, тапсырысым қайда?", "растаңыз"),
        ("mn", "Сайн байна уу, миний захиалга хаана байна?", "баталгаажуул"),
    ];
    for (code, text, title) in chats {
        let chat = Chat::stranger(&town, "Somebody");
        chat.asks(text).await?;
        let mail = chat.gives(&format!("{code}@example.com")).await?;
        let (status, page) = town.visit(&mail).await?;
        assert_eq!(status, 200);
        assert!(page.contains(&format!(r#"<html lang="{code}">"#)), "{page}");
        assert!(page.to_lowercase().contains(&title.to_lowercase()), "{title}: {page}");
    }
    Ok(())
}

async fn the_code_typed_in_chat_verifies(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    let mail = chat.gives("jane@example.com").await?;
    let code = mail.code().context("no code")?;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(chat.asks(wrong).await?, english(&Phrase::WrongCode { left: 4 }));
    let (first, last) = code.split_at(3);
    assert_eq!(chat.asks(&format!("the code is {first} {last}!")).await?, verified("jane@example.com"));
    assert_eq!(chat.phase().await?, "bot");
    chat.rests().await?;
    assert!(town.model.calls().is_empty(), "nothing was asked, so nothing is answered");
    Ok(())
}

async fn a_used_link_says_so_ever_after(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    let mail = chat.gives("jane@example.com").await?;
    assert_eq!(town.press(&mail).await?.0, 200);
    for (status, page) in [town.press(&mail).await?, town.visit(&mail).await?, town.press(&mail).await?] {
        assert_eq!(status, 409);
        assert!(page.contains("This link was already used"), "{page}");
    }
    chat.rests().await?;
    assert_eq!(chat.replies(), [mail_sent("jane@example.com"), verified("jane@example.com")]);
    Ok(())
}

async fn foreign_and_malformed_links_are_refused(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let mail = Chat::begin(&town).gives("jane@example.com").await?;
    let good = token(&mail)?;
    for bad in ["", "abc", "a.b.c"] {
        assert_eq!(page(&town, "GET", &format!("/verify?token={bad}")).await?.0, 400, "{bad}");
        assert_eq!(town.post_form("/verify", bad).await?.0, 400, "{bad}");
    }
    let (status, malformed) = page(&town, "GET", "/verify").await?;
    assert!(status == 400 && malformed.contains("This link is incomplete"), "{malformed}");
    assert_eq!(town.post_form("/verify", &good[..good.len() - 6]).await?.0 / 100, 4, "cut off by a mail program");
    let (signed, signature) = good.rsplit_once('.').context("no signature")?;
    let (first, rest) = signature.split_at(1);
    let strange = format!("{signed}.{}{rest}", if first == "A" { "B" } else { "A" });
    let answers =
        [page(&town, "GET", &format!("/verify?token={strange}")).await?, town.post_form("/verify", &strange).await?];
    for (status, foreign) in answers {
        assert!(status == 403 && foreign.contains("We do not know this link"), "{status} {foreign}");
    }
    Ok(())
}

async fn a_link_works_only_for_its_conversation_contact_and_address(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    let mail = chat.gives("jane@example.com").await?;
    let url = "http://desk.localhost".parse()?;
    let links = Links::new(&"a-signing-secret-of-more-than-32-bytes".to_owned().into(), &url)?;
    let now = Timestamp::from_millis(i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_millis())?);
    let good = links.read(&token(&mail)?, now)?;
    let forged = |conversation: u64, contact: u64, address: &str| VerificationMail {
        key: ConversationKey::new("chatwoot", 1, conversation),
        contact: Some(ContactKey::new("chatwoot", 1, contact)),
        address: address.to_owned(),
        lang: Lang::En,
        challenge: good.challenge.clone(),
        code: "000000".to_owned(),
        issued: good.issued,
        expires: good.expires,
    };
    let other = Chat::stranger(&town, "Mallory");
    other.gives("mallory@example.com").await?;
    for (conversation, contact, address) in [
        (other.id, 412, "jane@example.com"),
        (4711, 412, "jane@example.com"),
        (chat.id, 413, "jane@example.com"),
        (chat.id, 412, "mallory@example.com"),
    ] {
        let token = links.sign(&forged(conversation, contact, address));
        assert_eq!(town.post_form("/verify", &token).await?.0, 403, "{conversation} {contact} {address}");
    }
    assert_eq!(
        (chat.phase().await?, other.phase().await?),
        ("pending_verification".into(), "pending_verification".into())
    );
    let same = links.sign(&forged(chat.id, 412, "jane@example.com"));
    assert_eq!(town.post_form("/verify", &same).await?.0, 200, "the same claims are the same link");
    Ok(())
}

async fn after_its_time_the_next_message_gets_a_new_challenge(backing: Backing) -> Result<()> {
    let town =
        open(backing, &[("FRONTDESK__GATE__LINK_TTL", "1s"), ("FRONTDESK__GATE__RESEND_COOLDOWN", "0s")]).await?;
    let chat = Chat::begin(&town);
    let mail = chat.gives("jane@example.com").await?;
    until("the link has expired", || async { Ok(town.visit(&mail).await?.0 == 410) }).await?;
    let (status, page) = town.press(&mail).await?;
    assert!(status == 410 && page.contains("This link no longer works"), "{status} {page}");
    chat.says(&mail.code().context("no code")?);
    let expired = Phrase::Expired { address: "jane@example.com".to_owned() };
    assert_eq!(chat.read(3).await?[1..], [english(&expired), mail_sent("jane@example.com")]);
    let renewed = town.smtp.wait_for_mails(2).await?.remove(1);
    assert_ne!(token(&renewed)?, token(&mail)?);
    assert_eq!(chat.view().await?["owed"], 0, "the old code is no question");
    until("the new link has expired", || async { Ok(town.visit(&renewed).await?.0 == 410) }).await?;
    chat.says("I have another one now: jane@example.org");
    let elsewhere = Phrase::Expired { address: "jane@example.org".to_owned() };
    assert_eq!(chat.read(5).await?[3..], [english(&elsewhere), mail_sent("jane@example.org")]);
    assert_eq!(town.smtp.wait_for_mails(3).await?[2].to, ["jane@example.org"]);
    Ok(())
}

async fn resending_has_a_cool_down(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    chat.gives("jane@example.com").await?;
    for text in ["resend please", "jane@example.com"] {
        let said = chat.asks(text).await?;
        let of = |seconds| english(&Phrase::ResendTooSoon { seconds });
        assert!((40..=60).any(|seconds| said == of(seconds)), "{said}");
    }
    chat.rests().await?;
    assert_eq!(town.smtp.mails().len(), 1);
    Ok(())
}

async fn resending_has_a_cap(backing: Backing) -> Result<()> {
    let town = open(backing, &PATIENT_CAPS).await?;
    let chat = Chat::begin(&town);
    let first = chat.gives("jane@example.com").await?;
    for _ in 0..3 {
        let again = chat.gives("resend").await?;
        assert_eq!(again.code(), first.code(), "the same challenge");
    }
    assert_eq!(chat.asks("resend").await?, english(&Phrase::ResendCapped));
    assert_eq!(town.smtp.mails().len(), 4);
    assert_eq!(town.press(&first).await?.0, 200);
    Ok(())
}

/// With the shipped caps: an address may get three mails within the hour, and the desk must not say that a fourth is on its way.
async fn a_resend_that_the_address_may_not_get_is_not_announced(backing: Backing) -> Result<()> {
    let town = open(backing, &[("FRONTDESK__GATE__RESEND_COOLDOWN", "0s")]).await?;
    let chat = Chat::begin(&town);
    let first = chat.gives("jane@example.com").await?;
    for _ in 0..2 {
        chat.gives("resend").await?;
        assert_eq!(chat.replies().last(), Some(&mail_sent("jane@example.com")));
    }
    for _ in 0..2 {
        assert_eq!(chat.asks("resend").await?, english(&Phrase::MailsCapped));
    }
    chat.rests().await?;
    assert_eq!(town.smtp.mails().len(), 3);
    assert_eq!(town.press(&first).await?.0, 200);
    Ok(())
}

async fn a_corrected_address_replaces_the_challenge(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    let typo = chat.gives("jnae@example.com").await?;
    let mail = chat.gives("oops, jane@example.com").await?;
    assert_eq!(mail.to, ["jane@example.com"]);
    for (status, page) in [town.visit(&typo).await?, town.press(&typo).await?] {
        assert!(status == 410 && page.contains("a newer mail has replaced it"), "{status} {page}");
    }
    assert_eq!(town.press(&mail).await?.0, 200);
    assert_eq!(chat.read(3).await?[2], verified("jane@example.com"));
    Ok(())
}

async fn five_wrong_codes_end_the_challenge(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    let mail = chat.gives("jane@example.com").await?;
    let wrong = if mail.code().as_deref() == Some("000000") { "000001" } else { "000000" };
    for left in (1..=4).rev() {
        assert_eq!(chat.asks(wrong).await?, english(&Phrase::WrongCode { left }));
    }
    assert_eq!(chat.asks(wrong).await?, english(&Phrase::TooManyCodes));
    assert_eq!(town.press(&mail).await?.0, 410);
    let again = chat.gives("jane@example.com").await?;
    assert_eq!(town.press(&again).await?.0, 200);
    Ok(())
}

async fn the_first_message_after_the_mail_is_reminded_and_the_rest_of_its_burst_is_not(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Здравствуйте, сколько стоит доставка?").await?;
    chat.gives("jane@example.com").await?;
    let reminder = Phrase::Remind { address: "jane@example.com".to_owned() };
    assert_eq!(chat.asks("Ну что там с моим вопросом?").await?, words(Lang::Ru, &reminder));
    chat.says("Почему вы молчите?");
    chat.rests().await?;
    assert_eq!(chat.replies().len(), 3);
    Ok(())
}
