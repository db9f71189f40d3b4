//! A1: a customer writes, and the desk asks who they are.

use super::support::{Chat, english, mail_sent, on_both_stores, open, words};
use anyhow::{Context, Result};
use frontdesk_actors::domain::Lang;
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::town::Backing;

on_both_stores!(
    the_address_is_asked_for_in_the_customers_language,
    the_configured_language_is_spoken_when_none_can_be_told,
    words_in_cyrillic_letters_are_never_answered_in_english,
    a_malformed_address_is_called_so,
    the_address_may_stand_inside_a_sentence,
    questions_before_the_gate_are_kept_and_answered_once_after_it,
    what_is_asked_beside_an_address_or_a_code_is_kept_and_answered_once_after_it,
    an_address_and_a_code_alone_are_no_questions,
    a_burst_is_asked_once_and_a_later_message_again,
    a_file_alone_is_asked_for_the_address_too,
);

async fn the_address_is_asked_for_in_the_customers_language(backing: Backing) -> Result<()> {
    let town = open(backing, &[("DEFAULT_LOCALE", "ru")]).await?;
    let firsts = [
        (Lang::En, "Hello, do you deliver to Norway?"),
        (Lang::Ru, "Здравствуйте, вы доставляете в Норвегию?"),
        (Lang::Kk, "Сәлеметсіз бе, Алматыға жеткізесіздер ме?"),
        (Lang::Mn, "Сайн байна уу, Дархан руу хүргэлт хийдэг үү?"),
        (Lang::Mn, "sain bn uu, hurgelt hiideg uu?"),
    ];
    for (lang, text) in firsts {
        let chat = Chat::stranger(&town, "Somebody");
        assert_eq!(chat.asks(text).await?, words(lang, &Phrase::AskEmail), "{text}");
        assert_eq!(chat.view().await?["lang"], lang.code());
    }
    assert!(town.model.calls().is_empty());
    Ok(())
}

async fn the_configured_language_is_spoken_when_none_can_be_told(backing: Backing) -> Result<()> {
    let town = open(backing, &[("DEFAULT_LOCALE", "kk")]).await?;
    assert_eq!(Chat::begin(&town).asks("12345").await?, words(Lang::Kk, &Phrase::AskEmail));
    Ok(())
}

async fn words_in_cyrillic_letters_are_never_answered_in_english(backing: Backing) -> Result<()> {
    let town = open(backing, &[("DEFAULT_LOCALE", "en")]).await?;
    // A greeting and a word that three languages share; what is presumed is kept with the conversation.
    let chat = Chat::stranger(&town, "Somebody");
    assert_eq!(chat.asks("здрасте").await?, words(Lang::Ru, &Phrase::AskEmail));
    assert_eq!(chat.view().await?["lang"], "ru");
    let chat = Chat::stranger(&town, "Somebody");
    assert_eq!(chat.asks("менеджер").await?, words(Lang::Ru, &Phrase::HandoffAsked));
    // What has no letters says nothing.
    let chat = Chat::stranger(&town, "Somebody");
    assert_eq!(chat.asks("12345").await?, words(Lang::En, &Phrase::AskEmail));
    Ok(())
}

async fn a_malformed_address_is_called_so(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    for text in ["jane@example", "it is jane@@example.com"] {
        assert_eq!(chat.asks(text).await?, english(&Phrase::MalformedEmail), "{text}");
    }
    assert_eq!(chat.phase().await?, "awaiting_email");
    assert!(town.smtp.mails().is_empty());
    assert_eq!(chat.gives("jane@example.com").await?.to, ["jane@example.com"]);
    assert_eq!(chat.asks("sorry, jane@example").await?, english(&Phrase::MalformedEmail));
    Ok(())
}

async fn the_address_may_stand_inside_a_sentence(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Hello!").await?;
    let mail = chat.gives("Sure, you can write to <Jane.Doe@Example.com>, thanks.").await?;
    assert_eq!(mail.to, ["Jane.Doe@example.com"]);
    assert_eq!(chat.replies().last(), Some(&mail_sent("Jane.Doe@example.com")));
    Ok(())
}

async fn questions_before_the_gate_are_kept_and_answered_once_after_it(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Do you ship to Norway?").await?;
    chat.says("And what does it cost?");
    // Chatwoot delivers side by side: without this the address could arrive first.
    town.chatwoot.wait_quiet().await?;
    let mail = chat.gives("Is jane@example.com fine with you?").await?;
    let reminder = Phrase::Remind { address: "jane@example.com".to_owned() };
    assert_eq!(chat.asks("Does it take long?").await?, english(&reminder));
    assert!(town.model.calls().is_empty(), "the gate is a state: no model is asked before it");
    chat.says(&mail.code().context("no code")?);
    let replies = chat.read(5).await?;
    chat.rests().await?;
    assert_eq!(chat.replies(), replies, "one answer");
    let calls = town.model.calls();
    assert_eq!(calls.len(), 1);
    let prompt = calls[0].body.to_string();
    for question in ["Do you ship to Norway?", "And what does it cost?", "fine with you?", "Does it take long?"] {
        assert_eq!(prompt.matches(question).count(), 1, "{question} in {prompt}");
    }
    assert_eq!(chat.view().await?["owed"], 0);
    Ok(())
}

async fn what_is_asked_beside_an_address_or_a_code_is_kept_and_answered_once_after_it(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    let mail = chat.gives("My parcel never arrived, jane@example.com").await?;
    let code = mail.code().context("no code")?;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(chat.asks(&format!("{wrong} any news?")).await?, english(&Phrase::WrongCode { left: 4 }));
    assert_eq!(chat.asks("or jane@@example.com, do I pay twice?").await?, english(&Phrase::MalformedEmail));
    chat.asks("resend please. Do you ship to Norway?").await?;
    assert!(town.model.calls().is_empty(), "the gate is a state: no model is asked before it");
    chat.says(&format!("{code}, and how long does it take?"));
    let replies = chat.read(6).await?;
    chat.rests().await?;
    assert_eq!((chat.replies(), town.model.calls().len()), (replies, 1), "one answer");
    let prompt = town.model.calls()[0].body.to_string();
    for question in
        ["parcel never arrived", "any news?", "do I pay twice?", "ship to Norway?", "how long does it take?"]
    {
        assert_eq!(prompt.matches(question).count(), 1, "{question} in {prompt}");
    }
    assert_eq!(chat.view().await?["owed"], 0);
    Ok(())
}

async fn an_address_and_a_code_alone_are_no_questions(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    for (address, code) in [
        ("Hello, my e-mail is jane@example.com, thank you!", "here is the code: {code}"),
        ("Здравствуйте, моя почта ivan@example.com", "вот код {code}, спасибо"),
        ("Сәлеметсіз бе, менің поштам aigul@example.com", "міне код: {code}"),
        ("Сайн байна уу, миний имэйл хаяг bat@example.com", "код нь {code}"),
    ] {
        let chat = Chat::stranger(&town, "Somebody");
        let mail = chat.gives(address).await?;
        chat.says(&code.replace("{code}", &mail.code().context("no code")?));
        chat.read(2).await?;
        chat.rests().await?;
        assert_eq!((chat.phase().await?.as_str(), chat.replies().len()), ("bot", 2), "{address}");
    }
    assert!(town.model.calls().is_empty(), "nothing was asked, so nothing is answered");
    Ok(())
}

async fn a_burst_is_asked_once_and_a_later_message_again(backing: Backing) -> Result<()> {
    let town = open(backing, &[("DEBOUNCE_MAX", "1s")]).await?;
    let chat = Chat::begin(&town);
    let ask = english(&Phrase::AskEmail);
    for text in ["Hello", "Do you ship?", "To Norway?"] {
        chat.says(text);
    }
    chat.rests().await?;
    assert_eq!(chat.replies(), std::slice::from_ref(&ask));
    super::support::until("another question", || async {
        chat.says("Are you there?");
        chat.rests().await?;
        Ok(chat.replies().len() > 1)
    })
    .await?;
    assert_eq!(chat.replies(), [ask.clone(), ask]);
    Ok(())
}

async fn a_file_alone_is_asked_for_the_address_too(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    town.chatwoot.customer_attaches(chat.id, "image");
    assert_eq!(chat.read(1).await?, [english(&Phrase::AskEmail)]);
    Ok(())
}
