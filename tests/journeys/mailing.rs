//! A2: the mail with link and code, and what happens when it does not arrive.

use super::support::{Chat, JANE, Setting, english, fact, mail_sent, on_both_stores, open, words};
use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use frontdesk_actors::domain::Lang;
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::smtp::Stage;
use frontdesk_sandbox::town::{Backing, token};

on_both_stores!(
    the_mail_carries_link_and_code_as_html_and_text_in_the_companys_name,
    the_mail_speaks_the_customers_language,
    the_link_is_a_token_for_24_hours_bound_to_conversation_and_contact,
    a_refused_address_is_told_and_another_one_works,
    a_mail_server_that_is_down_is_told_and_tried_again,
    past_the_cap_of_tries_a_person_is_fetched,
    where_the_account_is_refused_everybody_is_told_and_gets_a_person,
    the_third_refusal_in_a_row_fetches_a_person,
    a_mail_that_is_refused_for_what_it_is_raises_an_incident_until_one_is_taken,
    a_mail_of_unknown_outcome_goes_once_more_under_the_same_message_id,
    mails_to_one_address_are_capped_over_conversations_in_the_same_words,
    mails_to_one_address_are_capped_by_the_day_too,
    mails_of_one_contact_are_capped,
    mails_of_one_inbox_are_capped,
    this_was_not_me_ends_it_and_bars_the_address,
);

/// A failing mail is tried again soon.
const SOON: Setting<'_> = ("FRONTDESK__GATE__MAIL_RETRY_PAUSE", "200ms");

async fn the_mail_carries_link_and_code_as_html_and_text_in_the_companys_name(backing: Backing) -> Result<()> {
    let town = open(backing, &[("SENDER_NAME", "Acme Support")]).await?;
    let chat = Chat::begin(&town);
    let mail = chat.gives("jane@example.com").await?;
    assert_eq!(chat.replies(), [mail_sent("jane@example.com")]);
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("desk@example.test", ["jane@example.com".to_owned()].as_slice())
    );
    let from = mail.header("From").context("no From")?;
    assert!(from.contains("Acme Support") && from.contains("<desk@example.test>"), "{from}");
    let message_id = mail.header("Message-ID").context("no Message-ID")?;
    assert!(message_id.starts_with('<') && message_id.contains('@'), "{message_id}");
    let (code, link) = (mail.code().context("no code")?, mail.link().context("no link")?);
    assert!(link.starts_with("http://desk.localhost/verify?token="), "{link}");
    for part in [&mail.text, &mail.html] {
        assert!(part.contains(&code) && part.contains(&link), "{part}");
    }
    assert!(
        mail.html.contains("<html") && mail.header("Content-Type").is_some_and(|kind| kind.contains("alternative"))
    );
    Ok(())
}

async fn the_mail_speaks_the_customers_language(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Здравствуйте, подскажите, пожалуйста, где мой заказ?").await?;
    let mail = chat.gives("jane@example.com").await?;
    assert!(mail.subject().contains("код") && mail.text.contains("Подтвердите"), "{} {}", mail.subject(), mail.text);
    let sent = words(Lang::Ru, &Phrase::MailSent { address: "jane@example.com".to_owned() });
    assert_eq!(chat.replies().last(), Some(&sent));
    Ok(())
}

async fn the_link_is_a_token_for_24_hours_bound_to_conversation_and_contact(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    let token = token(&chat.gives("jane@example.com").await?)?;
    let parts: Vec<&str> = token.split('.').collect();
    let part = |index: usize| -> Result<serde_json::Value> {
        Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[index])?)?)
    };
    let (head, claims) = (part(0)?, part(1)?);
    assert_eq!(head["alg"], "HS256");
    let lasts = claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(end, begin)| end - begin);
    assert!(lasts.is_some_and(|secs| (24 * 3600..=24 * 3600 + 1).contains(&secs)), "{claims}");
    assert_eq!(claims["key"], chat.key());
    assert_eq!(claims["sub"], format!("chatwoot:1:{JANE}"));
    assert!(!claims.to_string().contains("jane"), "an address has no place in a URL: {claims}");
    Ok(())
}

async fn a_refused_address_is_told_and_another_one_works(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    town.smtp.refuse_times(1, Stage::Rcpt, 550, "5.1.1 no such user");
    let refused = Phrase::MailRefused { address: "jnae@example.com".to_owned() };
    assert_eq!(chat.asks("jnae@example.com").await?, english(&refused));
    assert_eq!(chat.phase().await?, "awaiting_email");
    chat.verifies("jane@example.com").await
}

async fn the_third_refusal_in_a_row_fetches_a_person(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    town.smtp.refuse_times(3, Stage::Rcpt, 550, "5.1.1 no such user");
    let chat = Chat::begin(&town);
    for address in ["a@example.com", "b@example.com"] {
        let refused = Phrase::MailRefused { address: address.to_owned() };
        assert_eq!(chat.asks(address).await?, english(&refused));
    }
    chat.says("c@example.com");
    chat.is_handed_over().await?;
    assert_eq!(chat.read(3).await?[2], english(&Phrase::HandoffSorry));
    let cards = town.teams.wait_for_cards(1).await?;
    assert_eq!(fact(&cards[0], "Reason"), "The verification mail could not be delivered.");
    assert_eq!(cards.len(), 1, "addresses that do not exist are no incident");
    chat.order("resume").await?;
    chat.verifies("jane@example.com").await
}

async fn a_mail_that_is_refused_for_what_it_is_raises_an_incident_until_one_is_taken(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    town.smtp.refuse_times(2, Stage::Message, 554, "5.7.1 Message rejected as spam");
    let chat = Chat::begin(&town);
    for address in ["a@example.com", "b@example.com"] {
        let refused = Phrase::MailRefused { address: address.to_owned() };
        assert_eq!(chat.asks(address).await?, english(&refused));
    }
    let card = town.teams.wait_for_cards(1).await?.remove(0);
    assert!(card.to_string().contains("refuses our verification mails"), "{card}");
    chat.verifies("jane@example.com").await?;
    let cards = town.teams.wait_for_cards(2).await?;
    assert!(cards[1].to_string().contains("refuses our verification mails"), "its end is told: {}", cards[1]);
    Ok(())
}

async fn a_mail_server_that_is_down_is_told_and_tried_again(backing: Backing) -> Result<()> {
    let mut town = open(backing, &[SOON]).await?;
    town.smtp.down().await?;
    let id = {
        let chat = Chat::begin(&town);
        assert_eq!(chat.asks("jane@example.com").await?, english(&Phrase::MailDelayed));
        chat.id
    };
    town.smtp.up()?;
    let chat = Chat { town: &town, id };
    assert_eq!(town.smtp.wait_for_mails(1).await?.len(), 1);
    assert_eq!(chat.read(2).await?[1], mail_sent("jane@example.com"));
    Ok(())
}

async fn past_the_cap_of_tries_a_person_is_fetched(backing: Backing) -> Result<()> {
    let town = open(backing, &[("FRONTDESK__GATE__MAIL_TRIES", "2"), SOON]).await?;
    town.smtp.greylist(9);
    let chat = Chat::begin(&town);
    chat.says("jane@example.com");
    chat.is_handed_over().await?;
    assert_eq!(chat.read(2).await?, [english(&Phrase::MailDelayed), english(&Phrase::HandoffSorry)]);
    let cards = town.teams.wait_for_cards(1).await?;
    assert_eq!(fact(&cards[0], "Reason"), "The verification mail could not be delivered.");
    assert!(town.smtp.mails().is_empty());
    Ok(())
}

/// The second mail is never tried: the account rests after the first was refused.
async fn where_the_account_is_refused_everybody_is_told_and_gets_a_person(backing: Backing) -> Result<()> {
    let town = open(backing, &[("FRONTDESK__GATE__MAIL_TRIES", "2"), SOON]).await?;
    town.smtp.auth_fails();
    let (first, second) = (Chat::begin(&town), Chat::stranger(&town, "Ivan"));
    assert_eq!(first.asks("jane@example.com").await?, english(&Phrase::MailDelayed));
    assert_eq!(second.asks("ivan@example.com").await?, english(&Phrase::MailDelayed), "told although it was not tried");
    second.says("hello?");
    for chat in [&first, &second] {
        chat.becomes("open").await?;
        chat.is_handed_over().await?;
        let said = [english(&Phrase::MailDelayed), english(&Phrase::HandoffSorry)];
        assert_eq!(chat.read(2).await?, said, "not a word of a mail that could be opened");
    }
    assert!(town.smtp.mails().is_empty());
    Ok(())
}

async fn a_mail_of_unknown_outcome_goes_once_more_under_the_same_message_id(backing: Backing) -> Result<()> {
    let town = open(backing, &[SOON]).await?;
    town.smtp.cut_after_data();
    let chat = Chat::begin(&town);
    chat.says("jane@example.com");
    let mails = town.smtp.wait_for_mails(2).await?;
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    assert_eq!(chat.read(1).await?, [mail_sent("jane@example.com")]);
    chat.rests().await?;
    assert_eq!(town.smtp.mails().len(), 2);
    Ok(())
}

async fn mails_to_one_address_are_capped_over_conversations_in_the_same_words(backing: Backing) -> Result<()> {
    let town = open(backing, &[("FRONTDESK__GATE__MAILS_PER_ADDRESS_HOUR", "1")]).await?;
    Chat::begin(&town).gives("jane@example.com").await?;
    let other = Chat::stranger(&town, "Mallory");
    assert_eq!(other.asks("Jane@example.com").await?, mail_sent("Jane@example.com"), "the cap must not be told");
    other.rests().await?;
    assert_eq!(town.smtp.mails().len(), 1);
    Ok(())
}

/// A cap of the day alone: the hour's, the contact's and the inbox's are far away.
async fn mails_to_one_address_are_capped_by_the_day_too(backing: Backing) -> Result<()> {
    let settings =
        [("FRONTDESK__GATE__MAILS_PER_ADDRESS_DAY", "1"), ("FRONTDESK__GATE__MAILS_PER_ADDRESS_HOUR", "1000")];
    let town = open(backing, &settings).await?;
    Chat::begin(&town).gives("jane@example.com").await?;
    let other = Chat::stranger(&town, "Mallory");
    assert_eq!(other.asks("jane@example.com").await?, mail_sent("jane@example.com"), "the cap must not be told");
    other.rests().await?;
    assert_eq!(town.smtp.mails().len(), 1);
    Chat::stranger(&town, "Ivan").gives("ivan@example.com").await?;
    assert_eq!(town.smtp.mails().len(), 2, "another address has a day of its own");
    Ok(())
}

async fn mails_of_one_contact_are_capped(backing: Backing) -> Result<()> {
    let town = open(backing, &[("FRONTDESK__GATE__MAILS_PER_CONTACT_DAY", "1")]).await?;
    Chat::begin(&town).gives("jane@example.com").await?;
    assert_eq!(Chat::begin(&town).asks("jane@example.org").await?, english(&Phrase::MailsCapped));
    Chat::stranger(&town, "Ivan").gives("ivan@example.com").await?;
    assert_eq!(town.smtp.mails().len(), 2);
    Ok(())
}

async fn mails_of_one_inbox_are_capped(backing: Backing) -> Result<()> {
    let town = open(backing, &[("FRONTDESK__GATE__MAILS_PER_INBOX_HOUR", "1")]).await?;
    Chat::begin(&town).gives("jane@example.com").await?;
    assert_eq!(Chat::stranger(&town, "Ivan").asks("ivan@example.com").await?, english(&Phrase::MailsCapped));
    assert_eq!(town.smtp.mails().len(), 1);
    Ok(())
}

async fn this_was_not_me_ends_it_and_bars_the_address(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    let mail = chat.gives("jane@example.com").await?;
    let (status, page) = town.post_form("/verify/disown", &token(&mail)?).await?;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("Thank you for telling us"), "{page}");
    assert_eq!(chat.read(2).await?[1], english(&Phrase::Disowned));
    assert_eq!(chat.phase().await?, "awaiting_email");
    for (status, page) in [town.visit(&mail).await?, town.press(&mail).await?] {
        assert_eq!(status, 410, "{page}");
        assert!(page.contains("This request was cancelled"), "{page}");
    }
    let other = Chat::stranger(&town, "Mallory");
    assert_eq!(other.asks("jane@example.com").await?, mail_sent("jane@example.com"));
    chat.gives("jane@example.org").await?;
    other.rests().await?;
    let to: Vec<String> = town.smtp.mails().into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!(to, ["jane@example.com", "jane@example.org"]);
    Ok(())
}
